import type { CallResult, UpstreamServer } from '@conducktor/contracts';
import type { Outbound } from '@conducktor/outbound';
import { parseTarget } from '@conducktor/outbound';
import {
  type ListName,
  type LoadedConnection,
  type Offer,
  type OutgoingCall,
  UpstreamFailure,
  type UpstreamWatch,
} from '../connector.js';
import { callParams, namedIn } from '../mcp/call-params.js';
import { changedList, relayNotification } from '../mcp/during-call.js';
import { listAllTools } from '../mcp/list-tools.js';
import { type Message, requestText } from '../mcp/messages.js';
import { type ParamHeader, paramHeadersOf } from '../mcp/param-headers.js';
import { callResultOf, failed, tooLarge } from '../mcp/results.js';
import { serverOf } from '../mcp/server-info.js';
import {
  HEADER_MISMATCH,
  MODERN_META,
  MODERN_VERSION,
  modernMeta,
  UNSUPPORTED_VERSION,
} from '../mcp/versions.js';
import { type Era, eraOf } from './era.js';
import { notReachable, withoutAnswer } from './failures.js';
import { HttpExchange, type HttpReply, type HttpTarget } from './http-exchange.js';
import type { LegacySession } from './legacy-session.js';
import { LegacySessions } from './legacy-sessions.js';
import { LegacyWatch } from './legacy-watch.js';
import { modernHeaders, traceHeader } from './modern-headers.js';
import { LargeBodies } from './large-bodies.js';
import { NOTIFICATIONS, Pace } from './pace.js';
import { ModernWatch } from './modern-watch.js';
import { upstreamHeaders } from './upstream-headers.js';
import { within } from './within.js';

type Watch = LegacyWatch<LegacySession> | ModernWatch;
type Answer = Extract<Message, { kind: 'result' | 'error' }>;

/** One mcp-http connection at one revision: its address, headers, protocol era and sessions. */
export class HttpUpstream {
  readonly #target: HttpTarget;
  readonly #headers: string[];
  readonly #large = new LargeBodies();
  readonly #sessions: LegacySessions;
  /** Of all its streams outside of calls together: one that comes back has no new allowance. */
  readonly #pace = new Pace(NOTIFICATIONS);
  /** By member; '' for who listens to the lists alone. */
  readonly #watches = new Map<string, Watch>();
  readonly #members = new Map<UpstreamWatch, Watch>();
  #era: Promise<Era> | undefined;
  /** What a modern server said of itself when it was asked last. */
  #discovered: Record<string, unknown> = {};
  #lastId = 0;
  /** Learnt from lists; beside what the pinned definitions say. */
  #paramHeaders: Map<string, readonly ParamHeader[]> | undefined;
  #learning: Promise<void> | undefined;
  usedAt = Date.now();

  constructor(
    private readonly deps: {
      outbound: Outbound;
      /** For requests that stay open for long: they would leave no connection for the calls. */
      streams: Outbound;
      onListChanged: (list: ListName) => void;
      onServer: (server: UpstreamServer) => void;
      /** How long finding out about a server may take, apart from the calls themselves. */
      handshakeMs: number;
    },
    readonly connection: LoadedConnection,
  ) {
    const url = targetOf(connection);
    this.#target = { origin: url.origin, path: url.pathname + url.search };
    this.#headers = upstreamHeaders(connection.headers);
    this.#sessions = new LegacySessions({
      exchange: (options) => this.#exchange(options),
      longExchange: (options) => this.#longExchange(options),
      nextId: () => ++this.#lastId,
      handshakeMs: deps.handshakeMs,
      onListChanged: deps.onListChanged,
      onServer: deps.onServer,
    });
  }

  async call(call: OutgoingCall): Promise<Omit<CallResult, 'durationMs'>> {
    this.usedAt = Date.now();
    // Twice at most: a second attempt is made only when the first was refused before it could act.
    for (let again = false; ; again = true) {
      const era = await this.#eraOf(call);
      if (call.stopped) throw new UpstreamFailure('unavailable', 'The call was given up.');
      if (era === 'legacy') return await this.#sessions.call(call).catch(this.#doubt);
      let reply: HttpReply;
      try {
        reply = await this.#modernCall(call);
      } catch (error) {
        throw notReachable(error as Error);
      }
      const { answer } = reply;
      if (answer) {
        const refused = answer.kind === 'error' && reply.status >= 400;
        // Perhaps another server than the one that was asked before: the next call asks again.
        if (refused) this.#era = undefined;
        if (again || !refused) return callResultOf(answer, call, 'modern');
        if (answer.error.code === HEADER_MISMATCH) await this.#learnParamHeaders();
        else if (answer.error.code !== UNSUPPORTED_VERSION)
          return callResultOf(answer, call, 'modern');
        continue;
      }
      if (reply.tooLarge) return tooLarge();
      // As above, in the words of servers and proxies that speak no JSON-RPC when they refuse.
      if (reply.status === 400 || reply.status === 404 || reply.status === 405)
        this.#era = undefined;
      const failure = withoutAnswer(reply);
      if (failure.kind === 'unknown') throw failure;
      return failed(failure.message, { httpStatus: reply.status });
    }
  }

  /** Forgets what it knew of the server, finds out again, and lists. */
  async listTools(deadline: number): Promise<Offer> {
    this.#era = undefined;
    this.#sessions.forgetOwn();
    const left = (): number => Math.min(this.deps.handshakeMs, deadline - Date.now());
    const era = await this.#detectEra(left());
    this.#era = Promise.resolve(era);
    const server =
      era === 'legacy'
        ? await this.#sessions.server(left())
        : serverOf(this.#discovered, MODERN_VERSION);
    const list = await listAllTools(server, (cursor) => {
      const params = cursor === undefined ? {} : { cursor };
      return era === 'legacy'
        ? this.#sessions.request('', 'tools/list', params, left())
        : this.#modernRequest('tools/list', params, left());
    });
    this.#paramHeaders = declaredIn(list.tools);
    return { ...list, server };
  }

  /** Rejects as Connector.watch does. */
  async watch(watch: UpstreamWatch): Promise<void> {
    this.usedAt = Date.now();
    const era = await this.#knownEra();
    let group = this.#watches.get(watch.memberId);
    if (!group || group.closed) {
      const { handshakeMs, onListChanged } = this.deps;
      group =
        era === 'legacy'
          ? new LegacyWatch(this.#sessions, watch.memberId, handshakeMs)
          : new ModernWatch(
              {
                longExchange: (options) => this.#longExchange(options),
                nextId: () => ++this.#lastId,
                handshakeMs,
                onListChanged,
              },
              watch.memberId,
            );
      this.#watches.set(watch.memberId, group);
    }
    this.#members.set(watch, group);
    try {
      await group.add(watch);
    } catch (error) {
      this.unwatch(watch);
      return this.#doubt(error);
    }
  }

  unwatch(watch: UpstreamWatch): void {
    const group = this.#members.get(watch);
    if (!group) return;
    this.#members.delete(watch);
    group.remove(watch);
    if (group.empty && this.#watches.get(watch.memberId) === group)
      this.#watches.delete(watch.memberId);
  }

  get watched(): boolean {
    return this.#members.size > 0;
  }

  /** Those who listen must ask again. */
  endWatches(reason: string): void {
    const groups = [...this.#watches.values()];
    this.#watches.clear();
    this.#members.clear();
    for (const group of groups) group.end(reason);
  }

  sweep(now: number): void {
    this.#sessions.sweep(now);
  }

  close(): Promise<void> {
    this.endWatches('The connection was changed or is not served here any more.');
    return this.#sessions.close();
  }

  #modernCall(call: OutgoingCall): Promise<HttpReply> {
    const id = ++this.#lastId;
    const declared =
      call.method === 'tools/call'
        ? (this.#paramHeaders?.get(call.name) ?? this.connection.paramHeaders.get(call.name))
        : undefined;
    const exchange = this.#exchange({
      method: 'POST',
      headers: [
        ...modernHeaders(call.method, namedIn(call), declared, call.argumentsJson),
        ...traceHeader(call),
      ],
      body: requestText(
        id,
        call.method,
        callParams(call, id, modernMeta(call.declared, call.logLevel)),
      ),
      id,
      onSent: () => call.markSent(),
      onMessage: (message) => {
        if (message.kind !== 'notification') return;
        const list = changedList(message.method);
        if (list) this.deps.onListChanged(list);
        else relayNotification(message, id, call);
      },
    });
    call.onStop = () => exchange.abort();
    return exchange.reply;
  }

  async #modernRequest(
    method: string,
    params: Record<string, unknown>,
    ms: number,
  ): Promise<Answer> {
    const id = ++this.#lastId;
    const body = requestText(id, method, JSON.stringify({ ...params, _meta: MODERN_META }));
    const reply = await within(
      ms,
      this.#exchange({ method: 'POST', headers: modernHeaders(method), body, id }),
    );
    if (!reply.answer) throw withoutAnswer(reply);
    return reply.answer;
  }

  /**
   * A session that cannot be had: a server of 2026-07-28 that was just starting, or stood behind a proxy
   * that answered for it, was taken for a legacy one. It is asked again before the next call.
   */
  readonly #doubt = (error: unknown): never => {
    if (error instanceof UpstreamFailure && error.kind !== 'unknown') this.#era = undefined;
    throw error;
  };

  #eraOf(call: OutgoingCall): Promise<Era> {
    call.onStop = undefined;
    return this.#knownEra();
  }

  #knownEra(): Promise<Era> {
    this.#era ??= this.#detectEra(Math.min(this.deps.handshakeMs, this.connection.timeoutMs)).catch(
      (error: unknown) => {
        this.#era = undefined;
        throw error;
      },
    );
    return this.#era;
  }

  async #detectEra(ms: number): Promise<Era> {
    const id = ++this.#lastId;
    const body = requestText(id, 'server/discover', JSON.stringify({ _meta: MODERN_META }));
    const reply = await within(
      ms,
      this.#exchange({ method: 'POST', headers: modernHeaders('server/discover'), body, id }),
    );
    const era = eraOf(reply);
    if (era === 'modern' && reply.answer?.kind === 'result') {
      this.#discovered = reply.answer.result;
      this.deps.onServer(serverOf(this.#discovered, MODERN_VERSION));
    }
    return era;
  }

  /** Once for all calls that were refused meanwhile, and within the time of a handshake. */
  #learnParamHeaders(): Promise<void> {
    const until = Date.now() + this.deps.handshakeMs;
    this.#learning ??= listAllTools(undefined, (cursor) =>
      this.#modernRequest('tools/list', cursor === undefined ? {} : { cursor }, until - Date.now()),
    )
      .then(({ tools }) => void (this.#paramHeaders = declaredIn(tools)))
      .finally(() => (this.#learning = undefined));
    return this.#learning;
  }

  #longExchange(
    options: Omit<ConstructorParameters<typeof HttpExchange>[0], 'dispatcher' | 'target'>,
  ): HttpExchange {
    return this.#exchange({ pace: this.#pace, ...options }, this.deps.streams);
  }

  #exchange(
    options: Omit<ConstructorParameters<typeof HttpExchange>[0], 'dispatcher' | 'target'>,
    through: Outbound = this.deps.outbound,
  ): HttpExchange {
    return new HttpExchange({
      ...options,
      large: this.#large,
      headers: [...this.#headers, ...options.headers],
      dispatcher: through.dispatcher,
      target: this.#target,
    });
  }
}

function targetOf(connection: LoadedConnection): URL {
  try {
    return parseTarget(connection.url ?? '');
  } catch (error) {
    throw new UpstreamFailure('configuration', (error as Error).message);
  }
}

function declaredIn(tools: Record<string, unknown>[]): Map<string, readonly ParamHeader[]> {
  const declared = new Map<string, readonly ParamHeader[]>();
  for (const tool of tools) {
    const headers = paramHeadersOf(tool['inputSchema']);
    if (headers.length > 0) declared.set(String(tool['name']), headers);
  }
  return declared;
}
