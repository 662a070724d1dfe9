/**
 * Returns what asks for `run`: at once when it is not running, and once more after it when it is. So
 * what changes while it runs is seen, and it never runs twice at a time. `run` must not reject.
 */
export function oneAtATime(run: () => Promise<void>): () => void {
  let running = false;
  let again = false;
  const loop = async (): Promise<void> => {
    running = true;
    do {
      again = false;
      await run();
    } while (again);
    running = false;
  };
  return () => {
    if (running) again = true;
    else void loop();
  };
}

/** `tell`, at once and then at most once in `gapMs`; what comes between is told at its end. */
export function atMostEvery(gapMs: number, tell: () => void): { ask(): void; stop(): void } {
  let timer: NodeJS.Timeout | undefined;
  let asked = false;
  const wait = (): void => {
    timer = setTimeout(() => {
      timer = undefined;
      if (!asked) return;
      asked = false;
      tell();
      wait();
    }, gapMs);
    timer.unref();
  };
  return {
    ask: () => {
      if (timer) {
        asked = true;
        return;
      }
      tell();
      wait();
    },
    stop: () => clearTimeout(timer),
  };
}
