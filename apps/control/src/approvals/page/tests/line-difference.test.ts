import fc from 'fast-check';
import { expect, it } from 'vitest';
import { lineDifference, type Run } from '../line-difference.js';

const without = (runs: readonly Run[], kind: Run['kind']) =>
  runs
    .filter((run) => run.kind !== kind)
    .flatMap(({ lines }) => lines)
    .join('\n');

it('has every line of both texts, in their order, and nothing that is in both twice', () => {
  const text = fc
    .array(fc.constantFrom('a', 'b', 'c', ''), { minLength: 1 })
    .map((lines) => lines.join('\n'));
  fc.assert(
    fc.property(text, text, (before, after) => {
      const runs = lineDifference(before, after)!;
      expect(without(runs, 'new')).toBe(before);
      expect(without(runs, 'gone')).toBe(after);
      if (before === after) expect(runs.map(({ kind }) => kind)).toEqual(['same']);
    }),
  );
});

it('compares no texts that would take long', () => {
  const lines = (end: string) => Array.from({ length: 60_000 }, (_, n) => `${n}${end}`).join('\n');
  const startedAt = performance.now();
  expect(lineDifference(lines('a'), lines('b'))).toBeUndefined();
  expect(performance.now() - startedAt).toBeLessThan(5_000);
});
