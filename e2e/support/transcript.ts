/** What clients and Conducktor said to each other, kept as it went over HTTP and written down for people. */

export interface Message {
  id?: unknown;
  method?: string;
  params?: Record<string, unknown>;
  result?: Record<string, unknown>;
  error?: { code: number; message: string; data?: Record<string, unknown> };
}

/** A request and all that came back for it; empty while it is under way. */
export interface Exchange {
  sent: Message;
  back: Message[];
}

export interface Wire {
  fetch: typeof globalThis.fetch;
  exchanges: Exchange[];
  /** Resolves when every answer has been read. */
  quiet(): Promise<unknown>;
}

/** The same `fetch`, of which every JSON-RPC request is kept with its answer. */
export function recorded(inner: typeof globalThis.fetch): Wire {
  const exchanges: Exchange[] = [];
  const reads: Promise<void>[] = [];
  const fetch: typeof globalThis.fetch = async (url, init) => {
    const response = await inner(url, init);
    if (init?.method !== 'POST' || typeof init.body !== 'string') return response;
    const exchange: Exchange = { sent: JSON.parse(init.body) as Message, back: [] };
    exchanges.push(exchange);
    const copy = response.clone();
    const read = async () => void exchange.back.push(...messagesOf(await copy.text()));
    reads.push(read().catch(() => undefined));
    return response;
  };
  return { fetch, exchanges, quiet: () => Promise.all(reads) };
}

/** Of an answer in JSON, or in events; its last is the answer. */
export function messagesOf(text: string): Message[] {
  const events = text
    .split('\n')
    .filter((line) => line.startsWith('data:') && line.trim() !== 'data:')
    .map((line) => line.slice(5));
  return (events.length > 0 ? events : [text])
    .filter((one) => one.trim() !== '')
    .map((one) => JSON.parse(one) as Message);
}

const SHOWN = new Set([
  'tools/call',
  'tasks/get',
  'tasks/update',
  'tasks/cancel',
  'subscriptions/listen',
]);

/**
 * Exchanges as Markdown. Left out: the envelope of JSON-RPC, the handshake, and of `_meta` what says nothing
 * about approvals, all looks at a task but the last, and what is between the first
 * and the last that is told of one. What is new in every run (ids, times, sealed state) is cut to `…`.
 */
export function transcript({ exchanges }: Pick<Wire, 'exchanges'>, publicUrl: string): string {
  const told = exchanges.filter(({ sent }) => SHOWN.has(sent.method ?? ''));
  const last = told.findLast(isPoll);
  const lines = told
    .filter((one) => !isPoll(one) || one === last)
    .flatMap(({ sent, back }) => [
      '// →',
      print(shownRequest(sent)),
      ...beforeAndAfter(back).flatMap((message) => ['// ←', print(shownAnswer(message))]),
    ]);
  return ['```jsonc', shortened(lines.join('\n'), publicUrl), '```'].join('\n');
}

/** How often a client looks is a matter of time. */
const isPoll = ({ sent }: Exchange) => sent.method === 'tasks/get';

/** Of what a task went through, where it began and how it ended: what is between may pass unseen. */
function beforeAndAfter(messages: readonly Message[]): Message[] {
  const told = messages.filter(({ method }) => method === 'notifications/tasks');
  const between = new Set(told.slice(1, -1));
  return messages.filter((message) => !between.has(message));
}

const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';

function shownRequest({ method, params = {} }: Message) {
  const { _meta, ...rest } = params as { _meta?: Record<string, unknown> };
  const declared = _meta?.[CAPABILITIES];
  return {
    method,
    params: { ...rest, ...(declared === undefined ? {} : { _meta: { [CAPABILITIES]: declared } }) },
  };
}

function shownAnswer({ method, params, result, error }: Message) {
  if (method !== undefined) return { method, params: plain(params) };
  return error === undefined ? { result: plain(result) } : { error: plain(error) };
}

/** Without what every answer carries. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value)
    .filter(([key]) => key !== 'io.modelcontextprotocol/serverInfo')
    .map(([key, inner]) => [key, SEALED.has(key) ? '…' : plain(inner)] as const)
    .filter(([key, inner]) => key !== '_meta' || Object.keys(inner as object).length > 0);
  return Object.fromEntries(entries);
}

const SEALED = new Set(['requestState']);

function shortened(text: string, publicUrl: string): string {
  return text
    .replaceAll(publicUrl, 'https://mcp.example.com')
    .replaceAll(/\b(apr|call)_[0-9A-Za-z]{22}\b/g, '$1_…')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '…')
    .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d UTC/g, '… UTC')
    .replaceAll(/("requestState": )"[^"…]{2,}"/g, '$1"…"')
    .replaceAll(/("ttlMs": )\d+/g, (_, name: string) => `${name}90000000`);
}

const WIDTH = 110;

/** JSON that keeps on one line what fits there. */
function print(value: unknown, indent = ''): string {
  const flat = flatJson(value);
  if (indent.length + flat.length <= WIDTH || typeof value !== 'object' || value === null)
    return flat;
  const deeper = `${indent}  `;
  const inner = Array.isArray(value)
    ? value.map((each) => print(each, deeper))
    : Object.entries(value).map(([key, each]) => `${JSON.stringify(key)}: ${print(each, deeper)}`);
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  return `${open}\n${inner.map((line) => `${deeper}${line}`).join(',\n')}\n${indent}${close}`;
}

function flatJson(value: unknown): string {
  if (Array.isArray(value))
    return value.length === 0 ? '[]' : `[${value.map(flatJson).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  if (entries.length === 0) return '{}';
  return `{ ${entries.map(([key, each]) => `${JSON.stringify(key)}: ${flatJson(each)}`).join(', ')} }`;
}
