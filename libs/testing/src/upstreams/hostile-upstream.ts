import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { HOSTILE_LISTS, LIST_KINDS } from './hostile-lists.js';
import { HOSTILE_STREAMS } from './hostile-streams.js';
import { MISBEHAVIOURS, type Exchange } from './misbehaviours.js';

export interface HostileUpstream {
  readonly port: number;
  /**
   * The address of one server of this era. `lists` names an entry of HOSTILE_LISTS, or a misbehaviour
   * that answers every list; `everything` names the misbehaviour that answers every request; `streams`
   * an entry of HOSTILE_STREAMS, for lasting streams.
   */
  url(
    era: 'modern' | 'legacy',
    how?: { lists?: string; everything?: string; streams?: string },
  ): string;
  /** Every JSON-RPC message that arrived, in order. */
  readonly seen: { path: string; headers: IncomingHttpHeaders; body: string; message: Rpc }[];
  /** Bytes that were written by endless answers, by name of the misbehaviour. */
  readonly poured: Map<string, number>;
  close(): Promise<void>;
}

interface Rpc {
  id?: string | number;
  method?: string;
  params?: Record<string, unknown>;
  result?: unknown;
  error?: unknown;
}

const SERVER_INFO = { name: 'hostile-upstream', version: '1.0.0' };
const CAPABILITIES = {
  tools: { listChanged: true },
  resources: { subscribe: true, listChanged: true },
  prompts: { listChanged: true },
  completions: {},
  logging: {},
};
/** More than any bound of ours, and little enough for a test that finds none. */
const POUR_LIMIT = 100 * 1024 * 1024;

/**
 * An MCP server that misbehaves as the client chooses: the name of a tool or prompt, and the host of a
 * resource's URI (`hostile://<name>`), is the name of the misbehaviour that answers.
 */
export async function startHostileUpstream(): Promise<HostileUpstream> {
  const seen: HostileUpstream['seen'] = [];
  const poured = new Map<string, number>();
  const sockets = new Set<Socket>();
  const closing = new AbortController();

  const server = createServer((incoming, response) => {
    // What it writes to those who left is nobody's concern.
    response.on('error', () => {});
    void handle(incoming, response).catch(() => response.destroy());
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => {});
  });

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = incoming.url ?? '';
    const [, era = '', lists = '', everything = '', streams = ''] = path
      .split('/')
      .map(decodeURIComponent);
    if (incoming.method === 'GET' && streams !== '-')
      return await misuse(response, streams, path, undefined);
    if (incoming.method !== 'POST') return void response.writeHead(405).end();
    const body = await bodyOf(incoming);
    const message = JSON.parse(body) as Rpc;
    seen.push({ path, headers: incoming.headers, body, message });
    const { id, method, params = {} } = message;
    if (id === undefined || method === undefined) return void response.writeHead(202).end();
    if (method === 'resources/subscribe') subscribed(path).push(String(params['uri']));
    if (method === 'subscriptions/listen') return await misuse(response, streams, path, message);
    const modern = era === 'modern';
    const name = everything !== '-' ? everything : behaviourOf(method, params, lists);
    const exchange: Exchange = {
      id,
      method,
      params,
      response,
      good: { ...(modern && { resultType: 'complete' }), ...honest(method, params, lists) },
      pause: (ms) => pause(ms, closing.signal),
      pour: (chunk, limit = POUR_LIMIT) =>
        pour(response, chunk, limit, (bytes) => poured.set(name, (poured.get(name) ?? 0) + bytes)),
    };
    if (method === 'initialize' && modern && everything === '-')
      return refuse(exchange, 'No initialize');
    if (method === 'server/discover' && !modern && everything === '-')
      return refuse(exchange, 'Method not found');
    await MISBEHAVIOURS[name]!(exchange);
  }

  const uris = new Map<string, string[]>();
  function subscribed(path: string): string[] {
    if (!uris.has(path)) uris.set(path, []);
    return uris.get(path)!;
  }

  /** `listen` is the request that opened the stream; absent: GET. */
  async function misuse(
    response: ServerResponse,
    name: string,
    path: string,
    listen: Rpc | undefined,
  ): Promise<void> {
    seen.push({ path, headers: {}, body: '', message: { method: 'stream' } });
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    const meta = listen && { 'io.modelcontextprotocol/subscriptionId': listen.id };
    const notifications = (listen?.params?.['notifications'] ?? {}) as Record<string, unknown>;
    if (listen) {
      const method = 'notifications/subscriptions/acknowledged';
      const params = { notifications, _meta: meta };
      response.write(`data: ${JSON.stringify({ jsonrpc: '2.0', method, params })}\n\n`);
    } else
      while (subscribed(path).length === 0 && !response.destroyed && !closing.signal.aborted)
        await pause(50, closing.signal);
    await HOSTILE_STREAMS[name]?.({
      response,
      uris: listen
        ? ((notifications['resourceSubscriptions'] ?? []) as string[])
        : subscribed(path),
      meta,
      pour: (chunk, limit = POUR_LIMIT) =>
        pour(response, chunk, limit, (bytes) => poured.set(name, (poured.get(name) ?? 0) + bytes)),
    });
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    port,
    seen,
    poured,
    url: (era, { lists = '-', everything = '-', streams = '-' } = {}) =>
      `http://127.0.0.1:${port}/${era}/${lists}/${everything}/${streams}/mcp`,
    close: async () => {
      closing.abort();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Which misbehaviour was asked for; `fine` where nothing was. */
function behaviourOf(method: string, params: Record<string, unknown>, lists: string): string {
  if (method in LIST_KINDS) return lists in MISBEHAVIOURS ? lists : 'fine';
  const ref = params['ref'] as Record<string, unknown> | undefined;
  const asked = params['name'] ?? params['uri'] ?? ref?.['name'] ?? ref?.['uri'] ?? 'fine';
  const name = String(asked)
    .replace(/^hostile:\/\//, '')
    .split('/')[0]!;
  return name in MISBEHAVIOURS ? name : 'fine';
}

function honest(
  method: string,
  params: Record<string, unknown>,
  lists: string,
): Record<string, unknown> {
  const kind = LIST_KINDS[method];
  if (kind) {
    const hostile = HOSTILE_LISTS[lists];
    if (hostile) return hostile(kind, params['cursor'] as string | undefined);
    return { [kind.member]: Object.keys(MISBEHAVIOURS).map((name) => kind.entry(name)) };
  }
  switch (method) {
    case 'initialize':
      return {
        protocolVersion: '2025-11-25',
        capabilities: CAPABILITIES,
        serverInfo: SERVER_INFO,
      };
    case 'server/discover':
      return {
        supportedVersions: ['2026-07-28'],
        capabilities: CAPABILITIES,
        serverInfo: SERVER_INFO,
        ttlMs: 0,
        cacheScope: 'private',
      };
    case 'tools/call':
      return { content: [{ type: 'text', text: 'fine' }] };
    case 'resources/read':
      return { contents: [{ uri: params['uri'], text: 'fine' }] };
    case 'prompts/get':
      return { messages: [{ role: 'user', content: { type: 'text', text: 'fine' } }] };
    case 'completion/complete':
      return { completion: { values: ['fine'] } };
    default:
      return {};
  }
}

function refuse({ id, response }: Exchange, message: string): void {
  const body = { jsonrpc: '2.0', id, error: { code: -32_601, message } };
  response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function bodyOf(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
  });
}

/** Over the socket itself when no head was written: then it is what the socket carries that is wrong. */
async function pour(
  response: ServerResponse,
  chunk: string | Buffer,
  limit: number,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const target = response.headersSent ? response : response.socket!;
  for (let bytes = 0; bytes < limit && !response.destroyed; bytes += chunk.length) {
    onBytes(chunk.length);
    if (target.write(chunk)) continue;
    await new Promise<void>((resolve) => {
      const go = () => {
        target.off('drain', go);
        response.off('close', go);
        resolve();
      };
      target.once('drain', go);
      response.once('close', go);
    });
  }
  if (!response.destroyed) response.destroy();
}
