/** `tools/call` and `tools/list` between the wire and the story; the same for both eras but for the shape. */
import {
  CAPABILITY_MISSING,
  errorText,
  INVALID_PARAMS,
  isObject,
  metaOf,
  resultText,
  type Params,
  type RequestId,
} from './json-rpc.js';
import type { Challenge, Failure, GovernedMcp, McpRequestContext, ToolCallInput } from './ports.js';
import type { Reply, RpcReply } from './reply.js';
import { legacyToolResult, modernToolResult } from './result-shape.js';
import { toolListText } from './tool-list.js';

export interface RpcRequest {
  id: RequestId;
  method: string;
  params: Params | undefined;
}

const MAX_IDEMPOTENCY_KEY = 255;

export async function callTool(
  mcp: GovernedMcp,
  context: McpRequestContext,
  request: RpcRequest,
  signal: AbortSignal,
  reply?: Reply,
): Promise<RpcReply> {
  const input = readCall(context, request, signal);
  if (typeof input === 'string') return invalidParams(request.id, input);
  if (reply) input.onProgress = progressOf(request, reply);
  const answer = await mcp.callTool(input);
  if (answer.kind !== 'result') return turnedAway(request.id, answer);
  const shaped =
    context.era === 'modern'
      ? modernToolResult(answer.result)
      : legacyToolResult(answer.result, context.protocolVersion);
  return {
    status: 200,
    text: resultText(request.id, JSON.stringify(shaped)),
    headers: retryAfter(answer.retryAfterMs),
  };
}

export async function listTools(
  mcp: GovernedMcp,
  context: McpRequestContext,
  request: RpcRequest,
): Promise<RpcReply> {
  // A list is one page, so no cursor is ours.
  if (request.params?.['cursor'] !== undefined)
    return invalidParams(request.id, 'Unknown cursor. Ask without one.');
  const answer = await mcp.listTools(context);
  if (answer.kind !== 'tools') return turnedAway(request.id, answer);
  return { status: 200, text: resultText(request.id, toolListText(answer.tools, context.era)) };
}

/** A challenge or an error of the story, on the wire. */
export function turnedAway(id: RequestId | null, answer: Challenge | Failure): RpcReply {
  if (answer.kind === 'challenge') {
    const { result, error } = answer.body;
    const text =
      result && id !== null
        ? resultText(id, JSON.stringify(result))
        : errorText(id, error ?? { code: -32600, message: 'Sign in again.' });
    return { status: answer.status, text, headers: { 'www-authenticate': answer.wwwAuthenticate } };
  }
  // 2026-07-28 wants 400 for this code wherever it arises.
  const status = answer.status ?? (answer.error.code === CAPABILITY_MISSING ? 400 : 200);
  return { status, text: errorText(id, answer.error), headers: retryAfter(answer.retryAfterMs) };
}

function readCall(
  context: McpRequestContext,
  { params }: RpcRequest,
  signal: AbortSignal,
): ToolCallInput | string {
  const name = params?.['name'];
  if (typeof name !== 'string' || name === '') return 'params.name must be the name of a tool.';
  const argumentsValue = params?.['arguments'] ?? {};
  if (!isObject(argumentsValue)) return 'params.arguments must be an object.';
  const meta = metaOf(params);
  const key = idempotencyKeyOf(context, meta);
  if (typeof key === 'object') return key.fault;
  return { context, name, argumentsValue, meta, idempotencyKey: key, signal };
}

function idempotencyKeyOf(
  context: McpRequestContext,
  meta: Params | undefined,
): string | undefined | { fault: string } {
  const header = context.headers['idempotency-key'];
  const inMeta = meta?.['conducktor/idempotencyKey'];
  if (inMeta !== undefined && typeof inMeta !== 'string')
    return { fault: 'The idempotency key must be a string.' };
  if (header !== undefined && inMeta !== undefined && header !== inMeta) {
    return { fault: 'The Idempotency-Key header and the key in _meta differ.' };
  }
  const key = header ?? inMeta;
  if (key === undefined) return undefined;
  if (key.length === 0 || key.length > MAX_IDEMPOTENCY_KEY) {
    return { fault: `The idempotency key must have 1 to ${MAX_IDEMPOTENCY_KEY} characters.` };
  }
  return key;
}

/** Upstream progress with the client's own token; what does not move forward is left out, as MCP demands. */
function progressOf({ params }: RpcRequest, reply: Reply): ToolCallInput['onProgress'] {
  const progressToken = metaOf(params)?.['progressToken'];
  if (typeof progressToken !== 'string' && typeof progressToken !== 'number') return undefined;
  let last = -Infinity;
  return ({ progress, total, message }) => {
    if (!(progress > last)) return;
    last = progress;
    const params = { progressToken, progress, total, message };
    reply.notify(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params }));
  };
}

function invalidParams(id: RequestId, message: string): RpcReply {
  return { status: 200, text: errorText(id, { code: INVALID_PARAMS, message }) };
}

function retryAfter(ms: number | undefined): Record<string, string> | undefined {
  return ms === undefined
    ? undefined
    : { 'retry-after': String(Math.max(1, Math.ceil(ms / 1000))) };
}
