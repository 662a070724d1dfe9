import type { Db } from '@conducktor/db';
import { seldom, STOPPING, type Logger, type Missing } from '@conducktor/runtime';
import { paceAfter, START } from './pace.js';

const FAILED_MS = 2_000;

/**
 * Takes what is sealed into the ledger and the usage figures, each workspace's sequence in its order. The
 * database keeps a cursor for each of them and moves it in the same transaction, so one that dies goes on
 * where it committed, and of several running at once one works.
 */
export class Poster {
  private stopping = false;
  private running: Promise<void> = Promise.resolve();
  private wake: (() => void) | undefined;
  private failure: string | undefined;
  /** Events that this process has posted. */
  posted = 0;

  private readonly away: ReturnType<typeof seldom>;

  constructor(private readonly deps: { db: Db; logger: Logger }) {
    this.away = seldom((details, text) => deps.logger.warn(details, text));
  }

  start(): void {
    this.running = this.loop();
  }

  /** Why nothing is being posted now. */
  get missing(): readonly Missing[] {
    if (this.stopping) return STOPPING;
    return this.failure === undefined ? [] : [{ dependency: 'ledger', reason: this.failure }];
  }

  /** Posts what is there, about so many events at most, and returns how many it went through. */
  async postOnce(atMost = START.events): Promise<number> {
    const { rows } = await this.deps.db.pool.query<{ posted: number }>(
      'select post_money($1) as posted',
      [atMost],
    );
    this.posted += rows[0]!.posted;
    return rows[0]!.posted;
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.wake?.();
    await this.running;
  }

  private async loop(): Promise<void> {
    let pace = START;
    while (!this.stopping) {
      let wait: number;
      try {
        pace = paceAfter(await this.postOnce(pace.events), pace);
        wait = pace.pauseMs;
        this.failure = undefined;
        this.away.over();
      } catch (error) {
        this.failure = 'The ledger cannot be written right now; it goes on where it stopped.';
        this.away.say({ err: error }, this.failure);
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
