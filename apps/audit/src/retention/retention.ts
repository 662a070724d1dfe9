import { setTimeout as sleep } from 'node:timers/promises';
import type { Db } from '@conducktor/db';
import type { Logger } from '@conducktor/runtime';

// Small enough that sealing hardly notices one, large enough that a million events take minutes.
const ROWS_AT_ONCE = 5_000;
const BETWEEN_BATCHES_MS = 50;
const FIRST_ROUND_MS = 30_000;
const ROUND_MS = 10 * 60_000;

/** Functions of the database, each a batch. */
const STEPS = ['expire_events', 'expire_payloads', 'expire_approvals'] as const;

/**
 * Erases arguments and deletes events and requests for approval that their workspaces keep no longer. Each batch is one transaction
 * together with the record of it, and goes on where the one before committed, so it may die at any time.
 * Of several running at once one works.
 */
export class Retention {
  private readonly stopping = new AbortController();
  private running: Promise<void> = Promise.resolve();

  constructor(private readonly deps: { db: Db; logger: Logger }) {}

  start(): void {
    this.running = this.rounds();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  /** Does all that is to be done now; returns how many rows it went through. */
  async round(rowsAtOnce = ROWS_AT_ONCE): Promise<number> {
    let total = 0;
    for (const step of STEPS) {
      let rows: number;
      while (!this.stopping.signal.aborted && (rows = await this.batch(step, rowsAtOnce)) > 0) {
        total += rows;
        await this.pause(BETWEEN_BATCHES_MS);
      }
    }
    return total;
  }

  private async batch(step: (typeof STEPS)[number], limit: number): Promise<number> {
    const { rows } = await this.deps.db.pool.query<{ rows: number }>(`select ${step}($1) as rows`, [
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
        this.deps.logger.warn({ err: error }, 'Retention stopped; it goes on in ten minutes');
      }
      await this.pause(ROUND_MS);
    }
  }

  /** Ends early when this is stopped. */
  private async pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.stopping.signal }).catch(() => {});
  }
}
