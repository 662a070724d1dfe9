import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isAllowedRedirect } from '../src/oidc/redirects.js';
import { CALLBACK, connect, startAuth, type AuthService } from './harness.js';

let auth: AuthService;
beforeAll(async () => {
  auth = await startAuth({
    OAUTH_REDIRECT_ALLOW: 'https://agents.example/oauth/callback',
  });
});
afterAll(() => auth.stop());

const post = (metadata: Record<string, unknown>, origin = auth.origin) =>
  fetch(`${origin}/oauth2/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: 'http://localhost:6274' },
    body: JSON.stringify(metadata),
  });

describe('the redirect allow-list', () => {
  test.each([
    'https://chatgpt.com/connector_platform_oauth_redirect',
    'https://chatgpt.com/connector/oauth/abc-DEF_123',
    'https://chatgpt.com/aip/callback',
    'https://chat.openai.com/aip/callback',
    'https://chat.openai.com/oauth/callback',
    'https://claude.ai/api/mcp/auth_callback',
    'https://claude.com/api/mcp/auth_callback',
    'cursor://anysphere.cursor-mcp/oauth/callback',
    'https://www.cursor.com/agents/mcp/oauth/callback',
    'http://localhost:33418/',
    'http://127.0.0.1:6274/oauth/callback',
    'http://[::1]:4000/cb',
    'http://localhost/callback',
    'https://agents.example/oauth/callback',
  ])('takes %s', async (uri) => {
    const response = await post({ redirect_uris: [uri], token_endpoint_auth_method: 'none' });
    expect(response.status).toBe(201);
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
  });

  test.each([
    'https://evil.example/callback',
    'https://chatgpt.com.evil.example/connector_platform_oauth_redirect',
    'https://chatgpt.com/connector/oauth/',
    'https://chatgpt.com/connector/oauth/a/../../x',
    'https://chatgpt.com/connector/oauth/abc?next=https://evil.example',
    'https://chatgpt.com@evil.example/aip/callback',
    'http://chatgpt.com/aip/callback',
    'https://claude.ai/api/mcp/auth_callback/',
    'https://claude.ai/api/mcp/auth_callback#x',
    'https://localhost:3000/callback',
    'http://localhost.evil.example/callback',
    'http://localhost:3000@evil.example/callback',
    'http://localhost:80:80/x',
    'http://127.0.0.2:3000/callback',
    'http://localhost\\@evil.example/callback',
    'javascript:alert(1)',
    'cursor://evil/oauth/callback',
    'http://localhost:3000/cb#fragment',
    '',
  ])('refuses %s', async (uri) => {
    expect(isAllowedRedirect(uri, [])).toBe(false);
    const response = await post({ redirect_uris: [CALLBACK, uri] });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: 'invalid_redirect_uri' });
  });
});

describe('a registration', () => {
  test('is answered with what was stored; the name is made plain', async () => {
    const response = await post({
      redirect_uris: [CALLBACK],
      client_name: '  Chat\u202eGPT\u200b\n  <b>official</b> ' + 'x'.repeat(200),
      token_endpoint_auth_method: 'none',
      scope: 'read write something:else',
    });
    const client = (await response.json()) as Record<string, unknown>;
    expect(client).toMatchObject({
      redirect_uris: [CALLBACK],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      scope: 'mcp:read mcp:write offline_access',
    });
    expect(client['client_name']).toMatch(/^ChatGPT <b>official<\/b> x+$/);
    expect(String(client['client_name'])).toHaveLength(100);
    expect(client['client_secret']).toBeUndefined();
  });

  test.each([
    [
      'jwks_uri',
      { jwks_uri: 'http://169.254.169.254/jwks', token_endpoint_auth_method: 'private_key_jwt' },
    ],
    ['sector_identifier_uri', { sector_identifier_uri: 'https://internal.example/' }],
  ])('with %s fetches nothing and is refused', async (field, metadata) => {
    const response = await post({ redirect_uris: [CALLBACK], ...metadata });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: 'invalid_client_metadata',
      error_description: expect.stringContaining(field),
    });
  });

  test.each([
    [undefined],
    [[]],
    ['text'],
    [[1]],
    [Array.from({ length: 21 }, (_, i) => `http://localhost:${i + 1}/`)],
  ])('with redirect_uris %j is refused', async (redirect_uris) => {
    expect((await post({ redirect_uris })).status).toBe(400);
  });

  test('that is not an object, not JSON or holds no text is refused, not a failure', async () => {
    const send = (body: string) =>
      fetch(`${auth.origin}/oauth2/register`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
    const nul = JSON.stringify({
      redirect_uris: [CALLBACK],
      client_uri: 'https://x.example/\u0000',
    });
    for (const body of [
      '[]',
      'null',
      '{',
      '',
      nul,
      `{"redirect_uris":["${CALLBACK}"],"client_name":"\\ud800"}`,
    ]) {
      const { status } = await send(body);
      expect(status, body).toBeGreaterThanOrEqual(200);
      expect(status, body).toBeLessThan(500);
    }
  });

  test('nobody consented to is forgotten after a month, one in use is kept', async () => {
    const unused = (await (await post({ redirect_uris: [CALLBACK] })).json()) as {
      client_id: string;
    };
    const { client } = await connect(auth);
    const { rows } = await auth.admin.pool.query(
      `select id, round(extract(epoch from expires_at - now()) / 86400)::int as days from oidc_payload
        where kind = 'Client' and id = any($1)`,
      [[unused.client_id, client.clientMetadata().client_id]],
    );
    expect(Object.fromEntries(rows.map(({ id, days }) => [id, days]))).toEqual({
      [unused.client_id]: 30,
      [client.clientMetadata().client_id]: null,
    });
  });
});

describe('DCR_MODE', () => {
  test('off: nobody registers, and no endpoint is advertised', async () => {
    const closed = await startAuth({ DCR_MODE: 'off' });
    try {
      expect((await post({ redirect_uris: [CALLBACK] }, closed.origin)).status).toBe(404);
      const metadata = await fetch(`${closed.origin}/.well-known/oauth-authorization-server`);
      expect(await metadata.json()).not.toHaveProperty('registration_endpoint');
    } finally {
      await closed.stop();
    }
  });

  test('token: nobody registers without one', async () => {
    const guarded = await startAuth({ DCR_MODE: 'token' });
    try {
      expect((await post({ redirect_uris: [CALLBACK] }, guarded.origin)).status).toBe(401);
    } finally {
      await guarded.stop();
    }
  });
});

test('too many registrations from one address are refused before anything is stored', async () => {
  const own = await startAuth();
  try {
    const answers = await Promise.all(
      Array.from({ length: 70 }, () => post({ redirect_uris: [CALLBACK] }, own.origin)),
    );
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThanOrEqual(9);
    expect(Number(refused[0]!.headers.get('retry-after'))).toBeGreaterThan(0);
    const { rows } = await own.admin.pool.query(
      `select count(*)::int as n from oidc_payload where kind = 'Client'`,
    );
    expect(rows[0].n).toBe(70 - refused.length);
    // The gateway, on this machine, says for whom it asks.
    const elsewhere = await fetch(`${own.origin}/oauth2/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-forwarded-for': '203.0.113.9' },
      body: JSON.stringify({ redirect_uris: [CALLBACK] }),
    });
    expect(elsewhere.status).toBe(201);
  } finally {
    await own.stop();
  }
});
