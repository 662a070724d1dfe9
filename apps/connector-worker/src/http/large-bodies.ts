const waiting: (() => void)[] = [];

/** Characters or bytes; reading this much takes about a millisecond. */
export const LARGE_BODY = 256 * 1024;

/**
 * Runs one job in each turn of the event loop, in order. Reading 10 MB takes some 50 ms; of many that
 * end in the same turn each would wait for all, and so would the small answers of everybody else.
 */
export function inTurn(job: () => void): void {
  waiting.push(job);
  if (waiting.length === 1) setImmediate(next);
}

function next(): void {
  try {
    waiting[0]!();
  } finally {
    waiting.shift();
    if (waiting.length > 0) setImmediate(next);
  }
}
