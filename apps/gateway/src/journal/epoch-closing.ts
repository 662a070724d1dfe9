import { createDb, type Db } from '@conducktor/db';
import type { Logger } from '@conducktor/runtime';
import type { PendingSettlement } from './batch.js';
import type { Intent } from './types.js';

// How often epochs of gateways that went away are looked for, and open calls past their time ended.
const SWEEP_MS = 2_000;
// Closing reads the whole epoch, so its time grows with it: 9 s were measured for a million calls.
const CLOSING_MS = 10 * 60_000;
// Everything else here is short. On a connection that fell silent it must end, and a new one be made,
// before those whose outcomes are held are given up as overdue.
const SHORT_MS = 3_000;
// A closing under way is not waited for: whoever comes next closes.
const STOP_MS = 500;
// A worker keeps trying to hand over late outcomes; only after this are they given up as unknown.
const GRACE_MS = 30_000;

/**
 * Closes epochs whose session is gone, this gateway's own and those of others, and settles the
 * calls they left open: late outcomes as they come, the rest as `unknown` once overdue.
 *
 * Runs on a connection of its own: behind a closing that takes longer than a tick may, ticks would
 * time out, and lose the session that they run on. All statements are idempotent.
 */
export class EpochClosing {
  private readonly db: Db;
  /** The epoch that this gateway writes to; undefined while there is none. */
  private current: number | undefined;
  private readonly held = new Map<number, PendingSettlement[]>();
  private readonly neverSent = new Map<number, Intent[]>();
  private readonly waiting = new Set<number>();
  private readonly closed = new Set<number>();
  private readonly timer: NodeJS.Timeout;
  private sweeping = false;
  private again = false;

  constructor(
    private readonly logger: Logger,
    databaseUrl: string,
    private readonly release: (settlements: PendingSettlement[]) => void,
  ) {
    this.db = createDb(databaseUrl, {
      max: 1,
      name: 'conducktor epoch closing',
      statementTimeoutMs: CLOSING_MS,
      queryTimeoutMs: CLOSING_MS + 5_000,
    });
    this.timer = setInterval(() => void this.sweep(), SWEEP_MS);
    this.timer.unref();
  }

  /** Without a current epoch nothing is closed: there would be nowhere to settle to. */
  useEpoch(current: number | undefined): void {
    this.current = current;
    if (current !== undefined) void this.sweep();
  }

  /** Keeps a settlement until its epoch is closed: before that its call is not open to settle. */
  hold(pending: PendingSettlement): void {
    const epoch = pending.settlement.key.epoch;
    if (this.closed.has(epoch)) return this.release([pending]);
    const list = this.held.get(epoch);
    if (list) list.push(pending);
    else this.held.set(epoch, [pending]);
    this.waiting.add(epoch);
    void this.sweep();
  }

  /** Intents in doubt were never sent: once their epoch is closed, their idempotency keys are free again. */
  freeKeys(epoch: number, intents: Intent[]): void {
    const keyed = intents.filter((intent) => intent.idempotency !== undefined);
    if (keyed.length > 0) this.neverSent.set(epoch, keyed);
  }

  close(epoch: number): void {
    this.waiting.add(epoch);
    void this.sweep();
  }

  /** What is held stays with the workers; whoever comes next settles it. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    this.current = undefined;
    const ended = this.db.end().catch(() => {});
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, STOP_MS))]);
  }

  private async sweep(): Promise<void> {
    if (this.sweeping) this.again = true;
    if (this.current === undefined || this.sweeping) return;
    this.sweeping = true;
    try {
      const { rows } = await this.db.pool.query<{ id: number }>(
        soon('select open_epochs() as id', []),
      );
      const candidates = new Set(rows.map((row) => row.id));
      for (const epoch of this.waiting) candidates.add(epoch);
      if (this.current !== undefined) candidates.delete(this.current);
      for (const epoch of candidates) await this.tryClose(epoch);
      await this.endOverdue();
    } catch (error) {
      if (this.current !== undefined)
        this.logger.warn({ err: error }, 'Closing epochs will be tried again');
    } finally {
      this.sweeping = false;
    }
    if (this.again) {
      this.again = false;
      void this.sweep();
    }
  }

  private async tryClose(epoch: number): Promise<void> {
    const { rows } = await this.db.pool.query<{ opened: number }>(
      'select close_epoch($1) as opened',
      [epoch],
    );
    const { opened } = rows[0]!;
    if (opened === -1) return; // its session still lives
    if (opened >= 0)
      this.logger.info({ epoch, open: opened }, 'Closed the epoch of a lost session');
    const neverSent = this.neverSent.get(epoch);
    if (neverSent)
      await this.db.pool.query('select free_idempotency_keys($1, $2, $3)', [
        neverSent.map((intent) => intent.tenantId),
        neverSent.map((intent) => intent.idempotency!.hash),
        neverSent.map((intent) => intent.callId),
      ]);
    this.neverSent.delete(epoch);
    this.waiting.delete(epoch);
    this.closed.add(epoch);
    const held = this.held.get(epoch);
    this.held.delete(epoch);
    if (held) this.release(held);
  }

  private async endOverdue(): Promise<void> {
    const { rows } = await this.db.pool.query<Record<string, unknown>>(
      soon('select * from overdue_calls($1, 500)', [GRACE_MS]),
    );
    if (rows.length === 0) return;
    this.logger.warn({ calls: rows.length }, 'Calls without an outcome are recorded as unknown');
    this.release(
      rows.map((row) => ({
        late: true,
        resolve: () => {},
        settlement: {
          key: {
            epoch: row['call_epoch'] as number,
            tick: Number(row['call_tick']),
            ordinal: row['call_ordinal'] as number,
          },
          tenantId: '',
          callId: '',
          costMicros: 0,
          record: JSON.stringify({
            at: new Date().toISOString(),
            outcome: 'unknown',
            code: 'outcome_unknown',
            durationMs: 0,
          }),
        },
      })),
    );
  }
}

/** A query whose answer is not waited for as long as for a closing. */
function soon(text: string, values: unknown[]) {
  return { text, values, query_timeout: SHORT_MS };
}
