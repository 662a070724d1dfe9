import { rawMember } from './raw-member.js';

export interface RpcError {
  code: number;
  message: string;
  data?: unknown;
}

/** A JSON-RPC message from an upstream, after the checks that its type says. */
export type Message =
  | { kind: 'result'; id: unknown; result: Record<string, unknown>; resultJson: string }
  | { kind: 'error'; id: unknown; error: RpcError }
  | { kind: 'request'; id: string | number; method: string; params: Record<string, unknown> }
  | { kind: 'notification'; method: string; params: Record<string, unknown> };

/** Deeper than anything that people or programs read; writing much deeper JSON ends in a full stack. */
const MAX_DEPTH = 200;

/**
 * Reads the messages of one JSON text: one, or a batch (2025-03-26). What is no message is left out.
 * A result keeps the upstream's own text: unknown fields and long numbers come through unchanged.
 */
export function readMessages(text: string): Message[] {
  const plain = plainResult(text);
  if (plain) return [plain];
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return [];
  }
  if (Array.isArray(value))
    return value.map((one) => readMessage(one, undefined)).filter((one) => one !== undefined);
  const message = readMessage(value, text);
  return message ? [message] : [];
}

const HEAD = /^\{"jsonrpc":"2\.0","id":(0|[1-9]\d{0,14}),"result":(?=\{)/;
const END = /\}$/;
const RESULT = '{"result":';
const TAIL = /,"jsonrpc":"2\.0","id":(0|[1-9]\d{0,14})\}$/;

/**
 * A result as nearly all servers write it: nothing but the three members, compact, the result last or
 * first. What stands in its place is the result if it is JSON by itself; so it is parsed without the
 * rest, and its own text need not be looked for. Undefined for all else.
 */
function plainResult(text: string): Message | undefined {
  const before = HEAD.exec(text);
  const after = before ? END.exec(text.slice(-1)) : TAIL.exec(text.slice(-64));
  if (!after || !(before || text.startsWith(RESULT))) return undefined;
  const from = before ? before[0].length : RESULT.length;
  const resultJson = text.slice(from, -after[0].length);
  try {
    const result: unknown = JSON.parse(resultJson);
    if (!isObject(result) || isDeeper(result, MAX_DEPTH - 1)) return undefined;
    return { kind: 'result', id: Number((before ?? after)[1]), result, resultJson };
  } catch {
    return undefined;
  }
}

function readMessage(value: unknown, text: string | undefined): Message | undefined {
  if (!isObject(value) || value['jsonrpc'] !== '2.0') return undefined;
  const { id, method, params, result, error } = value;
  if (isDeeper(value, MAX_DEPTH)) return typeof method === 'string' ? undefined : tooDeep(id);
  if (typeof method === 'string') {
    const given = isObject(params) ? params : {};
    if (typeof id === 'string' || typeof id === 'number')
      return { kind: 'request', id, method, params: given };
    return id === undefined ? { kind: 'notification', method, params: given } : undefined;
  }
  if (isObject(error)) {
    const { code, message, data } = error;
    if (typeof code !== 'number') return undefined;
    return {
      kind: 'error',
      id,
      error: {
        code,
        message: typeof message === 'string' ? message : '',
        ...(data !== undefined && { data }),
      },
    };
  }
  if (!isObject(result)) return undefined;
  return {
    kind: 'result',
    id,
    result,
    resultJson: (text && rawMember(text, 'result')) ?? JSON.stringify(result),
  };
}

function tooDeep(id: unknown): Message {
  const message = "The server's answer is nested too deeply and was discarded.";
  return { kind: 'error', id, error: { code: -32603, message } };
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  if (Array.isArray(value)) {
    for (const part of value) if (isDeeper(part, levels - 1)) return true;
    return false;
  }
  for (const key in value)
    if (isDeeper((value as Record<string, unknown>)[key], levels - 1)) return true;
  return false;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A request; `params` is JSON text already. */
export function requestText(id: number, method: string, params: string): string {
  return `{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(method)},"params":${params}}`;
}

export function notificationText(method: string, params: Record<string, unknown> = {}): string {
  return JSON.stringify({ jsonrpc: '2.0', method, params });
}

/** The answer to a request of the upstream that reaches nobody: it may ask whether we live, and nothing else. */
export function answerText(request: { id: string | number; method: string }): string {
  return JSON.stringify(
    request.method === 'ping'
      ? { jsonrpc: '2.0', id: request.id, result: {} }
      : {
          jsonrpc: '2.0',
          id: request.id,
          error: { code: -32601, message: `Method not found: ${request.method}` },
        },
  );
}

/** The answer to a request of the upstream, as the client gave it. */
export function replyText(
  id: string | number,
  reply: { result?: Record<string, unknown>; error?: RpcError },
): string {
  const { result, error } = reply;
  if (isObject(result) && !error) return JSON.stringify({ jsonrpc: '2.0', id, result });
  const { code = -32603, message = 'The client gave no answer.', data } = error ?? {};
  return JSON.stringify({
    jsonrpc: '2.0',
    id,
    error: { code, message, ...(data !== undefined && { data }) },
  });
}
