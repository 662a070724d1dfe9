import { parseJsonExact } from '@conducktor/catalog';
import type { CallResult, Code } from '@conducktor/contracts';
import { bearerChallenge } from '../mcp/challenge.js';
import { HEADER_MISMATCH } from '../mcp/json-rpc.js';
import type { Challenge, Failure, ToolCallAnswer } from '../mcp/ports.js';
import { mapResultUris } from '../resources/map-uris.js';
import { toClientUri } from '../resources/uris.js';
import { isManagement } from '../management/connection.js';
import type { CheckedCall, RecordedCall } from './types.js';
import type { Refusal } from './refusal.js';
import type { Stopped } from './running-calls.js';
import {
  CALL_ID,
  CODE,
  LIMIT,
  resourceError,
  resourceNotFoundCode,
  RETRY_AFTER,
  rpcError,
  withMeta,
} from './rpc-errors.js';
import { viewFor } from './view-for.js';

/** Only `tools/call` has results that say they are errors; anything else is answered by a JSON-RPC error. */
export const TOOL_CALL = 'tools/call';

/** What decides the shape of an answer. */
export interface Asked {
  method: string;
  era: 'legacy' | 'modern';
}

/**
 * The upstream's own answer, unchanged but for our call id and the URIs, which name their connection;
 * or our sentence where it gave none.
 */
export function answerOf(call: RecordedCall, result: CallResult): ToolCallAnswer {
  const { timeoutMs } = call.tool.connection;
  const isOwn = isManagement(call.tool.connection);
  const slug = isOwn ? "Conducktor's control plane" : call.tool.connection.slug;
  if (result.error) return { kind: 'error', error: upstreamError(call, result.error) };
  if (result.resultJson !== undefined) {
    // The worker has parsed this text before: it is a JSON object.
    const upstream = parseJsonExact(result.resultJson) as Record<string, unknown>;
    const meta = isOwn ? (upstream['_meta'] as object) : theirMeta(upstream['_meta']);
    upstream['_meta'] = { ...meta, [CALL_ID]: call.callId };
    mapResultUris(upstream, (uri) => clientUri(call, uri));
    return { kind: 'result', result: upstream };
  }
  const failed = (code: Code, sentence: string) =>
    failureFor(call.sent.method, code, sentence, call.callId);
  switch (result.outcome) {
    case 'timeout':
      return failed(
        'upstream_timeout',
        `${slug} did not answer within ${Math.round(timeoutMs / 100) / 10} s; whether it acted is not known.`,
      );
    case 'unavailable':
    case 'not_sent':
      return failed(
        'upstream_unavailable',
        isOwn
          ? `${slug} did not answer; nothing was changed. Try again in a moment.`
          : `${slug} cannot be reached right now${result.message ? `: ${result.message}` : '.'}`,
      );
    case 'cancelled':
      return failed('cancelled', 'This call was cancelled; whether it acted is not known.');
    default:
      return failed(
        'outcome_unknown',
        `Whether ${slug} acted is not known. Ask about call ${call.callId} before you try again.`,
      );
  }
}

/** Of a call whose caller or connection may not go on: what its upstream said meanwhile is for nobody. */
export function stoppedAnswer(
  call: RecordedCall,
  { outcome }: CallResult,
  { code, why }: Stopped,
): ToolCallAnswer {
  const acted =
    outcome === 'not_sent' || outcome === 'unavailable'
      ? 'It was not sent.'
      : 'Whether it acted is not known.';
  const sentence = `This call was stopped: ${why}${/[.!?]$/.test(why) ? '' : '.'} ${acted}`;
  return failureFor(call.sent.method, code, sentence, call.callId);
}

function upstreamError(call: RecordedCall, error: Failure['error']): Failure['error'] {
  const { method, name } = call.sent;
  if (method !== 'resources/read' && method !== 'resources/subscribe')
    return withMeta(error, call.callId);
  const uris = { upstream: name, client: clientUri(call, name) };
  return withMeta(resourceError(error, call.caller.context.era, uris), call.callId);
}

/** An upstream's URI as the client of this call knows it. */
export function clientUri({ caller, tool }: CheckedCall, uri: string): string {
  return toClientUri(viewFor(caller), tool.connection, uri);
}

/**
 * An upstream's `_meta` without what clients take for our word: our codes, and where to sign in to us.
 */
function theirMeta(meta: unknown): Record<string, unknown> {
  if (typeof meta !== 'object' || meta === null || Array.isArray(meta)) return {};
  if (!Object.keys(meta).some(isOurWord)) return meta as Record<string, unknown>;
  return Object.fromEntries(Object.entries(meta).filter(([name]) => !isOurWord(name)));
}

const isOurWord = (name: string): boolean =>
  name.startsWith('conducktor/') || name === 'mcp/www_authenticate';

/** A result with `isError`: what people read in their chat, with the code beside it. */
export function failure(
  code: Code,
  sentence: string,
  callId: string | undefined,
  more: Record<string, unknown> = {},
): ToolCallAnswer {
  const retryAfterMs = more[RETRY_AFTER] as number | undefined;
  return {
    kind: 'result',
    result: failed(code, sentence, callId, more),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

function failed(
  code: Code,
  sentence: string,
  callId: string | undefined,
  more: Record<string, unknown>,
): Record<string, unknown> {
  return {
    content: [{ type: 'text', text: sentence }],
    isError: true,
    _meta: { [CODE]: code, ...(callId === undefined ? {} : { [CALL_ID]: callId }), ...more },
  };
}

/** The same for any method. */
export function failureFor(
  method: string,
  code: Code,
  sentence: string,
  callId: string | undefined,
): ToolCallAnswer {
  return method === TOOL_CALL
    ? failure(code, sentence, callId)
    : { kind: 'error', error: rpcError(code, sentence, callId) };
}

/** A refused call on the wire, as CONTRACT's table of governed answers says. */
export function refusalAnswer(
  refusal: Refusal,
  callId: string | undefined,
  metadataUrl: string,
  asked: Asked,
): ToolCallAnswer {
  const { code, message, about } = refusal;
  switch (code) {
    case 'unauthenticated':
    case 'insufficient_scope':
      return challenge(refusal, callId, metadataUrl, asked);
    // The only one of its kind here: a header that does not say what the body says.
    case 'invalid_request':
      return {
        kind: 'error',
        status: 400,
        error: rpcError(code, message, callId, { rpcCode: HEADER_MISMATCH }),
      };
    // A path of ours at which this caller has nothing.
    case 'not_found':
      return { kind: 'error', status: 404, error: rpcError(code, message, callId) };
    case 'unknown_tool':
    case 'unknown_prompt':
    case 'invalid_input':
    case 'idempotency_conflict':
      return { kind: 'error', error: rpcError(code, message, callId) };
    case 'unknown_resource': {
      const more = { rpcCode: resourceNotFoundCode(asked.era), data: { uri: about.uri } };
      return { kind: 'error', error: rpcError(code, message, callId, more) };
    }
    case 'rate_limited': {
      const retryAfterMs = about.retryAfterMs ?? 1_000;
      if (asked.method === TOOL_CALL)
        return failure(code, message, callId, {
          [RETRY_AFTER]: retryAfterMs,
          ...(about.limit && { [LIMIT]: about.limit }),
        });
      return { kind: 'error', status: 429, error: rpcError(code, message, callId), retryAfterMs };
    }
    default:
      return failureFor(asked.method, code, message, callId);
  }
}

function challenge(
  { code, message, about }: Refusal,
  callId: string | undefined,
  metadataUrl: string,
  { method }: Asked,
): Challenge {
  if (code === 'unauthenticated') {
    const wwwAuthenticate = bearerChallenge({
      metadataUrl,
      error: 'invalid_token',
      description: message,
    });
    const body = { error: rpcError(code, message, callId) };
    return { kind: 'challenge', status: 401, wwwAuthenticate, body };
  }
  const wwwAuthenticate = bearerChallenge({
    metadataUrl,
    error: 'insufficient_scope',
    scopes: about.scopes,
  });
  const body =
    method === TOOL_CALL
      ? { result: failed(code, message, callId, { 'mcp/www_authenticate': [wwwAuthenticate] }) }
      : { error: rpcError(code, message, callId) };
  return { kind: 'challenge', status: 403, wwwAuthenticate, body };
}

const CANNOT_RECORD = 'This call was not made, because it cannot be recorded right now.';

/** HTTP 503: nothing was sent, because nothing could be recorded, or for what else `sentence` says. */
export function unavailableAnswer(sentence = CANNOT_RECORD): Failure {
  return {
    kind: 'error',
    status: 503,
    error: rpcError('governance_unavailable', sentence, undefined),
  };
}
