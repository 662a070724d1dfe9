import type { ServerResponse } from 'node:http';
import { watchLoopDelay } from './loop-delay.js';

export interface OverloadGuard {
  /**
   * Takes a request and counts it until its response is closed; false when it is to be refused, before
   * anything of it is read.
   */
  take(response: ServerResponse): boolean;
  readonly underWay: number;
  stop(): void;
}

/** A plain bound for services that people use: so many requests at once, and none while the process lags. */
export function createOverloadGuard(options: {
  most: number;
  /** Milliseconds that the event loop may lag for a second on end. */
  lagMs?: number;
}): OverloadGuard {
  const { most, lagMs = 1_000 } = options;
  const delay = watchLoopDelay();
  let underWay = 0;
  return {
    take(response) {
      // With few requests under way the lag is not theirs, and refusing would not help.
      if (underWay >= most || (underWay > most / 8 && delay.lasting() > lagMs)) return false;
      underWay++;
      response.once('close', () => underWay--);
      return true;
    },
    get underWay() {
      return underWay;
    },
    stop: () => delay.stop(),
  };
}
