import { createHash } from 'node:crypto';
import { FormBrowser } from '@conducktor/oauth-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  authorization,
  CALLBACK,
  register,
  signUp,
  startAuth,
  type AuthService,
} from './harness.js';

let plain: AuthService;
let secure: AuthService;
beforeAll(async () => {
  [plain, secure] = await Promise.all([
    startAuth(),
    startAuth({ PUBLIC_URL: 'https://gateway.example' }),
  ]);
});
afterAll(() => Promise.all([plain.stop(), secure.stop()]));

describe('every page', () => {
  test.each([
    '/login',
    '/signup',
    '/consent',
    '/invite',
    '/oauth2/authorize?client_id=nobody',
    '/oauth2/logout/success',
  ])('%s runs nothing, loads nothing, is framed by nobody', async (path) => {
    const response = await fetch(plain.origin + path, { headers: { accept: 'text/html' } });
    const html = await response.text();
    const style = /<style>([\s\S]*?)<\/style>/.exec(html)![1]!;
    const hash = createHash('sha256').update(style).digest('base64');
    // The one script there is, and only where there are passkeys.
    const script = path === '/login' ? ` script-src ${plain.origin}/login/passkey.js;` : '';
    expect(response.headers.get('content-security-policy')).toBe(
      `default-src 'none'; style-src 'sha256-${hash}';${script} form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
    );
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'same-origin',
      'cross-origin-opener-policy': 'same-origin',
    });
    const plainHtml = html.replace('<script src="/login/passkey.js" defer></script>', '');
    expect(plainHtml).not.toMatch(/<script|\son\w+=|style="|javascript:|<img|<link/i);
    expect(html).toMatch(/<html lang="en">/);
    expect(html).toMatch(/<h1>[^<]+<\/h1>/);
  });

  test('labels every field that a person fills in', async () => {
    for (const path of ['/login', '/signup']) {
      const html = await (await fetch(plain.origin + path)).text();
      const ids = [...html.matchAll(/<input\b[^>]*\sid="([^"]+)"/g)].map(([, id]) => id);
      expect(ids.length).toBeGreaterThan(1);
      for (const id of ids) expect(html).toContain(`<label for="${id}">`);
    }
  });

  test('names the app’s address, and only that, as a place its form may lead to', async () => {
    const browser = new FormBrowser(plain.origin);
    await signUp(plain, browser);
    for (const [uri, source] of [
      [CALLBACK, 'http://127.0.0.1:3999'],
      ['https://claude.ai/api/mcp/auth_callback', 'https://claude.ai'],
      ['cursor://anysphere.cursor-mcp/oauth/callback', 'cursor:'],
      ['http://[::1]:4000/cb', 'http:'],
    ] as const) {
      const client = await register(plain, { redirect_uris: [uri] });
      const { url } = await authorization(client, { redirect_uri: uri });
      const first = await fetch(url, {
        redirect: 'manual',
        headers: { cookie: browser.jar.header() },
      });
      browser.jar.store(first);
      const page = await fetch(new URL(first.headers.get('location')!, plain.origin), {
        headers: { cookie: browser.jar.header() },
      });
      expect(page.headers.get('content-security-policy')).toContain(
        `form-action 'self' ${source};`,
      );
    }
  });
});

describe('on https', () => {
  const at = (path: string) => `http://localhost:${secure.config.PORT}${path}`;

  test('every cookie is bound to this host, and every answer asks for https', async () => {
    const registered = await fetch(at('/oauth2/register'), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ redirect_uris: [CALLBACK], token_endpoint_auth_method: 'none' }),
    });
    const { client_id } = (await registered.json()) as { client_id: string };
    const query = new URLSearchParams({
      client_id,
      response_type: 'code',
      redirect_uri: CALLBACK,
      code_challenge: 'x'.repeat(43),
      code_challenge_method: 'S256',
    });
    const started = await fetch(at(`/oauth2/authorize?${query}`), { redirect: 'manual' });
    const location = new URL(started.headers.get('location')!, 'https://gateway.example');
    const flow = started.headers.getSetCookie();
    const login = await fetch(at(location.pathname + location.search), {
      headers: { cookie: flow.map((cookie) => cookie.split(';')[0]).join('; ') },
    });
    expect(login.status).toBe(200);
    const cookies = [...flow, ...login.headers.getSetCookie()];
    expect(cookies.length).toBeGreaterThanOrEqual(3);
    for (const cookie of cookies) {
      expect(cookie).toMatch(/^__Host-conducktor_(session|flow_[\w-]+|browser)(\.sig)?=/);
      expect(cookie).toMatch(/; path=\/(;|$)/i);
      expect(cookie).toMatch(/; secure/i);
      expect(cookie).toMatch(/; httponly/i);
      expect(cookie).toMatch(/; samesite=lax/i);
      expect(cookie).not.toMatch(/; domain=/i);
    }
    for (const response of [registered, started, login]) {
      expect(response.headers.get('strict-transport-security')).toContain('max-age=31536000');
    }
  });

  test('metadata names https although the service itself is reached over http', async () => {
    const response = await fetch(at('/.well-known/oauth-authorization-server'));
    const metadata = (await response.json()) as Record<string, string>;
    expect(metadata['issuer']).toBe('https://gateway.example');
    expect(metadata['token_endpoint']).toBe('https://gateway.example/oauth2/token');
  });
});

test('on plain http the names of cookies carry the id of the installation', async () => {
  const { rows } = await plain.admin.pool.query('select id from instance');
  const response = await fetch(`${plain.origin}/login`);
  expect(response.headers.getSetCookie()[0]).toMatch(
    new RegExp(`^conducktor_${rows[0].id}_browser=`),
  );
});
