import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PUBLIC_URL, startGateway, type TestGateway } from '../../mcp/tests/support/gateway.js';
import { serviceOf } from '../one-origin.js';

interface Seen {
  service: string;
  url: string;
  method: string;
  headers: IncomingMessage['headers'];
  bytes: number;
}
const seen: Seen[] = [];

/** Answers with its name, after reading the whole body; `/stream` sends two parts, the second when told. */
async function startService(
  service: string,
): Promise<{ server: Server; url: string; finish: () => void }> {
  let finish = () => {};
  const server = createServer(async (request, response) => {
    let bytes = 0;
    for await (const chunk of request) bytes += (chunk as Buffer).length;
    seen.push({
      service,
      url: request.url!,
      method: request.method!,
      headers: request.headers,
      bytes,
    });
    if (request.url === '/stream') {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: one\n\n');
      finish = () => response.end('data: two\n\n');
      return;
    }
    if (request.url === '/redirect')
      return response
        .writeHead(302, { location: '/login?x=1', 'set-cookie': ['a=1', 'b=2'] })
        .end();
    if (request.url === '/busy')
      return response.writeHead(503, { 'retry-after': '100' }).end('busy');
    response.writeHead(200, { 'content-type': 'text/plain' }).end(service);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    server,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    finish: () => finish(),
  };
}

let auth: Awaited<ReturnType<typeof startService>>;
let control: Awaited<ReturnType<typeof startService>>;
let gateway: TestGateway;
beforeAll(async () => {
  [auth, control] = await Promise.all([startService('auth'), startService('control')]);
  gateway = await startGateway({
    services: { authUrl: auth.url, controlUrl: control.url, onFault: () => {} },
  });
});
afterAll(async () => {
  await gateway.close();
  auth.server.close();
  control.server.close();
});
beforeEach(() => {
  seen.length = 0;
});

describe('paths', () => {
  test.each([
    ['/oauth2/token', 'auth'],
    ['/oauth2/authorize?client_id=x', 'auth'],
    ['/auth/authorize', 'auth'],
    ['/auth/token', 'auth'],
    ['/api/mcp/auth/authorize', 'auth'],
    ['/api/mcp/auth/token', 'auth'],
    ['/.well-known/oauth-authorization-server', 'auth'],
    ['/.well-known/openid-configuration', 'auth'],
    ['/.well-known/jwks.json', 'auth'],
    ['/login', 'auth'],
    ['/signup', 'auth'],
    ['/consent/abc', 'auth'],
    ['/invite?token=x', 'auth'],
    ['/verify?token=x', 'auth'],
    ['/login/reset?token=x', 'auth'],
    ['/account', 'auth'],
    ['/account/apps', 'auth'],
    ['/accounts', 'control'],
    ['/scim/v2/Users', 'auth'],
    ['/', 'control'],
    ['/api/v1/connections', 'control'],
    ['/openapi.json', 'control'],
    ['/openapi.yaml', 'control'],
    ['/approvals/apr_1', 'control'],
    ['/status', 'control'],
    ['/any/page?x=1&y=%20', 'control'],
    ['/loginx', 'control'],
    ['/invites', 'control'],
    ['/auth', 'control'],
  ])('%s goes to %s', async (path, service) => {
    const response = await fetch(gateway.url + path, { redirect: 'manual' });
    expect(await response.text()).toBe(service);
    expect(seen).toMatchObject([{ service, url: path }]);
    expect(serviceOf(path.split('?')[0]!)).toBe(service);
  });

  test.each([
    '/mcp',
    '/mcp/',
    '/mcp/x',
    '/api/conducktor-mcp',
    '/sse',
    '/messages',
    '/api/mcp/sse',
    '/.well-known/oauth-protected-resource',
    '/.well-known/oauth-protected-resource/mcp',
    '/.well-known/oauth-protected-resource/x',
    '/healthz',
    '/readyz',
    '/health',
    '/metrics',
  ])('%s is the gateway’s own, by every method', async (path) => {
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD'])
      await fetch(gateway.url + path, { method });
    expect(seen).toEqual([]);
  });
});

describe('a forwarded request', () => {
  test('says where it came from, and nothing that the client claimed of that', async () => {
    await fetch(`${gateway.url}/api/v1/x`, {
      headers: {
        'x-forwarded-for': '1.2.3.4',
        'x-forwarded-proto': 'https',
        'x-forwarded-host': 'evil',
        'x-forwarded-user': 'root',
        forwarded: 'for=1.2.3.4',
        'x-real-ip': '1.2.3.4',
        'proxy-authorization': 'x',
        authorization: 'Bearer kept',
        cookie: 'a=1',
      },
    });
    const { headers } = seen[0]!;
    expect(headers).toMatchObject({
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': new URL(gateway.url).host,
      authorization: 'Bearer kept',
      cookie: 'a=1',
    });
    for (const name of ['x-forwarded-user', 'forwarded', 'x-real-ip', 'proxy-authorization'])
      expect(headers).not.toHaveProperty(name);
  });

  test('that a trusted proxy brings is said to be from whom that proxy saw', async () => {
    const behind = await startGateway({
      trustedProxies: ['loopback'],
      services: { authUrl: auth.url, controlUrl: control.url, onFault: () => {} },
    });
    await fetch(`${behind.url}/login`, {
      headers: { 'x-forwarded-for': '10.1.1.1, 203.0.113.5', 'x-forwarded-proto': 'https' },
    });
    await behind.close();
    expect(seen[0]!.headers).toMatchObject({
      'x-forwarded-for': '203.0.113.5',
      'x-forwarded-proto': 'http',
    });
  });

  test('under our public name says its scheme', async () => {
    const { request } = await import('node:http');
    await new Promise((resolve) =>
      request(`${gateway.url}/login`, { headers: { host: new URL(PUBLIC_URL).host } }, (response) =>
        response.resume().once('end', resolve),
      ).end(),
    );
    expect(seen[0]!.headers).toMatchObject({
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'mcp.example.test',
    });
  });

  test('that waits to be asked for its body is asked by the gateway, and goes on without that wish', async () => {
    const { request } = await import('node:http');
    const asked = request(`${gateway.url}/api/v1/x`, {
      method: 'POST',
      headers: { expect: '100-continue', 'content-length': 5 },
    });
    // As curl does for every body over 1 MiB.
    asked.once('continue', () => asked.end('hello'));
    asked.flushHeaders();
    const status = await new Promise((resolve, reject) => {
      asked.once('error', reject);
      asked.once('response', (response) => {
        response.resume();
        resolve(response.statusCode);
      });
    });
    expect(status).toBe(200);
    expect(seen).toMatchObject([{ bytes: 5 }]);
    expect(seen[0]!.headers).not.toHaveProperty('expect');
  });

  test('keeps its body, whatever its type and size', async () => {
    for (const type of [
      'application/json',
      'application/x-www-form-urlencoded',
      'text/plain',
      'application/octet-stream',
    ]) {
      await fetch(`${gateway.url}/api/v1/x`, {
        method: 'POST',
        headers: { 'content-type': type },
        body: 'x'.repeat(5_000_000),
      });
    }
    expect(seen.map(({ bytes }) => bytes)).toEqual([5_000_000, 5_000_000, 5_000_000, 5_000_000]);
  });

  test('brings back redirects and cookies as they are', async () => {
    const response = await fetch(`${gateway.url}/redirect`, { redirect: 'manual' });
    expect([
      response.status,
      response.headers.get('location'),
      response.headers.getSetCookie(),
    ]).toEqual([302, '/login?x=1', ['a=1', 'b=2']]);
  });

  test('streams the answer while it comes', async () => {
    const response = await fetch(`${gateway.url}/stream`);
    const reader = response.body!.getReader();
    expect(Buffer.from((await reader.read()).value!).toString()).toBe('data: one\n\n');
    control.finish();
    expect(Buffer.from((await reader.read()).value!).toString()).toBe('data: two\n\n');
  });

  test('is sent once, also when the service is busy', async () => {
    const response = await fetch(`${gateway.url}/busy`);
    expect([response.status, await response.text(), seen.length]).toEqual([503, 'busy', 1]);
  });

  test('cannot climb out of its path', async () => {
    const { request } = await import('node:http');
    const status = await new Promise((resolve) =>
      request(
        {
          host: '127.0.0.1',
          port: new URL(gateway.url).port,
          path: '/api/v1/%2e%2e/%2e%2e/oauth2/token',
        },
        (response) => {
          response.resume();
          resolve(response.statusCode);
        },
      ).end(),
    );
    expect([status, seen]).toEqual([400, []]);
  });
});

describe('without its services', () => {
  test('a person gets a page, a script a problem document, MCP its answers', async () => {
    const lonely = await startGateway({
      services: {
        authUrl: 'http://127.0.0.1:9',
        controlUrl: 'http://127.0.0.1:9',
        onFault: () => {},
      },
    });
    const page = await fetch(`${lonely.url}/login`, { headers: { accept: 'text/html,*/*' } });
    expect([
      page.status,
      page.headers.get('content-type'),
      page.headers.get('retry-after'),
    ]).toEqual([503, 'text/html; charset=utf-8', '5']);
    expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(await page.text()).toContain('Sign-in is not reachable right now.');
    const problem = await fetch(`${lonely.url}/api/v1/connections`);
    expect([problem.status, problem.headers.get('content-type')]).toEqual([
      503,
      'application/problem+json; charset=utf-8',
    ]);
    expect(await problem.json()).toMatchObject({
      status: 503,
      detail: expect.stringContaining('Tool calls are not affected.'),
    });
    expect((await fetch(`${lonely.url}/healthz`)).status).toBe(200);
    await lonely.close();
  });

  test('nothing is forwarded when it is switched off', async () => {
    const alone = await startGateway();
    expect((await fetch(`${alone.url}/login`)).status).toBe(404);
    await alone.close();
  });
});
