import type { CallResult, UpstreamServer } from '@conducktor/contracts';
import { type ListName, type OutgoingCall, UpstreamFailure } from '../connector.js';
import { withoutAnswer } from '../http/failures.js';
import type { HttpReply } from '../http/http-exchange.js';
import { callParams } from '../mcp/call-params.js';
import type { Declared } from '../mcp/capabilities.js';
import { answerRequest, changedList, relayNotification } from '../mcp/during-call.js';
import { initialized, initializeParams } from '../mcp/handshake.js';
import { type Message, notificationText, requestText } from '../mcp/messages.js';
import { requestIds } from '../mcp/request-ids.js';
import { callResultOf, failed } from '../mcp/results.js';
import { replyOf } from './replies.js';
import { type Outcome, SsePeer, type SsePeerOptions } from './sse-peer.js';

/** A server that answers nothing for so long after a call timed out has lost our stream. */
const PROBE_MS = 10_000;
/** Requests of the server that are answered within a minute. */
const MAX_SERVER_REQUESTS = 100;

export interface SseSessionOptions extends Pick<
  SsePeerOptions,
  'streams' | 'posts' | 'url' | 'headers'
> {
  declared: Declared;
  handshakeMs: number;
  onListChanged(list: ListName): void;
  onEnd(): void;
}

const FORGOTTEN = 'The server has forgotten this session.';

/** The server does not know the session any more; it refused before it could act. */
export class SessionForgotten extends Error {
  override readonly name = 'SessionForgotten';
}

/** A session with a server of 2024-11-05, on behalf of one member or of none: it lives as long as its stream. */
export class SseSession {
  usedAt = Date.now();
  /** Watches that need it; a session that is needed is not ended. */
  held = 0;
  onUpdated: ((params: Record<string, unknown>) => void) | undefined;
  /** Never called: a stream that ends takes its session along. */
  onGap: (() => void) | undefined;
  onLost: (() => void) | undefined;
  #server: UpstreamServer | undefined;
  readonly #peer: SsePeer;
  readonly #calls = new Map<number, OutgoingCall>();
  readonly #nextId = requestIds();
  #answered = false;
  #retired = false;
  #probing = false;
  #logLevel: string | undefined;
  #asked = { count: 0, since: 0 };

  private constructor(private readonly options: SseSessionOptions) {
    this.#peer = new SsePeer({
      ...options,
      onMessage: (message) => this.#onMessage(message),
      onEnd: () => {
        options.onEnd();
        this.onLost?.();
      },
    });
  }

  /** Opens the stream and shakes hands; rejects with UpstreamFailure and leaves nothing open. */
  static async open(options: SseSessionOptions): Promise<SseSession> {
    const session = new SseSession(options);
    const { handshakeMs } = options;
    const late = setTimeout(
      () => session.close(`The server did not answer within ${secondsOf(handshakeMs)} s.`),
      handshakeMs,
    );
    try {
      await session.#shakeHands(handshakeMs);
      return session;
    } catch (error) {
      session.close();
      throw error;
    } finally {
      clearTimeout(late);
    }
  }

  get server(): UpstreamServer {
    return this.#server!;
  }

  get ended(): boolean {
    return this.#peer.ended;
  }

  get idle(): boolean {
    return this.held === 0 && this.#peer.inFlight === 0;
  }

  /** Its stream is open all along. */
  async listen(): Promise<boolean> {
    return true;
  }

  /** Rejects with SessionForgotten where the call can safely be made again in a new session. */
  async call(call: OutgoingCall): Promise<Omit<CallResult, 'durationMs'>> {
    this.usedAt = Date.now();
    if (call.logLevel !== undefined) await this.#setLogLevel(call.logLevel);
    if (call.stopped) throw new UpstreamFailure('unavailable', 'The call was given up.');
    const id = this.#nextId();
    this.#calls.set(id, call);
    call.onStop = (reason) => {
      this.#peer.forget(id);
      this.#calls.delete(id);
      const words = reason === 'timeout' ? 'The deadline passed.' : 'The caller gave up.';
      this.#peer.tell(
        notificationText('notifications/cancelled', { requestId: id, reason: words }),
      );
      if (reason === 'timeout') void this.#probe();
      this.#endIfRetired();
    };
    try {
      const body = requestText(id, call.method, callParams(call, id, undefined));
      const outcome = await this.#peer.request(id, body, () => call.markSent());
      if (outcome.kind !== 'refused') {
        this.#answered = true;
        return callResultOf(outcome, call, 'legacy');
      }
      const { reply } = outcome;
      // Refused at once and always, it is not the session that was forgotten.
      if ([400, 404, 410].includes(reply.status) && this.#answered) throw new SessionForgotten();
      return failed(withoutAnswer(reply).message, { httpStatus: reply.status });
    } finally {
      this.usedAt = Date.now();
      this.#calls.delete(id);
      this.#endIfRetired();
    }
  }

  /** A request of our own. Rejects with UpstreamFailure when it could not be sent or took too long. */
  async request(method: string, params: Record<string, unknown>, ms: number): Promise<HttpReply> {
    this.usedAt = Date.now();
    const outcome = await this.#ask(method, params, ms);
    if (outcome.kind === 'refused' && [404, 410].includes(outcome.reply.status))
      this.close(FORGOTTEN);
    return outcome.kind === 'refused' ? outcome.reply : replyOf(200, outcome);
  }

  close(reason?: string): void {
    this.#peer.close(reason);
  }

  /**
   * The server refused a call as if it had forgotten the session. Perhaps it was only that call: others
   * under way may still be answered. Whoever listens must ask again, and so ends it at once.
   */
  retire(): void {
    this.#retired = true;
    if (this.held > 0) this.close(FORGOTTEN);
    this.#endIfRetired();
  }

  #endIfRetired(): void {
    if (this.#retired && this.idle) this.close(FORGOTTEN);
  }

  async #shakeHands(ms: number): Promise<void> {
    await this.#peer.ready;
    const params = initializeParams(this.options.declared.capabilities);
    const answer = await this.#ask('initialize', params, ms);
    if (answer.kind === 'refused') throw withoutAnswer(answer.reply);
    this.#server = initialized(answer);
    this.#peer.negotiated(this.#server.protocolVersion);
    const told = await this.#peer.post(notificationText('notifications/initialized'), ms);
    if (told.status >= 300) throw withoutAnswer(told);
  }

  async #ask(method: string, params: Record<string, unknown>, ms: number): Promise<Outcome> {
    const id = this.#nextId();
    let late: NodeJS.Timeout | undefined;
    const tooLate = new Promise<never>((_, reject) => {
      const words = `The server did not answer ${method} within ${secondsOf(ms)} s.`;
      late = setTimeout(() => reject(new UpstreamFailure('unavailable', words)), Math.max(0, ms));
    });
    try {
      const body = requestText(id, method, JSON.stringify(params));
      return await Promise.race([this.#peer.request(id, body), tooLate]);
    } finally {
      clearTimeout(late);
      this.#peer.forget(id);
    }
  }

  async #setLogLevel(level: string): Promise<void> {
    if (level === this.#logLevel || this.server.capabilities['logging'] === undefined) return;
    this.#logLevel = level;
    // A server that refuses the level: the call goes well without.
    await this.#ask('logging/setLevel', { level }, this.options.handshakeMs).catch(() => {});
  }

  // A stream that died in silence looks like a slow server; without this every further call would wait too.
  async #probe(): Promise<void> {
    if (this.#probing || this.ended) return;
    this.#probing = true;
    await this.#ask('ping', {}, PROBE_MS).catch(() =>
      this.close('The server does not answer in this session any more.'),
    );
    this.#probing = false;
  }

  #onMessage(message: Extract<Message, { kind: 'request' | 'notification' }>): boolean {
    if (message.kind === 'request') return this.#onRequest(message);
    const list = changedList(message.method);
    if (list) this.options.onListChanged(list);
    else if (message.method === 'notifications/resources/updated') this.onUpdated?.(message.params);
    else this.#relay(message);
    // However welcome, too many of them are a flood.
    return false;
  }

  #onRequest(message: Extract<Message, { kind: 'request' }>): boolean {
    const now = Date.now();
    if (now - this.#asked.since > 60_000) this.#asked = { count: 0, since: now };
    if (++this.#asked.count <= MAX_SERVER_REQUESTS)
      answerRequest(message, this.#onlyCall()?.[1], (text) => this.#peer.tell(text));
    return false;
  }

  #relay(message: Extract<Message, { kind: 'notification' }>): void {
    const token = message.params['progressToken'];
    const named = typeof token === 'number' ? this.#calls.get(token) : undefined;
    if (named) return relayNotification(message, token as number, named);
    const only = message.method === 'notifications/progress' ? undefined : this.#onlyCall();
    if (only) relayNotification(message, ...only);
  }

  // What comes by the stream names no call: all calls here are one person's, but only when there is
  // just one is it certain which of them it belongs to.
  #onlyCall(): [number, OutgoingCall] | undefined {
    return this.#calls.size === 1 ? this.#calls.entries().next().value : undefined;
  }
}

const secondsOf = (ms: number): number => Math.max(1, Math.round(ms / 1000));
