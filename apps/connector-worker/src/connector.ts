import type {
  CallMethod,
  CallRequest,
  CallResult,
  NotificationNote,
  ProgressNote,
  ReplyNote,
  UpstreamServer,
} from '@conducktor/contracts';
import type { Declared } from './mcp/capabilities.js';
import type { CallEvent } from './telemetry/call-trace.js';
import type { ParamHeader } from './mcp/param-headers.js';

export type ConnectionKind = 'mcp-http' | 'mcp-sse' | 'mcp-stdio';

/** A connection with its secrets opened: lives in the worker's memory only. */
export interface LoadedConnection {
  tenantId: string;
  id: string;
  slug: string;
  kind: ConnectionKind;
  /** mcp-http, mcp-sse */
  url: string | undefined;
  /** mcp-stdio: name in the operator's catalogue. */
  catalog: string | undefined;
  args: readonly string[];
  timeoutMs: number;
  revision: number;
  headers: Readonly<Record<string, string>>;
  env: Readonly<Record<string, string>>;
  /** By upstream tool name; only tools whose schema asks for headers. */
  paramHeaders: ReadonlyMap<string, readonly ParamHeader[]>;
  /**
   * `serverHash` of what the server said of itself when it was last taken over, undefined before the
   * first time. Follows the database while the object stays the same.
   */
  serverHash: string | undefined;
}

/** One call on its way through a connector. */
export interface OutgoingCall {
  readonly memberId: string;
  readonly method: CallMethod;
  readonly name: string;
  readonly argumentsJson: string;
  readonly meta: Readonly<Record<string, unknown>> | undefined;
  readonly wantsProgress: boolean;
  /** What the client can be asked, and so what the upstream may be told. */
  readonly declared: Declared;
  readonly logLevel: string | undefined;
  readonly input: CallRequest['input'];
  /** W3C Trace Context for the upstream: the span that its own become children of. */
  readonly traceparent: string | undefined;
  /** Set once the call was given up; then the connector stops quickly and its answer is ignored. */
  readonly stopped: StopReason | undefined;
  /** What to do at the upstream when the call is given up. Replaced from phase to phase. */
  onStop: ((reason: StopReason) => void) | undefined;
  /** To be called at the moment the request itself may reach the upstream: from here on it may have acted. */
  markSent(): void;
  /** For its trace, if it has one. */
  event(name: CallEvent): void;
  progress(note: ProgressNote): void;
  notify(note: NotificationNote): void;
  /**
   * Puts a request of the upstream to the client; the deadline stands still meanwhile. `reply` is called
   * once, unless the call ends before. Returns why not when the client is not asked.
   */
  ask(
    request: { id: string | number; method: string; params: Record<string, unknown> },
    reply: (reply: AskReply) => void,
  ): AskRefusal | undefined;
  /** The upstream no longer wants an answer to its request of this id. */
  withdraw(id: unknown): void;
}

export type AskReply = Pick<ReplyNote, 'result' | 'error'>;
export type AskRefusal = 'not-declared' | 'too-many' | 'too-long' | 'gone';
export type StopReason = 'cancelled' | 'timeout';
export type ListName = 'tools' | 'prompts' | 'resources';
/** Told of every handshake. */
export type OnServer = (connection: LoadedConnection, server: UpstreamServer) => void;
export type OnListsChanged = (connection: LoadedConnection, list: ListName) => void;

/** One kind of upstream. */
export interface Connector {
  /** Resolves with `ok` or `error`; rejects with UpstreamFailure for everything else. */
  call(connection: LoadedConnection, call: OutgoingCall): Promise<Omit<CallResult, 'durationMs'>>;
  /** Connects afresh and lists all tools, raw. Rejects with UpstreamFailure. */
  listTools(connection: LoadedConnection, deadline: number): Promise<Offer>;
  /**
   * Listens, and subscribes to the URIs for this member; resolves when that is done. Rejects with
   * UpstreamFailure, or SubscriptionRefused with the upstream's own words. List changes are told to
   * whoever made the connector, whether or not anybody watches.
   */
  watch(connection: LoadedConnection, watch: UpstreamWatch): Promise<void>;
  /** Ends a watch, once; nothing happens when it has ended. */
  unwatch(watch: UpstreamWatch): void;
  close(): Promise<void>;
}

/** Somebody who listens to an upstream, as its connector sees him. */
export interface UpstreamWatch {
  /** Empty, with no URIs: listens to the connection's lists only. */
  readonly memberId: string;
  readonly uris: readonly string[];
  /** Milliseconds until the subscription must stand. */
  readonly timeoutMs: number;
  updated(uri: string, params: Record<string, unknown>): void;
  /** What was said for a while is lost; it goes on now. */
  gap(): void;
  /** It is over by itself. */
  end(reason: string): void;
}

export interface ToolList {
  tools: Record<string, unknown>[];
  /** A sentence when the list was cut or something in it was left out. */
  remark: string | undefined;
}

/** What a server offers, and what it says of itself. */
export interface Offer extends ToolList {
  server: UpstreamServer;
}

/** So much of an upstream's own words is kept until its secrets are taken out of them. */
export const MAX_QUOTE = 4_000;

/**
 * What went wrong with the upstream itself, as a sentence for people.
 *   unavailable    it could not be reached; the request was not sent
 *   unknown        it was sent, and the answer was lost
 *   auth           the upstream refused our credentials
 *   configuration  the connection cannot work as it is written
 *   protocol       it answered, but not with MCP
 */
export class UpstreamFailure extends Error {
  override readonly name = 'UpstreamFailure';
  constructor(
    readonly kind: 'unavailable' | 'unknown' | 'auth' | 'configuration' | 'protocol',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The upstream's own refusal of a subscription. */
export class SubscriptionRefused extends Error {
  override readonly name = 'SubscriptionRefused';
  constructor(readonly error: { code: number; message: string; data?: unknown }) {
    super('The server refused the subscription.');
  }
}
