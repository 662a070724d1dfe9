import type { CallResult, Code } from '@conducktor/contracts';
import { bearerChallenge } from '../mcp/challenge.js';
import { HEADER_MISMATCH } from '../mcp/json-rpc.js';
import type { ToolCallAnswer } from '../mcp/ports.js';
import type { AdmittedCall } from './types.js';
import type { Refusal } from './refusal.js';

const CODE = 'conducktor/code';
const CALL_ID = 'conducktor/callId';
const RETRY_AFTER = 'conducktor/retryAfterMs';

type RpcError = { code: number; message: string; data?: unknown };

/** The upstream's own answer, unchanged but for our call id; or our sentence where it gave none. */
export function answerOf(call: AdmittedCall, result: CallResult): ToolCallAnswer {
  const { slug, timeoutMs } = call.tool.connection;
  if (result.error) return { kind: 'error', error: withMeta(result.error, call.callId) };
  if (result.resultJson !== undefined) {
    // The worker has parsed this text before: it is a JSON object.
    const upstream = JSON.parse(result.resultJson) as Record<string, unknown>;
    upstream['_meta'] = { ...theirMeta(upstream['_meta']), [CALL_ID]: call.callId };
    return { kind: 'result', result: upstream };
  }
  switch (result.outcome) {
    case 'timeout':
      return failure(
        'upstream_timeout',
        `${slug} did not answer within ${Math.round(timeoutMs / 100) / 10} s; whether it acted is not known.`,
        call.callId,
      );
    case 'unavailable':
    case 'not_sent':
      return failure(
        'upstream_unavailable',
        `${slug} cannot be reached right now${result.message ? `: ${result.message}` : '.'}`,
        call.callId,
      );
    case 'cancelled':
      return failure(
        'cancelled',
        'This call was cancelled; whether it acted is not known.',
        call.callId,
      );
    default:
      return failure(
        'outcome_unknown',
        `Whether ${slug} acted is not known. Ask about call ${call.callId} before you try again.`,
        call.callId,
      );
  }
}

/**
 * An upstream's `_meta` without what clients take for our word: our codes, and where to sign in to us.
 */
function theirMeta(meta: unknown): Record<string, unknown> {
  if (typeof meta !== 'object' || meta === null || Array.isArray(meta)) return {};
  return Object.fromEntries(
    Object.entries(meta).filter(
      ([name]) => !name.startsWith('conducktor/') && name !== 'mcp/www_authenticate',
    ),
  );
}

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
    result: {
      content: [{ type: 'text', text: sentence }],
      isError: true,
      _meta: { [CODE]: code, ...(callId === undefined ? {} : { [CALL_ID]: callId }), ...more },
    },
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

/** A refused call on the wire, as CONTRACT's table of governed answers says. */
export function refusalAnswer(
  refusal: Refusal,
  callId: string | undefined,
  metadataUrl: string,
): ToolCallAnswer {
  switch (refusal.code) {
    case 'unauthenticated':
      return {
        kind: 'challenge',
        status: 401,
        wwwAuthenticate: bearerChallenge({
          metadataUrl,
          error: 'invalid_token',
          description: refusal.message,
        }),
        body: {
          error: withMeta({ code: -32_001, message: refusal.message }, callId, 'unauthenticated'),
        },
      };
    case 'insufficient_scope': {
      const challenge = bearerChallenge({
        metadataUrl,
        error: 'insufficient_scope',
        scopes: refusal.about.scopes,
      });
      const body = failure('insufficient_scope', refusal.message, callId, {
        'mcp/www_authenticate': [challenge],
      });
      return {
        kind: 'challenge',
        status: 403,
        wwwAuthenticate: challenge,
        body: { result: (body as { result: Record<string, unknown> }).result },
      };
    }
    // The only one of its kind here: a header that does not say what the body says.
    case 'invalid_request':
      return {
        kind: 'error',
        status: 400,
        error: withMeta({ code: HEADER_MISMATCH, message: refusal.message }, callId, refusal.code),
      };
    // A path of ours at which this caller has nothing.
    case 'not_found':
      return {
        kind: 'error',
        status: 404,
        error: withMeta({ code: -32_602, message: refusal.message }, callId, refusal.code),
      };
    case 'unknown_tool':
    case 'idempotency_conflict':
      return {
        kind: 'error',
        error: withMeta({ code: -32_602, message: refusal.message }, callId, refusal.code),
      };
    case 'rate_limited':
      return failure('rate_limited', refusal.message, callId, {
        [RETRY_AFTER]: refusal.about.retryAfterMs ?? 1_000,
      });
    default:
      return failure(refusal.code, refusal.message, callId);
  }
}

/** HTTP 503: nothing was sent, because nothing could be recorded. */
export function unavailableAnswer(): ToolCallAnswer {
  return {
    kind: 'error',
    status: 503,
    error: withMeta(
      {
        code: -32_603,
        message: 'This call was not made, because it cannot be recorded right now.',
      },
      undefined,
      'governance_unavailable',
    ),
  };
}

/** JSON-RPC errors have no `_meta` of their own; ours stands inside `data`. */
function withMeta(error: RpcError, callId: string | undefined, code?: Code): RpcError {
  const { data } = error;
  // An upstream's data that is not an object has no place for our id and stays as it is.
  if (data !== undefined && (typeof data !== 'object' || data === null || Array.isArray(data)))
    return error;
  const meta = {
    ...(code === undefined ? {} : { [CODE]: code }),
    ...(callId === undefined ? {} : { [CALL_ID]: callId }),
  };
  return { ...error, data: { ...data, _meta: meta } };
}
