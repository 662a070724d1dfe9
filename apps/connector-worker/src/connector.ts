import type { CallResult, ProgressNote } from '@conducktor/contracts';
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
}

/** One call on its way through a connector. */
export interface OutgoingCall {
  readonly memberId: string;
  readonly method: string;
  readonly name: string;
  readonly argumentsJson: string;
  readonly meta: Readonly<Record<string, unknown>> | undefined;
  readonly wantsProgress: boolean;
  /** Set once the call was given up; then the connector stops quickly and its answer is ignored. */
  readonly stopped: StopReason | undefined;
  /** What to do at the upstream when the call is given up. Replaced from phase to phase. */
  onStop: ((reason: StopReason) => void) | undefined;
  /** To be called at the moment the request itself may reach the upstream: from here on it may have acted. */
  markSent(): void;
  progress(note: ProgressNote): void;
}

export type StopReason = 'cancelled' | 'timeout';

/** One kind of upstream. */
export interface Connector {
  /** Resolves with `ok` or `error`; rejects with UpstreamFailure for everything else. */
  call(connection: LoadedConnection, call: OutgoingCall): Promise<Omit<CallResult, 'durationMs'>>;
  /** Connects afresh and lists all tools, raw. Rejects with UpstreamFailure. */
  listTools(connection: LoadedConnection, deadline: number): Promise<ToolList>;
  close(): Promise<void>;
}

export interface ToolList {
  tools: Record<string, unknown>[];
  /** A sentence when the list was cut or something in it was left out. */
  remark: string | undefined;
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
