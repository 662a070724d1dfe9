import type { Dispatcher } from 'undici';

/** Bytes at once, and from then on in each second. */
export interface PaceLimits {
  burst: number;
  perSecond: number;
}

/** A stream of notifications says little; what floods it is read no faster than this. */
export const NOTIFICATIONS: PaceLimits = { burst: 4 * 1024 * 1024, perSecond: 256 * 1024 };
/** A stream that brings results as well: two of the largest at once. */
export const ALL_ANSWERS: PaceLimits = { burst: 24 * 1024 * 1024, perSecond: 2 * 1024 * 1024 };

/**
 * Reads streams without an end at a bounded pace, as a bucket of bytes that fills again: what their
 * server writes beyond that stays with the server, and does not keep the worker from all others.
 */
export class Pace {
  #level: number;
  #at = performance.now();

  constructor(private readonly limits: PaceLimits) {
    this.#level = limits.burst;
  }

  read(controller: Dispatcher.DispatchController, bytes: number): void {
    const { burst, perSecond } = this.limits;
    const now = performance.now();
    this.#level = Math.min(burst, this.#level + ((now - this.#at) * perSecond) / 1_000) - bytes;
    this.#at = now;
    if (this.#level >= 0) return;
    controller.pause();
    setTimeout(() => controller.resume(), (-this.#level * 1_000) / perSecond).unref();
  }
}
