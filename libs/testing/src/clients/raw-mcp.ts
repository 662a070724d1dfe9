/** What came back over HTTP, parsed as far as it goes. */
export interface RawAnswer {
  status: number;
  headers: Headers;
  text: string;
  /** The JSON-RPC message with the request's id, from JSON or from an event stream. */
  message?: {
    jsonrpc: '2.0';
    id?: unknown;
    result?: Record<string, unknown> & {
      content?: { type: string; text?: string }[];
      isError?: boolean;
      _meta?: Record<string, unknown>;
    };
    error?: { code: number; message: string; data?: Record<string, unknown> };
  };
  /** Every JSON-RPC message of an event stream, in order. */
  messages: unknown[];
}

export interface RawOptions {
  token?: string;
  headers?: Record<string, string>;
  /** `modern` (default) sends the 2026-07-28 envelope and headers, `legacy` those of 2025-06-18. */
  era?: 'modern' | 'legacy';
  id?: number | string;
  meta?: Record<string, unknown>;
  signal?: AbortSignal;
}

/** One JSON-RPC request over bare HTTP, for what a well-behaved client would never send. */
export async function rawMcp(
  url: string,
  method: string,
  params: Record<string, unknown>,
  options: RawOptions = {},
): Promise<RawAnswer> {
  const modern = (options.era ?? 'modern') === 'modern';
  const meta = {
    ...(modern && {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1' },
      'io.modelcontextprotocol/clientCapabilities': {},
    }),
    ...options.meta,
  };
  const body = {
    jsonrpc: '2.0',
    id: options.id ?? 1,
    method,
    params: { ...params, ...(Object.keys(meta).length > 0 && { _meta: meta }) },
  };
  return await rawPost(url, JSON.stringify(body), {
    ...options,
    headers: {
      'mcp-protocol-version': modern ? '2026-07-28' : '2025-06-18',
      ...(modern && { 'mcp-method': method }),
      ...(modern && typeof params.name === 'string' && { 'mcp-name': params.name }),
      ...options.headers,
    },
  });
}

/** Any body at all. */
export async function rawPost(
  url: string,
  body: string,
  options: Pick<RawOptions, 'token' | 'headers' | 'signal' | 'id'> = {},
): Promise<RawAnswer> {
  const response = await fetch(url, {
    method: 'POST',
    body,
    redirect: 'manual',
    signal: options.signal,
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(options.token !== undefined && { authorization: `Bearer ${options.token}` }),
      ...options.headers,
    },
  });
  const text = await response.text();
  const messages = messagesOf(text, response.headers.get('content-type') ?? '');
  const id = options.id ?? 1;
  const answers = messages as NonNullable<RawAnswer['message']>[];
  const message =
    answers.find((m) => m.id === id) ?? (messages.length === 1 ? answers[0] : undefined);
  return {
    status: response.status,
    headers: response.headers,
    text,
    messages,
    ...(message && { message }),
  };
}

/** tools/call with the arguments given. */
export function rawCall(
  url: string,
  name: string,
  args: Record<string, unknown>,
  options: RawOptions = {},
): Promise<RawAnswer> {
  return rawMcp(url, 'tools/call', { name, arguments: args }, options);
}

function messagesOf(text: string, type: string): unknown[] {
  try {
    if (!type.includes('text/event-stream')) return [JSON.parse(text)];
    return text
      .split('\n')
      .filter((line) => line.startsWith('data:') && line.trim() !== 'data:')
      .map((line) => JSON.parse(line.slice(5)) as unknown);
  } catch {
    return [];
  }
}
