// What a hostile server gets that wants what another authorization server gave, or a code of it.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { authorizedFetch } from '../authorized-fetch.js';
import { MemoryCredentials } from '../credential-store.js';
import { createOAuthClient } from '../oauth-client.js';
import {
  startAuthorizationServer,
  startParty,
  startResource,
  straightThrough,
  type AuthorizationServer,
  type Exchange,
  type Party,
  type Resource,
} from './parties.js';

const REDIRECT = 'http://127.0.0.1:3999/callback';
const SECRET = 'a-secret-of-the-honest-issuer';

let honest: AuthorizationServer;
let evil: AuthorizationServer;
let server: Resource;
let second: Party;
let store: MemoryCredentials;

beforeEach(async () => {
  honest = await startAuthorizationServer('honest');
  evil = await startAuthorizationServer('evil');
  server = await startResource(honest.origin);
  second = await startParty(({ response }) => void response.end());
  store = new MemoryCredentials();
});
afterEach(() => Promise.all([honest, evil, server, second].map((party) => party.close())));

const newClient = (entered = new Map<string, { client_id: string; client_secret: string }>()) =>
  createOAuthClient({
    server: new URL(`${server.origin}/mcp`),
    redirectUrl: REDIRECT,
    metadata: { client_name: 'Test', redirect_uris: [REDIRECT] },
    preRegistered: entered,
    store,
    fetch,
  });

const get = (client = newClient(), browser = straightThrough) =>
  authorizedFetch(client, browser)(`${server.origin}/mcp`);

/** Whether anything that the honest issuer gave, or that was entered for it, is in what a party saw. */
const sawOfHonest = ({ seen }: Party) =>
  seen.filter((raw) => /honest-(access|refresh|secret|client|code)|a-secret-of/.test(raw));

describe('a malicious metadata document receives 0 bytes of another issuer’s', () => {
  test('tokens and secret, when the server names another authorization server later', async () => {
    expect((await get()).status).toBe(200);
    server.metadata = { ...server.metadata, authorization_servers: [evil.origin] };
    server.takes = (token) => token.startsWith('evil-') || 401;
    expect((await get()).status).toBe(200);
    expect(evil.bodies('/token')).toHaveLength(1);
    expect(sawOfHonest(evil)).toEqual([]);
    // What was got before is still there for the issuer that gave it.
    const url = `${server.origin}/mcp`;
    expect((await store.tokens(honest.origin, url))?.access_token).toContain('honest-access');
    expect((await store.client(honest.origin))?.client_secret).toContain('honest-secret');
  });

  test('secret that a person entered', async () => {
    const entered = new Map([[honest.origin, { client_id: 'ours', client_secret: SECRET }]]);
    expect((await get(newClient(entered))).status).toBe(200);
    expect(honest.bodies('/token').join()).toContain(SECRET);
    server.metadata = { ...server.metadata, authorization_servers: [evil.origin] };
    server.takes = (token) => token.startsWith('evil-') || 401;
    expect((await get(newClient(entered))).status).toBe(200);
    expect(sawOfHonest(evil)).toEqual([]);
  });

  test('name', async () => {
    expect((await get()).status).toBe(200);
    server.metadata = { ...server.metadata, authorization_servers: [evil.origin] };
    server.takes = () => 401;
    evil.metadata = { issuer: honest.origin };
    await expect(get()).rejects.toMatchObject({ name: 'IssuerMismatchError', kind: 'metadata' });
    expect(evil.seen).toHaveLength(1);
    expect(sawOfHonest(evil)).toEqual([]);
  });

  test('code, when it sends the person to the other’s page', async () => {
    server.metadata = { ...server.metadata, authorization_servers: [evil.origin] };
    evil.metadata = { authorization_endpoint: `${honest.origin}/authorize` };
    await expect(get()).rejects.toMatchObject({ kind: 'authorization_response' });
    expect(evil.bodies('/token')).toEqual([]);
    expect(sawOfHonest(evil)).toEqual([]);
  });

  test('tokens of another server, by metadata for that one', async () => {
    expect((await get()).status).toBe(200);
    const other = await startResource(honest.origin);
    other.metadata = server.metadata;
    const client = createOAuthClient({
      server: new URL(`${other.origin}/mcp`),
      redirectUrl: REDIRECT,
      metadata: { redirect_uris: [REDIRECT] },
      store,
      fetch,
    });
    const get2 = authorizedFetch(client, straightThrough);
    await expect(get2(`${other.origin}/mcp`)).rejects.toMatchObject({ code: 'bad_metadata' });
    await expect(get2(`${server.origin}/mcp`)).rejects.toMatchObject({ code: 'other_server' });
    expect(sawOfHonest(other)).toEqual([]);
    await other.close();
  });
});

describe('a 307 to a second host, which sees nothing, from', () => {
  const away = ({ response, path }: Exchange) =>
    void response.writeHead(307, { location: `${second.origin}${path}` }).end();
  const redirected = { name: 'OAuthRefusal', code: 'redirected' };

  test.each([
    ['the token endpoint', '/token'],
    ['the registration endpoint', '/register'],
    ['the authorization server’s metadata', '/.well-known/oauth-authorization-server'],
  ])('%s', async (_name, path) => {
    honest.override.set(path, away);
    await expect(get()).rejects.toMatchObject(redirected);
    expect(second.seen).toEqual([]);
  });

  test.each([
    ['the protected resource’s metadata', '/.well-known/oauth-protected-resource/mcp'],
    ['the resource', '/mcp'],
  ])('%s', async (_name, path) => {
    server.override.set(path, away);
    await expect(get()).rejects.toMatchObject(redirected);
    expect(second.seen).toEqual([]);
  });

  test('the resource, with a token in hand', async () => {
    expect((await get()).status).toBe(200);
    server.override.set('/mcp', away);
    await expect(get()).rejects.toMatchObject(redirected);
    expect(second.seen).toEqual([]);
  });

  test('the token endpoint, with a refresh token in hand', async () => {
    expect((await get()).status).toBe(200);
    server.takes = () => 401;
    honest.override.set('/token', away);
    await expect(get()).rejects.toMatchObject(redirected);
    expect(second.seen).toEqual([]);
  });
});

describe('an answer at the redirect is refused, and its code sent nowhere,', () => {
  test.each([
    ['without an issuer where one was promised', { iss: undefined }],
    ['with the issuer of somebody else', { iss: 'https://somebody.example' }],
    ['with a slash too many in its issuer', { iss: 'http://127.0.0.1/' }],
    ['with an error in somebody else’s name', { iss: 'https://somebody.example', error: 'x' }],
  ])('%s', async (_name, answer) => {
    honest.answer = answer;
    await expect(get()).rejects.toMatchObject({ kind: 'authorization_response' });
    expect(honest.bodies('/token')).toEqual([]);
  });

  test('to an authorization that was not begun here', async () => {
    honest.answer = { state: 'of-an-attacker' };
    await expect(get()).rejects.toMatchObject({ code: 'wrong_answer' });
    expect(honest.bodies('/token')).toEqual([]);
  });

  test('that says a thing twice', async () => {
    const twice = async (url: URL) => {
      const answer = await straightThrough(url);
      answer.append('code', 'another');
      return answer;
    };
    await expect(get(newClient(), twice)).rejects.toMatchObject({ code: 'wrong_answer' });
    expect(honest.bodies('/token')).toEqual([]);
  });

  test('when the person says no, with the reason and nothing kept', async () => {
    honest.answer = { code: undefined, error: 'access_denied' };
    await expect(get()).rejects.toMatchObject({ code: 'denied' });
    expect(await newClient().tokens()).toBeUndefined();
  });
});

test('a code injected from another session gives nothing: the verifier is not its own', async () => {
  const [victim, attacker] = [await newClient().begin(), await newClient().begin()];
  const stolen = await straightThrough(victim.url);
  const answer = await straightThrough(attacker.url);
  answer.set('code', stolen.get('code')!);
  await expect(newClient().finish(attacker.pending, answer)).rejects.toMatchObject({
    code: 'invalid_grant',
  });
  expect(await newClient().tokens()).toBeUndefined();
});

test('the code goes to the authorization server that was asked, whatever the server says by then', async () => {
  const client = newClient();
  const { url, pending } = await client.begin();
  server.metadata = { ...server.metadata, authorization_servers: [evil.origin] };
  await client.finish(JSON.parse(JSON.stringify(pending)), await straightThrough(url));
  expect(evil.seen).toEqual([]);
  expect((await client.tokens())?.access_token).toContain('honest-access');
});
