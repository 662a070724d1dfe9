import { setTimeout as sleep } from 'node:timers/promises';
import type { Db } from '@conducktor/db';
import type { Logger } from '@conducktor/runtime';
import { LeavingMonths } from './leaving-months.js';

// Small enough that sealing hardly notices one, large enough that a million events take minutes.
const ROWS_AT_ONCE = 5_000;
// Nothing of this is urgent: it works a quarter of the time at most.
const REST_SHARE = 3;
const MOST_REST_MS = 2_000;
const FIRST_ROUND_MS = 30_000;
const ROUND_MS = 10 * 60_000;

/** Functions of the database, each a batch: one transaction together with the record of it. */
const BATCHES = ['expire_payloads', 'expire_approvals'] as const;

/**
 * Erases arguments and requests for approval that their workspaces keep no longer, and lets go of the months
 * of events that they keep no longer. It goes on where it committed, so it may die at any time. Of several
 * running at once one works.
 */
export class Retention {
  private readonly stopping = new AbortController();
  private running: Promise<void> = Promise.resolve();
  /** Workspaces whose events the last round of this process could not export or remove. */
  failing: ReadonlySet<string> = new Set();

  constructor(private readonly deps: { db: Db; logger: Logger; archiveDir?: string | undefined }) {}

  start(): void {
    this.running = this.rounds();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  /** Does all that is to be done now; returns how many rows it went through and months it let go. */
  async round(rowsAtOnce = ROWS_AT_ONCE): Promise<number> {
    const { db, logger, archiveDir } = this.deps;
    const { signal } = this.stopping;
    let total = 0;
    for (const batch of BATCHES) {
      for (let rows = 1; rows > 0 && !signal.aborted;) {
        const began = performance.now();
        rows = await this.batch(batch, rowsAtOnce);
        total += rows;
        if (rows > 0) await this.rest(performance.now() - began);
      }
    }
    // What leaves has no arguments any more.
    const months = new LeavingMonths({
      db,
      logger,
      archiveDir,
      signal,
      rest: (tookMs) => this.rest(tookMs),
    });
    try {
      return total + (await months.go(rowsAtOnce));
    } finally {
      this.failing = months.failing;
    }
  }

  private async batch(name: (typeof BATCHES)[number], limit: number): Promise<number> {
    const { rows } = await this.deps.db.pool.query<{ rows: number }>(`select ${name}($1) as rows`, [
      limit,
    ]);
    return rows[0]!.rows;
  }

  private async rounds(): Promise<void> {
    await this.pause(FIRST_ROUND_MS);
    while (!this.stopping.signal.aborted) {
      try {
        await this.round();
      } catch (error) {
        if (!this.stopping.signal.aborted)
          this.deps.logger.warn({ err: error }, 'Retention stopped; it goes on in ten minutes');
      }
      await this.pause(ROUND_MS);
    }
  }

  private rest(tookMs: number): Promise<void> {
    return this.pause(Math.min(MOST_REST_MS, tookMs * REST_SHARE));
  }

  /** Ends early when this is stopped. */
  private async pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.stopping.signal }).catch(() => {});
  }
}
