// `npm run check`: format, lint, boundaries and docs, without building anything; about two seconds.
// `npm run fix` (--fix) repairs what can be repaired and checks the rest.
import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { findViolations } from './check-boundaries.mjs';
import { findDocProblems } from './check-docs.mjs';

const root = resolve(import.meta.dirname, '..');
const fix = process.argv.includes('--fix');

const steps = [
  [
    'format',
    () =>
      run(
        'oxfmt',
        [fix ? '--write' : '--list-different', '.'],
        'Not formatted; run `npm run fix`.',
      ),
  ],
  ['lint', () => run('oxlint', [...(fix ? ['--fix'] : []), '--quiet', '.'])],
  ['boundaries', () => findViolations(root)],
  ['docs', () => findDocProblems(root)],
];

let failed = 0;
for (const [name, step] of steps) {
  const started = performance.now();
  const problems = step();
  const ms = Math.round(performance.now() - started);
  console.log(`${problems.length === 0 ? 'ok  ' : 'FAIL'} ${name} (${ms} ms)`);
  for (const problem of problems) console.log(`     ${problem}`);
  if (problems.length > 0) failed++;
}
process.exitCode = failed === 0 ? 0 : 1;

/** Lines a tool printed when it failed; none when it passed. */
function run(tool, args, hint) {
  const script = join(root, 'node_modules', tool, 'bin', tool);
  const result = spawnSync(process.execPath, [script, ...args], { cwd: root, encoding: 'utf8' });
  if (result.error) return [`${tool} could not be started: ${result.error.message}`];
  if (result.status === 0) return [];
  const lines = `${result.stdout}${result.stderr}`.split('\n').filter((line) => line.trim() !== '');
  return hint ? [...lines, hint] : lines;
}
