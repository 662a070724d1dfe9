/**
 * What the gateway and the control plane say to a connector worker over one framed connection.
 *
 * Frame: uint32 length of the rest · uint8 exclusive or of its bytes and 0x5a · uint32 CRC-32 of what follows ·
 * uint8 type · uint32 stream · payload (UTF-8 JSON). Numbers are big-endian. A frame that does not fit its sums
 * ends the connection: no byte of it is taken for anything.
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
  /** worker → dialler, on the stream of a Call or Resume: AskNote, the upstream asks the client something */
  Ask: 16,
  /** dialler → worker, on the same stream: ReplyNote */
  Reply: 17,
  /** worker → dialler, on the stream of a Call or Resume: NotificationNote */
  Notify: 18,
  /** dialler → worker: ResumeRequest, on a stream of its own; answered like a Call */
  Resume: 19,
  /** dialler → worker: RefreshRequest; worker → dialler: RefreshResult */
  Refresh: 20,
  Refreshed: 21,
  /** dialler → worker: WatchRequest; the stream stays open until Cancel or the loss of the connection */
  Watch: 22,
  /** worker → dialler: WatchAnswer, once for each Watch; again, with `ok: false`, when a watch ends by itself */
  Watched: 23,
  /** worker → dialler, on the stream of a Watch: UpstreamEvent */
  Event: 24,
  /** worker → dialler: it is stopping. It ends what runs, and answers what still comes with `not_sent` */
  Leaving: 25,
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
  /** The client's id, or that of the API key; told to the control plane, which records it. */
  clientId?: string;
  connectionId: string;
  /** connection.revision of the snapshot that decided; an older cached connection is reloaded. */
  revision: number;
  method: CallMethod;
  /** The upstream's own name of the tool or prompt, its own URI of the resource; empty where there is none. */
  name: string;
  /**
   * RFC 8785 canonical JSON of what was decided on, forwarded byte for byte: the `arguments` of
   * tools/call and prompts/get, the `params` of every other method.
   */
  argumentsJson: string;
  /** Milliseconds from receipt until the worker gives up. */
  timeoutMs: number;
  /** Ask the upstream for progress. */
  progress: boolean;
  /** `_meta` entries of the request that may travel (no tokens, no progressToken). */
  meta?: Record<string, unknown>;
  /** What this client can be asked; the upstream is told of nothing else. */
  capabilities?: ClientCapabilities;
  /** The client wants log messages of this level and above (RFC 5424 names). */
  logLevel?: string;
  /** A later round of a request that the upstream answered with `input_required` (2026-07-28). */
  input?: { requestState?: string; inputResponses?: Record<string, unknown> };
  /** W3C Trace Context of the gateway's span; absent where nothing is traced. */
  traceparent?: string;
  /** Where what it costs hangs on what comes of it; absent: it costs what it reserved, once it is sent. */
  quote?: PriceQuote;
}

/** What a call was priced at before it was sent. Amounts in millionths of the workspace's currency. */
export interface PriceQuote {
  /** The most that it can cost. */
  reservedMicros: number;
  /** How it is found afterwards what it comes to; absent: to `reservedMicros`. */
  meter?:
    | { kind: 'size'; microsPerKiB: number; baseMicros: number }
    /** `key` is one in the `_meta` of the result. */
    | { kind: 'reported'; key: string };
  /** Only an answer without an error is paid. */
  onSuccess?: true;
  /** What its arguments come to, where that is more than may be charged. */
  uncappedMicros?: number;
}

/** What a call is charged when it has ended. */
export interface Charge {
  costMicros: number;
  /** It was charged at the maximum: it came to more, or its service did not say to how much. */
  overMax?: true;
  /** What it came to, if that is known and more than was charged. */
  uncappedMicros?: number;
}

/** What reaches an upstream on behalf of a person. Subscriptions do so by Watch. */
export type CallMethod =
  | 'tools/call'
  | 'resources/list'
  | 'resources/templates/list'
  | 'resources/read'
  | 'prompts/list'
  | 'prompts/get'
  | 'completion/complete';

/** The capabilities of a client that concern an upstream, as MCP spells them. */
export interface ClientCapabilities {
  elicitation?: { form?: Record<string, unknown>; url?: Record<string, unknown> };
  sampling?: Record<string, unknown>;
  roots?: Record<string, unknown>;
  /** Extensions that change what a server offers: `io.modelcontextprotocol/ui`. */
  extensions?: Record<string, unknown>;
}

export type AskMethod = 'elicitation/create' | 'sampling/createMessage' | 'roots/list';

/** A request of the upstream to the client during a call. The call's deadline waits for the reply. */
export interface AskNote {
  /** Unique within the call. */
  askId: number;
  method: AskMethod;
  params: Record<string, unknown>;
}

export interface ReplyNote {
  askId: number;
  result?: Record<string, unknown>;
  error?: { code: number; message: string; data?: unknown };
}

/** A notification of the upstream during a call, other than progress. */
export interface NotificationNote {
  method: 'notifications/message' | 'notifications/elicitation/complete';
  params: Record<string, unknown>;
}

/**
 * Takes up a call that waits for replies, perhaps from another gateway than the one that made it. The
 * worker gives it the replies, and from then on what the call asks, notes and answers. The first
 * gateway still hears the result, and settles. Unknown, ended or another member's: outcome `unknown`.
 */
export interface ResumeRequest {
  callId: string;
  tenantId: string;
  memberId: string;
  replies: ReplyNote[];
}

/**
 * What a connection tells without being called. With `uris`, they stay subscribed at the upstream, in
 * this member's session, for as long as the stream is open; the answer comes when that is done.
 */
export interface WatchRequest {
  tenantId: string;
  memberId: string;
  connectionId: string;
  revision: number;
  /** The connection's lists: tools, prompts, resources. */
  lists: boolean;
  /** The upstream's own URIs. */
  uris: string[];
  timeoutMs: number;
}

export type WatchAnswer =
  | { ok: true }
  /** `error` is the upstream's own refusal of a subscription. */
  | { ok: false; message: string; error?: { code: number; message: string; data?: unknown } };

export type UpstreamEvent =
  | { kind: 'list-changed'; list: 'tools' | 'prompts' | 'resources' }
  | { kind: 'resource-updated'; uri: string; params: Record<string, unknown> }
  /** The upstream was lost for a while: anything may have changed meanwhile. */
  | { kind: 'gap' };

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
  /** Bytes of the result as JSON. */
  resultSize: number;
  /** Of a call that came with a quote. */
  charge?: Charge;
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
  /** What the server says of itself; absent when it could not be reached. */
  server?: UpstreamServer;
  ms: number;
}

export interface UpstreamServer {
  protocolVersion: string;
  /** Server capabilities, as MCP spells them. */
  capabilities: Record<string, unknown>;
  serverInfo?: Record<string, unknown>;
  instructions?: string;
}
