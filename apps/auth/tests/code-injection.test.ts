import { FormBrowser } from '@conducktor/oauth-client';
import * as oauth from 'openid-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  allow,
  authorization,
  CALLBACK,
  claimsOf,
  connect,
  left,
  register,
  signUp,
  startAuth,
  stayed,
  type AuthService,
} from './harness.js';

const OTHER_CALLBACK = 'http://127.0.0.1:3998/other';

let auth: AuthService;
let browser: FormBrowser;
let client: oauth.Configuration;
beforeAll(async () => {
  auth = await startAuth();
  browser = new FormBrowser(auth.origin);
  await signUp(auth, browser);
  client = await register(auth, { redirect_uris: [CALLBACK, OTHER_CALLBACK] });
});
afterAll(() => auth.stop());

/** The exchange of a code as raw form fields, over what its own client would send. */
async function exchange(fields: Record<string, string>): Promise<[number, string]> {
  const response = await fetch(`${auth.origin}/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'authorization_code', ...fields }),
  });
  const { error = '' } = (await response.json()) as { error?: string };
  return [response.status, error];
}

async function code() {
  const request = await authorization(client);
  const answer = await allow(browser, request);
  return {
    client_id: client.clientMetadata().client_id,
    code: answer.searchParams.get('code')!,
    redirect_uri: CALLBACK,
    code_verifier: request.verifier,
  };
}

describe('a stolen code', () => {
  test.each([
    [
      'by another client',
      async () => ({ client_id: (await register(auth)).clientMetadata().client_id }),
    ],
    ['for another redirect address of its own', async () => ({ redirect_uri: OTHER_CALLBACK })],
    ['for an address that is not registered', async () => ({ redirect_uri: 'http://127.0.0.1/x' })],
    ['with another verifier', async () => ({ code_verifier: oauth.randomPKCECodeVerifier() })],
    ['without a verifier', async () => ({ code_verifier: '' })],
    ['for another resource', async () => ({ resource: `${auth.origin}/mcp/finance` })],
  ])('presented %s gives nothing', async (_name, change) => {
    const own = await code();
    const [status, error] = await exchange({ ...own, ...(await change()) });
    expect(status).toBe(400);
    expect(error).toMatch(/^invalid_(grant|request|target)$/);
  });

  test('replayed revokes what it gave: access token, refresh token and grant', async () => {
    const { client: own, answer, request, tokens } = await connect(auth);
    const again = oauth.authorizationCodeGrant(own, answer, {
      pkceCodeVerifier: request.verifier,
      expectedState: request.state,
    });
    await expect(again).rejects.toMatchObject({ error: 'invalid_grant' });
    expect(await oauth.tokenIntrospection(own, tokens.access_token)).toEqual({ active: false });
    await expect(oauth.refreshTokenGrant(own, tokens.refresh_token!)).rejects.toMatchObject({
      error: 'invalid_grant',
    });
    const { rows } = await auth.admin.pool.query(
      'select revoked_at is not null as revoked from oauth_grant where id = $1',
      [claimsOf(tokens.access_token)['gid']],
    );
    expect(rows).toEqual([{ revoked: true }]);
  });

  test('of a confidential client is worth nothing without its secret', async () => {
    const confidential = await register(auth, { token_endpoint_auth_method: 'client_secret_post' });
    const request = await authorization(confidential);
    const answer = await allow(browser, request);
    const fields = {
      client_id: confidential.clientMetadata().client_id,
      code: answer.searchParams.get('code')!,
      redirect_uri: CALLBACK,
      code_verifier: request.verifier,
    };
    expect(await exchange(fields)).toEqual([401, 'invalid_client']);
    expect(await exchange({ ...fields, client_secret: 'guess' })).toEqual([401, 'invalid_client']);
    const client_secret = String(confidential.clientMetadata().client_secret);
    expect(await exchange({ ...fields, client_secret })).toEqual([200, '']);
  });
});

describe('mix-up', () => {
  test('every answer to a client names this issuer, also an error (RFC 9207)', async () => {
    const good = await authorization(client);
    expect((await allow(browser, good)).searchParams.getAll('iss')).toEqual([auth.origin]);
    const bad = await authorization(client, { code_challenge_method: 'plain' });
    expect(left(await browser.open(bad.url.href)).searchParams.getAll('iss')).toEqual([
      auth.origin,
    ]);
  });

  test('a client that mistakes the issuer is stopped by its own check', async () => {
    const request = await authorization(client);
    const answer = await allow(browser, request);
    answer.searchParams.set('iss', 'https://evil.example');
    await expect(
      oauth.authorizationCodeGrant(client, answer, {
        pkceCodeVerifier: request.verifier,
        expectedState: request.state,
      }),
    ).rejects.toMatchObject({
      cause: expect.objectContaining({ message: expect.stringContaining('"iss"') }),
    });
  });
});

describe('an open redirect', () => {
  test.each([
    ['an address that is not registered', { redirect_uri: 'https://evil.example/cb' }],
    ['a registered one with more behind it', { redirect_uri: `${CALLBACK}/../evil` }],
    ['a registered one with a query', { redirect_uri: `${CALLBACK}?to=https://evil.example` }],
    ['a registered one with a user', { redirect_uri: CALLBACK.replace('http://', 'http://x@') }],
    ['another scheme', { redirect_uri: 'javascript:alert(1)' }],
    ['an unknown client', { client_id: 'nobody', redirect_uri: 'https://evil.example/cb' }],
    ['no address', { redirect_uri: undefined }],
  ])('is not made of %s, whatever else is wrong', async (_name, params) => {
    for (const more of [{}, { response_type: 'token' }, { scope: 'x' }, { prompt: 'none' }]) {
      const request = await authorization(client, { ...params, ...more });
      const page = stayed(await browser.open(request.url.href));
      expect(page.status).toBe(400);
    }
  });

  test('is not made of the address after signing out', async () => {
    const page = stayed(
      await new FormBrowser(auth.origin).open(
        '/oauth2/logout?post_logout_redirect_uri=https%3A%2F%2Fevil.example%2F',
      ),
    );
    expect(page.html).not.toContain('evil.example');
  });

  test('is not made of one that a client registered for after signing out', async () => {
    const registered = await register(auth, {
      post_logout_redirect_uris: ['https://evil.example/', 'http://localhost:3999/bye'],
    });
    const signOut = async (to: string) => {
      const query = new URLSearchParams({
        client_id: registered.clientMetadata().client_id,
        post_logout_redirect_uri: to,
      });
      return stayed(await new FormBrowser(auth.origin).open(`/oauth2/logout?${query}`)).status;
    };
    expect(await signOut('https://evil.example/')).toBe(400);
    expect(await signOut('http://localhost:3999/bye')).toBe(200);
  });
});

test('every alias of the endpoints leads to the same server', async () => {
  for (const path of ['/oauth2', '/auth', '/api/mcp/auth']) {
    const request = await authorization(client);
    const url = new URL(`${path}/authorize${request.url.search}`, auth.origin);
    const answer = await allow(browser, { ...request, url });
    const response = await fetch(`${auth.origin}${path}/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        client_id: client.clientMetadata().client_id,
        code: answer.searchParams.get('code')!,
        redirect_uri: CALLBACK,
        code_verifier: request.verifier,
      }),
    });
    expect(response.status, path).toBe(200);
  }
});
