import type { Planned } from './plan.ts';

/** What happened when, in Unix milliseconds, as far as it excuses something. */
export interface Mishap {
  from: number;
  to: number;
  /** The part that was killed. */
  killed?: string;
  /** Answers of the upstream may have other bytes; plain HTTP cannot tell. */
  damages?: boolean;
}

export function mishapOf(fault: Planned, from: number, to: number): Mishap {
  return {
    from,
    to,
    ...(fault.what === 'kill' && { killed: fault.part }),
    ...(fault.what === 'wire' &&
      fault.fault === 'corrupt' &&
      fault.wire === 'workers - upstreams' && { damages: true }),
  };
}
