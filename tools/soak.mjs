// `npm run soak`: the tests of isolation and secrecy with counts that take minutes, each part in an
// installation of its own. --part ids|calls|money|canaries (repeatable; all by default), --count N, --seed N.
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { runProgram } from './setup/run-program.mjs';

const root = resolve(import.meta.dirname, '..');
const PARTS = {
  ids: {
    file: 'e2e/cross-tenant.test.ts',
    env: (count, seed) => ({ FUZZ_IDS: count, FUZZ_SEED: seed }),
  },
  calls: {
    file: 'e2e/soak-calls.test.ts',
    env: (count, seed) => ({ SOAK_CALLS: count, SOAK_SEED: seed }),
  },
  money: {
    file: 'e2e/soak-money.test.ts',
    count: '50000',
    env: (count, seed) => ({ SOAK_CALLS: count, SOAK_SEED: seed }),
  },
  canaries: { file: 'e2e/canaries.test.ts', env: () => ({}) },
};

const usage = (problem) => {
  console.error(
    `${problem}\nnpm run soak -- [--part ids|calls|money|canaries]… [--count N] [--seed N]`,
  );
  process.exit(2);
};
const { values } = (() => {
  try {
    return parseArgs({
      options: {
        part: { type: 'string', multiple: true, default: Object.keys(PARTS) },
        count: { type: 'string' },
        seed: { type: 'string', default: String(Math.floor(Math.random() * 1e9)) },
      },
    });
  } catch (error) {
    return usage(error.message);
  }
})();
for (const part of values.part) if (!PARTS[part]) usage(`There is no part "${part}".`);
for (const name of ['count', 'seed'])
  if (!/^\d{1,9}$/.test(values[name] ?? '0')) usage(`--${name} must be a whole number.`);
const countOf = (part) => values.count ?? PARTS[part].count ?? '100000';

console.log(
  `seed ${values.seed}: ${values.part.map((part) => `${countOf(part)} ${part}`).join(', ')}`,
);
const results = [];
for (const part of values.part) {
  const began = performance.now();
  const { file, env } = PARTS[part];
  const status = await runProgram(
    process.execPath,
    [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--project', 'e2e', file],
    { cwd: root, env: env(countOf(part), values.seed) },
  );
  const seconds = Math.round((performance.now() - began) / 1_000);
  results.push(`${part}: ${status === 0 ? 'passed' : 'FAILED'} in ${seconds} s`);
  if (status !== 0) process.exitCode = 1;
}
console.log(`seed ${values.seed}; ${results.join('; ')}`);
