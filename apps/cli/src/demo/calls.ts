import type { Session } from './walk-through.js';

/** One governed call as the table shows it. */
export interface ShownCall {
  who: string;
  call: string;
  /** What is meant to be seen. */
  shows: string;
  /** What was seen: the code of CONTRACT.md, or `ok`. */
  answer: string;
  /** What the person reads. */
  text: string;
  ms: number;
}

interface Deps {
  url: string;
  owner: Session;
  contractor: Session;
  expired: string;
}

/** Makes the calls one after the other, each showing one kind of answer. */
export async function makeCalls({ url, owner, contractor, expired }: Deps): Promise<ShownCall[]> {
  const note = { path: 'hello.txt', content: 'Written through Conducktor.\n' };
  return [
    await call('owner', owner, 'allowed, over HTTP', 'everything_get-sum', { a: 19, b: 23 }),
    await call('owner', owner, 'allowed, over stdio', 'files_write_file', note),
    await call('owner', owner, 'allowed, over stdio', 'memory_create_entities', {
      entities: [
        { name: 'Conducktor', entityType: 'gateway', observations: ['governs every call'] },
      ],
    }),
    await call('contractor', contractor, 'allowed: contractors may read', 'files_read_text_file', {
      path: 'hello.txt',
    }),
    await call('contractor', contractor, 'refused by policy', 'files_write_file', note),
    await call('owner', owner, 'refused by policy', 'everything_get-env', {}),
    await call('owner', owner, 'unknown tool', 'files_format_disk', {}),
    await call('owner', owner, 'arguments do not fit', 'everything_get-sum', {
      a: 'nineteen',
      b: 23,
    }),
    await call('owner', owner, 'upstream error', 'files_read_text_file', {
      path: 'no-such-file.txt',
    }),
    await callExpired(url, expired),
  ];
}

async function call(
  who: string,
  { client }: Session,
  shows: string,
  name: string,
  args: Record<string, unknown>,
): Promise<ShownCall> {
  const started = performance.now();
  const seen = await client.callTool({ name, arguments: args }).then(readResult, readError);
  return { who, call: name, shows, ...seen, ms: performance.now() - started };
}

function readResult(result: {
  isError?: boolean;
  content?: unknown;
  _meta?: Record<string, unknown>;
}): { answer: string; text: string } {
  const [first] = (result.content ?? []) as { type: string; text?: string }[];
  const code = result._meta?.['conducktor/code'];
  const answer = typeof code === 'string' ? code : result.isError ? 'upstream error' : 'ok';
  return { answer, text: first?.text ?? first?.type ?? '' };
}

function readError(error: { code?: number; message: string; data?: unknown }): {
  answer: string;
  text: string;
} {
  return {
    answer: error.code === -32602 ? 'unknown_tool (-32602)' : `error ${error.code ?? ''}`,
    text: error.message.replace(/^MCP error -?\d+: /, ''),
  };
}

/** Over bare HTTP: the SDK would quietly fetch a fresh token. */
async function callExpired(url: string, token: string): Promise<ShownCall> {
  const name = 'everything_echo';
  const meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 'conducktor-demo', version: '1.0.0' },
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const started = performance.now();
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': name,
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name, arguments: { message: 'still there?' }, _meta: meta },
    }),
  });
  const body = (await response.json().catch(() => ({}))) as { error?: { message?: string } };
  return {
    who: 'owner',
    call: name,
    shows: 'expired token',
    answer:
      `${response.status} ${/error="(\w+)"/.exec(response.headers.get('www-authenticate') ?? '')?.[1] ?? ''}`.trim(),
    text: body.error?.message ?? '',
    ms: performance.now() - started,
  };
}
