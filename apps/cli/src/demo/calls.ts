import type { Session } from './walk-through.js';

/** One governed call as the table shows it. */
export interface ShownCall {
  who: string;
  call: string;
  /** What is meant to be seen. */
  shows: string;
  /** What must be seen. */
  expected: string;
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

interface Planned {
  who: 'owner' | 'contractor';
  tool: string;
  args: Record<string, unknown>;
  shows: string;
  expected: string;
}

const NOTE = { path: 'hello.txt', content: 'Written through Conducktor.\n' };

const CALLS: Planned[] = [
  {
    who: 'owner',
    tool: 'everything_get-sum',
    args: { a: 19, b: 23 },
    shows: 'allowed, over HTTP',
    expected: 'ok',
  },
  {
    who: 'owner',
    tool: 'files_write_file',
    args: NOTE,
    shows: 'allowed, over stdio',
    expected: 'ok',
  },
  {
    who: 'owner',
    tool: 'memory_read_graph',
    args: {},
    shows: 'allowed, over stdio',
    expected: 'ok',
  },
  {
    who: 'contractor',
    tool: 'files_read_text_file',
    args: { path: 'hello.txt' },
    shows: 'allowed: it only reads',
    expected: 'ok',
  },
  {
    who: 'contractor',
    tool: 'files_write_file',
    args: NOTE,
    shows: 'refused by policy',
    expected: 'policy_denied',
  },
  {
    who: 'owner',
    tool: 'everything_get-env',
    args: {},
    shows: 'refused by policy',
    expected: 'policy_denied',
  },
  {
    who: 'owner',
    tool: 'files_format_disk',
    args: {},
    shows: 'unknown tool',
    expected: 'unknown_tool',
  },
  {
    who: 'owner',
    tool: 'everything_get-sum',
    args: { a: 'nineteen', b: 23 },
    shows: 'arguments do not fit',
    expected: 'invalid_arguments',
  },
  {
    who: 'owner',
    tool: 'files_read_text_file',
    args: { path: 'no-such-file.txt' },
    shows: 'upstream error',
    expected: 'upstream error',
  },
];

/** Makes the calls one after the other, each showing one kind of answer. */
export async function makeCalls({ url, owner, contractor, expired }: Deps): Promise<ShownCall[]> {
  const shown: ShownCall[] = [];
  for (const planned of CALLS) {
    shown.push(await makeCall(planned, planned.who === 'owner' ? owner : contractor));
  }
  return [...shown, await callExpired(url, expired)];
}

async function makeCall(
  { who, tool, args, shows, expected }: Planned,
  { client }: Session,
): Promise<ShownCall> {
  const started = performance.now();
  const seen = await client.callTool({ name: tool, arguments: args }).then(readResult, readError);
  return { who, call: tool, shows, expected, ...seen, ms: performance.now() - started };
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
    answer: error.code === -32602 ? 'unknown_tool' : `error ${error.code ?? ''}`,
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
    expected: '401 invalid_token',
    answer:
      `${response.status} ${/error="(\w+)"/.exec(response.headers.get('www-authenticate') ?? '')?.[1] ?? ''}`.trim(),
    text: body.error?.message ?? '',
    ms: performance.now() - started,
  };
}
