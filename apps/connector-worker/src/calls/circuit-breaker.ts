/** Failures in a row after which a connection rests. */
const THRESHOLD = 5;
const REST_MS = { first: 1_000, most: 30_000 };

/**
 * Spares an upstream that fails, and the callers who would wait for it: after some failures in a row
 * calls are refused for a while, then one is let through to see.
 */
export class CircuitBreaker {
  #failures = 0;
  #rests = 0;
  #openUntil = 0;
  #probing = false;

  /** Milliseconds to wait, or 0 when a call may go. The one that goes after a rest is the probe. */
  admit(now: number): number {
    if (this.#failures < THRESHOLD) return 0;
    if (now < this.#openUntil) return this.#openUntil - now;
    if (this.#probing) return REST_MS.first;
    this.#probing = true;
    return 0;
  }

  isOpen(now: number): boolean {
    return this.#failures >= THRESHOLD && now < this.#openUntil;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#rests = 0;
    this.#probing = false;
  }

  failed(now: number): void {
    this.#probing = false;
    if (++this.#failures < THRESHOLD) return;
    // Calls that ran side by side fail together: that is one reason to rest, not many.
    if (now < this.#openUntil) return;
    this.#openUntil = now + Math.min(REST_MS.first * 2 ** this.#rests++, REST_MS.most);
  }

  /** The call told nothing about the upstream. */
  neither(): void {
    this.#probing = false;
  }
}
