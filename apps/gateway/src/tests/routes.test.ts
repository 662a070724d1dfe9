// Every entry of the gateway, by name: one that is not listed here fails the build (CVE-2026-101084).
import { connect, type AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { addRoutes, createHttpServer } from '../http-server.js';
import { createInFlight } from '../mcp/in-flight.js';
import { NO_REDIS } from '../mcp/tests/support/gateway.js';
import { SmallGoverned } from '../mcp/tests/support/small-governed.js';
import { openSessions } from '../sessions/open-sessions.js';

async function server(limits?: Parameters<typeof createHttpServer>[0]) {
  const app = createHttpServer(limits);
  const routes = new Map<string, Set<string>>();
  app.addHook('onRoute', ({ url, method }) => {
    const methods = routes.get(url) ?? new Set();
    for (const name of [method].flat()) methods.add(name);
    routes.set(url, methods);
  });
  const governed = new SmallGoverned();
  const sessions = openSessions({ key: Buffer.alloc(32), redisUrl: NO_REDIS });
  app.addHook('onClose', async () => sessions.stop());
  await addRoutes(app, {
    publicUrl: 'https://mcp.example.test',
    corsOrigins: [],
    allowLoopback: true,
    readiness: () => [],
    services: {
      authUrl: 'http://127.0.0.1:9',
      controlUrl: 'http://127.0.0.1:9',
      onFault: () => {},
    },
    endpoint: {
      mcp: governed,
      sessions,
      inFlight: createInFlight(sessions.bus),
      onFault: () => {},
    },
  });
  return { app, routes, governed };
}

const MCP = ['/mcp', '/api/conducktor-mcp', '/sse', '/messages', '/api/mcp/sse', '/mcp/:slug'];
const PROBES = ['/healthz', '/health', '/readyz', '/metrics'];
const METADATA = ['', ...MCP, '/*'].map((path) => `/.well-known/oauth-protected-resource${path}`);

test('the routes are these and no others', async () => {
  const { app, routes } = await server();
  await app.close();
  expect([...routes.keys()].sort()).toEqual(
    [...MCP, ...PROBES, ...METADATA, '/mcp/*', '/', '/*'].sort(),
  );
});

test('only MCP paths reach the story, and always through authentication first', async () => {
  const { app, routes, governed } = await server();
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as AddressInfo;
  const body =
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t_echo","arguments":{}}}';
  for (const [url, methods] of routes) {
    for (const method of methods) {
      // `fetch` cannot send it; it has no handler of its own.
      if (method === 'TRACE') continue;
      const before = governed.contexts.length;
      const answer = await fetch(
        `http://127.0.0.1:${port}${url.replace('*', 'x/y').replace(':slug', 'x')}`,
        {
          method,
          headers: { 'content-type': 'application/json' },
          ...(['POST', 'PUT', 'PATCH'].includes(method) && { body }),
        },
      );
      const guarded = MCP.includes(url) && method !== 'OPTIONS';
      expect([url, method, governed.contexts.length > before]).toEqual([url, method, guarded]);
      if (guarded) expect([url, method, answer.status]).toEqual([url, method, 401]);
    }
  }
  expect(governed.calls).toEqual([]);
  await app.close();
});

test('a body that comes too slowly is not waited for', async () => {
  const { app, governed } = await server({ requestTimeoutMs: 300, sweepMs: 100 });
  await app.listen({ port: 0, host: '127.0.0.1' });
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk) => (answer += chunk));
  socket.on('error', () => {});
  socket.write(
    'POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"json',
  );
  const began = Date.now();
  await new Promise((resolve) => socket.once('close', resolve));
  expect(Date.now() - began).toBeLessThan(3_000);
  expect(answer).toMatch(/^HTTP\/1.1 (408|400)/);
  expect(governed.contexts).toEqual([]);
  await app.close();
});
