/** JSON-RPC 2.0 as MCP narrows it: objects as params, no null ids. */

export type RequestId = string | number;
export type Params = Record<string, unknown>;

export interface RpcError {
  code: number;
  message: string;
  data?: unknown;
}

/** An HTTP status with the JSON-RPC error in its body. */
export interface Refusal {
  kind: 'refusal';
  status: number;
  error: RpcError;
  /** More headers, such as `Allow`. */
  headers?: Record<string, string>;
}

export const PARSE_ERROR = -32700;
export const INVALID_REQUEST = -32600;
export const METHOD_NOT_FOUND = -32601;
export const INVALID_PARAMS = -32602;
export const INTERNAL_ERROR = -32603;
/** What the SDKs use for refusals of the transport itself. */
export const TRANSPORT_ERROR = -32000;
export const SESSION_NOT_FOUND = -32001;
export const HEADER_MISMATCH = -32020;
export const CAPABILITY_MISSING = -32021;
export const VERSION_UNSUPPORTED = -32022;

export type Message =
  | { kind: 'request'; id: RequestId; method: string; params: Params | undefined }
  | { kind: 'notification'; method: string; params: Params | undefined }
  | { kind: 'response'; message: Record<string, unknown> }
  | { kind: 'invalid'; id: RequestId | null; why: string };

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An id that survives a round trip: integers beyond 2^53 would come back as another number. */
function isId(value: unknown): value is RequestId {
  if (typeof value === 'string') return true;
  return typeof value === 'number' && (!Number.isInteger(value) || Number.isSafeInteger(value));
}

/** Reads one message of a parsed body; never throws. */
export function readMessage(value: unknown): Message {
  if (!isObject(value))
    return { kind: 'invalid', id: null, why: 'The body is not a JSON-RPC message.' };
  const { id, method, params } = value;
  const known = isId(id) ? id : null;
  if (value['jsonrpc'] !== '2.0')
    return { kind: 'invalid', id: known, why: '"jsonrpc" must be "2.0".' };
  if (method === undefined && ('result' in value || 'error' in value))
    return { kind: 'response', message: value };
  if (typeof method !== 'string')
    return { kind: 'invalid', id: known, why: '"method" must be a string.' };
  if (params !== undefined && !isObject(params)) {
    return { kind: 'invalid', id: known, why: '"params" must be an object.' };
  }
  if (!('id' in value)) return { kind: 'notification', method, params };
  if (known === null) {
    return {
      kind: 'invalid',
      id: null,
      why: '"id" must be a string or a number that JSON can carry unchanged.',
    };
  }
  return { kind: 'request', id: known, method, params };
}

/** The request's `_meta`, when it is an object. */
export function metaOf(params: Params | undefined): Params | undefined {
  const meta = params?.['_meta'];
  return isObject(meta) ? meta : undefined;
}

export function refusal(status: number, code: number, message: string, data?: unknown): Refusal {
  return {
    kind: 'refusal',
    status,
    error: data === undefined ? { code, message } : { code, message, data },
  };
}

/** A refusal that carries one of our stable codes, where JSON-RPC has no `_meta` to put it. */
export function codedRefusal(status: number, code: number, message: string, ours: string): Refusal {
  return refusal(status, code, message, { _meta: { 'conducktor/code': ours } });
}

export function errorText(id: RequestId | null, error: RpcError): string {
  return `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"error":${JSON.stringify(error)}}`;
}

/** `result` is serialised JSON already. */
export function resultText(id: RequestId, result: string): string {
  return `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${result}}`;
}
