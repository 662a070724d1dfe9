import type { PaceBounds } from '@conducktor/runtime';

/** Rows are calls, and as many outcomes, of each epoch. 40 at a time cost more than twice as much each as 2,000. */
export const SEALING_PACE: PaceBounds = {
  fewestRows: 2_000,
  // At 100 µs a call that is a second of one transaction for each epoch, well below the 15 s a statement may take.
  mostRows: 8_000,
  // Idle or with few calls, an event is in its sequence this soon; busy, within about a second.
  quietPauseMs: 250,
  busyPauseMs: 1_000,
  busyRows: 50,
};
