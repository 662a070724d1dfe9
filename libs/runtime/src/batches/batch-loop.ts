import { STOPPING, type Missing } from '../health.js';
import type { Logger } from '../logger.js';
import { seldom } from '../seldom.js';
import { firstPace, paceAfter, type BatchDone, type PaceBounds } from './pace.js';

const FAILED_MS = 2_000;

export interface BatchLoopDeps {
  logger: Logger;
  pace: PaceBounds;
  /** What readiness calls this, and what it says while batches fail. */
  dependency: Missing['dependency'];
  failure: string;
  /** Goes through about so many rows in one transaction. */
  batch(atMost: number): Promise<BatchDone>;
  /** Before a pause, when nothing is left that had to be done at once. */
  idle?(): Promise<void>;
}

/**
 * Works off what gathers in the database, batch by batch, until it is stopped. A batch that fails is tried
 * again after two seconds.
 */
export class BatchLoop {
  private stopping = false;
  private running: Promise<void> = Promise.resolve();
  private wake: (() => void) | undefined;
  private isFailing = false;

  constructor(private readonly deps: BatchLoopDeps) {}

  start(): void {
    this.running = this.loop();
  }

  /** Why nothing is being done now. */
  get missing(): readonly Missing[] {
    if (this.stopping) return STOPPING;
    const { dependency, failure } = this.deps;
    return this.isFailing ? [{ dependency, reason: failure }] : [];
  }

  /** Resolves when the batch under way has ended. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.wake?.();
    await this.running;
  }

  private async loop(): Promise<void> {
    const { logger, pace: bounds, failure, batch, idle } = this.deps;
    const away = seldom((details, text) => logger.warn(details, text));
    let pace = firstPace(bounds);
    while (!this.stopping) {
      let wait: number;
      try {
        pace = paceAfter(await batch(pace.rows), pace, bounds);
        wait = pace.pauseMs;
        this.isFailing = false;
        away.over();
        if (wait > 0) await idle?.();
      } catch (error) {
        this.isFailing = true;
        away.say({ err: error }, failure);
        wait = FAILED_MS;
      }
      if (wait > 0 && !this.stopping) await this.sleep(wait);
    }
  }

  private sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
