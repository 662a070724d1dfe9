import { randomUUID } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { McpServer as LegacyServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import {
  CompleteRequestSchema,
  ElicitResultSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { createMcpHandler, inputRequired, McpServer } from '@modelcontextprotocol/server';

const text = (value: unknown) => ({
  content: [
    { type: 'text' as const, text: typeof value === 'string' ? value : JSON.stringify(value) },
  ],
});
const QUESTION = {
  message: 'What is your name?',
  requestedSchema: { type: 'object' as const, properties: { name: { type: 'string' as const } } },
};

export interface LegacySdkServer {
  url: string;
  /** What was subscribed to and left, in order. */
  subscriptions: string[];
  /** JSON-RPC methods as they came. */
  methods: string[];
  /** Sessions that are open now. */
  readonly sessions: number;
  updated(uri: string): Promise<void>;
  /** Forgets all sessions, as a restart would. */
  forget(): Promise<void>;
  close(): Promise<void>;
}

/** A server of the SDK's legacy line with sessions, offering all that concerns a client. */
export async function startLegacySdkServer(): Promise<LegacySdkServer> {
  const open = new Map<
    string,
    { transport: StreamableHTTPServerTransport; server: LegacyServer }
  >();
  const subscriptions: string[] = [];
  const methods: string[] = [];
  const handle: RequestListener = (request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const message = body === '' ? undefined : (JSON.parse(body) as { method?: string });
      methods.push(message?.method ?? request.method ?? '');
      const known = open.get(String(request.headers['mcp-session-id']));
      if (known) return void known.transport.handleRequest(request, response, message);
      if (message?.method !== 'initialize') return void response.writeHead(404).end();
      const server = legacyServer(subscriptions);
      const transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        onsessioninitialized: (id) => void open.set(id, { transport, server }),
        onsessionclosed: (id) => void open.delete(id),
      });
      void server
        .connect(transport)
        .then(() => transport.handleRequest(request, response, message));
    });
  };
  const { url, close } = await listen(handle);
  return {
    url,
    subscriptions,
    methods,
    get sessions() {
      return open.size;
    },
    updated: async (uri) => {
      for (const { server } of open.values()) await server.server.sendResourceUpdated({ uri });
    },
    forget: async () => {
      const all = [...open.values()];
      open.clear();
      for (const { transport } of all) await transport.close();
    },
    close,
  };
}

function legacyServer(subscriptions: string[]): LegacyServer {
  const server = new LegacyServer(
    { name: 'legacy', version: '1.0.0', title: 'Legacy fixture' },
    {
      capabilities: {
        logging: {},
        completions: {},
        resources: { subscribe: true, listChanged: true },
      },
      instructions: 'Be kind.',
    },
  );
  server.registerTool('capabilities', {}, () => text(server.server.getClientCapabilities() ?? {}));
  server.registerTool('ask', {}, async ({ sendRequest }) =>
    text(await sendRequest({ method: 'elicitation/create', params: QUESTION }, ElicitResultSchema)),
  );
  // The way of servers that do not say which request theirs belongs to: by the stream outside of calls.
  server.registerTool('ask-aside', {}, async () => text(await server.server.elicitInput(QUESTION)));
  server.registerTool('log', {}, async ({ sendNotification }) => {
    for (const level of ['debug', 'error'] as const)
      await sendNotification({
        method: 'notifications/message',
        params: { level, data: `${level} with hidden-key-123456` },
      });
    return text('logged');
  });
  server.registerTool('grow', {}, async ({ sendNotification }) => {
    await sendNotification({ method: 'notifications/tools/list_changed' });
    return text('grown');
  });
  server.registerResource('a', 'note://a', {}, (uri) => ({
    contents: [{ uri: uri.href, text: 'the note' }],
  }));
  server.registerPrompt('greeting', {}, () => ({
    messages: [{ role: 'user', content: { type: 'text', text: 'Hello' } }],
  }));
  server.server.setRequestHandler(CompleteRequestSchema, ({ params }) => ({
    completion: { values: [`${params.argument.value}!`] },
  }));
  server.server.setRequestHandler(SubscribeRequestSchema, ({ params }) => {
    if (params.uri.startsWith('no:')) throw new Error('not here');
    subscriptions.push(`+${params.uri}`);
    return {};
  });
  server.server.setRequestHandler(UnsubscribeRequestSchema, ({ params }) => {
    subscriptions.push(`-${params.uri}`);
    return {};
  });
  return server;
}

export interface ModernSdkServer {
  url: string;
  readonly streams: number;
  /** Headers of every request. */
  headers: Record<string, string | string[] | undefined>[];
  updated(uri: string): void;
  toolsChanged(): void;
  close(): Promise<void>;
}

/** A server of 2026-07-28 alone. */
export async function startModernSdkServer(): Promise<ModernSdkServer> {
  const handler = createMcpHandler(
    () => {
      const server = new McpServer(
        { name: 'modern', version: '2.0.0' },
        {
          capabilities: {
            logging: {},
            tools: { listChanged: true },
            resources: { subscribe: true, listChanged: true },
          },
          instructions: 'Be brief.',
        },
      );
      server.registerTool('ask', {}, async (ctx) => {
        const name = ctx.mcpReq.inputResponses?.['name'];
        return name === undefined
          ? inputRequired({
              inputRequests: { name: inputRequired.elicit(QUESTION) },
              requestState: 'round-1',
            })
          : text({ name, state: ctx.mcpReq.requestState() });
      });
      server.registerTool('log', {}, async (ctx) => {
        await ctx.mcpReq.log('debug', 'a debug line');
        await ctx.mcpReq.log('error', 'an error line');
        return text('logged');
      });
      server.registerResource('a', 'note://a', {}, async (uri) => ({
        contents: [{ uri: uri.href, text: 'the modern note' }],
      }));
      server.registerPrompt('greeting', {}, async () => ({
        messages: [{ role: 'user', content: { type: 'text', text: 'Hello' } }],
      }));
      return server;
    },
    { legacy: 'reject' },
  );
  const headers: ModernSdkServer['headers'] = [];
  let streams = 0;
  const { url, close } = await listen((request, response) => {
    headers.push(request.headers);
    if (request.headers['mcp-method'] === 'subscriptions/listen') {
      streams++;
      response.on('close', () => streams--);
    }
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    void handler
      .fetch(
        new Request(`http://${String(request.headers.host)}${String(request.url)}`, {
          method: request.method ?? 'GET',
          headers: request.headers as Record<string, string>,
          body: Readable.toWeb(request),
          duplex: 'half',
          signal: gone.signal,
        } as unknown as RequestInit),
      )
      .then((answer) => {
        response.writeHead(answer.status, Object.fromEntries(answer.headers));
        if (!answer.body) return void response.end();
        Readable.fromWeb(answer.body as ReadableStream)
          .on('error', () => response.destroy())
          .pipe(response);
      });
  });
  return {
    url,
    headers,
    get streams() {
      return streams;
    },
    updated: (uri) => handler.notify.resourceUpdated(uri),
    toolsChanged: () => handler.notify.toolsChanged(),
    close,
  };
}

async function listen(handle: RequestListener): Promise<{ url: string; close(): Promise<void> }> {
  const http = createServer(handle);
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    close: async () => {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}
