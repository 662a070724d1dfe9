// About so many events of all workspaces in one transaction.
const FEWEST_EVENTS = 8_000;
// At 30 µs an event that is a second of one transaction, of which nobody waits for anything.
const MOST_EVENTS = 32_000;
// With few calls, what is sealed is in the figures this soon; busy, within about a second and a half.
const QUIET_PAUSE_MS = 500;
const BUSY_PAUSE_MS = 1_500;
const BUSY_EVENTS = 100;

/** How much the next transaction of posting takes, and how long to wait before it. */
export interface Pace {
  events: number;
  pauseMs: number;
}

export const START: Pace = { events: FEWEST_EVENTS, pauseMs: QUIET_PAUSE_MS };

/**
 * A transaction that was full leaves a backlog: the next one follows at once and takes twice as much. After
 * one that was not, the pause lets events gather: calls of one kind in one hour change one figure together.
 */
export function paceAfter(posted: number, pace: Pace): Pace {
  if (posted >= pace.events) return { events: Math.min(pace.events * 2, MOST_EVENTS), pauseMs: 0 };
  return {
    events: FEWEST_EVENTS,
    pauseMs: posted >= BUSY_EVENTS ? BUSY_PAUSE_MS : QUIET_PAUSE_MS,
  };
}
