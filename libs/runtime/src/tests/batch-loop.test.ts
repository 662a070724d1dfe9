import { expect, test } from 'vitest';
import { BatchLoop } from '../batches/batch-loop.js';
import { createLogger } from '../logger.js';

const pace = { fewestRows: 10, mostRows: 20, quietPauseMs: 1, busyPauseMs: 1, busyRows: 5 };
const failure = 'It cannot be written right now.';

test('a loop says that it fails until a batch succeeds, works off a backlog at once, and ends its batch when stopped', async () => {
  const asked: number[] = [];
  const failed = Promise.withResolvers<void>();
  const last = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<void>();
  let idles = 0;
  const loop = new BatchLoop({
    logger: createLogger('test', 'silent'),
    pace,
    dependency: 'ledger',
    failure,
    idle: async () => void idles++,
    batch: async (atMost) => {
      asked.push(atMost);
      if (asked.length === 1) {
        setImmediate(failed.resolve);
        throw new Error('away');
      }
      // However few they were: it says that there is more.
      if (asked.length < 4) return { rows: 1, isMore: true };
      last.resolve();
      await finish.promise;
      return { rows: 0, isMore: false };
    },
  });
  loop.start();
  await failed.promise;
  expect(loop.missing).toEqual([{ dependency: 'ledger', reason: failure }]);
  await last.promise;
  expect(asked).toEqual([10, 10, 20, 20]);
  expect(idles).toBe(0);
  expect(loop.missing).toEqual([]);
  let isStopped = false;
  const stopped = loop.stop().then(() => (isStopped = true));
  expect(loop.missing).toHaveLength(1);
  await Promise.resolve();
  expect(isStopped).toBe(false);
  finish.resolve();
  await stopped;
  expect(asked).toHaveLength(4);
});
