import { ConducktorError, type JournalKey } from '@conducktor/contracts';
import { openEpochSession, type EpochSession } from '@conducktor/db';
import type { CallMetrics, Logger } from '@conducktor/runtime';
import {
  deliverVerdicts,
  TICK_QUERY,
  tickParameters,
  type Batch,
  type PendingIntent,
  type PendingSettlement,
} from './batch.js';
import { EpochClosing } from './epoch-closing.js';
import type { Admission, Intent, Settlement } from './types.js';

export interface JournalDeps {
  /** Direct URL of the gateway's role; no transaction pooler. */
  databaseUrl: string;
  gateway: string;
  logger: Logger;
  /** Called with what became durable, so that workers may forget it. */
  onCommitted(callIds: string[]): void;
  metrics?: CallMetrics;
}

// An outcome alone waits this long for an intent to share its transaction with.
const OUTCOME_WAIT_MS = 3;
// Bounds one transaction; at 16 to 64 connections a tick carries 5 to 40.
const MAX_TICK = 1_000;
// Fails early instead of queueing without end when commits stall.
const MAX_WAITING_INTENTS = 20_000;

/**
 * The tick (DESIGN section 14): one transaction in flight per process, carrying every outcome and
 * every intent that arrived while the one before was committing.
 *
 * Admitted means durable: `admit` resolves after the commit. When the session is lost, intents in
 * doubt are refused and voided later, outcomes are kept and settled late; nothing is forgotten.
 */
export class Journal {
  private session: EpochSession | undefined;
  private tick = 0;
  private inFlight = false;
  private scheduled: NodeJS.Immediate | undefined;
  private outcomeTimer: NodeJS.Timeout | undefined;
  private intents: PendingIntent[] = [];
  private settlements: PendingSettlement[] = [];
  /** Calls of this epoch that have no outcome yet: what is not among them was settled before. */
  private readonly running = new Set<string>();
  private readonly closing: EpochClosing;
  private ended = false;
  private idle: (() => void)[] = [];

  constructor(private readonly deps: JournalDeps) {
    this.closing = new EpochClosing(deps.logger, (settlements) => {
      this.settlements.push(...settlements);
      this.schedule();
    });
  }

  /** Opens the first epoch; keeps trying in the background when the database is away. */
  async start(): Promise<void> {
    await this.reopen();
  }

  get ready(): boolean {
    return this.session !== undefined;
  }

  /** Writes an intent durably and says what became of it. Rejects with `governance_unavailable`. */
  admit(intent: Intent): Promise<Admission> {
    if (!this.session || this.intents.length >= MAX_WAITING_INTENTS)
      return Promise.reject(unavailable());
    return new Promise((resolve, reject) => {
      const admitted = (admission: Admission) => {
        if (admission.verdict === 'admitted' && intent.admitted) this.running.add(intent.callId);
        resolve(admission);
      };
      this.intents.push({ intent, resolve: admitted, reject });
      this.schedule();
    });
  }

  /**
   * Takes an outcome; resolves when it is durable, however long that takes. Never rejects. The first
   * outcome of a call stands; a second one is confirmed and dropped.
   */
  settle(settlement: Settlement): Promise<void> {
    const current = settlement.key.epoch === this.session?.epoch;
    if (current && !this.running.delete(settlement.callId)) {
      this.deps.onCommitted([settlement.callId]);
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const pending: PendingSettlement = { settlement, late: false, resolve };
      if (current) {
        this.settlements.push(pending);
        this.schedule();
      } else {
        this.closing.hold({ ...pending, late: true });
      }
    });
  }

  /** Waits until nothing is waiting any more, then gives the epoch back. */
  async stop(): Promise<void> {
    this.ended = true;
    if (this.session && (this.inFlight || this.settlements.length > 0)) {
      await new Promise<void>((resolve) => this.idle.push(resolve));
    }
    this.closing.stop();
    await this.session?.end();
    this.session = undefined;
  }

  private schedule(): void {
    if (this.inFlight || this.scheduled || !this.session) return;
    if (this.intents.length > 0 || this.settlements.length >= MAX_TICK || this.ended) {
      // After the sockets of this turn have been read: what arrived together commits together.
      clearTimeout(this.outcomeTimer);
      this.outcomeTimer = undefined;
      this.scheduled = setImmediate(() => {
        this.scheduled = undefined;
        void this.runTick();
      });
    } else if (this.settlements.length > 0 && !this.outcomeTimer) {
      this.outcomeTimer = setTimeout(() => {
        this.outcomeTimer = undefined;
        void this.runTick();
      }, OUTCOME_WAIT_MS);
    }
  }

  private async runTick(): Promise<void> {
    const session = this.session;
    if (!session || this.inFlight) return;
    const batch: Batch = {
      intents: this.intents.splice(0, MAX_TICK),
      settlements: this.settlements.splice(0, MAX_TICK),
    };
    if (batch.intents.length === 0 && batch.settlements.length === 0) return this.becameIdle();
    this.inFlight = true;
    const tick = ++this.tick;
    const startedAt = performance.now();
    try {
      const rows = await session.run(
        'tick',
        TICK_QUERY,
        tickParameters(session.epoch, tick, batch),
      );
      deliverVerdicts(
        session.epoch,
        tick,
        batch,
        rows[0] as { verdict: number[]; attached: (string | null)[] | null },
      );
      this.confirm(batch.settlements);
      this.deps.metrics?.tick(
        batch.intents.length,
        batch.settlements.length,
        performance.now() - startedAt,
      );
    } catch (error) {
      this.tickFailed(session, tick, batch, error as Error);
    } finally {
      this.inFlight = false;
    }
    this.schedule();
    if (this.intents.length === 0 && this.settlements.length === 0) this.becameIdle();
  }

  private confirm(settlements: PendingSettlement[]): void {
    if (settlements.length === 0) return;
    this.deps.onCommitted(settlements.flatMap(({ settlement }) => settlement.callId || []));
    for (const pending of settlements) pending.resolve();
  }

  private tickFailed(session: EpochSession, tick: number, batch: Batch, error: Error): void {
    this.deps.logger.error({ err: error, epoch: session.epoch, tick }, 'A tick did not commit');
    for (const pending of batch.intents) pending.reject(unavailable(error));
    if (!session.lost) {
      // Rolled back whole by a living server: outcomes wait a moment and go again.
      setTimeout(() => {
        this.settlements.unshift(...batch.settlements);
        this.schedule();
      }, 250);
      return;
    }
    // In doubt: what was committed is an open call of this epoch once it is closed. Those intents were
    // never sent, so they end as such; the outcomes are settled late, which does nothing a second time.
    batch.intents.forEach((pending, index) => {
      if (!pending.intent.admitted) return;
      this.closing.hold(
        notSent(pending.intent, { epoch: session.epoch, tick, ordinal: index + 1 }),
      );
    });
    for (const pending of batch.settlements) this.closing.hold({ ...pending, late: true });
  }

  private sessionLost(session: EpochSession): void {
    if (this.session !== session) return;
    this.session = undefined;
    this.running.clear();
    for (const pending of this.intents.splice(0)) pending.reject(unavailable());
    for (const pending of this.settlements.splice(0)) this.closing.hold({ ...pending, late: true });
    this.closing.close(session.epoch);
    if (!this.ended) void this.reopen();
  }

  private async reopen(): Promise<void> {
    for (let wait = 50; !this.ended && !this.session; wait = Math.min(wait * 2, 1_000)) {
      try {
        const session = await openEpochSession(this.deps.databaseUrl, this.deps.gateway, (lost) =>
          this.sessionLost(lost),
        );
        this.tick = 0;
        this.session = session;
        this.deps.logger.info({ epoch: session.epoch }, 'Journal epoch opened');
        this.closing.useSession(session);
        this.schedule();
        return;
      } catch (error) {
        this.deps.logger.warn(
          { err: error },
          'The journal cannot reach the database; trying again',
        );
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
    }
  }

  private becameIdle(): void {
    for (const resolve of this.idle.splice(0)) resolve();
  }
}

function unavailable(cause?: Error): ConducktorError {
  return new ConducktorError(
    'governance_unavailable',
    'This call was not made, because it cannot be recorded right now.',
    { cause },
  );
}

function notSent(intent: Intent, key: JournalKey): PendingSettlement {
  return {
    late: true,
    resolve: () => {},
    settlement: {
      key,
      tenantId: intent.tenantId,
      callId: intent.callId,
      costMicros: 0,
      record: JSON.stringify({ at: new Date().toISOString(), outcome: 'not_sent', durationMs: 0 }),
    },
  };
}
