/**
 * What the gateway and the control plane say to a connector worker over one framed connection.
 *
 * Frame: uint32 big-endian length of the rest · uint8 type · uint32 big-endian stream · payload (UTF-8 JSON).
 * Call and Result carry `argumentsJson` and `resultJson` as text behind the JSON of the rest:
 * uint32 big-endian length of the JSON · JSON · text. So they are neither escaped nor parsed on the way.
 * A stream is one request; its id is chosen by the dialling side and used once per connection.
 * Both sides prove knowledge of the installation's RPC key before any other frame (see the handshake in runtime).
 */
export const FrameType = {
  Challenge: 1,
  Proof: 2,
  Welcome: 3,
  /** dialler → worker: CallRequest */
  Call: 10,
  /** worker → dialler: ProgressNote, any number of times before the result */
  Progress: 11,
  /** worker → dialler: CallResult, exactly one per Call */
  Result: 12,
  /** dialler → worker: the person or the deadline gave up; a Result still follows */
  Cancel: 13,
  /** dialler → worker: CommittedNote: these outcomes are durable and may be forgotten */
  Committed: 14,
  /** worker → dialler: LateOutcome[] of calls whose gateway went away */
  Late: 15,
  /** dialler → worker: RefreshRequest; worker → dialler: RefreshResult */
  Refresh: 20,
  Refreshed: 21,
  Ping: 30,
  Pong: 31,
} as const;
export type FrameType = (typeof FrameType)[keyof typeof FrameType];

/** Where the intent of a call stands in the journal. */
export interface JournalKey {
  epoch: number;
  tick: number;
  ordinal: number;
}

export interface CallRequest {
  key: JournalKey;
  callId: string;
  tenantId: string;
  memberId: string;
  connectionId: string;
  /** connection.revision of the snapshot that decided; an older cached connection is reloaded. */
  revision: number;
  /** MCP method: tools/call for now. */
  method: string;
  /** The upstream's own name of the tool. */
  name: string;
  /** RFC 8785 canonical JSON of the arguments, forwarded byte for byte. */
  argumentsJson: string;
  /** Milliseconds from receipt until the worker gives up. */
  timeoutMs: number;
  /** Ask the upstream for progress. */
  progress: boolean;
  /** `_meta` entries of the request that may travel (no tokens, no progressToken). */
  meta?: Record<string, unknown>;
}

export interface ProgressNote {
  progress: number;
  total?: number;
  message?: string;
}

export type OutcomeKind =
  | 'ok'
  | 'error'
  | 'timeout'
  | 'unavailable'
  | 'unknown'
  | 'cancelled'
  | 'not_sent';

export interface CallResult {
  outcome: OutcomeKind;
  /** The upstream's result object as JSON text (outcome ok, or error with isError). */
  resultJson?: string;
  /** The upstream's own JSON-RPC error. */
  error?: { code: number; message: string; data?: unknown };
  /** Sentence for timeout, unavailable, unknown. */
  message?: string;
  /** Milliseconds between sending and the answer. */
  durationMs: number;
}

export interface CommittedNote {
  callIds: string[];
}

/** An outcome that a worker kept for a gateway that never confirmed it. */
export interface LateOutcome {
  key: JournalKey;
  callId: string;
  tenantId: string;
  outcome: OutcomeKind;
  durationMs: number;
  resultSize: number;
}

export interface RefreshRequest {
  tenantId: string;
  connectionId: string;
}

export interface RefreshResult {
  status: 'ACTIVE' | 'DEGRADED' | 'AUTH_REQUIRED' | 'ERROR';
  reason?: string;
  /** Tool definitions exactly as the upstream listed them, unknown fields included. */
  tools: Record<string, unknown>[];
  ms: number;
}
