import { describe, expect, it } from 'vitest';
import { rank } from '../rendezvous.js';

const keys = Array.from({ length: 3_000 }, (_, n) => `con_${n}`);

describe('rendezvous hashing', () => {
  it('spreads connections evenly', () => {
    const counts = new Map<string, number>();
    for (const key of keys) {
      const first = rank(key, ['a', 'b', 'c'])[0]!;
      counts.set(first, (counts.get(first) ?? 0) + 1);
    }
    for (const count of counts.values()) expect(Math.abs(count - 1_000)).toBeLessThan(150);
  });

  it('moves only the connections of the worker that went away', () => {
    for (const key of keys) {
      const before = rank(key, ['a', 'b', 'c'])[0]!;
      const after = rank(key, ['a', 'c'])[0]!;
      if (before !== 'b') expect(after).toBe(before);
    }
  });
});
