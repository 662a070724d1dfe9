import type { Dispatcher } from 'undici';

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

/** Large bodies of one upstream that are read at the same time; the others wait with their server. */
const AT_ONCE = 4;

/** Lets one upstream have a few large bodies in memory, however many of its calls are answered at once. */
export class LargeBodies {
  #reading = 0;
  readonly #paused: (() => void)[] = [];

  /** Pauses the body unless it may be read on now; returns what must be called, once, when it is done. */
  begin(controller: Dispatcher.DispatchController): () => void {
    let reading = false;
    const go = () => {
      reading = true;
      this.#reading++;
    };
    const resume = () => {
      go();
      controller.resume();
    };
    if (this.#reading < AT_ONCE) go();
    else {
      controller.pause();
      this.#paused.push(resume);
    }
    return () => {
      if (!reading) return void this.#paused.splice(this.#paused.indexOf(resume), 1);
      this.#reading--;
      this.#paused.shift()?.();
    };
  }
}
