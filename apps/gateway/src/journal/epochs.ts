import { openEpochSession, type EpochSession } from '@conducktor/db';
import { seldom, type Logger } from '@conducktor/runtime';
import { TICK_STATEMENTS } from './commit-batch.js';
import type { EpochClosing } from './epoch-closing.js';

// An epoch's tables are closed in one pass and dropped whole, so an epoch does not last for ever.
const EPOCH_CALLS = 500_000;
const EPOCH_MS = 6 * 3_600_000;
const OPEN_NEXT_AGAIN_MS = 10_000;
const REOPEN_MS = { first: 50, most: 1_000 };

export interface EpochsDeps {
  /** Direct URL of the gateway's role; no transaction pooler. */
  databaseUrl: string;
  gateway: string;
  logger: Logger;
  closing: EpochClosing;
  /** Calls after which a new epoch begins; for tests. */
  epochCalls?: number;
  /** The current epoch's session is gone, and there is no current epoch until one is opened again. */
  onLost(): void;
}

/**
 * The epochs of one gateway, one after the other: each is opened, takes ticks, is left for the next
 * one or lost with its session, and is then closed.
 */
export class Epochs {
  /** What ticks are written to; undefined before the first one and while the database is away. */
  current: EpochSession | undefined;
  /** Open and waiting to take over between two ticks. */
  private next: EpochSession | undefined;
  private openingNext = false;
  private calls = 0;
  private openedAt = 0;
  private ended = false;
  private readonly away: ReturnType<typeof seldom>;

  constructor(private readonly deps: EpochsDeps) {
    this.away = seldom((details, text) => deps.logger.warn(details, text));
  }

  /** Opens an epoch where there is none; keeps trying until it is open or none is wanted any more. */
  async open(): Promise<void> {
    const { first, most } = REOPEN_MS;
    for (let wait = first; !this.ended && !this.current; wait = Math.min(wait * 2, most)) {
      try {
        const session = await this.openSession();
        if (this.ended) return await session.end();
        return this.begin(session);
      } catch (error) {
        this.away.say({ err: error }, 'The journal cannot reach the database; trying again');
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
    }
  }

  /**
   * Between two ticks: changes to the epoch that waits to take over. False when there is none. The one
   * before is closed once its session has ended.
   */
  change(): boolean {
    const { current: old, next } = this;
    // Where the current one is lost, another is being opened in its place, and this one follows that.
    if (!old || !next) return false;
    this.next = undefined;
    this.begin(next);
    const close = () => this.deps.closing.close(old.epoch);
    void old.end().then(close, close);
    return true;
  }

  /** A tick carried so many calls; opens the epoch that follows when it is time. */
  carried(calls: number): void {
    this.calls += calls;
    if (
      this.calls >= (this.deps.epochCalls ?? EPOCH_CALLS) ||
      performance.now() - this.openedAt > EPOCH_MS
    )
      void this.openNext();
  }

  /** From now on none is opened; the current one goes on until `end`. */
  openNoMore(): void {
    this.ended = true;
  }

  async end(): Promise<void> {
    this.ended = true;
    await this.current?.end();
    await this.next?.end();
    this.current = undefined;
  }

  private begin(session: EpochSession): void {
    this.calls = 0;
    this.openedAt = performance.now();
    this.current = session;
    this.away.over();
    this.deps.logger.info({ epoch: session.epoch }, 'Journal epoch opened');
    this.deps.closing.useEpoch(session.epoch);
  }

  private async openNext(): Promise<void> {
    if (this.openingNext || this.next || this.ended) return;
    this.openingNext = true;
    try {
      const session = await this.openSession();
      // Where the current one was lost meanwhile, its successor is being opened already.
      if (this.ended || !this.current) await session.end();
      else this.next = session;
    } catch (error) {
      this.deps.logger.warn({ err: error }, 'The next journal epoch could not be opened yet');
      await new Promise((resolve) => setTimeout(resolve, OPEN_NEXT_AGAIN_MS).unref());
    } finally {
      this.openingNext = false;
    }
  }

  private openSession(): Promise<EpochSession> {
    const { databaseUrl, gateway } = this.deps;
    return openEpochSession(databaseUrl, gateway, (lost) => this.lost(lost), TICK_STATEMENTS);
  }

  private lost(session: EpochSession): void {
    if (this.next === session) this.next = undefined;
    if (this.current !== session) return;
    this.current = undefined;
    this.deps.closing.useEpoch(undefined);
    this.deps.closing.close(session.epoch);
    this.deps.onLost();
  }
}
