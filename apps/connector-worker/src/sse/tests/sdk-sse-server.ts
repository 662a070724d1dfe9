import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import {
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';

export interface SdkSseServer {
  url: string;
  /** Headers of every GET and POST, in order. */
  seen: { method: string; headers: IncomingMessage['headers'] }[];
  /** Sessions that are open now. */
  readonly sessions: number;
  /** Cancellations that reached a running tool. */
  readonly cancelled: number;
  /** URIs subscribed now, each as often as sessions have it. */
  readonly subscribed: string[];
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
  const subscribed: string[] = [];
  let cancelled = 0;
  const http = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://x');
    seen.push({ method: request.method ?? '', headers: request.headers });
    if (request.method === 'GET') {
      const transport = new SSEServerTransport('/messages', response);
      const server = toolServer(subscribed, () => cancelled++);
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
    subscribed,
    get sessions() {
      return open.size;
    },
    get cancelled() {
      return cancelled;
    },
    dropStreams: async () => {
      for (const { transport } of open.values()) await transport.close();
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

function toolServer(subscribed: string[], onCancelled: () => void): McpServer {
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
  server.registerTool('ask', {}, async () => {
    const { action, content } = await server.server.elicitInput({
      message: 'Which size?',
      requestedSchema: { type: 'object', properties: { size: { type: 'string' } } },
    });
    return { content: [{ type: 'text', text: `${action} ${String(content?.['size'])}` }] };
  });
  server.registerTool('think', {}, async () => {
    const { content } = await server.server.createMessage({
      messages: [{ role: 'user', content: { type: 'text', text: 'Think.' } }],
      maxTokens: 10,
    });
    return { content: [content as { type: 'text'; text: string }] };
  });
  server.registerTool('log', {}, async () => {
    await server.server.sendLoggingMessage({ level: 'debug', data: 'quiet' });
    await server.server.sendLoggingMessage({ level: 'error', data: 'loud' });
    return { content: [] };
  });
  server.registerResource('note', 'note://1', {}, () => ({
    contents: [{ uri: 'note://1', text: 'one' }],
  }));
  server.registerPrompt('greet', { argsSchema: { name: z.string() } }, ({ name }) => ({
    messages: [{ role: 'user', content: { type: 'text', text: `Greet ${name}.` } }],
  }));
  server.server.setRequestHandler(SubscribeRequestSchema, ({ params }) => {
    if (params.uri === 'note://secret') throw new Error('Nobody may subscribe to this.');
    subscribed.push(params.uri);
    return {};
  });
  server.server.setRequestHandler(UnsubscribeRequestSchema, ({ params }) => {
    subscribed.splice(subscribed.indexOf(params.uri), 1);
    return {};
  });
  return server;
}
