import type {
  CallMethod,
  CallRequest,
  CallResult,
  NotificationNote,
  ProgressNote,
  ReplyNote,
} from '@conducktor/contracts';
import { ASK_WAIT_MS, type RpcExchange } from '@conducktor/runtime';
import {
  type AskRefusal,
  type AskReply,
  type LoadedConnection,
  type OutgoingCall,
  type StopReason,
  UpstreamFailure,
} from '../connector.js';
import { valueWithoutSecrets } from '../connections/without-secrets.js';
import { type Declared, declaredOf, mayAsk } from '../mcp/capabilities.js';
import type { CallEvent, CallTrace } from '../telemetry/call-trace.js';
import { Asks } from './asks.js';
import type { Lane } from './lane.js';

/** So many notes pass at once, then one for each gap: an upstream could flood with them. */
const NOTES = { burst: 50, gapMs: 20 };
/** UTF-16 units of a notification; a longer log message is left out. */
const MAX_NOTE_LENGTH = 64 * 1024;

/** One call from its arrival to its single result; whatever ends it first counts. */
export class RunningCall implements OutgoingCall {
  stopped: StopReason | undefined;
  onStop: ((reason: StopReason) => void) | undefined;
  readonly declared: Declared;
  readonly result: Promise<CallResult>;
  /** Set when its turn has come. */
  lane: Lane | undefined;
  connection: LoadedConnection | undefined;
  readonly #arrivedAt = performance.now();
  #sentAt: number | undefined;
  /** When the next note would be on time, had they come evenly. */
  #progressDue = 0;
  #noteDue = 0;
  #finish!: (result: CallResult) => void;
  #finished = false;
  #timer: NodeJS.Timeout;
  #asks: Asks | undefined;
  /** Milliseconds spent waiting for the client, and since when it waits now. */
  #waited = 0;
  #waitingSince: number | undefined;

  constructor(
    private readonly request: CallRequest,
    private exchange: RpcExchange,
    private readonly slug: string,
    readonly trace?: CallTrace | undefined,
  ) {
    this.declared = declaredOf(request.capabilities);
    this.result = new Promise((resolve) => (this.#finish = resolve));
    this.#timer = setTimeout(() => this.#stop('timeout'), request.timeoutMs);
    exchange.onCancel = () => this.#stop('cancelled');
    if (exchange.cancelled) this.#stop('cancelled');
  }

  get memberId(): string {
    return this.request.memberId;
  }
  get method(): CallMethod {
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
  get logLevel(): string | undefined {
    return this.request.logLevel;
  }
  get input(): CallRequest['input'] {
    return this.request.input;
  }
  get traceparent(): string | undefined {
    return this.trace ? this.trace.traceparent : this.request.traceparent;
  }
  get finished(): boolean {
    return this.#finished;
  }
  /** Whether it waits for its client, or ended while it did. */
  get asking(): boolean {
    return this.#waitingSince !== undefined;
  }

  markSent(): void {
    this.trace?.event(this.#sentAt === undefined ? 'sent' : 'sent again');
    this.#sentAt ??= performance.now();
  }

  event(name: CallEvent): void {
    this.trace?.event(name);
  }

  progress(note: ProgressNote): void {
    if (this.#finished || !this.request.progress) return;
    const now = Date.now();
    this.#progressDue = Math.max(this.#progressDue, now - NOTES.burst * NOTES.gapMs);
    if (this.#progressDue > now) return;
    this.#progressDue += NOTES.gapMs;
    this.exchange.progress(note);
  }

  notify(note: NotificationNote): void {
    if (this.#finished || !this.connection) return;
    const now = Date.now();
    this.#noteDue = Math.max(this.#noteDue, now - NOTES.burst * NOTES.gapMs);
    if (this.#noteDue > now) return;
    this.#noteDue += NOTES.gapMs;
    if (JSON.stringify(note.params).length > MAX_NOTE_LENGTH) return;
    // Servers log what they were called with, and that may be the connection's own key.
    const params = valueWithoutSecrets(note.params, this.connection);
    this.exchange.notify({ method: note.method, params });
  }

  ask(
    { id, method, params }: Parameters<OutgoingCall['ask']>[0],
    reply: (reply: AskReply) => void,
  ): AskRefusal | undefined {
    if (!mayAsk(this.declared, method, params)) return 'not-declared';
    if (this.#finished || !this.lane) return 'gone';
    const asks = (this.#asks ??= new Asks());
    const known = asks.any;
    const note = asks.add(id, method, params, reply);
    if (typeof note === 'string') return note;
    if (asks.open === 1 && !this.#beginWaiting()) {
      asks.drop(note);
      return 'too-many';
    }
    // Whoever was asked before may take the call up again, also when the one who did is gone.
    if (!this.exchange.ask(note) && !known) {
      asks.drop(note);
      if (asks.open === 0) this.#endWaiting();
      return 'gone';
    }
    this.exchange.onReply ??= (given) => this.#replied(given);
    return undefined;
  }

  withdraw(id: unknown): void {
    if (!this.#finished && this.#asks?.withdraw(id) && this.#asks.open === 0) this.#endWaiting();
  }

  belongsTo(tenantId: string, memberId: string): boolean {
    return this.request.tenantId === tenantId && this.request.memberId === memberId;
  }

  /** From now on this exchange hears of the call and may cancel it; what it leaves open it is asked. */
  takeUp(exchange: RpcExchange, replies: readonly ReplyNote[]): void {
    if (this.#finished) return;
    this.exchange.onCancel = undefined;
    this.exchange = exchange;
    exchange.onCancel = () => this.#stop('cancelled');
    exchange.onReply = (given) => this.#replied(given);
    if (exchange.cancelled) return this.#stop('cancelled');
    for (const reply of replies) this.#replied(reply);
    for (const note of this.#asks?.notes ?? []) exchange.ask(note);
  }

  /** The worker is stopping, and a person may think for minutes. */
  leaveUnanswered(): void {
    if (this.#finished || !this.asking) return;
    this.#giveUp('cancelled', {
      outcome: 'unknown',
      message:
        'The connector worker stopped while the call waited for an answer; whether it acted is not known.',
    });
  }

  finish(result: Omit<CallResult, 'durationMs'>): void {
    if (this.#finished) return;
    this.#finished = true;
    clearTimeout(this.#timer);
    this.exchange.onCancel = undefined;
    this.exchange.onReply = undefined;
    this.onStop = undefined;
    this.#asks?.clear();
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

  #replied(reply: ReplyNote): void {
    if (this.#finished || !this.#asks?.replied(reply)) return;
    if (this.#asks.open === 0) this.#endWaiting();
  }

  #beginWaiting(): boolean {
    const left = ASK_WAIT_MS - this.#waited;
    if (left <= 0 || !this.lane!.beginAsking()) return false;
    this.#waitingSince = performance.now();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#stop('timeout'), left);
    return true;
  }

  #endWaiting(): void {
    const now = performance.now();
    this.#waited += now - this.#waitingSince!;
    this.#waitingSince = undefined;
    this.lane!.endAsking();
    clearTimeout(this.#timer);
    const left = this.request.timeoutMs - (now - this.#arrivedAt - this.#waited);
    this.#timer = setTimeout(() => this.#stop('timeout'), Math.max(0, left));
  }

  #stop(reason: StopReason): void {
    if (this.#finished) return;
    this.#giveUp(reason, this.#endOf(reason));
  }

  #giveUp(reason: StopReason, result: Omit<CallResult, 'durationMs'>): void {
    this.stopped = reason;
    const tell = this.onStop;
    const asks = this.#asks;
    this.#asks = undefined;
    this.finish(result);
    tell?.(reason);
    asks?.refuseAll('The call was given up.');
  }

  #endOf(reason: StopReason): Omit<CallResult, 'durationMs'> {
    const sent = this.#sentAt !== undefined;
    if (reason === 'cancelled') {
      return sent
        ? {
            outcome: 'cancelled',
            message: 'The call was cancelled; whether it acted is not known.',
          }
        : { outcome: 'not_sent', message: 'The call was cancelled before it was sent.' };
    }
    if (this.asking) {
      return {
        outcome: 'timeout',
        message: `${this.slug} asked for something and got no answer within ${ASK_WAIT_MS / 60_000} minutes; whether it acted is not known.`,
      };
    }
    const seconds = Math.round(this.request.timeoutMs / 100) / 10;
    return sent
      ? {
          outcome: 'timeout',
          message: `${this.slug} did not answer within ${seconds} s; whether it acted is not known.`,
        }
      : {
          outcome: 'unavailable',
          message: `${this.slug} could not be reached within ${seconds} s; the call was not sent.`,
        };
  }
}
