import { describe, expect, it } from 'vitest';
import { DenialCounter } from '../denial-counter.js';

describe('denial counter', () => {
  it('writes ten of a kind, sums the rest in one, and loses none', async () => {
    const counter = new DenialCounter(() => 0);
    const written: { callId: string; repeated?: number }[] = [];
    const writes = {
      own: async (callId: string) => void written.push({ callId }),
      summed: async (callId: string, repeated: number) => void written.push({ callId, repeated }),
    };
    let n = 0;
    const ids: string[] = [];
    for (let i = 0; i < 25; i++)
      ids.push(await counter.record('kind', () => `call_${n++}`, writes));
    expect(written).toHaveLength(10);
    await counter.stop();
    expect(written.at(-1)).toEqual({ callId: ids.at(-1), repeated: 15 });
    expect(new Set(ids.slice(10)).size).toBe(1);
  });

  it('tells of the refusal that lacked least, for all that it sums', async () => {
    const counter = new DenialCounter(() => 0);
    const told: number[] = [];
    for (const excess of [...Array.from({ length: 10 }, () => 1), 40, 7, 12])
      await counter.record('kind', () => 'id', {
        own: async () => {},
        summed: async () => void told.push(excess),
        excess,
      });
    await counter.stop();
    expect(told).toEqual([7]);
  });

  it('keeps counting what could not be written', async () => {
    const counter = new DenialCounter(() => 0);
    let fail = false;
    const written: number[] = [];
    const writes = {
      own: async () => {},
      summed: async (_: string, repeated: number) => {
        if (fail) throw new Error('away');
        written.push(repeated);
      },
    };
    for (let i = 0; i < 12; i++) await counter.record('kind', () => 'id', writes);
    fail = true;
    await counter.flush();
    fail = false;
    await counter.record('kind', () => 'id', writes);
    await counter.stop();
    expect(written.at(-1)).toBe(3);
  });
});
