// `npm run chaos`: the crash test with many kills (CHAOS_KILLS, 24 by default), and one of two gateways
// killed under more operations (TWO_GATEWAYS_OPERATIONS, 5,000). CHAOS_SEED repeats a run.
import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const run = spawnSync(
  process.execPath,
  [
    join(root, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--project',
    'e2e',
    'e2e/crash.test.ts',
    'e2e/two-gateways.test.ts',
  ],
  {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      CHAOS_KILLS: process.env.CHAOS_KILLS ?? '24',
      TWO_GATEWAYS_OPERATIONS: process.env.TWO_GATEWAYS_OPERATIONS ?? '5000',
    },
  },
);
process.exitCode = run.status ?? 1;
