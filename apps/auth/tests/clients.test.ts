import { FormBrowser } from '@conducktor/oauth-client';
import { exportJWK, generateKeyPair } from 'jose';
import * as oauth from 'openid-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isLoopbackRedirect } from '../src/oidc/redirects.js';
import { staticClients } from '../src/oidc/clients.js';
import {
  allow,
  authorization,
  CALLBACK,
  signUp,
  startAuth,
  stayed,
  textOf,
  type AuthService,
} from './harness.js';

const OWN = 'https://tools.example/callback';
let auth: AuthService;
beforeAll(async () => {
  auth = await startAuth({
    OAUTH_CLIENT_ID: 'own-client',
    OAUTH_CLIENT_SECRET: 'a-secret-of-the-operator-7301',
    OAUTH_REDIRECT_URI: OWN,
    OAUTH_SCOPE: 'read write read:inventory',
  });
});
afterAll(() => auth.stop());

describe('client authentication', () => {
  test.each(['client_secret_basic', 'client_secret_post'] as const)('by %s', async (method) => {
    const client = await oauth.dynamicClientRegistration(
      new URL(auth.origin),
      { redirect_uris: [CALLBACK], token_endpoint_auth_method: method },
      undefined,
      { algorithm: 'oauth2', execute: [oauth.allowInsecureRequests] },
    );
    const id = client.clientMetadata().client_id;
    const secret = String(client.clientMetadata().client_secret);
    const { rows } = await auth.admin.pool.query(
      `select payload::text from oidc_payload where id = $1`,
      [id],
    );
    expect(rows[0].payload).not.toContain(secret);

    const use = method === 'client_secret_basic' ? oauth.ClientSecretBasic : oauth.ClientSecretPost;
    const as = (value: string) => {
      const own = new oauth.Configuration(client.serverMetadata(), id, {}, use(value));
      oauth.allowInsecureRequests(own);
      return own;
    };
    const browser = new FormBrowser(auth.origin);
    await signUp(auth, browser);
    const request = await authorization(client);
    const answer = await allow(browser, request);
    const checks = { pkceCodeVerifier: request.verifier, expectedState: request.state };
    await expect(oauth.authorizationCodeGrant(as('wrong'), answer, checks)).rejects.toMatchObject({
      status: 401,
    });
    await expect(oauth.authorizationCodeGrant(as(secret), answer, checks)).resolves.toBeDefined();
  });

  test('by private_key_jwt with inline keys', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256');
    const registered = await oauth.dynamicClientRegistration(
      new URL(auth.origin),
      {
        redirect_uris: [CALLBACK],
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: { keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256', kid: 'k' }] } as never,
      },
      oauth.PrivateKeyJwt({ key: privateKey, kid: 'k' }),
      { algorithm: 'oauth2', execute: [oauth.allowInsecureRequests] },
    );
    const browser = new FormBrowser(auth.origin);
    await signUp(auth, browser);
    const request = await authorization(registered);
    const answer = await allow(browser, request);
    const tokens = await oauth.authorizationCodeGrant(registered, answer, {
      pkceCodeVerifier: request.verifier,
      expectedState: request.state,
    });
    expect(tokens.access_token).toBeDefined();
  });

  test.each([
    ['basic', oauth.ClientSecretBasic],
    ['post', oauth.ClientSecretPost],
  ])('of the operator’s own client from the environment, by %s', async (_name, use) => {
    const own = await oauth.discovery(
      new URL(auth.origin),
      'own-client',
      {},
      use('a-secret-of-the-operator-7301'),
      {
        algorithm: 'oauth2',
        execute: [oauth.allowInsecureRequests],
      },
    );
    const browser = new FormBrowser(auth.origin);
    await signUp(auth, browser);
    const request = await authorization(own, {
      redirect_uri: OWN,
      scope: 'mcp:write offline_access',
    });
    const answer = await allow(browser, request);
    expect(answer.href.startsWith(`${OWN}?`)).toBe(true);
    const tokens = await oauth.authorizationCodeGrant(own, answer, {
      pkceCodeVerifier: request.verifier,
      expectedState: request.state,
    });
    expect(tokens.scope).toBe('mcp:write offline_access');
  });
});

describe('the standing client', () => {
  test.each([
    'https://chatgpt.com/connector_platform_oauth_redirect',
    'https://chatgpt.com/connector/oauth/some_id-1',
    'https://chatgpt.com/aip/callback',
    'https://chat.openai.com/aip/callback',
  ])('chatgpt-mcp-client may be answered at %s', async (redirect_uri) => {
    const client = await oauth.discovery(
      new URL(auth.origin),
      'chatgpt-mcp-client',
      {},
      oauth.None(),
      {
        algorithm: 'oauth2',
        execute: [oauth.allowInsecureRequests],
      },
    );
    const browser = new FormBrowser(auth.origin);
    await signUp(auth, browser);
    const request = await authorization(client, { redirect_uri });
    const page = stayed(await browser.open(request.url.href));
    expect(textOf(page)).toContain('Connect ChatGPT?');
    expect(textOf(page)).toContain(`Access goes to ${new URL(redirect_uri).host}`);
    const answer = await allow(browser, request);
    expect(answer.href.startsWith(`${redirect_uri}?`)).toBe(true);
  });

  test.each(['http://localhost:3999/callback', 'https://claude.ai/api/mcp/auth_callback'])(
    'may not be answered at %s',
    async (redirect_uri) => {
      const client = await oauth.discovery(
        new URL(auth.origin),
        'chatgpt-mcp-client',
        {},
        oauth.None(),
        {
          algorithm: 'oauth2',
          execute: [oauth.allowInsecureRequests],
        },
      );
      const request = await authorization(client, { redirect_uri });
      const page = stayed(await new FormBrowser(auth.origin).open(request.url.href));
      expect(page.status).toBe(400);
    },
  );
});

describe('the operator’s own client', () => {
  const own = (change: object) => staticClients({ ...auth.config, ...change });

  test('may take the name of the standing one, and then replaces it', () => {
    const clients = own({ OAUTH_CLIENT_ID: 'chatgpt-mcp-client', OAUTH_REDIRECT_URI: [] });
    expect(clients).toHaveLength(1);
    expect(clients[0]).toMatchObject({
      client_id: 'chatgpt-mcp-client',
      token_endpoint_auth_method: 'client_secret_basic',
      redirect_uris: expect.arrayContaining([
        'https://chatgpt.com/connector_platform_oauth_redirect',
      ]),
    });
  });

  test('with an address that is none stops the start', () => {
    expect(() => own({ OAUTH_REDIRECT_URI: ['tools.example'] })).toThrow(/OAUTH_REDIRECT_URI/);
  });

  test('may be a web application on plain http inside a company', () => {
    const [, client] = own({ OAUTH_REDIRECT_URI: ['http://intranet.example/cb'] });
    expect(client).toMatchObject({ application_type: 'web' });
    expect(isLoopbackRedirect('http://intranet.example/cb')).toBe(false);
  });
});
