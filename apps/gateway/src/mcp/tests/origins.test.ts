// DNS rebinding: Host and Origin allow-lists (MCP transports, security).
import { postRaw } from './support/raw-socket.js';
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createOriginRules } from '../origins.js';
import { PUBLIC_URL, startGateway, type TestGateway } from './support/gateway.js';

const PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}';

describe.each([
  ['on one machine', true],
  ['in production', false],
])('%s', (_where, allowLoopback) => {
  const rules = createOriginRules({
    publicUrl: PUBLIC_URL,
    corsOrigins: ['https://chatgpt.com'],
    allowLoopback,
  });

  test.each<[string | undefined, boolean | 'loopback']>([
    ['mcp.example.test', true],
    ['mcp.example.test:443', true],
    ['MCP.EXAMPLE.TEST', true],
    ['mcp.example.test:8443', false],
    ['localhost:1234', 'loopback'],
    ['127.0.0.1', 'loopback'],
    ['[::1]:8080', 'loopback'],
    ['evil.example', false],
    ['mcp.example.test.evil.example', false],
    ['localhost.evil.example', false],
    ['127.0.0.1.evil.example', false],
    ['localhost:80@evil.example', false],
    ['', false],
    [undefined, false],
  ])('Host %s', (host, allowed) => {
    expect(rules.allowsHost(host, [])).toBe(allowed === 'loopback' ? allowLoopback : allowed);
  });

  test.each<[string | undefined, boolean | 'loopback']>([
    [undefined, true],
    [PUBLIC_URL, true],
    ['https://chatgpt.com', true],
    ['http://chatgpt.com', false],
    ['https://chatgpt.com.evil.example', false],
    ['http://localhost:6274', 'loopback'],
    ['https://[::1]:1', 'loopback'],
    ['http://localhost.evil.example', false],
    ['http://127.0.0.1@evil.example', false],
    ['file://localhost', false],
    ['null', false],
    ['', false],
  ])('Origin %s', (origin, allowed) => {
    expect(rules.allowsOrigin(origin)).toBe(allowed === 'loopback' ? allowLoopback : allowed);
  });
});

describe('over HTTP', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startGateway({ allowLoopback: true });
  });
  afterAll(() => gateway.close());

  const statusOf = (path: string, host: string, method = 'GET') =>
    new Promise<number>((resolve, reject) => {
      request(gateway.url + path, { method, headers: { host } }, (response) => {
        response.resume();
        resolve(response.statusCode!);
      })
        .once('error', reject)
        .end();
    });

  test('a foreign Host reaches nothing but the probes', async () => {
    for (const path of ['/mcp', '/sse', '/.well-known/oauth-protected-resource', '/anything']) {
      for (const method of ['GET', 'POST', 'DELETE', 'OPTIONS']) {
        const status = await statusOf(path, 'evil.example', method);
        expect([path, method, status === 403 || status === 404]).toEqual([path, method, true]);
      }
    }
    expect(await statusOf('/healthz', '10.1.2.3')).toBe(200);
    expect(await statusOf('/readyz', '10.1.2.3')).toBe(200);
  });

  test('two Hosts are refused, whichever comes first', async () => {
    const post = (lines: string[]) =>
      postRaw(gateway.mcp, ['Authorization: Bearer alice', ...lines], PING);
    expect(await post([])).toBe(200);
    expect(await post(['Host: evil.example'])).toBe(403);
    expect(await post([`hOST: ${new URL(gateway.mcp).host}`])).toBe(403);
  });

  test('a foreign Origin is refused before anything is read, token or not', async () => {
    for (const token of ['alice', 'expired']) {
      const lines = ['Origin: https://evil.example', `Authorization: Bearer ${token}`];
      expect(await postRaw(gateway.mcp, lines, PING)).toBe(403);
    }
    expect(await postRaw(gateway.mcp, ['Origin: null', 'Authorization: Bearer alice'], PING)).toBe(
      403,
    );
    expect(
      await postRaw(
        gateway.mcp,
        ['Origin: https://chatgpt.com', 'Authorization: Bearer alice'],
        PING,
      ),
    ).toBe(200);
  });

  test('preflight and answers say what a browser client may use', async () => {
    const preflight = await fetch(gateway.mcp, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://chatgpt.com',
        'access-control-request-headers': 'authorization, mcp-param-region, x-other',
      },
    });
    expect(preflight.status).toBe(204);
    const allowed = preflight.headers.get('access-control-allow-headers')!.split(', ');
    expect(allowed).toEqual(
      expect.arrayContaining(['authorization', 'mcp-session-id', 'mcp-method', 'mcp-param-region']),
    );
    expect(allowed).not.toContain('x-other');
    expect(preflight.headers.get('access-control-allow-origin')).toBe('https://chatgpt.com');

    for (const token of ['alice', 'expired']) {
      const answer = await fetch(gateway.mcp, {
        method: 'POST',
        headers: {
          origin: 'https://chatgpt.com',
          'content-type': 'application/json',
          authorization: `Bearer ${token}`,
        },
        body: PING,
      });
      expect(answer.headers.get('access-control-allow-origin')).toBe('https://chatgpt.com');
      expect(answer.headers.get('access-control-expose-headers')).toBe(
        'WWW-Authenticate, Mcp-Session-Id, Mcp-Protocol-Version, Retry-After',
      );
      expect(answer.headers.get('vary')).toBe('Origin');
    }
    expect(
      (await fetch(gateway.mcp, { method: 'OPTIONS', headers: { origin: 'https://evil.example' } }))
        .status,
    ).toBe(403);
  });
});
