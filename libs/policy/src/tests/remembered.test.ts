import { expect, test } from 'vitest';
import { remembered } from '../condition/remembered.js';

test('keeps what was used last within its bound, and makes the rest again', () => {
  const made: string[] = [];
  const of = remembered((text) => (made.push(text), { text }), 6);

  const ab = of('ab');
  of('cd');
  expect(of('ab')).toBe(ab);
  of('ef');
  of('gh'); // 8 characters: the one used longest ago, `cd`, goes
  expect(of('ab')).toBe(ab);
  of('cd');
  expect(made).toEqual(['ab', 'cd', 'ef', 'gh', 'cd']);
});

test('keeps one text that is longer than its bound until the next', () => {
  let made = 0;
  const of = remembered(() => ++made, 3);
  expect([of('long text'), of('long text'), of('a'), of('long text')]).toEqual([1, 1, 2, 3]);
});

test('counts what it made as it is told to', () => {
  const made: string[] = [];
  const weigh = remembered(
    (text) => made.push(text),
    10,
    (text) => (text === 'heavy' ? 9 : 1),
  );
  for (const text of ['a', 'b', 'heavy', 'b', 'a']) weigh(text);
  expect(made).toEqual(['a', 'b', 'heavy', 'a']);
});
