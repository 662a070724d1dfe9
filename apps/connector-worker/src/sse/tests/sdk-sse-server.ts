import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { z } from 'zod';

export interface SdkSseServer {
  url: string;
  /** Headers of every GET and POST, in order. */
  seen: { method: string; headers: IncomingMessage['headers'] }[];
  /** Sessions that are open now. */
  readonly sessions: number;
  /** Cancellations that reached a running tool. */
  readonly cancelled: number;
  /** Ends every stream, as a restart would. */
  dropStreams(): Promise<void>;
  /** The server as each session has it, for what it says on its own. */
  each(work: (server: McpServer) => unknown): Promise<void>;
  close(): Promise<void>;
}

/** A server of the maintained SDK's legacy line, over its own HTTP with SSE transport. */
export async function startSdkSseServer(): Promise<SdkSseServer> {
  const open = new Map<string, { transport: SSEServerTransport; server: McpServer }>();
  const seen: SdkSseServer['seen'] = [];
  let cancelled = 0;
  const http = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://x');
    seen.push({ method: request.method ?? '', headers: request.headers });
    if (request.method === 'GET') {
      const transport = new SSEServerTransport('/messages', response);
      const server = toolServer(() => cancelled++);
      open.set(transport.sessionId, { transport, server });
      response.on('close', () => open.delete(transport.sessionId));
      return void server.connect(transport);
    }
    const session = open.get(url.searchParams.get('sessionId') ?? '');
    if (!session) return void response.writeHead(404).end('No such session');
    void session.transport.handlePostMessage(request, response);
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/sse`,
    seen,
    get sessions() {
      return open.size;
    },
    get cancelled() {
      return cancelled;
    },
    dropStreams: async () => {
      for (const { transport } of [...open.values()]) await transport.close();
    },
    each: async (work) => {
      for (const { server } of open.values()) await work(server);
    },
    close: async () => {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

function toolServer(onCancelled: () => void): McpServer {
  const server = new McpServer(
    { name: 'sse-fixture', version: '1.0.0', title: 'Fixture over SSE' },
    { capabilities: { logging: {}, resources: { subscribe: true, listChanged: true } } },
  );
  server.registerTool(
    'echo',
    { inputSchema: { message: z.string() }, annotations: { readOnlyHint: true } },
    ({ message }) => ({ content: [{ type: 'text', text: message }] }),
  );
  server.registerTool('session', {}, (extra) => ({
    content: [{ type: 'text', text: String(extra.sessionId) }],
  }));
  server.registerTool('wait', {}, async ({ signal }) => {
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    onCancelled();
    return { content: [] };
  });
  server.registerTool('count', {}, async ({ _meta, sendNotification }) => {
    for (let progress = 1; progress <= 3; progress++) {
      await sendNotification({
        method: 'notifications/progress',
        params: { progressToken: _meta!.progressToken!, progress, total: 3 },
      });
    }
    return { content: [{ type: 'text', text: 'counted' }] };
  });
  return server;
}
