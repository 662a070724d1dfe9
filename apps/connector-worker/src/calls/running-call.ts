import type { CallRequest, CallResult, ProgressNote } from '@conducktor/contracts';
import type { RpcExchange } from '@conducktor/runtime';
import { type OutgoingCall, type StopReason, UpstreamFailure } from '../connector.js';

/** So many notes of progress pass at once, then one for each gap: an upstream could flood with them. */
const PROGRESS = { burst: 50, gapMs: 20 };

/** One call from its arrival to its single result; whatever ends it first counts. */
export class RunningCall implements OutgoingCall {
  stopped: StopReason | undefined;
  onStop: ((reason: StopReason) => void) | undefined;
  readonly result: Promise<CallResult>;
  readonly #arrivedAt = performance.now();
  #sentAt: number | undefined;
  /** When the next note would be on time, had they come evenly. */
  #progressDue = 0;
  #finish!: (result: CallResult) => void;
  #finished = false;
  readonly #timer: NodeJS.Timeout;

  constructor(
    private readonly request: CallRequest,
    private readonly exchange: RpcExchange,
    private readonly slug: string,
  ) {
    this.result = new Promise((resolve) => (this.#finish = resolve));
    this.#timer = setTimeout(() => this.#stop('timeout'), request.timeoutMs);
    exchange.onCancel = () => this.#stop('cancelled');
    if (exchange.cancelled) this.#stop('cancelled');
  }

  get memberId(): string {
    return this.request.memberId;
  }
  get method(): string {
    return this.request.method;
  }
  get name(): string {
    return this.request.name;
  }
  get argumentsJson(): string {
    return this.request.argumentsJson;
  }
  get meta(): Readonly<Record<string, unknown>> | undefined {
    return this.request.meta;
  }
  get wantsProgress(): boolean {
    return this.request.progress;
  }
  get finished(): boolean {
    return this.#finished;
  }

  markSent(): void {
    this.#sentAt ??= performance.now();
  }

  progress(note: ProgressNote): void {
    if (this.#finished || !this.request.progress) return;
    const now = Date.now();
    this.#progressDue = Math.max(this.#progressDue, now - PROGRESS.burst * PROGRESS.gapMs);
    if (this.#progressDue > now) return;
    this.#progressDue += PROGRESS.gapMs;
    this.exchange.progress(note);
  }

  finish(result: Omit<CallResult, 'durationMs'>): void {
    if (this.#finished) return;
    this.#finished = true;
    clearTimeout(this.#timer);
    this.exchange.onCancel = undefined;
    this.onStop = undefined;
    const from = this.#sentAt ?? this.#arrivedAt;
    this.#finish({ ...result, durationMs: Math.round((performance.now() - from) * 1000) / 1000 });
  }

  /** What went wrong before or after the request left; only what was never sent is certain not to have acted. */
  fail(error: unknown): void {
    if (error instanceof UpstreamFailure) {
      const { kind, message } = error;
      if (this.#sentAt !== undefined && (kind === 'unknown' || kind === 'unavailable'))
        return this.finish({ outcome: 'unknown', message });
      if (this.#sentAt !== undefined)
        return this.finish({ outcome: 'error', error: { code: -32603, message } });
      return this.finish({ outcome: 'unavailable', message });
    }
    this.finish(
      this.#sentAt === undefined
        ? {
            outcome: 'unavailable',
            message: 'The connector worker failed before the call was sent.',
          }
        : {
            outcome: 'unknown',
            message: 'The connector worker failed during the call; whether it acted is not known.',
          },
    );
  }

  #stop(reason: StopReason): void {
    if (this.#finished) return;
    this.stopped = reason;
    const sent = this.#sentAt !== undefined;
    const tell = this.onStop;
    const seconds = Math.round(this.request.timeoutMs / 100) / 10;
    if (reason === 'cancelled') {
      this.finish(
        sent
          ? {
              outcome: 'cancelled',
              message: 'The call was cancelled; whether it acted is not known.',
            }
          : { outcome: 'not_sent', message: 'The call was cancelled before it was sent.' },
      );
    } else {
      this.finish(
        sent
          ? {
              outcome: 'timeout',
              message: `${this.slug} did not answer within ${seconds} s; whether it acted is not known.`,
            }
          : {
              outcome: 'unavailable',
              message: `${this.slug} could not be reached within ${seconds} s; the call was not sent.`,
            },
      );
    }
    tell?.(reason);
  }
}
