/** How much the next batch takes, about, and how long to wait before it. */
export interface Pace {
  rows: number;
  pauseMs: number;
}

/** What a batch went through, and whether it left something that it might have taken as well. */
export interface BatchDone {
  rows: number;
  isMore: boolean;
}

export interface PaceBounds {
  fewestRows: number;
  /** Bounds one transaction. */
  mostRows: number;
  /** Before the next batch, where the last one was of fewer than `busyRows`, and where it was not. */
  quietPauseMs: number;
  busyPauseMs: number;
  busyRows: number;
}

/** The pace to begin with. */
export function firstPace({ fewestRows, quietPauseMs }: PaceBounds): Pace {
  return { rows: fewestRows, pauseMs: quietPauseMs };
}

/**
 * After a batch that leaves a backlog the next one follows at once and takes twice as much. After one that does
 * not, the pause lets rows gather, since each transaction has its own cost.
 */
export function paceAfter({ rows, isMore }: BatchDone, pace: Pace, bounds: PaceBounds): Pace {
  const { fewestRows, mostRows, quietPauseMs, busyPauseMs, busyRows } = bounds;
  if (isMore) return { rows: Math.min(pace.rows * 2, mostRows), pauseMs: 0 };
  return { rows: fewestRows, pauseMs: rows >= busyRows ? busyPauseMs : quietPauseMs };
}
