/**
 * The seam between the transports (this folder) and the governed story behind them.
 *
 * A transport turns HTTP into these inputs and these answers into HTTP. It never decides, limits,
 * charges or records; whoever implements `GovernedMcp` never sees a socket.
 */

import type {
  AskNote,
  ClientCapabilities,
  NotificationNote,
  ReplyNote,
} from '@conducktor/contracts';
import type { Timeline } from '@conducktor/telemetry';

/** What a transport knows about a request before anything of its meaning was trusted. */
export interface McpRequestContext {
  /** Header names in lower case; a header that came more than once is joined with ", ". */
  headers: Record<string, string | undefined>;
  sourceIp: string;
  /**
   * The MCP path that was asked, each its own protected resource: `/mcp`, an alias of it, `/mcp/<slug>`
   * of a toolset or connection. The story finds the view of the workspace by it.
   */
  resourcePath: string;
  era: 'legacy' | 'modern';
  protocolVersion: string;
  /** What this client can be asked: of this request (modern) or of its session (legacy). Absent: nothing. */
  capabilities?: ClientCapabilities;
  /** What the client calls itself, where this request says it. Untrusted. */
  client?: { name: string; version?: string };
  /** The client wants log messages from this level on (RFC 5424 names). */
  logLevel?: string;
  /** Kept by the story from one of its steps to another. */
  verified?: object;
  /** When its steps began; of one governed request, so each of a batch has its own. */
  timeline: Timeline;
  /** Its place among what waits for this process; a call that is `away` at its upstream does not. */
  place?: { away(): () => void; readonly isKnown: boolean } | undefined;
}

/** How the story reaches the client while its request is under way. */
export interface ClientChannel {
  /** Present when the client asked for progress and can receive it. */
  onProgress?: (progress: { progress: number; total?: number; message?: string }) => void;
  /** Log messages and the like. Present when the client can receive them. */
  onNotification?: (note: NotificationNote) => void;
  /**
   * Puts a question of the upstream to the client and resolves with its reply; never rejects. Present
   * for legacy clients that can be reached. A modern client is asked by `input_required` instead.
   */
  ask?: (ask: Omit<AskNote, 'askId'>) => Promise<Omit<ReplyNote, 'askId'>>;
  /** Aborted when the client cancels or goes away. */
  signal: AbortSignal;
}

/** The answers to an `input_required` result, as the client sent them (2026-07-28). */
export interface ClientInput {
  requestState?: string;
  inputResponses?: Record<string, unknown>;
}

export interface ToolCallInput extends ClientChannel {
  context: McpRequestContext;
  /** The tool name as the client wrote it. */
  name: string;
  argumentsValue: unknown;
  meta?: Record<string, unknown>;
  idempotencyKey?: string;
  input?: ClientInput;
}

/** Requests besides tools that an upstream answers; each reaches it by the same steps as a tool call. */
export type McpMethod =
  | 'resources/list'
  | 'resources/templates/list'
  | 'resources/read'
  | 'prompts/list'
  | 'prompts/get'
  | 'completion/complete';

export interface McpRequestInput extends ClientChannel {
  context: McpRequestContext;
  method: McpMethod;
  /** As the client wrote them; `_meta`, `inputResponses` and `requestState` taken out. */
  params: Record<string, unknown>;
  meta?: Record<string, unknown>;
  input?: ClientInput;
}

/** Of the tasks extension (2026-07-28). */
export type TaskMethod = 'tasks/get' | 'tasks/update' | 'tasks/cancel';

export interface TaskInput {
  context: McpRequestContext;
  method: TaskMethod;
  taskId: string;
  signal: AbortSignal;
}

export interface WatchTaskInput {
  context: McpRequestContext;
  taskId: string;
  /** With the task as `tasks/get` has it; nothing follows one that is `over`. */
  onTask(task: Record<string, unknown>, over: boolean): void;
}

/** What a listening client is told. URIs are as this client sees them. */
export type ClientEvent =
  | { kind: 'list-changed'; list: 'tools' | 'prompts' | 'resources' }
  | { kind: 'resource-updated'; uri: string }
  | { kind: 'task-changed'; task: Record<string, unknown>; over: boolean }
  /** The person may not have this subscription any more, or its connection is gone for good. */
  | { kind: 'subscription-ended'; uri: string; reason: string };

/** Open until `close` is called; closing twice does nothing. */
export interface Subscription {
  close(): void;
}

export interface ListenInput {
  context: McpRequestContext;
  onEvent(event: ClientEvent): void;
}

/** HTTP 401 or 403 with a challenge; the body is a JSON-RPC result or error. */
export interface Challenge {
  kind: 'challenge';
  status: 401 | 403;
  wwwAuthenticate: string;
  body: { result?: Record<string, unknown>; error?: Failure['error'] };
}

/** A JSON-RPC error, with its HTTP status if that is not 200. */
export interface Failure {
  kind: 'error';
  error: { code: number; message: string; data?: unknown };
  status?: number;
  retryAfterMs?: number;
}

export type ToolCallAnswer =
  /** A JSON-RPC result, `isError` or not. */
  { kind: 'result'; result: Record<string, unknown>; retryAfterMs?: number } | Failure | Challenge;

export type ToolListAnswer =
  | { kind: 'tools'; tools: readonly Record<string, unknown>[]; etag: string }
  | Failure
  | Challenge;

/**
 * `principal` is stable for one tenant + person + client; sessions are bound to it. It begins with the
 * tenant's id and a blank; the rest is opaque.
 */
export type AuthenticateAnswer = Arrived | Failure | Challenge;

export interface Arrived {
  kind: 'caller';
  principal: string;
  /**
   * The workspace has stopped this caller for now. What is asked is refused by the story, in the shape
   * of its method; a stream ends with this.
   */
  frozen?: Failure;
}

/** What a model is told of the view at a path, in sentences, besides what holds for every path. */
export interface Introduction {
  kind: 'introduction';
  instructions?: string;
}

export interface GovernedMcp {
  callTool(input: ToolCallInput): Promise<ToolCallAnswer>;
  listTools(context: McpRequestContext): Promise<ToolListAnswer>;
  /** Results are shaped as 2026-07-28 has them (`ttlMs`, `cacheScope` on lists); transports down-convert. */
  request(input: McpRequestInput): Promise<ToolCallAnswer>;
  /**
   * A task that a call of this caller was answered by: `tasks/get` with the task, whose `result` is that of
   * the call; the others with nothing. Another's, and none, are unknown alike.
   */
  task(input: TaskInput): Promise<ToolCallAnswer>;
  /** The same task, told as it is now and whenever it has changed. It closes by itself when the task is over. */
  watchTask(
    input: WatchTaskInput,
  ): Promise<{ kind: 'watching'; subscription: Subscription } | Failure | Challenge>;
  /** One resource, decided and recorded like a call; events until closed. */
  subscribe(
    input: ListenInput & { uri: string },
  ): Promise<{ kind: 'subscribed'; subscription: Subscription } | Failure | Challenge>;
  /** Changes of what this caller's lists would show, whatever their cause. Reads nothing of an upstream. */
  watchLists(
    input: ListenInput,
  ): Promise<{ kind: 'watching'; subscription: Subscription } | Failure | Challenge>;
  /**
   * Before anything is said of a request: authenticates, nothing else. `look`: no request has come, a
   * stream of an earlier one is looked at again, or the same request will be once more.
   */
  authenticate(context: McpRequestContext, look?: 'look'): Promise<AuthenticateAnswer>;
  /**
   * For what a transport answers by itself: one token of the allowance of requests. `what` names it in
   * a record and is one of few, never a client's word. `undefined` when it may be answered.
   */
  limit(context: McpRequestContext, what: string): Promise<Failure | Challenge | undefined>;
  /** For `initialize` and `server/discover`. */
  introduce(context: McpRequestContext): Promise<Introduction | Failure | Challenge>;
}
