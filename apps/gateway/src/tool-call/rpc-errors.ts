import type { Code } from '@conducktor/contracts';
import type { Failure } from '../mcp/ports.js';

export const CODE = 'conducktor/code';
export const CALL_ID = 'conducktor/callId';
export const RETRY_AFTER = 'conducktor/retryAfterMs';
export const LIMIT = 'conducktor/limit';

export const INVALID_PARAMS = -32_602;
const INTERNAL = -32_603;
/** 2026-07-28: the client lacks a capability. */
const MISSING_CAPABILITY = -32_021;
/** Of ours: the request was understood and governance does not let it pass. */
const REFUSED = -32_003;

/** By code of ours; what is not here was refused. */
const RPC_CODES: Partial<Record<Code, number>> = {
  unauthenticated: -32_001,
  unknown_tool: INVALID_PARAMS,
  unknown_resource: INVALID_PARAMS,
  unknown_prompt: INVALID_PARAMS,
  not_found: INVALID_PARAMS,
  invalid_arguments: INVALID_PARAMS,
  invalid_input: INVALID_PARAMS,
  idempotency_conflict: INVALID_PARAMS,
  client_cannot_be_asked: MISSING_CAPABILITY,
  input_not_given: INTERNAL,
  upstream_timeout: INTERNAL,
  upstream_unavailable: INTERNAL,
  outcome_unknown: INTERNAL,
  result_withheld: INTERNAL,
  cancelled: INTERNAL,
  governance_unavailable: INTERNAL,
  internal_error: INTERNAL,
};

type RpcError = Failure['error'];

/** A JSON-RPC error in our name, with `data._meta` as docs/errors.md says. */
export function rpcError(
  code: Code,
  message: string,
  callId: string | undefined,
  more: { rpcCode?: number; data?: Record<string, unknown> } = {},
): RpcError {
  const error = { code: more.rpcCode ?? RPC_CODES[code] ?? REFUSED, message, data: more.data };
  return withMeta(error, callId, code);
}

/** JSON-RPC errors have no `_meta` of their own; ours stands inside `data`. */
export function withMeta(error: RpcError, callId: string | undefined, code?: Code): RpcError {
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

// Its code until 2025-11-25.
const RESOURCE_NOT_FOUND = -32_002;

/** A resource that does not exist, as the client's revision says it (SEP-2164). */
export function resourceNotFoundCode(era: 'legacy' | 'modern'): number {
  return era === 'modern' ? INVALID_PARAMS : RESOURCE_NOT_FOUND;
}

/**
 * An upstream's error to resources/read: where it says that there is no such resource, it says so in
 * the client's revision and with the client's URI.
 */
export function resourceError(
  error: RpcError,
  era: 'legacy' | 'modern',
  uris: { upstream: string; client: string },
): RpcError {
  const { data } = error;
  const named =
    typeof data === 'object' && data !== null && 'uri' in data && data.uri === uris.upstream;
  const notFound = error.code === RESOURCE_NOT_FOUND || (error.code === INVALID_PARAMS && named);
  if (!notFound && !named) return error;
  return {
    ...error,
    code: notFound ? resourceNotFoundCode(era) : error.code,
    data: { ...(typeof data === 'object' ? data : {}), uri: uris.client },
  };
}
