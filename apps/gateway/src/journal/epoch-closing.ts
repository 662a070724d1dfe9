import type { EpochSession } from '@conducktor/db';
import type { Logger } from '@conducktor/runtime';
import type { PendingSettlement } from './batch.js';

// How often epochs of gateways that went away are looked for, and open calls past their time ended.
const SWEEP_MS = 2_000;
// A worker keeps trying to hand over late outcomes; only after this are they given up as unknown.
const GRACE_MS = 30_000;

/**
 * Closes epochs whose session is gone, this gateway's own and those of others, and settles the
 * calls they left open: late outcomes as they come, the rest as `unknown` once overdue.
 *
 * Runs on the current session between ticks; all statements are idempotent.
 */
export class EpochClosing {
  private session: EpochSession | undefined;
  private readonly held = new Map<number, PendingSettlement[]>();
  private readonly waiting = new Set<number>();
  private readonly closed = new Set<number>();
  private readonly timer: NodeJS.Timeout;
  private sweeping = false;

  constructor(
    private readonly logger: Logger,
    private readonly release: (settlements: PendingSettlement[]) => void,
  ) {
    this.timer = setInterval(() => void this.sweep(), SWEEP_MS);
    this.timer.unref();
  }

  useSession(session: EpochSession): void {
    this.session = session;
    void this.sweep();
  }

  /** Keeps a settlement until its epoch is closed: before that its call is not open to settle. */
  hold(pending: PendingSettlement): void {
    const epoch = pending.settlement.key.epoch;
    if (this.closed.has(epoch)) return this.release([pending]);
    const list = this.held.get(epoch);
    if (list) list.push(pending);
    else this.held.set(epoch, [pending]);
    this.waiting.add(epoch);
    if (this.session) void this.sweep();
  }

  close(epoch: number): void {
    this.waiting.add(epoch);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async sweep(): Promise<void> {
    const session = this.session;
    if (!session || session.lost || this.sweeping) return;
    this.sweeping = true;
    try {
      const rows = await session.run('open_epochs', 'select open_epochs() as id', []);
      const candidates = new Set(rows.map((row) => row['id'] as number));
      for (const epoch of this.waiting) candidates.add(epoch);
      candidates.delete(session.epoch);
      for (const epoch of candidates) await this.tryClose(session, epoch);
      await this.endOverdue(session);
    } catch (error) {
      this.logger.warn({ err: error }, 'Closing epochs will be tried again');
    } finally {
      this.sweeping = false;
    }
  }

  private async tryClose(session: EpochSession, epoch: number): Promise<void> {
    const rows = await session.run('close_epoch', 'select close_epoch($1) as opened', [epoch]);
    const opened = rows[0]!['opened'] as number;
    if (opened === -1) return; // its session still lives
    if (opened >= 0)
      this.logger.info({ epoch, open: opened }, 'Closed the epoch of a lost session');
    this.waiting.delete(epoch);
    this.closed.add(epoch);
    const held = this.held.get(epoch);
    this.held.delete(epoch);
    if (held) this.release(held);
  }

  private async endOverdue(session: EpochSession): Promise<void> {
    const rows = await session.run('overdue', 'select * from overdue_calls($1, 500)', [GRACE_MS]);
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
