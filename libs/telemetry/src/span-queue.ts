import type { Logger } from '@conducktor/runtime';
import type { Span } from './span.js';

export interface SpanQueueOptions {
  /** Rejects when the batch did not arrive. */
  send(spans: readonly Span[]): Promise<void>;
  logger: Pick<Logger, 'warn' | 'info'>;
  /** Spans that were given up, full queue or failed export. */
  onDropped(count: number): void;
  most?: number;
  batch?: number;
  delayMs?: number;
}

/**
 * Spans on their way to a collector. Adding one never waits and never fails: what finds the queue full
 * is dropped and counted, and so is a batch that did not arrive. A collector that is away is one line in
 * the log, and one when it is back.
 */
export class SpanQueue {
  #spans: Span[] = [];
  #sending: Promise<void> | undefined;
  #isAway = false;
  readonly #timer: NodeJS.Timeout;
  readonly #most: number;
  readonly #batch: number;

  constructor(private readonly options: SpanQueueOptions) {
    this.#most = options.most ?? 2_048;
    this.#batch = options.batch ?? 512;
    this.#timer = setInterval(() => void this.flush(), options.delayMs ?? 5_000).unref();
  }

  get size(): number {
    return this.#spans.length;
  }

  add(span: Span): void {
    if (this.#spans.length >= this.#most) return this.options.onDropped(1);
    this.#spans.push(span);
    if (this.#spans.length === this.#batch) void this.flush();
  }

  /** Sends what waits, one batch after the other; never rejects. */
  flush(): Promise<void> {
    this.#sending ??= this.#sendAll().finally(() => (this.#sending = undefined));
    return this.#sending;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }

  async #sendAll(): Promise<void> {
    while (this.#spans.length > 0) {
      const batch = this.#spans.splice(0, this.#batch);
      try {
        await this.options.send(batch);
        if (this.#isAway) this.options.logger.info('The collector takes traces again');
        this.#isAway = false;
      } catch (error) {
        this.options.onDropped(batch.length);
        if (!this.#isAway)
          this.options.logger.warn(
            { reason: (error as Error).message },
            'The collector takes no traces; they are dropped until it does',
          );
        this.#isAway = true;
        // What waits is tried at the next turn, not at once.
        return;
      }
    }
  }
}
