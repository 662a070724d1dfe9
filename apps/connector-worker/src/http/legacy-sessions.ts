import type { CallResult } from '@conducktor/contracts';
import { MAX_QUOTE, type OutgoingCall, UpstreamFailure } from '../connector.js';
import { callParams } from '../mcp/call-params.js';
import { answerText, type Message, notificationText, requestText } from '../mcp/messages.js';
import { relayProgress } from '../mcp/progress.js';
import { callResultOf, failed, tooLarge } from '../mcp/results.js';
import { CLIENT_INFO, LEGACY_VERSION, LEGACY_VERSIONS } from '../mcp/versions.js';
import { notReachable, withoutAnswer } from './failures.js';
import type { HttpExchange, HttpExchangeOptions, HttpReply } from './http-exchange.js';
import { within } from './within.js';

type Answer = Extract<Message, { kind: 'result' | 'error' }>;
type Exchange = (options: Omit<HttpExchangeOptions, 'dispatcher' | 'target'>) => HttpExchange;

interface Session {
  /** Undefined: the server keeps no sessions. */
  id: string | undefined;
  headers: string[];
  usedAt: number;
}

const MAX_SESSIONS = 1_000;
const IDLE_MS = 30 * 60_000;
/** Times that a broken stream of one call is taken up again without anything new. */
const MAX_RESUMPTIONS = 5;
/** Requests of the server that are answered during one call. */
const MAX_SERVER_REQUESTS = 100;

/**
 * Sessions of one legacy Streamable HTTP server (2025-03-26 to 2025-11-25), one for each member, so
 * that what a server remembers of one person is never seen by another.
 */
export class LegacySessions {
  readonly #sessions = new Map<string, Promise<Session>>();

  constructor(
    private readonly deps: { exchange: Exchange; nextId: () => number; handshakeMs: number },
  ) {}

  async call(call: OutgoingCall): Promise<Omit<CallResult, 'durationMs'>> {
    // A session that the server has forgotten is made anew, once: it refused before it could act.
    for (let again = false; ; again = true) {
      const session = await this.#open(call.memberId, this.deps.handshakeMs);
      if (call.stopped) throw new UpstreamFailure('unavailable', 'The call was given up.');
      const reply = await this.#callIn(session, call);
      if (!again && isSessionLost(reply, session)) {
        await this.#drop(call.memberId, session);
        continue;
      }
      if (reply.answer) return callResultOf(reply.answer);
      if (reply.tooLarge) return tooLarge();
      const failure = withoutAnswer(reply);
      if (failure.kind === 'unknown') throw failure;
      return failed(failure.message, { httpStatus: reply.status });
    }
  }

  /** A request of our own, in the session that belongs to no member. */
  async request(method: string, params: Record<string, unknown>, ms: number): Promise<Answer> {
    const until = Date.now() + ms;
    for (let again = false; ; again = true) {
      const session = await this.#open('', ms);
      const id = this.deps.nextId();
      const exchange = this.deps.exchange({
        method: 'POST',
        headers: session.headers,
        body: requestText(id, method, JSON.stringify(params)),
        id,
        onMessage: (message) => this.#answer(session, message),
      });
      const reply = await within(until - Date.now(), exchange);
      if (!again && isSessionLost(reply, session)) {
        await this.#drop('', session);
        continue;
      }
      if (!reply.answer) throw withoutAnswer(reply);
      return reply.answer;
    }
  }

  forget(memberId: string): void {
    const known = this.#sessions.get(memberId);
    this.#sessions.delete(memberId);
    known?.then((session) => this.#end(session)).catch(() => {});
  }

  /** Ends sessions that were not used for long. */
  sweep(now: number): void {
    for (const [memberId, pending] of this.#sessions) {
      pending.then(
        (session) =>
          now - session.usedAt > IDLE_MS &&
          this.#sessions.get(memberId) === pending &&
          this.forget(memberId),
        () => {},
      );
    }
  }

  async close(): Promise<void> {
    const open = await Promise.allSettled(this.#sessions.values());
    this.#sessions.clear();
    await Promise.allSettled(
      open.map((one) => (one.status === 'fulfilled' ? this.#end(one.value) : undefined)),
    );
  }

  async #callIn(session: Session, call: OutgoingCall): Promise<HttpReply> {
    session.usedAt = Date.now();
    const id = this.deps.nextId();
    let asked = 0;
    const onMessage = (message: Extract<Message, { kind: 'notification' | 'request' }>): void => {
      if (message.kind === 'notification') return relayProgress(message, id, call);
      if (++asked <= MAX_SERVER_REQUESTS) this.#answer(session, message);
    };
    const start = (
      method: 'POST' | 'GET',
      headers: string[],
      body?: string,
    ): Promise<HttpReply> => {
      const exchange = this.deps.exchange({
        method,
        headers,
        body,
        id,
        onSent: () => call.markSent(),
        onMessage,
      });
      call.onStop = (reason) => {
        // Closing the stream means nothing to a legacy server; it must be told.
        this.#notify(session, 'notifications/cancelled', {
          requestId: id,
          reason: reason === 'timeout' ? 'The deadline passed.' : 'The caller gave up.',
        });
        exchange.abort();
      };
      return exchange.reply;
    };
    const body = requestText(id, call.method, callParams(call, id, undefined));
    let reply = await start('POST', session.headers, body).catch((error: Error) =>
      Promise.reject(notReachable(error)),
    );
    // A server may end a stream on purpose and expect to be asked for the rest (2025-11-25).
    let last = '';
    for (
      let tries = 0;
      !reply.answer && reply.resume && !call.stopped && tries < MAX_RESUMPTIONS;
      tries++
    ) {
      const { lastEventId, retryMs } = reply.resume;
      if (lastEventId !== last) tries = 0;
      last = lastEventId;
      await new Promise((resolve) =>
        setTimeout(resolve, Math.min(Math.max(retryMs ?? 500, 50), 5_000)),
      );
      if (call.stopped) break;
      const resumed = await start('GET', [
        ...session.headers.slice(2),
        'last-event-id',
        lastEventId,
      ]).catch(() => undefined);
      if (!resumed) continue;
      if (resumed.status >= 400) return reply;
      reply =
        resumed.resume || resumed.answer || resumed.tooLarge
          ? resumed
          : { ...resumed, resume: reply.resume };
    }
    return reply;
  }

  #open(memberId: string, ms: number): Promise<Session> {
    const known = this.#sessions.get(memberId);
    if (known) return known;
    if (this.#sessions.size >= MAX_SESSIONS) {
      const [oldest] = this.#sessions.keys();
      this.forget(oldest!);
    }
    const opening: Promise<Session> = this.#initialize(ms).catch((error: unknown) => {
      if (this.#sessions.get(memberId) === opening) this.#sessions.delete(memberId);
      throw error;
    });
    this.#sessions.set(memberId, opening);
    return opening;
  }

  async #initialize(ms: number): Promise<Session> {
    const id = this.deps.nextId();
    const params = { protocolVersion: LEGACY_VERSION, capabilities: {}, clientInfo: CLIENT_INFO };
    const json = ['content-type', 'application/json'];
    const reply = await within(
      ms,
      this.deps.exchange({
        method: 'POST',
        headers: json,
        body: requestText(id, 'initialize', JSON.stringify(params)),
        id,
      }),
    );
    if (!reply.answer) {
      const failure = withoutAnswer(reply);
      throw failure.kind === 'unknown'
        ? new UpstreamFailure('protocol', 'The server did not answer the MCP handshake.')
        : failure;
    }
    if (reply.answer.kind === 'error') {
      throw new UpstreamFailure(
        'protocol',
        `The server refused the MCP handshake: ${reply.answer.error.message.slice(0, MAX_QUOTE)} (${reply.answer.error.code}).`,
      );
    }
    const version = reply.answer.result['protocolVersion'];
    if (typeof version !== 'string' || !LEGACY_VERSIONS.includes(version)) {
      throw new UpstreamFailure(
        'protocol',
        `The server speaks a version of MCP that is not known here (${String(version).slice(0, 40)}).`,
      );
    }
    const headers = [...json, 'mcp-protocol-version', version];
    if (reply.sessionId !== undefined) headers.push('mcp-session-id', reply.sessionId);
    const session: Session = { id: reply.sessionId, headers, usedAt: Date.now() };
    const told = await within(
      ms,
      this.deps.exchange({
        method: 'POST',
        headers,
        body: notificationText('notifications/initialized'),
        id: undefined,
      }),
    );
    if (told.status >= 400) throw withoutAnswer(told);
    return session;
  }

  #answer(session: Session, message: Extract<Message, { kind: 'notification' | 'request' }>): void {
    if (message.kind === 'request') this.#post(session, answerText(message));
  }

  #notify(session: Session, method: string, params: Record<string, unknown>): void {
    this.#post(session, notificationText(method, params));
  }

  /** Sent without anybody waiting for it. */
  #post(session: Session, body: string): void {
    void within(
      5_000,
      this.deps.exchange({ method: 'POST', headers: session.headers, body, id: undefined }),
    ).catch(() => {});
  }

  /** Unless another call has made a new one meanwhile. */
  async #drop(memberId: string, lost: Session): Promise<void> {
    const known = this.#sessions.get(memberId);
    const session = await known?.catch(() => undefined);
    if (session === lost && this.#sessions.get(memberId) === known) this.#sessions.delete(memberId);
  }

  async #end(session: Session): Promise<void> {
    if (session.id === undefined) return;
    const headers = session.headers.slice(2);
    await within(
      2_000,
      this.deps.exchange({ method: 'DELETE', headers, body: undefined, id: undefined }),
    ).catch(() => {});
  }
}

/** The specification's 404, and the 400 of servers that say it in words. */
function isSessionLost(reply: HttpReply, session: Session): boolean {
  if (session.id === undefined) return false;
  if (reply.status === 404) return true;
  const { answer } = reply;
  return reply.status === 400 && answer?.kind === 'error' && /session/i.test(answer.error.message);
}
