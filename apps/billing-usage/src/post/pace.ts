import type { PaceBounds } from '@conducktor/runtime';

/** Rows are events of all workspaces: calls of one kind in one hour change one figure together. */
export const POSTING_PACE: PaceBounds = {
  fewestRows: 8_000,
  // At 30 µs an event that is a second of one transaction, of which nobody waits for anything.
  mostRows: 32_000,
  // With few calls, what is sealed is in the figures this soon; busy, within about a second and a half.
  quietPauseMs: 500,
  busyPauseMs: 1_500,
  busyRows: 100,
};
