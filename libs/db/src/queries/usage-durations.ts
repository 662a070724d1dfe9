// As `usage_bucket` and the columns `durations` have them: a bucket ends 10 % above the one before, the first
// at 0.1 ms, and has twelve decimal digits of one number, the lowest the first.
const FIRST_MS = 0.1;
const GROWTH = 1.1;
const DIGITS = 12;

/** How many calls each bucket holds, out of the number that `usage_hour.durations` is. */
export function histogramOf(durations: string): number[] {
  const counts: number[] = [];
  for (let end = durations.length; end > 0; end -= DIGITS)
    counts.push(Number(durations.slice(Math.max(0, end - DIGITS), end)));
  return counts;
}

/**
 * The duration in milliseconds that this share of calls did not exceed, within 4.8 % of a call's own duration
 * (above 0.1 ms): a bucket is told by the point that is as far from its beginning as from its end. Null
 * without calls.
 */
export function percentileOf(histogram: readonly number[], share: number): number | null {
  const calls = histogram.reduce((sum, count) => sum + count, 0);
  if (calls === 0) return null;
  let rest = Math.max(1, Math.ceil(calls * share));
  for (const [bucket, count] of histogram.entries()) {
    rest -= count;
    if (rest <= 0) return (FIRST_MS * GROWTH ** bucket * 2) / (1 + GROWTH);
  }
  return null;
}
