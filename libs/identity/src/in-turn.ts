/**
 * Runs work a few at a time, in the order it came. More than `waiting` in line are refused with what
 * `full` makes: a line that grows faster than it shrinks helps nobody in it.
 */
export function createTurns(limits: { atOnce: number; waiting: number; full: () => Error }) {
  let free = limits.atOnce;
  const line: (() => void)[] = [];
  return async <Result>(work: () => Promise<Result>): Promise<Result> => {
    if (free > 0) free--;
    else if (line.length >= limits.waiting) throw limits.full();
    else await new Promise<void>((resolve) => line.push(resolve));
    try {
      return await work();
    } finally {
      const next = line.shift();
      if (next) next();
      else free++;
    }
  };
}
