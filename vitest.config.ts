import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { SECOND_LANE } from './e2e/support/lanes.ts';
import LongFilesFirst from './tools/long-files-first.mjs';

const excluded = ['**/node_modules/**', '**/dist/**', '**/fixtures/**'];

// A machine that is busy elsewhere makes things late, never wrong: what was only late is tried once more,
// and the summary names it. Every other failure counts the first time.
const retry = {
  count: 1,
  delay: 1_000,
  condition:
    /timed out in \d+ms|timed out in wait|did not succeed in time|Timeout \d+ms exceeded|^expected [\d.]+ to be less than/i,
};

// What is waited for, not what is measured.
const expect = { poll: { timeout: 30_000 } };

export default defineConfig({
  test: {
    sequence: { sequencer: LongFilesFirst },
    reporters: ['default', './tools/summary-reporter.mjs'],
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            '{libs,apps}/*/{src,tests}/**/*.test.ts',
            'tools/tests/*.test.ts',
            'bench/tests/*.test.ts',
            'conformance/tests/*.test.ts',
          ],
          exclude: excluded,
          // One Postgres and one Redis for the run, started when the first test asks for a database.
          globalSetup: ['libs/testing/src/cluster.setup.ts'],
          // Files share no state but modules, and loading those for each file took longer than the tests.
          isolate: false,
          // Many files wait for timers and processes: on two cores three at once take half the time of one.
          maxWorkers: Math.max(3, availableParallelism() - 1),
          retry,
          expect,
          testTimeout: 60_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['e2e/**/*.test.ts', 'conformance/*.test.ts'],
          exclude: excluded,
          // One stack for all files, which run in two lanes.
          globalSetup: ['e2e/lanes.setup.ts', 'e2e/stack.setup.ts'],
          setupFiles: ['e2e/lane.ts'],
          // Files of the second lane begin to wait for it first; this leaves a place for the other lane.
          maxWorkers: SECOND_LANE.length + 1,
          retry,
          expect,
          testTimeout: 120_000,
          hookTimeout: 180_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
