import type { Db } from '@conducktor/db';
import { seldom, STOPPING, type Logger, type Missing } from '@conducktor/runtime';
import { paceAfter, START } from './pace.js';

const FAILED_MS = 2_000;
// How often what is sealed and no longer needed is looked for.
const TIDY_MS = 60_000;

/**
 * Gives what the journal holds its place in each workspace's own audit sequence, off the calls' way.
 * The database function keeps a cursor per epoch, so a sealer that dies goes on where it committed,
 * and of several running at once one works and the others find nothing to do.
 */
export class Sealer {
  private stopping = false;
  private running: Promise<void> = Promise.resolve();
  private wake: (() => void) | undefined;
  private failure: string | undefined;
  private tidiedAt = -Infinity;
  /** Events that this process has sealed. */
  sealed = 0;

  private readonly away: ReturnType<typeof seldom>;

  constructor(private readonly deps: { db: Db; logger: Logger }) {
    this.away = seldom((details, text) => deps.logger.warn(details, text));
  }

  start(): void {
    this.running = this.loop();
  }

  /** Why nothing is being sealed now. */
  get missing(): readonly Missing[] {
    if (this.stopping) return STOPPING;
    return this.failure === undefined ? [] : [{ dependency: 'sealer', reason: this.failure }];
  }

  /** Seals what is there and returns how many events it appended. */
  async sealOnce(atMost = START.rows): Promise<number> {
    const { rows } = await this.deps.db.pool.query<{ sealed: number }>(
      'select seal($1) as sealed',
      [atMost],
    );
    this.sealed += rows[0]!.sealed;
    return rows[0]!.sealed;
  }

  /** Drops the tables of one epoch that is sealed and over; returns whether there was one. */
  async tidyOnce(): Promise<boolean> {
    const { rows } = await this.deps.db.pool.query<{ dropped: boolean }>(
      'select tidy_journal() as dropped',
    );
    return rows[0]!.dropped;
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.wake?.();
    await this.running;
  }

  private async loop(): Promise<void> {
    let pace = START;
    while (!this.stopping) {
      let wait = 0;
      try {
        pace = paceAfter(await this.sealOnce(pace.rows), pace);
        wait = pace.pauseMs;
        this.failure = undefined;
        this.away.over();
        if (wait > 0) await this.tidy();
      } catch (error) {
        this.failure =
          'The audit sequence cannot be written right now; it goes on where it stopped.';
        this.away.say({ err: error }, this.failure);
        wait = FAILED_MS;
      }
      if (wait > 0 && !this.stopping) await this.sleep(wait);
    }
  }

  private async tidy(): Promise<void> {
    if (performance.now() - this.tidiedAt < TIDY_MS) return;
    try {
      // After one there may be another: seal first, then go on.
      if (!(await this.tidyOnce())) this.tidiedAt = performance.now();
    } catch (error) {
      this.tidiedAt = performance.now();
      this.deps.logger.info({ err: error }, 'Sealed epochs will be dropped later');
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
