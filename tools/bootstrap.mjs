// The one entry of every npm script. Runs on Node 20 with built-in modules only, on an empty clone:
// installs, brings Node 24, builds, and hands over to what the script names.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from './setup/build.mjs';
import { findChromium } from './setup/chromium.mjs';
import { install } from './setup/install.mjs';
import { findNode } from './setup/node.mjs';
import { createProgress } from './setup/progress.mjs';
import { runProgram } from './setup/run-program.mjs';
import { SetupError } from './setup/setup-error.mjs';
import { takeTurn } from './setup/take-turn.mjs';

const root = resolve(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '..');
const [command = 'start', ...rest] = process.argv.slice(2);

// What people or scripts read on standard output is not mixed with progress.
const quiet = ['stop', 'status'].includes(command) || rest.includes('--json');
const progress = createProgress(quiet ? process.stderr : process.stdout);
const COMMANDS = {
  start: async () => cli('up', rest, await setUp()),
  stop: async () => cli('down', rest, await setUp({ ifMissing: true })),
  status: async () => cli('status', rest, await setUp({ ifMissing: true })),
  backup: async () => cli('backup', rest, await setUp({ ifMissing: true })),
  restore: async () => cli('restore', rest, await setUp({ ifMissing: true })),
  keys: async () => cli('keys', rest, await setUp({ ifMissing: true })),
  policy: async () => cli('policy', rest, await setUp({ ifMissing: true })),
  restart: async () => cli('restart', rest, await setUp({ ifMissing: true })),
  build: async () => void (await setUp()),
  dev: async () => cli('dev', rest, await setUp()),
  check: async () => run(await setUp({ build: false }), 'tools/check.mjs', rest),
  fix: async () => run(await setUp({ build: false }), 'tools/check.mjs', ['--fix', ...rest]),
  bench: async () => run(await setUp(), 'bench/run.mjs', rest),
  chaos: async () => run(await setUp(), 'e2e/chaos.mjs', rest),
  soak: async () => run(await setUp(), 'tools/soak.mjs', rest),
  test,
};

try {
  if (!COMMANDS[command]) {
    throw new SetupError(
      `There is no "${command}"; there are ${Object.keys(COMMANDS).join(', ')}.`,
    );
  }
  process.exitCode = (await COMMANDS[command]()) ?? 0;
} catch (error) {
  progress.fail();
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`\n${error.message}\n`);
  if (command === 'test') process.stdout.write('0 passed, 1 failed, 0 skipped\n');
  process.exitCode = 1;
}

/** Everything before the first program of ours can run. Returns the Node binary to run it with. */
async function setUp({ build: wanted = true, ifMissing = false } = {}) {
  if (ifMissing && existsSync(cliFile())) {
    const node = findNode(root);
    if (node) return node;
  }
  const done = await takeTurn(root, progress);
  try {
    await install(root, progress);
    const node = findNode(root);
    if (!node) {
      throw new SetupError(
        `Conducktor needs Node 24, and npm has none for ${process.platform}-${process.arch}; install Node 24 and start again.`,
      );
    }
    if (wanted) await build(root, node, progress);
    return node;
  } finally {
    done();
  }
}

async function test() {
  const node = await setUp();
  if (rest.length > 0) return run(node, 'node_modules/vitest/vitest.mjs', ['run', ...rest]);
  const chromium = await findChromium(root, progress);
  const failedChecks = (await run(node, 'tools/check.mjs', [])) === 0 ? 0 : 1;
  // The summary line counts a failed check as one failure.
  const env = {
    CONDUCKTOR_FAILED_CHECKS: String(failedChecks),
    ...(chromium ? { CHROMIUM_PATH: chromium } : {}),
  };
  const status = await run(node, 'node_modules/vitest/vitest.mjs', ['run'], env);
  return status || failedChecks;
}

function cli(verb, args, node) {
  return runProgram(node, [cliFile(), verb, ...args], { cwd: process.cwd() });
}

function run(node, script, args, env = {}) {
  if (!existsSync(join(root, script)))
    throw new SetupError(`${script} is missing; is this clone complete?`);
  return runProgram(node, [join(root, script), ...args], { cwd: root, env });
}

function cliFile() {
  return join(root, 'apps/cli/dist/main.js');
}
