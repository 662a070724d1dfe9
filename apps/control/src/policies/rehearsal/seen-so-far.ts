import { spanMs, type ToolLabel } from '@conducktor/contracts';
import type { CompiledPolicy } from '@conducktor/policy';

/** By whom and which, and when: in the order of time. */
export type SeenEntry = [key: string, times: number[]];

/** What is nearer than this to a time that stands is not kept: gateways write it no oftener either. */
const APART_MS = 1_000;

/** How long what somebody was given counts as seen. */
export const windowMs = ({ document }: CompiledPolicy) => spanMs(document.taint.window);

/**
 * Who was given what, and when, as the recorded sequence tells it: what gateways keep as taint. Events
 * come nearly in the order of time, so what is older than the last few minutes is one time for each.
 */
export class SeenSoFar {
  private readonly times: Map<string, number[]>;

  constructor(
    private readonly windowMs: number,
    entries: readonly SeenEntry[] = [],
  ) {
    this.times = new Map(entries);
  }

  note(memberId: string, clientId: string, label: ToolLabel, at: number): void {
    const key = keyOf(memberId, clientId, label);
    const times = this.times.get(key);
    if (!times) {
      this.times.set(key, [at]);
      return;
    }
    let place = times.length;
    while (place > 0 && times[place - 1]! > at) place--;
    if (place > 0 && at - times[place - 1]! < APART_MS) return;
    times.splice(place, 0, at);
  }

  /** What this person's client had been given at that time and within the window before. */
  at(memberId: string, clientId: string, at: number): ReadonlySet<ToolLabel> {
    const seen = new Set<ToolLabel>();
    for (const label of ['private', 'untrusted'] as const) {
      const last = this.times.get(keyOf(memberId, clientId, label))?.findLast((time) => time <= at);
      if (last !== undefined && at - last <= this.windowMs) seen.add(label);
    }
    return seen;
  }

  /** Drops what no call at or after this time needs. */
  forget(before: number): void {
    for (const [key, times] of this.times) {
      const lastBefore = times.findLastIndex((time) => time <= before);
      if (lastBefore > 0) times.splice(0, lastBefore);
      if (times.every((time) => time < before - this.windowMs)) this.times.delete(key);
    }
  }

  entries(): SeenEntry[] {
    return [...this.times];
  }
}

// Client ids have no line breaks.
const keyOf = (memberId: string, clientId: string, label: string) =>
  `${memberId}\n${clientId}\n${label}`;
