import type { UpstreamServer } from '@conducktor/contracts';
import { type ListName, type OutgoingCall, UpstreamFailure } from '../connector.js';
import { callParams } from '../mcp/call-params.js';
import { canBeAsked, type Declared } from '../mcp/capabilities.js';
import { answerRequest, changedList, relayNotification } from '../mcp/during-call.js';
import { initialized, initializeParams } from '../mcp/handshake.js';
import { type Message, notificationText, requestText } from '../mcp/messages.js';
import { notReachable, withoutAnswer } from './failures.js';
import type { HttpExchange, HttpExchangeOptions, HttpReply } from './http-exchange.js';
import { traceHeader } from './modern-headers.js';
import { SessionStream } from './session-stream.js';
import { takeUp } from './take-up.js';
import { within } from './within.js';

type Spoken = Extract<Message, { kind: 'notification' | 'request' }>;
export type Exchange = (
  options: Omit<HttpExchangeOptions, 'dispatcher' | 'target'>,
) => HttpExchange;

export interface LegacySessionDeps {
  exchange: Exchange;
  /** For requests that stay open for long; the others must not wait behind them. */
  longExchange: Exchange;
  nextId: () => number;
  handshakeMs: number;
  onListChanged: (list: ListName) => void;
  onServer: (server: UpstreamServer) => void;
}

/** Requests of the server that are answered during one call, and between calls within a minute. */
const MAX_SERVER_REQUESTS = 100;
const JSON_TYPE = ['content-type', 'application/json'];

interface Running {
  id: number;
  call: OutgoingCall;
  asked: number;
}

/** One session with a legacy Streamable HTTP server, on behalf of one member or of none. */
export class LegacySession {
  usedAt = Date.now();
  /** Watches that need it; a session that is needed is not ended. */
  held = 0;
  onUpdated: ((params: Record<string, unknown>) => void) | undefined;
  onGap: (() => void) | undefined;
  onLost: (() => void) | undefined;
  readonly #running = new Set<Running>();
  readonly #interactive: boolean;
  #stream: SessionStream | undefined;
  #logLevel: string | undefined;
  #asked = { count: 0, since: 0 };

  private constructor(
    private readonly deps: LegacySessionDeps,
    declared: Declared,
    /** Undefined: the server keeps no sessions. */
    readonly id: string | undefined,
    private readonly headers: string[],
    readonly server: UpstreamServer,
  ) {
    this.#interactive = canBeAsked(declared);
  }

  /** Shakes hands; rejects with UpstreamFailure. */
  static async open(
    deps: LegacySessionDeps,
    declared: Declared,
    ms: number,
  ): Promise<LegacySession> {
    const id = deps.nextId();
    const body = requestText(
      id,
      'initialize',
      JSON.stringify(initializeParams(declared.capabilities)),
    );
    const reply = await within(ms, deps.exchange({ method: 'POST', headers: JSON_TYPE, body, id }));
    if (!reply.answer) {
      const failure = withoutAnswer(reply);
      throw failure.kind === 'unknown'
        ? new UpstreamFailure('protocol', 'The server did not answer the MCP handshake.')
        : failure;
    }
    const server = initialized(reply.answer);
    const headers = [...JSON_TYPE, 'mcp-protocol-version', server.protocolVersion];
    if (reply.sessionId !== undefined) headers.push('mcp-session-id', reply.sessionId);
    const session = new LegacySession(deps, declared, reply.sessionId, headers, server);
    const told = await within(
      ms,
      deps.exchange({
        method: 'POST',
        headers,
        body: notificationText('notifications/initialized'),
        id: undefined,
      }),
    );
    if (told.status >= 400) throw withoutAnswer(told);
    return session;
  }

  get idle(): boolean {
    return this.held === 0 && this.#running.size === 0;
  }

  /** A request of our own. Rejects with UpstreamFailure when it could not be sent or took too long. */
  request(method: string, params: Record<string, unknown>, ms: number): Promise<HttpReply> {
    this.usedAt = Date.now();
    const id = this.deps.nextId();
    return within(
      ms,
      this.deps.exchange({
        method: 'POST',
        headers: this.headers,
        body: requestText(id, method, JSON.stringify(params)),
        id,
        onMessage: (message) => this.#onMessage(message, undefined),
      }),
    );
  }

  /** What must be so before a call: its log level is set, and what the server may ask can reach us. */
  prepare(call: OutgoingCall): Promise<unknown> | undefined {
    const level = call.logLevel;
    const setting = level !== undefined && level !== this.#logLevel && this.#setLogLevel(level);
    const listening = this.#interactive && this.id !== undefined && !this.#stream && this.listen();
    return setting || listening ? Promise.all([setting, listening]) : undefined;
  }

  /** Opens the stream outside of calls, once. False: the server has none. */
  listen(): Promise<boolean> {
    this.#stream ??= new SessionStream({
      exchange: (more, onOpen) =>
        this.deps.longExchange({
          method: 'GET',
          headers: [...this.headers.slice(JSON_TYPE.length), ...more],
          body: undefined,
          id: undefined,
          onOpen,
          onMessage: (message) => this.#onMessage(message, undefined),
        }),
      onGap: () => this.onGap?.(),
      onLost: () => {
        this.#stream = undefined;
        this.onLost?.();
      },
    });
    return this.#stream.opened;
  }

  /** Rejects with UpstreamFailure when it was not sent. */
  async call(call: OutgoingCall): Promise<HttpReply> {
    this.usedAt = Date.now();
    const running: Running = { id: this.deps.nextId(), call, asked: 0 };
    this.#running.add(running);
    try {
      const body = requestText(running.id, call.method, callParams(call, running.id, undefined));
      const headers = [...this.headers, ...traceHeader(call)];
      const reply = await this.#start(running, 'POST', headers, body).catch((error: Error) =>
        Promise.reject(notReachable(error)),
      );
      if (reply.answer || !reply.resume) return reply;
      const behind = [...this.headers.slice(JSON_TYPE.length), 'last-event-id'];
      return await takeUp(call, reply, (lastEventId) =>
        this.#start(running, 'GET', [...behind, lastEventId]),
      );
    } finally {
      this.usedAt = Date.now();
      this.#running.delete(running);
    }
  }

  /** Nobody calls or watches for now: what is said outside of calls need not be heard. */
  rest(): void {
    this.#stream?.stop();
    this.#stream = undefined;
  }

  /** The server does not know it any more. */
  forget(): void {
    this.#stream?.stop();
    this.onLost?.();
  }

  end(): Promise<unknown> {
    this.#stream?.stop();
    if (this.id === undefined) return Promise.resolve();
    const headers = this.headers.slice(JSON_TYPE.length);
    return within(
      2_000,
      this.deps.exchange({ method: 'DELETE', headers, body: undefined, id: undefined }),
    ).catch(() => {});
  }

  #start(
    running: Running,
    method: 'POST' | 'GET',
    headers: string[],
    body?: string,
  ): Promise<HttpReply> {
    const { id, call } = running;
    const exchangeOf = this.#interactive ? this.deps.longExchange : this.deps.exchange;
    const exchange = exchangeOf({
      method,
      headers,
      body,
      id,
      // It brings a result, of which there is one, and ends with the call's deadline.
      pace: undefined,
      onSent: () => call.markSent(),
      onMessage: (message) => this.#onMessage(message, running),
    });
    call.onStop = (reason) => {
      // Closing the stream means nothing to a legacy server; it must be told.
      this.#tell('notifications/cancelled', {
        requestId: id,
        reason: reason === 'timeout' ? 'The deadline passed.' : 'The caller gave up.',
      });
      exchange.abort();
    };
    return exchange.reply;
  }

  #onMessage(message: Spoken, running: Running | undefined): void {
    if (message.kind === 'request') {
      if (!this.#mayAskNow(running)) return;
      const call = (running ?? this.#onlyOne())?.call;
      return answerRequest(message, call, (text) => this.#post(text));
    }
    const list = changedList(message.method);
    if (list) return this.deps.onListChanged(list);
    if (message.method === 'notifications/resources/updated')
      return this.onUpdated?.(message.params);
    const about = running ?? this.#onlyOne();
    if (about) relayNotification(message, about.id, about.call);
  }

  // What comes outside of a call's stream names no call: all calls here are one person's, but only
  // when there is just one is it certain which of them asks.
  #onlyOne(): Running | undefined {
    return this.#running.size === 1 ? this.#running.values().next().value : undefined;
  }

  #mayAskNow(running: Running | undefined): boolean {
    if (running) return ++running.asked <= MAX_SERVER_REQUESTS;
    const now = Date.now();
    if (now - this.#asked.since > 60_000) this.#asked = { count: 0, since: now };
    return ++this.#asked.count <= MAX_SERVER_REQUESTS;
  }

  async #setLogLevel(level: string): Promise<void> {
    this.#logLevel = level;
    if (this.server.capabilities['logging'] === undefined) return;
    // A server that refuses the level, or is gone: the call itself says so, or goes well without.
    await this.request('logging/setLevel', { level }, this.deps.handshakeMs).catch(() => {});
  }

  #tell(method: string, params: Record<string, unknown>): void {
    this.#post(notificationText(method, params));
  }

  /** Sent without anybody waiting for it. */
  #post(body: string): void {
    void within(
      5_000,
      this.deps.exchange({ method: 'POST', headers: this.headers, body, id: undefined }),
    ).catch(() => {});
  }
}

/** The specification's 404, and the 400 of servers that say it in words. */
export function isSessionLost(
  reply: Pick<HttpReply, 'status' | 'answer'>,
  session: { readonly id?: string | undefined },
): boolean {
  if (session.id === undefined) return false;
  if (reply.status === 404) return true;
  const { answer } = reply;
  return reply.status === 400 && answer?.kind === 'error' && /session/i.test(answer.error.message);
}
