// About so many calls, and as many outcomes, of each epoch in one transaction.
const FEWEST_ROWS = 2_000;
// At 100 µs a call that is a second of one transaction for each epoch, well below the 15 s a statement may take.
const MOST_ROWS = 8_000;
// Idle or with few calls, an event is in its sequence this soon; busy, within about a second.
const QUIET_PAUSE_MS = 250;
const BUSY_PAUSE_MS = 1_000;
const BUSY_EVENTS = 50;

/** How much the next transaction of sealing takes, and how long to wait before it. */
export interface Pace {
  rows: number;
  pauseMs: number;
}

export const START: Pace = { rows: FEWEST_ROWS, pauseMs: QUIET_PAUSE_MS };

/**
 * A transaction that was full leaves a backlog: the next one follows at once and takes twice as much.
 * After one that was not, the pause lets events gather, since each transaction has its own cost: 40
 * calls at a time cost more than twice as much each as 2,000.
 */
export function paceAfter(sealed: number, pace: Pace): Pace {
  if (sealed >= pace.rows) return { rows: Math.min(pace.rows * 2, MOST_ROWS), pauseMs: 0 };
  return { rows: FEWEST_ROWS, pauseMs: sealed >= BUSY_EVENTS ? BUSY_PAUSE_MS : QUIET_PAUSE_MS };
}
