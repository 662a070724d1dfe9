const AGAIN_MS = 60_000;

/**
 * For what would be said at every attempt while something is away: the first time, then once a minute with
 * how often it was not said. `over` forgets; the next time is a first time again.
 */
export function seldom(
  say: (details: Record<string, unknown>, text: string) => void,
  againMs = AGAIN_MS,
): { say(details: Record<string, unknown>, text: string): void; over(): void } {
  let saidAt = -Infinity;
  let unsaid = 0;
  return {
    say(details, text) {
      const now = performance.now();
      if (now - saidAt < againMs) return void unsaid++;
      say(unsaid > 0 ? { ...details, unsaid } : details, text);
      saidAt = now;
      unsaid = 0;
    },
    over() {
      saidAt = -Infinity;
      unsaid = 0;
    },
  };
}
