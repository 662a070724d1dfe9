/** Requests that the story answers, between the wire and the port; the same for both eras but for the shape. */
import {
  CAPABILITY_MISSING,
  errorText,
  INTERNAL_ERROR,
  INVALID_PARAMS,
  METHOD_NOT_FOUND,
  metaOf,
  resultText,
  type Params,
  type RequestId,
} from './json-rpc.js';
import { isLogWanted } from '@conducktor/contracts';
import type { Outlet } from './outlet.js';
import type {
  Challenge,
  ClientChannel,
  ClientInput,
  Failure,
  GovernedMcp,
  McpMethod,
  McpRequestContext,
} from './ports.js';
import { entryFault, readCall, readInput } from './read-params.js';
import { readyResult, type RpcReply } from './reply.js';
import {
  legacyResult,
  legacyToolResult,
  modernEntryResult,
  modernToolResult,
} from './result-shape.js';
import { toolListBytes } from './tool-list.js';

export interface RpcRequest {
  id: RequestId;
  method: string;
  params: Params | undefined;
}

/** How the story reaches the client; `ask` is for legacy clients only. */
export interface Reach {
  signal: AbortSignal;
  outlet?: Outlet;
  ask?: ClientChannel['ask'];
}

export async function callTool(
  mcp: GovernedMcp,
  context: McpRequestContext,
  request: RpcRequest,
  reach: Reach,
): Promise<RpcReply> {
  const input = readCall(context, request.params, reach.signal);
  if (typeof input === 'string') return misread(mcp, context, request, input);
  const fault = reachThrough(input, context, request, reach);
  if (fault !== undefined) return misread(mcp, context, request, fault);
  const answer = await mcp.callTool(input);
  if (answer.kind !== 'result') return turnedAway(request.id, answer, context.era);
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
    return misread(mcp, context, request, 'Unknown cursor. Ask without one.');
  const answer = await mcp.listTools(context);
  if (answer.kind !== 'tools') return turnedAway(request.id, answer, context.era);
  return readyResult(request.id, toolListBytes(answer.tools, context.era));
}

/** Resources, prompts and completions. */
export async function requestEntry(
  mcp: GovernedMcp,
  context: McpRequestContext,
  request: RpcRequest,
  method: McpMethod,
  reach: Reach,
): Promise<RpcReply> {
  const { _meta: _, inputResponses: __, requestState: ___, ...params } = request.params ?? {};
  const fault = entryFault(method, params);
  if (fault !== undefined) return misread(mcp, context, request, fault);
  const input = { context, method, params, meta: metaOf(request.params), signal: reach.signal };
  const unreadable = reachThrough(input, context, request, reach);
  if (unreadable !== undefined) return misread(mcp, context, request, unreadable);
  const answer = await mcp.request(input);
  if (answer.kind !== 'result') return turnedAway(request.id, answer, context.era);
  const shaped =
    context.era === 'modern'
      ? modernEntryResult(method, answer.result)
      : legacyResult(answer.result, context.protocolVersion);
  return {
    status: 200,
    text: resultText(request.id, JSON.stringify(shaped)),
    headers: retryAfter(answer.retryAfterMs),
  };
}

/** A challenge or an error of the story, on the wire. */
export function turnedAway(
  id: RequestId | null,
  answer: Challenge | Failure,
  era: McpRequestContext['era'] = 'legacy',
): RpcReply {
  if (answer.kind === 'challenge') {
    const { result, error } = answer.body;
    const text =
      result && id !== null
        ? resultText(id, JSON.stringify(result))
        : errorText(id, error ?? { code: -32600, message: 'Sign in again.' });
    return { status: answer.status, text, headers: { 'www-authenticate': answer.wwwAuthenticate } };
  }
  const { code } = answer.error;
  const status = answer.status ?? (id === null ? withoutRequest(code) : statusOf(code, era));
  return { status, text: errorText(id, answer.error), headers: retryAfter(answer.retryAfterMs) };
}

/** Notifications, responses, streams and sessions are refused by their status (2025-11-25, transports). */
const withoutRequest = (code: number): number => (code === INTERNAL_ERROR ? 500 : 403);

/** 2026-07-28 wants these wherever they arise; to older clients another status is a broken transport. */
function statusOf(code: number, era: McpRequestContext['era']): number {
  if (era === 'legacy') return 200;
  if (code === CAPABILITY_MISSING) return 400;
  return code === METHOD_NOT_FOUND ? 404 : 200;
}

/** Gives the input what can reach the client; returns what is wrong with the answers it brings. */
function reachThrough(
  input: ClientChannel & { input?: ClientInput },
  context: McpRequestContext,
  request: RpcRequest,
  { outlet, ask }: Reach,
): string | undefined {
  if (outlet) {
    input.onProgress = progressOf(request, outlet);
    input.onNotification = notesOf(context, outlet);
  }
  if (ask) input.ask = ask;
  const given = readInput(context, request.params);
  if (typeof given === 'string') return given;
  if (given) input.input = given;
  return undefined;
}

/** Upstream progress with the client's own token; what does not move forward is left out, as MCP demands. */
function progressOf({ params }: RpcRequest, outlet: Outlet): ClientChannel['onProgress'] {
  if (!outlet.canStream) return undefined;
  const progressToken = metaOf(params)?.['progressToken'];
  if (typeof progressToken !== 'string' && typeof progressToken !== 'number') return undefined;
  let last = -Infinity;
  return ({ progress, total, message }) => {
    if (!(progress > last)) return;
    last = progress;
    const params = { progressToken, progress, total, message };
    outlet.notify(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params }));
  };
}

/**
 * Log messages at or above the level. Without one a legacy client gets what the upstream sends of its
 * own accord, as it would without a gateway; a modern one gets none (2026-07-28, logging).
 */
function notesOf(
  { era, logLevel, capabilities }: McpRequestContext,
  outlet: Outlet,
): ClientChannel['onNotification'] {
  if (!outlet.canStream) return undefined;
  if (era === 'modern' && logLevel === undefined && !capabilities?.elicitation) return undefined;
  return ({ method, params }) => {
    if (method === 'notifications/message') {
      if (logLevel === undefined ? era === 'modern' : !isLogWanted(params['level'], logLevel))
        return;
    }
    outlet.note(JSON.stringify({ jsonrpc: '2.0', method, params }));
  };
}

/** A request of the story's whose params keep it from getting there; it is limited all the same. */
export async function misread(
  mcp: Pick<GovernedMcp, 'limit'>,
  context: McpRequestContext,
  { id, method }: RpcRequest,
  fault: string,
): Promise<RpcReply> {
  const away = await mcp.limit(context, method);
  return away ? turnedAway(id, away, context.era) : invalidParams(id, fault);
}

export function invalidParams(id: RequestId, message: string): RpcReply {
  return { status: 200, text: errorText(id, { code: INVALID_PARAMS, message }) };
}

function retryAfter(ms: number | undefined): Record<string, string> | undefined {
  return ms === undefined
    ? undefined
    : { 'retry-after': String(Math.max(1, Math.ceil(ms / 1000))) };
}
