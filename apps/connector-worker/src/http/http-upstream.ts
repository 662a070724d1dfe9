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
import { listAllTools } from '../mcp/list-tools.js';
import { requestIds } from '../mcp/request-ids.js';
import { callResultOf, failed, tooLarge } from '../mcp/results.js';
import { serverOf } from '../mcp/server-info.js';
import { HEADER_MISMATCH, MODERN_VERSION, UNSUPPORTED_VERSION } from '../mcp/versions.js';
import { type Era, eraOf } from './era.js';
import { notReachable, withoutAnswer } from './failures.js';
import {
  HttpExchange,
  type HttpExchangeOptions,
  type HttpReply,
  type HttpTarget,
} from './http-exchange.js';
import { HttpWatches } from './http-watches.js';
import { LegacySessions } from './legacy-sessions.js';
import { ModernServer } from './modern-server.js';
import { LargeBodies } from './large-bodies.js';
import { NOTIFICATIONS, Pace } from './pace.js';
import { upstreamHeaders } from './upstream-headers.js';

type RequestOptions = Omit<HttpExchangeOptions, 'dispatcher' | 'target'>;

/** One mcp-http connection at one revision: its address, headers, protocol era and sessions. */
export class HttpUpstream {
  readonly #target: HttpTarget;
  readonly #headers: string[];
  readonly #large = new LargeBodies();
  readonly #sessions: LegacySessions;
  readonly #modern: ModernServer;
  /** Of all its streams outside of calls together: one that comes back has no new allowance. */
  readonly #pace = new Pace(NOTIFICATIONS);
  readonly #watches: HttpWatches;
  #era: Promise<Era> | undefined;
  readonly #nextId = requestIds();
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
    const shared = {
      exchange: (options: RequestOptions) => this.#exchange(options),
      longExchange: (options: RequestOptions) => this.#longExchange(options),
      nextId: this.#nextId,
      handshakeMs: deps.handshakeMs,
      onListChanged: deps.onListChanged,
    };
    this.#sessions = new LegacySessions({ ...shared, onServer: deps.onServer });
    this.#modern = new ModernServer({ ...shared, pinned: connection.paramHeaders });
    this.#watches = new HttpWatches({ ...shared, sessions: this.#sessions });
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
        reply = await this.#modern.call(call);
      } catch (error) {
        throw notReachable(error as Error);
      }
      const { answer } = reply;
      if (answer) {
        const refused = answer.kind === 'error' && reply.status >= 400;
        // Perhaps another server than the one that was asked before: the next call asks again.
        if (refused) this.#era = undefined;
        if (again || !refused) return callResultOf(answer, call, 'modern');
        if (answer.error.code === HEADER_MISMATCH) await this.#modern.learnParamHeaders();
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
    const server = era === 'legacy' ? await this.#sessions.server(left()) : this.#modern.server;
    const list = await listAllTools(server, (cursor) => {
      const params = cursor === undefined ? {} : { cursor };
      return era === 'legacy'
        ? this.#sessions.request('', 'tools/list', params, left())
        : this.#modern.request('tools/list', params, left());
    });
    this.#modern.listed(list.tools);
    return { ...list, server };
  }

  /** Rejects as Connector.watch does. */
  async watch(watch: UpstreamWatch): Promise<void> {
    this.usedAt = Date.now();
    const era = await this.#knownEra();
    await this.#watches.add(watch, era).catch(this.#doubt);
  }

  unwatch(watch: UpstreamWatch): void {
    this.#watches.remove(watch);
  }

  get watched(): boolean {
    return this.#watches.any;
  }

  /** Those who listen must ask again. */
  endWatches(reason: string): void {
    this.#watches.end(reason);
  }

  sweep(now: number): void {
    this.#sessions.sweep(now);
  }

  close(): Promise<void> {
    this.endWatches('The connection was changed or is not served here any more.');
    return this.#sessions.close();
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
    const reply = await this.#modern.discover(ms);
    const era = eraOf(reply);
    if (era === 'modern' && reply.answer?.kind === 'result') {
      this.#modern.server = serverOf(reply.answer.result, MODERN_VERSION);
      this.deps.onServer(this.#modern.server);
    }
    return era;
  }

  #longExchange(options: RequestOptions): HttpExchange {
    return this.#exchange({ pace: this.#pace, ...options }, this.deps.streams);
  }

  #exchange(options: RequestOptions, through: Outbound = this.deps.outbound): HttpExchange {
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
