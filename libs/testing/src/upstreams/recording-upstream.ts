import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { FIXTURE_TOOLS, RpcError, type FixtureTool } from './fixture-tools.js';

/** A tools/call exactly as it arrived. */
export interface RecordedCall {
  name: string;
  arguments: Record<string, unknown>;
  body: string;
  headers: Record<string, string | string[] | undefined>;
  cancelled: boolean;
}

export interface RecordingUpstream {
  readonly url: string;
  readonly port: number;
  /** Every tools/call in the order of arrival, also those that were cancelled later. */
  readonly calls: RecordedCall[];
  /** Every request body of any method, with its headers. */
  readonly requests: { body: string; headers: IncomingMessage['headers'] }[];
  tools: FixtureTool[];
  close(): Promise<void>;
}

interface Rpc {
  id?: string | number;
  method: string;
  params?: Record<string, unknown>;
}

const MODERN = '2026-07-28';
const META_VERSION = 'io.modelcontextprotocol/protocolVersion';

/**
 * An MCP server on bare node:http that records what arrives and does nothing else of its own: no
 * session, no retry, no validation. `era` says which protocol it admits to speak.
 */
export async function startRecordingUpstream(
  options: { port?: number; era?: 'both' | 'modern' | 'legacy'; tools?: FixtureTool[] } = {},
): Promise<RecordingUpstream> {
  const era = options.era ?? 'both';
  const calls: RecordedCall[] = [];
  const requests: RecordingUpstream['requests'] = [];
  const running = new Map<string | number, AbortController>();
  const sockets = new Set<Socket>();

  const server = createServer(async (incoming, outgoing) => {
    if (incoming.method !== 'POST') return void outgoing.writeHead(405).end();
    const body = await readBody(incoming);
    requests.push({ body, headers: incoming.headers });
    const request = JSON.parse(body) as Rpc;
    if (request.method === 'notifications/cancelled') {
      running.get(request.params?.requestId as string)?.abort();
    }
    if (request.id === undefined) return void outgoing.writeHead(202).end();
    if (request.method === 'tools/call') {
      return await callTool(request as Rpc & { id: string }, body, incoming, outgoing);
    }
    const [status, answer] = reply(request);
    send(outgoing, status, { jsonrpc: '2.0', id: request.id, ...answer });
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });

  function reply(request: Rpc): [number, Record<string, unknown>] {
    const serverInfo = { name: 'recording-upstream', version: '1.0.0' };
    const isModern = versionOf(request) !== undefined;
    if (isModern && era === 'legacy') {
      return [400, { error: { code: -32601, message: 'Method not found' } }];
    }
    switch (request.method) {
      case 'initialize':
        if (era === 'modern') return [400, { error: { code: -32601, message: 'No initialize' } }];
        return [
          200,
          {
            result: { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo },
          },
        ];
      case 'server/discover':
        return [
          200,
          {
            result: {
              resultType: 'complete',
              supportedVersions: [MODERN],
              capabilities: { tools: {} },
              serverInfo,
              ttlMs: 0,
              cacheScope: 'private',
            },
          },
        ];
      case 'tools/list': {
        const tools = upstream.tools.map((tool) => tool.definition);
        const modern = { resultType: 'complete', ttlMs: 0, cacheScope: 'private' };
        return [200, { result: { ...(isModern ? modern : {}), tools } }];
      }
      case 'ping':
        return [200, { result: {} }];
      default:
        return [isModern ? 404 : 200, { error: { code: -32601, message: 'Method not found' } }];
    }
  }

  async function callTool(
    request: Rpc & { id: string | number },
    body: string,
    incoming: IncomingMessage,
    outgoing: ServerResponse,
  ): Promise<void> {
    const {
      name,
      arguments: args = {},
      _meta: meta,
    } = request.params as {
      name: string;
      arguments?: Record<string, unknown>;
      _meta?: Record<string, unknown>;
    };
    const call: RecordedCall = {
      name,
      arguments: args,
      body,
      headers: incoming.headers,
      cancelled: false,
    };
    calls.push(call);
    const abort = new AbortController();
    running.set(request.id, abort);
    abort.signal.addEventListener('abort', () => (call.cancelled = true));
    outgoing.on('close', () => {
      if (!outgoing.writableFinished) abort.abort();
    });
    const token = meta?.progressToken;
    const streamed = token !== undefined;
    if (streamed) outgoing.writeHead(200, { 'content-type': 'text/event-stream' });
    const event = (message: unknown) =>
      outgoing.write(`event: message\ndata: ${JSON.stringify(message)}\n\n`);
    const progress = (value: number, total: number, message: string) => {
      if (!streamed) return;
      const params = { progressToken: token, progress: value, total, message };
      event({ jsonrpc: '2.0', method: 'notifications/progress', params });
    };
    let answer: Record<string, unknown>;
    try {
      const tool = upstream.tools.find((t) => t.definition.name === name);
      if (!tool) throw new RpcError(-32602, `Unknown tool: ${name}`);
      const result = await tool.run(args, { progress, signal: abort.signal });
      const complete = versionOf(request) === undefined ? {} : { resultType: 'complete' };
      answer = { result: { ...complete, ...result } };
    } catch (error) {
      if (abort.signal.aborted) return void outgoing.destroy();
      const known = error instanceof RpcError ? error : new RpcError(-32603, String(error));
      answer = { error: { code: known.code, message: known.message, data: known.data } };
    } finally {
      running.delete(request.id);
    }
    const message = { jsonrpc: '2.0', id: request.id, ...answer };
    if (!streamed) return send(outgoing, 200, message);
    event(message);
    outgoing.end();
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const upstream: RecordingUpstream = {
    url: `http://127.0.0.1:${port}/mcp`,
    port,
    calls,
    requests,
    tools: options.tools ?? FIXTURE_TOOLS,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return upstream;
}

function versionOf(request: Rpc): unknown {
  return (request.params?._meta as Record<string, unknown> | undefined)?.[META_VERSION];
}

async function readBody(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function send(outgoing: ServerResponse, status: number, message: unknown): void {
  outgoing.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(message));
}
