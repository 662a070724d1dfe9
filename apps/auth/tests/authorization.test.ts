import { FormBrowser } from '@conducktor/oauth-client';
import * as oauth from 'openid-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  allow,
  authorization,
  claimsOf,
  connect,
  left,
  register,
  signUp,
  startAuth,
  stayed,
  textOf,
  type AuthService,
} from './harness.js';

let auth: AuthService;
let client: oauth.Configuration;
let browser: FormBrowser;
beforeAll(async () => {
  auth = await startAuth();
  client = await register(auth);
  browser = new FormBrowser(auth.origin);
  await signUp(auth, browser);
});
afterAll(() => auth.stop());

describe('an authorization request', () => {
  test.each([
    ['with PKCE plain', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['without a PKCE method', { code_challenge_method: undefined }, 'invalid_request'],
    [
      'without PKCE',
      { code_challenge: undefined, code_challenge_method: undefined },
      'invalid_request',
    ],
    ['for another kind of answer', { response_type: 'token' }, 'unsupported_response_type'],
    ['for a resource elsewhere', { resource: 'https://evil.example/mcp' }, 'invalid_target'],
    ['for a path that is no resource', { resource: 'SELF/api/v1' }, 'invalid_target'],
    ['for the default resource with a slash', { resource: 'SELF/mcp/' }, 'invalid_target'],
    ['that forbids asking', { prompt: 'none' }, 'consent_required'],
  ])('%s is answered at the redirect address with an error and iss', async (_, params, error) => {
    const named = Object.fromEntries(
      Object.entries(params).map(([name, value]) => [name, value?.replace('SELF', auth.origin)]),
    );
    const request = await authorization(client, named);
    const answer = left(await browser.open(request.url.href));
    const sent = new URLSearchParams(answer.search || answer.hash.slice(1));
    expect(Object.fromEntries(sent)).toMatchObject({
      error,
      iss: auth.origin,
      state: request.state,
    });
    expect(sent.has('code')).toBe(false);
  });

  test('for two resources is refused', async () => {
    const request = await authorization(client, { resource: `${auth.origin}/mcp` });
    request.url.searchParams.append('resource', `${auth.origin}/mcp/finance`);
    const answer = left(await browser.open(request.url.href));
    expect(answer.searchParams.get('error')).toBe('invalid_target');
  });

  test.each([
    'http://127.0.0.1:3999/callback/',
    'http://127.0.0.1:3999/callback?x=1',
    'http://127.0.0.1:3999/other',
    'http://localhost:3999/callback',
    'http://127.0.0.1:3999/callback#',
    'https://127.0.0.1:3999/callback',
    'http://127.0.0.1:3999@evil.example/callback',
    'https://chatgpt.com/connector/oauth/abc',
    'https://evil.example/callback',
  ])('for the answer at %s, which is not the registered address, stays on a page', async (uri) => {
    const request = await authorization(client, { redirect_uri: uri });
    const page = stayed(await browser.open(request.url.href));
    expect(page.status).toBe(400);
    expect(textOf(page)).toContain('This app cannot be answered');
  });

  test('without a redirect address stays on a page, also when one alone is registered', async () => {
    const request = await authorization(client, { redirect_uri: undefined });
    expect(stayed(await browser.open(request.url.href)).status).toBe(400);
  });

  test('may use another port of the same loopback address', async () => {
    const uri = 'http://127.0.0.1:51234/callback';
    const request = await authorization(client, { redirect_uri: uri });
    const answer = await allow(browser, request);
    expect(answer.href.startsWith(`${uri}?`)).toBe(true);
  });

  test('of an unknown client, or without a client, stays on a page that says what to do', async () => {
    for (const client_id of ['nobody', '', undefined]) {
      const request = await authorization(client, { client_id });
      const page = stayed(await browser.open(request.url.href));
      expect(page.status).toBe(400);
      expect(textOf(page)).toMatch(/not known here|does not work/);
    }
  });

  test('with a NUL or a huge parameter is refused, not a failure', async () => {
    const nul = await authorization(client, { state: 'a\u0000b' });
    expect(left(await browser.open(nul.url.href)).searchParams.get('error')).toBe(
      'invalid_request',
    );
    const twice = await authorization(client);
    twice.url.searchParams.append('state', 'again');
    const page = await browser.open(twice.url.href);
    expect('leftFor' in page ? page.leftFor.searchParams.get('error') : page.status).toBeOneOf([
      'invalid_request',
      400,
    ]);
  });
});

describe('the code', () => {
  test('lives ten minutes', async () => {
    await allow(browser, await authorization(client));
    const { rows } = await auth.admin.pool.query(
      `select extract(epoch from expires_at - now())::int as seconds from oidc_payload
        where kind = 'AuthorizationCode' order by expires_at desc limit 1`,
    );
    expect(rows[0].seconds).toBeGreaterThan(590);
    expect(rows[0].seconds).toBeLessThanOrEqual(600);
  });

  test.each([
    ['another verifier', { code_verifier: 'x'.repeat(43) }, 'invalid_grant'],
    ['no verifier', { code_verifier: undefined }, 'invalid_grant'],
    [
      'another redirect address',
      { redirect_uri: 'http://127.0.0.1:4000/callback' },
      'invalid_grant',
    ],
    ['another resource', { resource: 'SELF/mcp/finance' }, 'invalid_target'],
  ])('is not exchanged with %s', async (_, change, error) => {
    const request = await authorization(client);
    const answer = await allow(browser, request);
    const body = new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: client.clientMetadata().client_id,
      code: answer.searchParams.get('code')!,
      redirect_uri: 'http://127.0.0.1:3999/callback',
      code_verifier: request.verifier,
    });
    for (const [name, value] of Object.entries(change)) {
      if (value === undefined) body.delete(name);
      else body.set(name, value.replace('SELF', auth.origin));
    }
    const response = await fetch(`${auth.origin}/oauth2/token`, { method: 'POST', body });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error });
  });

  test('is not exchanged by another client', async () => {
    const request = await authorization(client);
    const answer = await allow(browser, request);
    const other = await register(auth);
    await expect(
      oauth.authorizationCodeGrant(other, answer, {
        pkceCodeVerifier: request.verifier,
        expectedState: request.state,
      }),
    ).rejects.toMatchObject({ error: 'invalid_grant' });
  });

  test('used twice revokes what it gave', async () => {
    const { client: own, answer, request, tokens } = await connect(auth);
    const checks = { pkceCodeVerifier: request.verifier, expectedState: request.state };
    await expect(oauth.authorizationCodeGrant(own, answer, checks)).rejects.toMatchObject({
      error: 'invalid_grant',
    });
    await expect(oauth.refreshTokenGrant(own, tokens.refresh_token!)).rejects.toMatchObject({
      error: 'invalid_grant',
    });
    const { rows } = await auth.admin.pool.query(
      'select revoked_at from oauth_grant where id = $1',
      [claimsOf(tokens.access_token)['gid']],
    );
    expect(rows[0].revoked_at).not.toBeNull();
  });
});
