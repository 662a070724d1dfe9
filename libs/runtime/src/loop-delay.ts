const EVERY_MS = 50;
const SAMPLES = 4;

/**
 * How late timers are, in milliseconds: the least of the last few samples, so that one long collection or
 * one big answer does not look like an overload, and a loop that is full for longer than that does.
 */
export function watchLoopDelay(): { lasting(): number; stop(): void } {
  const samples = new Float64Array(SAMPLES);
  let at = 0;
  let due = performance.now() + EVERY_MS;
  const timer = setInterval(() => {
    const now = performance.now();
    samples[at++ % SAMPLES] = Math.max(0, now - due);
    due = now + EVERY_MS;
  }, EVERY_MS).unref();
  return {
    lasting: () => Math.min(...samples),
    stop: () => clearInterval(timer),
  };
}
