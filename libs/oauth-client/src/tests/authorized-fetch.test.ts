import { afterEach, beforeEach, expect, test } from 'vitest';
import { authorizedFetch } from '../authorized-fetch.js';
import { MemoryCredentials } from '../credential-store.js';
import { createOAuthClient, type OAuthClientOptions } from '../oauth-client.js';
import {
  startAuthorizationServer,
  startResource,
  straightThrough,
  type AuthorizationServer,
  type Resource,
} from './parties.js';

const REDIRECT = 'http://127.0.0.1:3999/callback';
const DOCUMENT = 'https://client.example/client.json';

let as: AuthorizationServer;
let server: Resource;
let asked: URL[];

beforeEach(async () => {
  as = await startAuthorizationServer('as');
  server = await startResource(as.origin);
  asked = [];
});
afterEach(() => Promise.all([as.close(), server.close()]));

function open(options: Partial<OAuthClientOptions> = {}) {
  const client = createOAuthClient({
    server: new URL(`${server.origin}/mcp`),
    redirectUrl: REDIRECT,
    metadata: { client_name: 'Test', redirect_uris: [REDIRECT] },
    store: new MemoryCredentials(),
    fetch,
    ...options,
  });
  const fetchAs = authorizedFetch(client, (url) => {
    asked.push(url);
    return straightThrough(url);
  });
  return { client, get: () => fetchAs(`${server.origin}/mcp`) };
}

test('the person is asked once, also when several requests find out together', async () => {
  const { get } = open();
  const answers = await Promise.all([get(), get(), get()]);
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  expect(asked).toHaveLength(1);
  expect(asked[0]!.searchParams.get('resource')).toBe(`${server.origin}/mcp`);
  expect(as.bodies('/token')[0]).toContain(encodeURIComponent(`${server.origin}/mcp`));
});

test('an expired token is renewed without the person, once for all requests', async () => {
  const { client, get } = open();
  await get();
  const old = (await client.tokens())!.access_token;
  server.takes = (token) => (token !== old && token.startsWith('as-access')) || 401;
  const answers = await Promise.all([get(), get(), get()]);
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  expect(asked).toHaveLength(1);
  expect(as.bodies('/token')).toHaveLength(2);
});

test('when the refresh token is taken no longer, the person is asked again', async () => {
  const { client, get } = open();
  await get();
  const old = (await client.tokens())!.access_token;
  as.refreshTokens.clear();
  server.takes = (token) => (token !== old && token.startsWith('as-access')) || 401;
  expect((await get()).status).toBe(200);
  expect(asked).toHaveLength(2);
});

test('a token that is never good ends with the 401', async () => {
  server.takes = () => 401;
  expect((await open().get()).status).toBe(401);
  expect(asked).toHaveLength(1);
});

test('missing scopes are asked for beside those at hand', async () => {
  server.metadata = { ...server.metadata, scopes_supported: ['read'] };
  let steps = 0;
  server.takes = (token) => (token === '' ? 401 : steps++ === 0 ? { lacks: 'write' } : true);
  expect((await open().get()).status).toBe(200);
  expect(asked.map((url) => url.searchParams.get('scope'))).toEqual(['read', 'read write']);
});

test('a scope that is never given is asked for twice, by however many requests', async () => {
  as.scope = 'read';
  server.takes = (token) => (token === '' ? 401 : { lacks: 'write' });
  const { get } = open();
  expect((await get()).status).toBe(403);
  expect((await get()).status).toBe(403);
  // To sign in, and twice for more.
  expect(asked).toHaveLength(3);
});

test('the metadata document is used where it is taken, and of a public client only where one may be', async () => {
  as.metadata = { client_id_metadata_document_supported: true };
  await open({ metadataUrl: DOCUMENT }).get();
  expect(asked[0]!.searchParams.get('client_id')).toBe(DOCUMENT);
  expect(as.bodies('/register')).toEqual([]);

  as.metadata = {
    client_id_metadata_document_supported: true,
    token_endpoint_auth_methods_supported: ['client_secret_post'],
  };
  await open({ metadataUrl: DOCUMENT }).get();
  expect(asked[1]!.searchParams.get('client_id')).toMatch(/^as-client-/);
});

test('credentials entered for the issuer come before the document and registration', async () => {
  as.metadata = { client_id_metadata_document_supported: true };
  const preRegistered = new Map([[as.origin, { client_id: 'entered' }]]);
  await open({ metadataUrl: DOCUMENT, preRegistered }).get();
  expect(asked[0]!.searchParams.get('client_id')).toBe('entered');
});

test.each([
  ['does not say that it checks PKCE', { code_challenge_methods_supported: undefined }],
  ['has people sign in over http', { authorization_endpoint: 'http://as.example/authorize' }],
])('an authorization server that %s is refused', async (_name, metadata) => {
  as.metadata = metadata;
  await expect(open().get()).rejects.toMatchObject({ code: 'bad_metadata' });
  expect(asked).toEqual([]);
});

test('where nobody can register, the person is told to enter a client id', async () => {
  as.metadata = { registration_endpoint: undefined };
  await expect(open().get()).rejects.toMatchObject({ code: 'no_client' });
});

test('a document that cannot be read does not make the server its own authorization server', async () => {
  server.override.set('/.well-known/oauth-protected-resource/mcp', ({ response }) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end('{'),
  );
  await expect(open().get()).rejects.toMatchObject({ code: 'bad_metadata' });
});
