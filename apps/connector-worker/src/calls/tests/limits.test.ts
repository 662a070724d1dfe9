import type { LateOutcome } from '@conducktor/contracts';
import { Outcomes, RecentIds, type RpcPeer } from '@conducktor/runtime';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CircuitBreaker } from '../circuit-breaker.js';
import { Slots } from '../slots.js';

describe('the circuit breaker', () => {
  it('opens after five failures in a row, lets one through after the rest, and rests longer each time', () => {
    const breaker = new CircuitBreaker();
    for (let i = 0; i < 5; i++) {
      expect(breaker.admit(0)).toBe(0);
      breaker.failed(0);
    }
    expect(breaker.admit(0)).toBe(1_000);
    expect(breaker.admit(1_000)).toBe(0);
    expect(breaker.admit(1_000)).toBeGreaterThan(0);
    breaker.failed(1_000);
    expect(breaker.admit(1_001)).toBe(1_999);
    expect(breaker.admit(3_000)).toBe(0);
    breaker.succeeded();
    expect([breaker.admit(3_000), breaker.admit(3_000)]).toEqual([0, 0]);
  });

  it('does not open while successes come between', () => {
    const breaker = new CircuitBreaker();
    for (let i = 0; i < 20; i++) {
      if (i % 4 === 3) breaker.succeeded();
      else breaker.failed(0);
    }
    expect(breaker.admit(0)).toBe(0);
  });

  it('a probe that was given up lets the next one through', () => {
    const breaker = new CircuitBreaker();
    for (let i = 0; i < 5; i++) breaker.failed(0);
    expect(breaker.admit(1_000)).toBe(0);
    breaker.neither();
    expect(breaker.admit(1_000)).toBe(0);
  });
});

describe('slots', () => {
  it('never hold more than their limit, serve in order, and forget who left', () => {
    const slots = new Slots(2, 2);
    const served: string[] = [];
    const turn = (name: string) => () => void served.push(name);
    const [c, d] = [turn('c'), turn('d')];
    expect([slots.take(turn('a')), slots.take(turn('b')), slots.take(c), slots.take(d)]).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(slots.take(turn('e'))).toBeUndefined();
    expect(slots.leave(c)).toBe(true);
    slots.release();
    expect(served).toEqual(['d']);
    slots.release();
    slots.release();
    expect(slots.idle).toBe(true);
  });
});

describe('recent ids', () => {
  it('remember at least the last 100,000', () => {
    const ids = new RecentIds();
    for (let i = 0; i < 350_000; i++) ids.add(`call_${i}`);
    expect(ids.has('call_349999')).toBe(true);
    expect(ids.has('call_250000')).toBe(true);
    expect(ids.has('call_1')).toBe(false);
  });
});

describe('kept outcomes', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());
  const peer = (instanceId: string, takesLate = true) => {
    const got: string[] = [];
    return {
      instanceId,
      takesLate,
      got,
      sendLate: (outcomes: LateOutcome[]) => (got.push(...outcomes.map((one) => one.callId)), true),
    } satisfies RpcPeer & { got: string[] };
  };
  const outcome = (callId: string): LateOutcome => ({
    key: { epoch: 1, tick: 1, ordinal: 1 },
    callId,
    tenantId: 't',
    outcome: 'ok',
    durationMs: 1,
    resultSize: 1,
  });

  it('leave after fifteen minutes, and the loss is said', () => {
    const dropped: number[] = [];
    const outcomes = new Outcomes((count) => dropped.push(count));
    const a = peer('a');
    outcomes.joined(a);
    outcomes.keep(outcome('c1'), a);
    vi.advanceTimersByTime(14 * 60_000);
    expect(outcomes.size).toBe(1);
    vi.advanceTimersByTime(2 * 60_000);
    expect(outcomes.size).toBe(0);
    expect(dropped).toEqual([1]);
  });

  it('of a call that ended after its gateway was lost are offered as well', () => {
    const outcomes = new Outcomes();
    const [a, b, control] = [peer('a'), peer('b'), peer('control', false)];
    outcomes.joined(control);
    outcomes.joined(a);
    outcomes.joined(b);
    outcomes.left(a);
    outcomes.keep(outcome('c1'), a);
    vi.advanceTimersByTime(1_000);
    expect(b.got).toEqual([]);
    vi.advanceTimersByTime(3_000);
    expect(b.got).toEqual(['c1']);
    outcomes.committed(['c1']);
    vi.advanceTimersByTime(60_000);
    expect(b.got).toEqual(['c1']);
    expect(control.got).toEqual([]);
  });

  it('are not kept for a process without a journal', () => {
    const outcomes = new Outcomes();
    outcomes.keep(outcome('c1'), peer('control', false));
    expect(outcomes.size).toBe(0);
  });
});
