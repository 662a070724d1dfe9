import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import {
  localhostAllowedHostnames,
  localhostAllowedOrigins,
  validateHostHeader,
  validateOriginHeader,
} from '@modelcontextprotocol/server';
import type { Revision } from '../clients/revision-client.js';
import { isModern } from './conformance-dispatch.js';
import { memoryEventStore } from './conformance-events.js';
import type { FixtureWorld } from './conformance-exchange.js';
import { createLegacySession, type LegacySession } from './conformance-legacy.js';
import { createModernHandler } from './conformance-modern.js';

export interface ConformanceUpstream {
  /** Where clients of its revision begin: `/sse` for 2024-11-05, else `/mcp`. */
  readonly url: string;
  readonly revision: Revision;
  readonly world: FixtureWorld;
  /** Of legacy revisions, as many as are open. */
  readonly sessions: number;
  close(): Promise<void>;
}

type Serve = (request: IncomingMessage, response: ServerResponse) => Promise<void> | void;

/**
 * An MCP server that has everything the conformance suite asks for by name, and speaks exactly one
 * revision of the protocol. On loopback, it takes only requests for loopback (DNS rebinding).
 */
export async function startConformanceUpstream(options: {
  revision: Revision;
  port?: number;
  /** Entries per page of every list; all at once by default. */
  pageSize?: number;
}): Promise<ConformanceUpstream> {
  const { revision, pageSize } = options;
  const world: FixtureWorld = {
    changes: { tools: 0, prompts: 0, resources: 0 },
    announce: (change) => announce(change),
    cancelled: [],
    received: [],
  };
  const sessions = new Map<string, LegacySession>();
  let announce: FixtureWorld['announce'] = (change) => {
    for (const session of sessions.values()) session.announce(change);
  };
  let serve: Serve;
  if (isModern(revision)) {
    const modern = createModernHandler(world, pageSize);
    announce = modern.announce;
    serve = (request, response) => modern.node(request, response);
  } else if (revision === '2024-11-05') {
    serve = serveEventStream(revision, world, sessions, pageSize);
  } else {
    serve = serveSessions(revision, world, sessions, pageSize);
  }

  const sockets = new Set<Socket>();
  const http = createServer(async (request, response) => {
    const host = validateHostHeader(request.headers.host, localhostAllowedHostnames());
    const origin = validateOriginHeader(request.headers.origin, localhostAllowedOrigins());
    if (!host.ok || !origin.ok) return void response.writeHead(403).end();
    try {
      await serve(request, response);
    } catch (error) {
      if (!response.headersSent) response.writeHead(500);
      response.end(String(error));
    }
  });
  http.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    http.once('error', reject);
    http.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const { port } = http.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}${revision === '2024-11-05' ? '/sse' : '/mcp'}`,
    revision,
    world,
    get sessions() {
      return sessions.size;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

/** HTTP+SSE as it was in 2024-11-05: one stream per session, messages posted beside it. */
function serveEventStream(
  revision: Revision,
  world: FixtureWorld,
  sessions: Map<string, LegacySession>,
  pageSize?: number,
): Serve {
  const transports = new Map<string, SSEServerTransport>();
  return async (request, response) => {
    const { pathname, searchParams } = new URL(request.url!, 'http://localhost');
    if (request.method === 'GET' && pathname === '/sse') {
      const transport = new SSEServerTransport('/messages', response);
      const session = createLegacySession(revision, world, pageSize);
      transports.set(transport.sessionId, transport);
      sessions.set(transport.sessionId, session);
      response.on('close', () => {
        transports.delete(transport.sessionId);
        sessions.delete(transport.sessionId);
      });
      return await session.server.connect(transport);
    }
    const transport = transports.get(searchParams.get('sessionId') ?? '');
    if (request.method !== 'POST' || pathname !== '/messages' || !transport) {
      return void response.writeHead(pathname === '/messages' ? 404 : 405).end();
    }
    await transport.handlePostMessage(request, response, pinned(await readJson(request), revision));
  };
}

/** Streamable HTTP with sessions, 2025-03-26 to 2025-11-25. */
function serveSessions(
  revision: Revision,
  world: FixtureWorld,
  sessions: Map<string, LegacySession>,
  pageSize?: number,
): Serve {
  const transports = new Map<string, StreamableHTTPServerTransport>();
  return async (request, response) => {
    const body = request.method === 'POST' ? pinned(await readJson(request), revision) : undefined;
    const id = request.headers['mcp-session-id'] as string | undefined;
    if (id !== undefined) {
      const known = transports.get(id);
      if (!known) return void response.writeHead(404).end();
      return await known.handleRequest(request, response, body);
    }
    const session = createLegacySession(revision, world, pageSize);
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      eventStore: memoryEventStore(),
      retryInterval: 50,
      onsessioninitialized: (made) => {
        transports.set(made, transport);
        sessions.set(made, session);
      },
      onsessionclosed: (made) => {
        transports.delete(made);
        sessions.delete(made);
      },
    });
    await session.server.connect(transport);
    // Answers 400 itself to whatever is not `initialize`.
    await transport.handleRequest(request, response, body);
  };
}

/** Offers one revision only: as if the client had asked for it. */
function pinned(body: unknown, revision: Revision): unknown {
  const message = body as { method?: string; params?: object } | undefined;
  if (message?.method !== 'initialize') return body;
  return { ...message, params: { ...message.params, protocolVersion: revision } };
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    // The transport answers that it is no JSON.
    return '';
  }
}
