import { expect, test } from 'vitest';
import { KeptAnswers } from '../resumption/kept-answers.js';

const keeping = (limits: { answers?: number; bytes?: number; ms?: number } = {}) => {
  const kept = new KeptAnswers({ answers: 8, bytes: 800, share: 4, ms: 60_000, ...limits });
  const dropped: string[] = [];
  const keep = (stream: string, principal: string, bytes = 1) =>
    kept.keep(stream, principal, 'x'.repeat(bytes), () => dropped.push(stream));
  return { kept, dropped, keep };
};

test('one person has at most a share of the answers, and loses the oldest', () => {
  const { dropped, keep, kept } = keeping();
  keep('a', 'ann');
  for (const stream of ['b', 'c', 'd']) keep(stream, 'bob');
  expect([dropped, kept.size]).toEqual([['b'], 3]);
});

test('one person has at most a share of the bytes', () => {
  const { dropped, keep } = keeping();
  keep('a', 'ann', 150);
  keep('b', 'ann', 100);
  expect(dropped).toEqual(['a']);
});

test('all together have at most so many and so much', () => {
  const many = keeping();
  for (let n = 0; n < 10; n++) many.keep(String(n), `person ${n}`);
  expect([many.dropped, many.kept.size]).toEqual([['0', '1'], 8]);
  const large = keeping();
  for (let n = 0; n < 6; n++) large.keep(String(n), `person ${n}`, 200);
  expect([large.dropped, large.kept.size]).toEqual([['0', '1'], 4]);
});

test('what is too large is not kept at all', () => {
  const { dropped, keep, kept } = keeping();
  keep('a', 'ann', 201);
  expect([dropped, kept.size]).toEqual([['a'], 0]);
});

test('what nobody came for is given up in time, what was taken is not', async () => {
  const { dropped, keep, kept } = keeping({ ms: 20 });
  keep('a', 'ann');
  keep('b', 'ann');
  kept.release('a');
  await expect.poll(() => dropped).toEqual(['b']);
  expect(kept.size).toBe(0);
});
