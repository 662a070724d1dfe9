import { ConducktorError, type JournalKey } from '@conducktor/contracts';
import { openEpochSession, type EpochSession } from '@conducktor/db';
import { seldom, type CallMetrics, type Logger } from '@conducktor/runtime';
import {
  deliverVerdicts,
  type Batch,
  type PendingIntent,
  type PendingSettlement,
} from './batch.js';
import { commitBatch, TICK_STATEMENTS } from './commit-batch.js';
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
  /** Calls after which a new epoch begins; for tests. */
  epochCalls?: number;
}

// An outcome alone waits this long for an intent to share its transaction with.
const OUTCOME_WAIT_MS = 3;
// Bounds one transaction; at 16 to 64 connections a tick carries 5 to 40.
const MAX_TICK = 1_000;
// Fails early instead of queueing without end when commits stall.
const MAX_WAITING_INTENTS = 20_000;
// An epoch's tables are closed in one pass and dropped whole, so an epoch does not last for ever.
const EPOCH_CALLS = 500_000;
const EPOCH_MS = 6 * 3_600_000;
const OPEN_NEXT_AGAIN_MS = 10_000;
// A tick that was rolled back by a living server gives its outcomes a pause.
const OUTCOME_PAUSE_MS = 250;

/**
 * The tick (DESIGN section 14): one transaction in flight per process, carrying every outcome and
 * every intent that arrived while the one before was committing.
 *
 * Admitted means durable: `admit` resolves after the commit. When the session is lost, intents in
 * doubt are refused and voided later, outcomes are kept and settled late; nothing is forgotten.
 */
export class Journal {
  private session: EpochSession | undefined;
  /** Open and waiting to take over between two ticks. */
  private next: EpochSession | undefined;
  private openingNext = false;
  private epochCalls = 0;
  private epochOpenedAt = 0;
  private tick = 0;
  private inFlight = false;
  private scheduled: NodeJS.Immediate | undefined;
  private outcomeTimer: NodeJS.Timeout | undefined;
  private intents: PendingIntent[] = [];
  private settlements: PendingSettlement[] = [];
  /** Calls of this epoch that have no outcome yet, and what they reserved: any other was settled before. */
  private readonly running = new Map<string, number>();
  /** Outcomes taken and not durable yet, by call. */
  private readonly settling = new Map<string, { settled: Promise<void>; since: number }>();
  /** What the tick in flight carries. */
  private carried: Batch | undefined;
  private paused = 0;
  private readonly closing: EpochClosing;
  private ended = false;
  private idle: (() => void)[] = [];

  private readonly away: ReturnType<typeof seldom>;

  constructor(private readonly deps: JournalDeps) {
    this.away = seldom((details, text) => deps.logger.warn(details, text));
    this.closing = new EpochClosing(deps.logger, deps.databaseUrl, (settlements) => {
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

  /** Milliseconds that the oldest of each has waited to become durable; 0 where none waits. */
  get oldestWait(): { intentMs: number; settlementMs: number } {
    const now = performance.now();
    const intent = this.carried?.intents[0] ?? this.intents[0];
    const [settlement] = this.settling.values();
    return {
      intentMs: intent ? now - intent.since : 0,
      settlementMs: settlement ? now - settlement.since : 0,
    };
  }

  /** Writes an intent durably and says what became of it. Rejects with `governance_unavailable`. */
  admit(intent: Intent): Promise<Admission> {
    if (!this.session || this.intents.length >= MAX_WAITING_INTENTS)
      return Promise.reject(unavailable());
    return new Promise((resolve, reject) => {
      const admitted = (admission: Admission) => {
        if (
          admission.verdict === 'admitted' &&
          intent.admitted &&
          admission.key.epoch === this.session?.epoch
        )
          this.running.set(intent.callId, intent.reservedMicros);
        resolve(admission);
      };
      this.intents.push({ intent, since: performance.now(), resolve: admitted, reject });
      this.schedule();
    });
  }

  /**
   * Takes an outcome; resolves when it is durable, however long that takes. Never rejects. The first
   * outcome of a call stands; a second one is confirmed and dropped.
   */
  settle(given: Settlement): Promise<void> {
    const { callId } = given;
    // Not confirmed before the first one is: until then the worker's copy is the second one.
    const first = this.settling.get(callId);
    if (first) return first.settled;
    const current = given.key.epoch === this.session?.epoch;
    const reserved = this.running.get(callId);
    const settlement =
      given.costMicros === 'reserved' && reserved !== undefined
        ? { ...given, costMicros: reserved }
        : given;
    if (current && !this.running.delete(callId)) {
      this.deps.onCommitted([callId]);
      return Promise.resolve();
    }
    const settled = new Promise<void>((resolve) => {
      const pending: PendingSettlement = { settlement, late: false, resolve };
      if (current) {
        this.settlements.push(pending);
        this.schedule();
      } else {
        this.closing.hold({ ...pending, late: true });
      }
    });
    this.settling.set(callId, { settled, since: performance.now() });
    return settled;
  }

  /** Waits until nothing is waiting any more, then gives the epoch back. */
  async stop(): Promise<void> {
    this.ended = true;
    if (this.session && (this.inFlight || this.settlements.length > 0 || this.paused > 0)) {
      await new Promise<void>((resolve) => this.idle.push(resolve));
    }
    await this.closing.stop();
    await this.session?.end();
    await this.next?.end();
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
    if (this.next && !this.inFlight) this.changeEpoch(this.next);
    const session = this.session;
    if (!session || this.inFlight) return;
    const batch: Batch = {
      intents: this.intents.splice(0, MAX_TICK),
      settlements: this.settlements.splice(0, MAX_TICK),
    };
    if (batch.intents.length === 0 && batch.settlements.length === 0) return this.becameIdle();
    this.inFlight = true;
    this.carried = batch;
    const tick = ++this.tick;
    const startedAt = performance.now();
    try {
      const verdicts = await commitBatch(session, tick, batch);
      deliverVerdicts(session.epoch, tick, batch, verdicts);
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
      this.carried = undefined;
    }
    this.epochCalls += batch.intents.length;
    if (
      this.epochCalls >= (this.deps.epochCalls ?? EPOCH_CALLS) ||
      performance.now() - this.epochOpenedAt > EPOCH_MS
    )
      void this.openNext();
    this.schedule();
    if (this.intents.length === 0 && this.settlements.length === 0 && this.paused === 0)
      this.becameIdle();
  }

  private confirm(settlements: PendingSettlement[]): void {
    if (settlements.length === 0) return;
    this.deps.onCommitted(settlements.flatMap(({ settlement }) => settlement.callId || []));
    for (const pending of settlements) {
      this.settling.delete(pending.settlement.callId);
      pending.resolve();
    }
  }

  private tickFailed(session: EpochSession, tick: number, batch: Batch, error: Error): void {
    this.deps.logger.error({ err: error, epoch: session.epoch, tick }, 'A tick did not commit');
    for (const pending of batch.intents) pending.reject(unavailable(error));
    if (!session.lost) {
      // Rolled back whole by a living server: outcomes wait a moment and go again.
      this.paused++;
      setTimeout(() => {
        this.paused--;
        // The epoch may have gone meanwhile; its calls are not to be looked for in another.
        if (this.session === session) this.settlements.unshift(...batch.settlements);
        else this.settleLate(batch.settlements);
        this.schedule();
        if (this.ended && !this.session) this.becameIdle();
      }, OUTCOME_PAUSE_MS);
      return;
    }
    // In doubt: what was committed is an open call of this epoch once it is closed. Those intents were
    // never sent, so they end as such; the outcomes are settled late, which does nothing a second time.
    this.closing.freeKeys(
      session.epoch,
      batch.intents.map((pending) => pending.intent),
    );
    batch.intents.forEach((pending, index) => {
      if (!pending.intent.admitted) return;
      this.closing.hold(
        notSent(pending.intent, { epoch: session.epoch, tick, ordinal: index + 1 }),
      );
    });
    this.settleLate(batch.settlements);
  }

  private settleLate(settlements: PendingSettlement[]): void {
    for (const pending of settlements) this.closing.hold({ ...pending, late: true });
  }

  private sessionLost(session: EpochSession): void {
    if (this.next === session) this.next = undefined;
    if (this.session !== session) return;
    this.session = undefined;
    this.closing.useEpoch(undefined);
    this.running.clear();
    for (const pending of this.intents.splice(0)) pending.reject(unavailable());
    this.settleLate(this.settlements.splice(0));
    this.closing.close(session.epoch);
    if (this.ended) this.becameIdle();
    else void this.reopen();
  }

  private open(): Promise<EpochSession> {
    return openEpochSession(
      this.deps.databaseUrl,
      this.deps.gateway,
      (lost) => this.sessionLost(lost),
      TICK_STATEMENTS,
    );
  }

  /** Opens the epoch that follows this one; the tick after that changes to it. */
  private async openNext(): Promise<void> {
    if (this.openingNext || this.next || this.ended) return;
    this.openingNext = true;
    try {
      const session = await this.open();
      // Where the current one was lost meanwhile, its successor is being opened already.
      if (this.ended || !this.session) await session.end();
      else this.next = session;
    } catch (error) {
      this.deps.logger.warn({ err: error }, 'The next journal epoch could not be opened yet');
      await new Promise((resolve) => setTimeout(resolve, OPEN_NEXT_AGAIN_MS).unref());
    } finally {
      this.openingNext = false;
    }
  }

  /** Between two ticks; calls under way settle late, as after a lost session, once the old epoch is closed. */
  private changeEpoch(next: EpochSession): void {
    const old = this.session;
    this.next = undefined;
    this.begin(next);
    if (!old) return;
    this.running.clear();
    this.settleLate(this.settlements.splice(0));
    void old.end().then(
      () => this.closing.close(old.epoch),
      () => this.closing.close(old.epoch),
    );
  }

  private begin(session: EpochSession): void {
    this.tick = 0;
    this.epochCalls = 0;
    this.epochOpenedAt = performance.now();
    this.session = session;
    this.away.over();
    this.deps.logger.info({ epoch: session.epoch }, 'Journal epoch opened');
    this.closing.useEpoch(session.epoch);
  }

  private async reopen(): Promise<void> {
    for (let wait = 50; !this.ended && !this.session; wait = Math.min(wait * 2, 1_000)) {
      try {
        const session = await this.open();
        if (this.ended) return await session.end();
        this.begin(session);
        this.schedule();
        return;
      } catch (error) {
        this.away.say({ err: error }, 'The journal cannot reach the database; trying again');
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
