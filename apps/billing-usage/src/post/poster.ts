import type { Db } from '@conducktor/db';
import { BatchLoop, type Logger, type Missing } from '@conducktor/runtime';
import { POSTING_PACE } from './pace.js';

/**
 * Takes what is sealed into the ledger and the usage figures, each workspace's sequence in its order. The
 * database keeps a cursor for each of them and moves it in the same transaction, so one that dies goes on
 * where it committed, and of several running at once one works.
 */
export class Poster {
  private readonly loop: BatchLoop;
  /** Events that this process has posted. */
  posted = 0;

  constructor(private readonly deps: { db: Db; logger: Logger }) {
    this.loop = new BatchLoop({
      logger: deps.logger,
      pace: POSTING_PACE,
      dependency: 'ledger',
      failure: 'The ledger cannot be written right now; it goes on where it stopped.',
      batch: (atMost) => this.postOnce(atMost),
    });
  }

  start(): void {
    this.loop.start();
  }

  /** Why nothing is being posted now. */
  get missing(): readonly Missing[] {
    return this.loop.missing;
  }

  /** Posts what is there, about so many events at most, and returns how many it went through. */
  async postOnce(atMost = POSTING_PACE.fewestRows): Promise<number> {
    const { rows } = await this.deps.db.pool.query<{ posted: number }>(
      'select post_money($1) as posted',
      [atMost],
    );
    this.posted += rows[0]!.posted;
    return rows[0]!.posted;
  }

  stop(): Promise<void> {
    return this.loop.stop();
  }
}
