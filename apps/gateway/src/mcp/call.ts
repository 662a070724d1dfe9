/** Requests that the story answers, between the wire and the port; the same for both eras but for the shape. */
import {
  CAPABILITY_MISSING,
  errorText,
  INVALID_PARAMS,
  isObject,
  METHOD_NOT_FOUND,
  metaOf,
  resultText,
  type Params,
  type RequestId,
} from './json-rpc.js';
import { isWanted } from './log-level.js';
import type { Outlet } from './outlet.js';
import type {
  Challenge,
  ClientChannel,
  ClientInput,
  Failure,
  GovernedMcp,
  McpMethod,
  McpRequestContext,
  ToolCallInput,
} from './ports.js';
import type { RpcReply } from './reply.js';
import {
  legacyResult,
  legacyToolResult,
  modernEntryResult,
  modernToolResult,
} from './result-shape.js';
import { toolListText } from './tool-list.js';

export interface RpcRequest {
  id: RequestId;
  method: string;
  params: Params | undefined;
}

const MAX_IDEMPOTENCY_KEY = 255;

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
  const input = readCall(context, request, reach.signal);
  if (typeof input === 'string') return invalidParams(request.id, input);
  const fault = reachThrough(input, context, request, reach);
  if (fault !== undefined) return invalidParams(request.id, fault);
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
    return invalidParams(request.id, 'Unknown cursor. Ask without one.');
  const answer = await mcp.listTools(context);
  if (answer.kind !== 'tools') return turnedAway(request.id, answer, context.era);
  return { status: 200, text: resultText(request.id, toolListText(answer.tools, context.era)) };
}

/** What must be there of a method's params; the rest is the upstream's to judge. */
const PARAMS = new Map<McpMethod, (params: Params) => string | undefined>([
  ['resources/list', cursorFault],
  ['resources/templates/list', cursorFault],
  ['prompts/list', cursorFault],
  ['resources/read', ({ uri }) => (isText(uri) ? undefined : 'params.uri must be a URI.')],
  [
    'prompts/get',
    ({ name, arguments: args }) =>
      !isText(name)
        ? 'params.name must be the name of a prompt.'
        : args !== undefined && !isObject(args)
          ? 'params.arguments must be an object.'
          : undefined,
  ],
  [
    'completion/complete',
    ({ ref, argument }) =>
      !isObject(ref) || !isText(ref['type'])
        ? 'params.ref must say what is completed.'
        : !isObject(argument) || !isText(argument['name']) || typeof argument['value'] !== 'string'
          ? 'params.argument must have a name and a value.'
          : undefined,
  ],
]);

/** Whether the port's `request` answers this method. */
export function isEntry(method: string): method is McpMethod {
  return PARAMS.has(method as McpMethod);
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
  const fault = PARAMS.get(method)!(params);
  if (fault !== undefined) return invalidParams(request.id, fault);
  const input = { context, method, params, meta: metaOf(request.params), signal: reach.signal };
  const unreadable = reachThrough(input, context, request, reach);
  if (unreadable !== undefined) return invalidParams(request.id, unreadable);
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
  const status = answer.status ?? statusOf(answer.error.code, era);
  return { status, text: errorText(id, answer.error), headers: retryAfter(answer.retryAfterMs) };
}

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
  if (context.era !== 'modern' || !request.params) return undefined;
  const { requestState, inputResponses } = request.params;
  if (requestState === undefined && inputResponses === undefined) return undefined;
  if (requestState !== undefined && typeof requestState !== 'string')
    return 'params.requestState must be a string.';
  if (inputResponses !== undefined && !isObject(inputResponses))
    return 'params.inputResponses must be an object.';
  input.input = { requestState, inputResponses };
  return undefined;
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
      if (logLevel === undefined ? era === 'modern' : !isWanted(params['level'], logLevel)) return;
    }
    outlet.note(JSON.stringify({ jsonrpc: '2.0', method, params }));
  };
}

function cursorFault({ cursor }: Params): string | undefined {
  return cursor === undefined || typeof cursor === 'string'
    ? undefined
    : 'params.cursor must be a string.';
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

export function invalidParams(id: RequestId, message: string): RpcReply {
  return { status: 200, text: errorText(id, { code: INVALID_PARAMS, message }) };
}

function retryAfter(ms: number | undefined): Record<string, string> | undefined {
  return ms === undefined
    ? undefined
    : { 'retry-after': String(Math.max(1, Math.ceil(ms / 1000))) };
}
