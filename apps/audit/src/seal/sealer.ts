import type { Db } from '@conducktor/db';
import { BatchLoop, type Logger, type Missing } from '@conducktor/runtime';
import { SEALING_PACE } from './pace.js';

// How often what is sealed and no longer needed is looked for.
const TIDY_MS = 60_000;

/**
 * Gives what the journal holds its place in each workspace's own audit sequence, off the calls' way.
 * The database function keeps a cursor per epoch, so a sealer that dies goes on where it committed,
 * and of several running at once one works and the others find nothing to do.
 */
export class Sealer {
  private readonly loop: BatchLoop;
  private tidiedAt = -Infinity;
  /** Events that this process has sealed. */
  sealed = 0;

  constructor(private readonly deps: { db: Db; logger: Logger }) {
    this.loop = new BatchLoop({
      logger: deps.logger,
      pace: SEALING_PACE,
      dependency: 'sealer',
      failure: 'The audit sequence cannot be written right now; it goes on where it stopped.',
      batch: async (atMost) => {
        const rows = await this.sealOnce(atMost);
        return { rows, isMore: rows >= atMost };
      },
      idle: () => this.tidy(),
    });
  }

  start(): void {
    this.loop.start();
  }

  /** Why nothing is being sealed now. */
  get missing(): readonly Missing[] {
    return this.loop.missing;
  }

  /** Seals what is there and returns how many events it appended. */
  async sealOnce(atMost = SEALING_PACE.fewestRows): Promise<number> {
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

  stop(): Promise<void> {
    return this.loop.stop();
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
}
