import type { UpstreamServer } from '@conducktor/contracts';
import type { ListName, OutgoingCall } from '../connector.js';
import { callParams, namedIn } from '../mcp/call-params.js';
import { changedList, relayNotification } from '../mcp/during-call.js';
import { listAllTools } from '../mcp/list-tools.js';
import { type Message, requestText } from '../mcp/messages.js';
import { type ParamHeader, paramHeadersOf } from '../mcp/param-headers.js';
import { serverOf } from '../mcp/server-info.js';
import { MODERN_META, MODERN_VERSION, modernMeta } from '../mcp/versions.js';
import { withoutAnswer } from './failures.js';
import type { HttpReply } from './http-exchange.js';
import type { Exchange } from './legacy-session.js';
import { modernHeaders, traceHeader } from './modern-headers.js';
import { within } from './within.js';

type Answer = Extract<Message, { kind: 'result' | 'error' }>;
type ParamHeaders = ReadonlyMap<string, readonly ParamHeader[]>;

export interface ModernServerDeps {
  exchange: Exchange;
  nextId: () => number;
  handshakeMs: number;
  onListChanged: (list: ListName) => void;
  /** What the pinned definitions say of parameters that travel as headers, by tool. */
  pinned: ParamHeaders;
}

/** Requests to a server of 2026-07-28, which keeps no sessions: each says all there is to know. */
export class ModernServer {
  /** What it said of itself when it was asked last. */
  server: UpstreamServer = serverOf({}, MODERN_VERSION);
  /** Learnt from lists; beside what the pinned definitions say. */
  #paramHeaders: ParamHeaders | undefined;
  #learning: Promise<void> | undefined;

  constructor(private readonly deps: ModernServerDeps) {}

  /** Resolves with whatever comes back: it may be no modern server at all. */
  discover(ms: number): Promise<HttpReply> {
    return this.#send('server/discover', {}, ms);
  }

  /** Resolves as HttpExchange.reply does. */
  call(call: OutgoingCall): Promise<HttpReply> {
    const id = this.deps.nextId();
    const declared =
      call.method === 'tools/call'
        ? (this.#paramHeaders?.get(call.name) ?? this.deps.pinned.get(call.name))
        : undefined;
    const exchange = this.deps.exchange({
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

  /** A request of our own. Rejects with UpstreamFailure when there is no answer. */
  async request(method: string, params: Record<string, unknown>, ms: number): Promise<Answer> {
    const reply = await this.#send(method, params, ms);
    if (!reply.answer) throw withoutAnswer(reply);
    return reply.answer;
  }

  /** These are its tools now. */
  listed(tools: Record<string, unknown>[]): void {
    this.#paramHeaders = declaredIn(tools);
  }

  /** Once for all calls that were refused meanwhile, and within the time of a handshake. */
  learnParamHeaders(): Promise<void> {
    const until = Date.now() + this.deps.handshakeMs;
    this.#learning ??= listAllTools(undefined, (cursor) =>
      this.request('tools/list', cursor === undefined ? {} : { cursor }, until - Date.now()),
    )
      .then(({ tools }) => this.listed(tools))
      .finally(() => (this.#learning = undefined));
    return this.#learning;
  }

  #send(method: string, params: Record<string, unknown>, ms: number): Promise<HttpReply> {
    const id = this.deps.nextId();
    const body = requestText(id, method, JSON.stringify({ ...params, _meta: MODERN_META }));
    const headers = modernHeaders(method);
    return within(ms, this.deps.exchange({ method: 'POST', headers, body, id }));
  }
}

function declaredIn(tools: Record<string, unknown>[]): ParamHeaders {
  const declared = new Map<string, readonly ParamHeader[]>();
  for (const tool of tools) {
    const headers = paramHeadersOf(tool['inputSchema']);
    if (headers.length > 0) declared.set(String(tool['name']), headers);
  }
  return declared;
}
