import type { Dispatcher } from 'undici';
import { expect, it } from 'vitest';
import { inTurn, LargeBodies } from '../large-bodies.js';

it('of one upstream four are read at once; the next goes on when one is done, or was given up', () => {
  const large = new LargeBodies();
  const paused = new Set<number>();
  const begin = (n: number) =>
    large.begin({
      pause: () => paused.add(n),
      resume: () => paused.delete(n),
    } as unknown as Dispatcher.DispatchController);
  const ends = [0, 1, 2, 3, 4, 5, 6].map(begin);
  expect([...paused]).toEqual([4, 5, 6]);
  ends[5]!();
  ends[0]!();
  expect([...paused]).toEqual([5, 6]);
  ends[1]!();
  expect([...paused]).toEqual([5]);
  for (const n of [2, 3, 4, 6]) ends[n]!();
  expect([7, 8, 9, 10].map(begin) && [...paused]).toEqual([5]);
});

it('they are read one in a turn of the event loop, in order, and others come between', async () => {
  const order: string[] = [];
  inTurn(() => order.push('a'));
  inTurn(() => order.push('b'));
  setImmediate(() => order.push('small'));
  inTurn(() => order.push('c'));
  await expect.poll(() => order).toEqual(['a', 'small', 'b', 'c']);
});
