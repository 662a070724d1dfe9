import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { atMostEvery, oneAtATime } from '../pace.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('tells at once, then at the end of each gap in which something came', () => {
  let told = 0;
  const { ask, stop } = atMostEvery(1_000, () => told++);
  ask();
  expect(told).toBe(1);
  for (let i = 0; i < 100; i++) ask();
  vi.advanceTimersByTime(999);
  expect(told).toBe(1);
  vi.advanceTimersByTime(1);
  expect(told).toBe(2);
  vi.advanceTimersByTime(5_000);
  expect(told).toBe(2);
  ask();
  expect(told).toBe(3);
  ask();
  stop();
  vi.advanceTimersByTime(5_000);
  expect(told).toBe(3);
});

it('runs once more for whatever came while it ran, and never twice at a time', async () => {
  const runs: (() => void)[] = [];
  const ask = oneAtATime(() => new Promise((resolve) => runs.push(resolve)));
  ask();
  ask();
  ask();
  expect(runs).toHaveLength(1);
  runs[0]!();
  await vi.waitFor(() => expect(runs).toHaveLength(2));
  runs[1]!();
  await Promise.resolve();
  await Promise.resolve();
  expect(runs).toHaveLength(2);
  await vi.waitFor(() => {
    ask();
    expect(runs).toHaveLength(3);
  });
});
