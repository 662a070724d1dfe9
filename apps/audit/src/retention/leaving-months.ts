import { setTimeout as sleep } from 'node:timers/promises';
import type { Db } from '@conducktor/db';
import type { Logger } from '@conducktor/runtime';
import { writeArchive, type Stretch } from './archive.js';

// Of 15 s at 20 to 50 µs an event.
const EVENTS_IN_PAGE = 5_000;
/** `lock_not_available`: somebody has been reading for longer than readers are to wait behind a month that leaves. */
const LOCKED = '55P03';
const TRIES = 20;
const BETWEEN_TRIES_MS = 500;

interface Leaving extends Stretch {
  whole: boolean;
  archived: boolean;
  recorded: boolean;
}

export interface LeavingMonthsDeps {
  db: Db;
  logger: Logger;
  /** Where to export to before anything goes; undefined: nothing is exported. */
  archiveDir: string | undefined;
  signal: AbortSignal;
  /** Called after each piece of work with the time it took, so that others have their turn. */
  rest(tookMs: number): Promise<void>;
}

/**
 * Lets go of the months that are over: exports each workspace's part, then detaches and drops the months that
 * nobody keeps, and removes what single workspaces keep no longer from the others. Every step is on record
 * before the next, so it may die at any time and goes on: a month that was not exported is not touched.
 */
export class LeavingMonths {
  /** Workspaces whose events could not be exported or removed. */
  readonly failing = new Set<string>();

  constructor(private readonly deps: LeavingMonthsDeps) {}

  /** Returns how many months went and how many events were removed from months that stay. */
  async go(rowsAtOnce: number): Promise<number> {
    const { db } = this.deps;
    await db.pool.query('select prepare_audit_months()');
    let total = await this.drop();
    // A workspace's next month leaves after its oldest.
    for (let before = -1; before !== total && !this.deps.signal.aborted;) {
      before = total;
      for (const leaving of await this.leaving()) {
        if (this.deps.signal.aborted) return total;
        total += await this.letGo(leaving, rowsAtOnce);
      }
      while (!this.deps.signal.aborted && (await this.retire())) total += await this.drop();
    }
    return total;
  }

  private async leaving(): Promise<Leaving[]> {
    const { rows } = await this.deps.db.pool.query<Leaving>(
      `select tenant_id as "tenantId", month, from_seq::float8 as "fromSeq", to_seq::float8 as "toSeq",
              whole, archived, recorded from leaving_events()`,
    );
    return rows;
  }

  /** Where it fails, that workspace's events are kept until the next round; the others' need not wait for them. */
  private async letGo(leaving: Leaving, rowsAtOnce: number): Promise<number> {
    const { archiveDir, db, logger, signal } = this.deps;
    const { tenantId, month, fromSeq } = leaving;
    if (this.failing.has(tenantId)) return 0;
    let total = 0;
    try {
      if (archiveDir !== undefined && !leaving.archived && !leaving.recorded)
        await this.archive(archiveDir, leaving);
      if (leaving.whole) return 0;
      for (let removed = 1; removed > 0 && !signal.aborted;) {
        const began = performance.now();
        const { rows } = await db.pool.query<{ removed: number }>(
          'select remove_events($1, $2, $3, $4) as removed',
          [tenantId, fromSeq, archiveDir !== undefined, rowsAtOnce],
        );
        removed = rows[0]!.removed;
        total += removed;
        if (removed > 0) await this.deps.rest(performance.now() - began);
      }
    } catch (error) {
      if (signal.aborted) return total;
      this.failing.add(tenantId);
      logger.warn(
        { err: error, workspace: tenantId, month },
        'Events could not be exported or removed, so they are kept, and their month with them; it is tried again in ten minutes',
      );
    }
    return total;
  }

  private async archive(dir: string, leaving: Leaving): Promise<void> {
    const { db, logger } = this.deps;
    const archived = await writeArchive(dir, leaving, this.pages(leaving));
    await db.pool.query('select note_archive($1, $2, $3, $4)', [
      leaving.tenantId,
      leaving.fromSeq,
      leaving.toSeq,
      archived,
    ]);
    logger.info({ workspace: leaving.tenantId, ...archived }, 'Events were exported');
  }

  private async *pages({ tenantId, fromSeq, toSeq }: Stretch) {
    for (let after = fromSeq - 1; after < toSeq;) {
      this.deps.signal.throwIfAborted();
      const began = performance.now();
      const { rows } = await this.deps.db.pool.query<{ seq: string; line: string }>(
        'select seq, line from leaving_page($1, $2, $3, $4, $5)',
        [tenantId, fromSeq, toSeq, after, EVENTS_IN_PAGE],
      );
      if (rows.length === 0) return;
      yield { events: rows.length, text: `${rows.map(({ line }) => line).join('\n')}\n` };
      after = Number(rows.at(-1)!.seq);
      await this.deps.rest(performance.now() - began);
    }
  }

  private async retire(): Promise<boolean> {
    const { db, archiveDir, signal } = this.deps;
    for (let tries = 1; ; tries++) {
      try {
        const { rows } = await db.pool.query<{ month: string | null }>(
          'select retire_audit_month($1) as month',
          [archiveDir !== undefined],
        );
        return rows[0]!.month !== null;
      } catch (error) {
        if ((error as { code?: string }).code !== LOCKED || tries === TRIES) throw error;
        await sleep(BETWEEN_TRIES_MS, undefined, { signal }).catch(() => {});
        if (signal.aborted) return false;
      }
    }
  }

  /** Also those that somebody detached who died before this. */
  private async drop(): Promise<number> {
    for (let dropped = 0; ; dropped++) {
      const { rows } = await this.deps.db.pool.query<{ month: string | null }>(
        'select drop_detached_month() as month',
      );
      if (rows[0]!.month === null) return dropped;
      this.deps.logger.info({ month: rows[0]!.month }, 'A month of events was dropped');
    }
  }
}
