import { CircuitBreaker } from './circuit-breaker.js';
import { Slots } from './slots.js';

/** Calls of one connection that wait for a client; each keeps its request open at the upstream. */
const MAX_ASKING = 1_000;

/** What all calls of one connection share. */
export class Lane {
  readonly breaker = new CircuitBreaker();
  readonly slots: Slots;
  #asking = 0;

  constructor(concurrency: number, maxWaiting: number) {
    this.slots = new Slots(concurrency, maxWaiting);
  }

  /** A call begins to wait for its client: a person thinks for minutes, so it gives its slot to another. */
  beginAsking(): boolean {
    if (this.#asking >= MAX_ASKING) return false;
    this.#asking++;
    // Whoever asks is alive; a person's minutes must not keep the others waiting behind a probe.
    this.breaker.succeeded();
    this.slots.release();
    return true;
  }

  /** It goes on at once, perhaps as one more than the limit: the upstream already works on it. */
  endAsking(): void {
    this.#asking--;
    this.slots.takeOver();
  }

  /** It has ended; `asking` tells whether it was still waiting. */
  leave(asking: boolean): void {
    if (asking) this.#asking--;
    else this.slots.release();
  }

  get idle(): boolean {
    return this.#asking === 0 && this.slots.idle;
  }
}
