/**
 * The seam between the transports (this folder) and the governed story behind them.
 *
 * A transport turns HTTP into these inputs and these answers into HTTP. It never decides, limits,
 * charges or records; whoever implements `GovernedMcp` never sees a socket.
 */

/** What a transport knows about a request before anything of its meaning was trusted. */
export interface McpRequestContext {
  /** Header names in lower case; a header that came more than once is joined with ", ". */
  headers: Record<string, string | undefined>;
  sourceIp: string;
  /** The MCP path that was asked, each its own protected resource: `/mcp`, an alias of it, `/mcp/<toolset>`. */
  resourcePath: string;
  era: 'legacy' | 'modern';
  protocolVersion: string;
}

export interface ToolCallInput {
  context: McpRequestContext;
  /** The tool name as the client wrote it. */
  name: string;
  argumentsValue: unknown;
  argumentsText?: string;
  meta?: Record<string, unknown>;
  idempotencyKey?: string;
  /** Present when the client asked for progress and can receive it. */
  onProgress?: (progress: { progress: number; total?: number; message?: string }) => void;
  /** Aborted when the client cancels or goes away. */
  signal: AbortSignal;
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

/** `principal` is opaque and stable for one tenant + person + client; sessions are bound to it. */
export type AuthenticateAnswer = { kind: 'caller'; principal: string } | Failure | Challenge;

export interface GovernedMcp {
  callTool(input: ToolCallInput): Promise<ToolCallAnswer>;
  listTools(context: McpRequestContext): Promise<ToolListAnswer>;
  /** For `initialize`, `ping`, `server/discover` and the like: authenticates, nothing else. */
  authenticate(context: McpRequestContext): Promise<AuthenticateAnswer>;
}
