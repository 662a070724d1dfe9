import type { Db } from '@conducktor/db';
import { BatchLoop, type BatchDone, type Logger, type Missing } from '@conducktor/runtime';
import { POSTING_PACE } from './pace.js';
import { SetAside } from './set-aside.js';

/**
 * Takes what is sealed into the ledger and the usage figures, each workspace's sequence in its order. The
 * database keeps a cursor for each of them and moves it in the same transaction, so one that dies goes on
 * where it committed, and of several running at once one works. A workspace that cannot be posted, or not in
 * the time of a statement, is set aside for a while, so that it holds up no other.
 */
export class Poster {
  private readonly loop: BatchLoop;
  private readonly setAside = new SetAside();
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

  /** How many workspaces could not be posted when this process last tried. */
  get failing(): number {
    return this.setAside.size;
  }

  /**
   * Posts what is there, about so many events at most, each workspace its share of them. Rejects where there is
   * something and none of it can be posted.
   */
  async postOnce(atMost = POSTING_PACE.fewestRows): Promise<BatchDone> {
    const done = await this.post(atMost).catch(async (error: unknown) => {
      if (!isOfTheWork(error)) throw error;
      return this.postEach(atMost, await this.workspaces());
    });
    const { rows, isMore } = both(done, await this.postEach(atMost, this.setAside.due));
    this.posted += rows;
    if (rows === 0 && this.setAside.size > 0) throw this.setAside.reason;
    return { rows, isMore };
  }

  stop(): Promise<void> {
    return this.loop.stop();
  }

  private async postEach(atMost: number, tenantIds: readonly string[]): Promise<BatchDone> {
    let done = NOTHING;
    for (const tenantId of tenantIds) {
      try {
        done = both(done, await this.post(atMost, tenantId));
        this.setAside.remove(tenantId);
      } catch (error) {
        if (!isOfTheWork(error)) throw error;
        const retryMs = this.setAside.add(tenantId, error);
        this.deps.logger.warn(
          { err: error, workspace: tenantId, retryMs },
          'A workspace cannot be posted, so its ledger and usage stand still; the others go on',
        );
      }
    }
    return done;
  }

  /** Of this workspace, or of all that are not set aside. */
  private async post(atMost: number, only?: string): Promise<BatchDone> {
    const { rows } = await this.deps.db.pool.query<BatchDone>(
      'select posted as rows, is_more as "isMore" from post_money($1, $2, $3)',
      [atMost, only === undefined ? this.setAside.all : [], only ?? null],
    );
    return rows[0]!;
  }

  private async workspaces(): Promise<string[]> {
    const { rows } = await this.deps.db.pool.query<{ id: string }>(
      'select id from workspaces_to_post($1) id',
      [this.setAside.all],
    );
    return rows.map(({ id }) => id);
  }
}

const NOTHING: BatchDone = { rows: 0, isMore: false };

const both = (a: BatchDone, b: BatchDone): BatchDone => ({
  rows: a.rows + b.rows,
  isMore: a.isMore || b.isMore,
});

/** Whether Postgres did not do it, and not: is away, out of room or shutting down, as for every workspace. */
const isOfTheWork = (error: unknown): boolean =>
  /^(?!08|53|57P)[\dA-Z]{5}$/.test(String((error as { code?: unknown }).code));
