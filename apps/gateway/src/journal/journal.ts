import { ConducktorError } from '@conducktor/contracts';
import type { EpochSession } from '@conducktor/db';
import type { CallMetrics, Logger } from '@conducktor/runtime';
import {
  deliverVerdicts,
  type Batch,
  type PendingIntent,
  type PendingSettlement,
} from './batch.js';
import { budgetChangesOf, chargedMicros } from './budget-changes.js';
import { commitBatch } from './commit-batch.js';
import { EpochClosing } from './epoch-closing.js';
import { Epochs } from './epochs.js';
import { holdInDoubt, holdLate } from './in-doubt.js';
import type { Admission, Intent, Reservation, Settlement } from './types.js';

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
  private readonly epochs: Epochs;
  private readonly closing: EpochClosing;
  /** Number of the last tick of this epoch. */
  private tick = 0;
  private inFlight = false;
  private scheduled: NodeJS.Immediate | undefined;
  private outcomeTimer: NodeJS.Timeout | undefined;
  private intents: PendingIntent[] = [];
  private settlements: PendingSettlement[] = [];
  /** Calls of this epoch that have no outcome yet, and what they reserved: any other was settled before. */
  private readonly running = new Map<string, Reservation | undefined>();
  /** Calls of this epoch that ended as unknown with something reserved: what came of them may still be heard. */
  private readonly unknown = new Set<string>();
  /** Those of them that used up an approval. */
  private readonly approved = new Set<string>();
  /** Outcomes taken and not durable yet, by call. */
  private readonly settling = new Map<
    string,
    { settled: Promise<void>; since: number; isUnknown: boolean }
  >();
  /** What the tick in flight carries. */
  private carried: Batch | undefined;
  private paused = 0;
  private ended = false;
  private idle: (() => void)[] = [];

  constructor(private readonly deps: JournalDeps) {
    this.closing = new EpochClosing(deps.logger, deps.databaseUrl, (settlements) => {
      this.settlements.push(...settlements);
      this.schedule();
    });
    this.epochs = new Epochs({
      ...deps,
      closing: this.closing,
      onLost: () => this.epochLost(),
    });
  }

  /** Opens the first epoch; keeps trying in the background when the database is away. */
  async start(): Promise<void> {
    await this.epochs.open();
    this.schedule();
  }

  get ready(): boolean {
    return this.epochs.current !== undefined;
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
    if (!this.epochs.current || this.intents.length >= MAX_WAITING_INTENTS)
      return Promise.reject(unavailable());
    return new Promise((resolve, reject) => {
      const admitted = (admission: Admission) => {
        if (
          admission.verdict === 'admitted' &&
          intent.admitted &&
          admission.key.epoch === this.epochs.current?.epoch
        ) {
          this.running.set(intent.callId, reservationOf(intent));
          if (intent.approval) this.approved.add(intent.callId);
        }
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
    if (first?.isUnknown && !given.isUnknown) return first.settled.then(() => this.settle(given));
    if (first) return first.settled;
    const current = given.key.epoch === this.epochs.current?.epoch;
    const reservation = this.running.get(callId);
    let settlement: Settlement = reservation
      ? { ...given, reservation, costMicros: chargedMicros(given.costMicros, reservation.micros) }
      : given;
    if (this.approved.delete(callId)) settlement = { ...settlement, endsApproval: true };
    if (current && !this.running.delete(callId)) return this.settleAgain(given);
    if (current && reservation && given.isUnknown) this.unknown.add(callId);
    return this.take(settlement, current);
  }

  /** A second outcome says something only where the first one said that nothing is known. */
  private settleAgain(given: Settlement): Promise<void> {
    if (!given.isUnknown && this.unknown.delete(given.callId)) return this.take(given, true, true);
    this.deps.onCommitted([given.callId]);
    return Promise.resolve();
  }

  private take(settlement: Settlement, current: boolean, late = false): Promise<void> {
    const { callId } = settlement;
    const settled = new Promise<void>((resolve) => {
      if (current) {
        this.settlements.push({ settlement, late, resolve });
        this.schedule();
      } else {
        this.closing.hold({ settlement, late: true, resolve });
      }
    });
    this.settling.set(callId, {
      settled,
      since: performance.now(),
      isUnknown: settlement.isUnknown === true,
    });
    return settled;
  }

  /** Waits until nothing is waiting any more, then gives the epoch back. */
  async stop(): Promise<void> {
    this.ended = true;
    this.epochs.openNoMore();
    if (this.epochs.current && (this.inFlight || this.settlements.length > 0 || this.paused > 0)) {
      await new Promise<void>((resolve) => this.idle.push(resolve));
    }
    await this.closing.stop();
    await this.epochs.end();
  }

  private schedule(): void {
    if (this.inFlight || this.scheduled || !this.epochs.current) return;
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
    if (this.inFlight) return;
    if (this.epochs.change()) this.epochLeft();
    const session = this.epochs.current;
    if (!session) return;
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
      const budgets = budgetChangesOf(batch);
      const verdicts = await commitBatch(session, tick, batch, budgets);
      const { epoch } = session;
      this.intents.unshift(...deliverVerdicts(epoch, tick, batch, budgets.accounts, verdicts));
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
    this.epochs.carried(batch.intents.length);
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
        if (this.epochs.current === session) this.settlements.unshift(...batch.settlements);
        else holdLate(this.closing, batch.settlements);
        this.schedule();
        if (this.ended && !this.epochs.current) this.becameIdle();
      }, OUTCOME_PAUSE_MS);
      return;
    }
    holdInDoubt(this.closing, session.epoch, tick, batch);
  }

  private epochLost(): void {
    for (const pending of this.intents.splice(0)) pending.reject(unavailable());
    this.epochLeft();
    if (this.ended) this.becameIdle();
    else void this.start();
  }

  /** Its calls under way settle late, once it is closed; ticks are counted anew. */
  private epochLeft(): void {
    this.tick = 0;
    this.running.clear();
    this.approved.clear();
    this.unknown.clear();
    holdLate(this.closing, this.settlements.splice(0));
  }

  private becameIdle(): void {
    for (const resolve of this.idle.splice(0)) resolve();
  }
}

function reservationOf({ reservedMicros, budgets = [] }: Intent): Reservation | undefined {
  return reservedMicros > 0 ? { micros: reservedMicros, accounts: budgets } : undefined;
}

function unavailable(cause?: Error): ConducktorError {
  return new ConducktorError(
    'governance_unavailable',
    'This call was not made, because it cannot be recorded right now.',
    { cause },
  );
}
