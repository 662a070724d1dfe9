// ChatGPT as it behaves (e2e/clients/chatgpt.ts) at a whole installation: sign-in by every way it has,
// tools, renewal, linking again for more.
import { createDb, type Db } from '@conducktor/db';
import { startRecordingUpstream, type RecordingUpstream } from '@conducktor/testing';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import {
  callAndLink,
  chatgpt,
  chatgptCom,
  DOCUMENT,
  OLD_REDIRECTS,
  REDIRECT,
  REDIRECT_OF,
  signingChatgpt,
} from './clients/chatgpt.js';
import type { HostedClient } from './clients/hosted-client.js';
import { setUpAuthenticator, signUp, type Newcomer } from './support/newcomer.js';
import { startOwnInstallation, type OwnInstallation } from './support/own-installation.js';
import { activatePolicy, ALLOW_ALL, connect } from './support/world.js';

const OWN = { id: 'acme-chatgpt', secret: 'a-secret-from-the-environment-0123456789' };
const SCOPES = 'mcp:read mcp:write offline_access';

let installation: OwnInstallation;
let upstream: RecordingUpstream;
let admin: Db;
let person: Newcomer;
let mcp: string;

beforeAll(async () => {
  const stack = inject('stack');
  admin = createDb(stack.adminUrl, { max: 2 });
  upstream = await startRecordingUpstream();
  installation = await startOwnInstallation(
    stack,
    { 'chatgpt.com': chatgptCom },
    { OAUTH_CLIENT_ID: OWN.id, OAUTH_CLIENT_SECRET: OWN.secret },
  );
  ({ mcp } = installation);
  person = await signUp(installation.publicUrl, admin);
  await connect(person.rest, 'rec', upstream.url);
  await activatePolicy(person.rest, ALLOW_ALL);
});
afterAll(async () => {
  await installation?.close();
  await Promise.all([upstream?.close(), admin?.end()]);
});

const tokenRequests = ({ visits }: HostedClient) =>
  visits.filter(({ form }) => form.has('grant_type')).map(({ form }) => form);

async function echo(client: HostedClient, message: string) {
  const params = { name: 'rec_echo', arguments: { message } };
  return (await client.send('tools/call', params)).message.result;
}

describe('by its metadata document', () => {
  test('ChatGPT finds everything from the address alone, and its token is for that address', async () => {
    const client = chatgpt(mcp, person);
    const probe = await client.send('server/discover', {}, { withToken: false });
    expect(probe.status).toBe(401);
    expect(probe.headers.get('www-authenticate')).toContain(
      `resource_metadata="${installation.publicUrl}/.well-known/oauth-protected-resource/mcp"`,
    );
    const discovered = await client.send('server/discover');
    expect(discovered.message.result?.supportedVersions).toContain('2026-07-28');
    expect(client.visits.map(({ method, path, status }) => `${method} ${path} ${status}`)).toEqual([
      'POST /mcp 401',
      'POST /mcp 401',
      'GET /.well-known/oauth-protected-resource/mcp 200',
      'GET /.well-known/oauth-authorization-server 200',
      'POST /oauth2/token 200',
      'POST /mcp 200',
    ]);
    const asked = client.authorizations[0]!.searchParams;
    expect(Object.fromEntries(asked)).toMatchObject({
      client_id: DOCUMENT,
      redirect_uri: REDIRECT,
      resource: mcp,
      scope: SCOPES,
      code_challenge_method: 'S256',
    });
    expect(tokenRequests(client)[0]!.get('resource')).toBe(mcp);
    expect(await client.claims()).toMatchObject({
      aud: mcp,
      iss: installation.publicUrl,
      client_id: DOCUMENT,
    });
    const { items } = await person.rest.must('GET', '/apps');
    expect(items).toContainEqual(
      expect.objectContaining({
        clientId: DOCUMENT,
        clientName: 'ChatGPT',
        redirectHost: 'chatgpt.com',
        member: expect.objectContaining({ email: person.email }),
      }),
    );
  });

  test('what it looks for in the authorization server’s metadata is there', async () => {
    const response = await fetch(
      `${installation.publicUrl}/.well-known/oauth-authorization-server`,
    );
    expect(await response.json()).toMatchObject({
      issuer: installation.publicUrl,
      client_id_metadata_document_supported: true,
      authorization_response_iss_parameter_supported: true,
      code_challenge_methods_supported: ['S256'],
      token_endpoint_auth_methods_supported: expect.arrayContaining(['none', 'private_key_jwt']),
      scopes_supported: expect.arrayContaining(['offline_access']),
    });
  });

  test('the same document may sign its token requests', async () => {
    const client = signingChatgpt(mcp, person);
    expect((await echo(client, 'signed'))?.content).toEqual([{ type: 'text', text: 'signed' }]);
    expect(tokenRequests(client)[0]!.get('client_assertion')).toMatch(/^ey/);
    await client.oauth.refresh();
    expect((await echo(client, 'again'))?.content).toEqual([{ type: 'text', text: 'again' }]);
  });

  test('access is renewed without the person, and a refresh token used twice ends it', async () => {
    const client = chatgpt(mcp, person);
    await echo(client, 'first');
    const before = (await client.oauth.tokens())!;
    const after = (await client.oauth.refresh())!;
    expect(after.refresh_token).not.toBe(before.refresh_token);
    expect(tokenRequests(client).at(-1)!.get('resource')).toBe(mcp);
    expect((await echo(client, 'second'))?.isError).toBeFalsy();
    expect(client.authorizations).toHaveLength(1);

    const replayed = await fetch(`${installation.publicUrl}/oauth2/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'refresh_token',
        refresh_token: before.refresh_token!,
        client_id: DOCUMENT,
      }),
    });
    expect(await replayed.json()).toMatchObject({ error: 'invalid_grant' });
    // So the person is asked again, by nothing but a call.
    await expect
      .poll(async () => (await echo(client, 'third'), client.authorizations.length))
      .toBe(2);
  });
});

describe('tools', () => {
  test('each says what it does and what it needs, and is small', async () => {
    const client = chatgpt(mcp, person);
    const { message } = await client.send('tools/list');
    const tools = message.result!.tools as Record<string, unknown>[];
    expect(tools.length).toBeGreaterThan(5);
    for (const tool of tools) {
      expect(tool).toMatchObject({
        annotations: {
          readOnlyHint: expect.any(Boolean),
          destructiveHint: expect.any(Boolean),
          openWorldHint: expect.any(Boolean),
        },
        securitySchemes: [{ type: 'oauth2', scopes: expect.any(Array) }],
      });
      expect(tool['_meta']).toMatchObject({ securitySchemes: tool['securitySchemes'] });
      // About four characters are a token; ChatGPT takes 5,000 for a definition.
      expect(JSON.stringify(tool).length / 4).toBeLessThan(5_000);
    }
  });

  test('a call is made again after a failure, and both are on record', async () => {
    const client = chatgpt(mcp, person);
    const call = async () =>
      (await client.send('tools/call', { name: 'rec_fail', arguments: {} })).message.result;
    const [first, second] = [await call(), await call()];
    expect([first, second]).toMatchObject([{ isError: true }, { isError: true }]);
    const ids = [first, second].map((result) => result!._meta!['conducktor/callId']);
    expect(new Set(ids).size).toBe(2);
    expect(upstream.calls.filter(({ name }) => name === 'fail')).toHaveLength(2);
    const recorded = async () => {
      const path = '/audit/events?tool=rec_fail';
      const page = await person.rest.must<{ items: { callId: string }[] }>('GET', path);
      return page.items.map(({ callId }) => callId);
    };
    await expect.poll(recorded).toEqual(expect.arrayContaining(ids));
  });

  test('a person who linked for reading links again when a tool writes, and the call goes through', async () => {
    const client = chatgpt(mcp, person);
    await client.authorize('mcp:read');
    const { first, last } = await callAndLink(client, 'rec_add_note', { note: 'milk' });
    expect(first.isError).toBe(true);
    expect(first._meta?.['mcp/www_authenticate']?.[0]).toContain('insufficient_scope');
    expect(last.content).toEqual([{ type: 'text', text: 'noted milk' }]);
    expect((await client.claims())['scope']).toContain('mcp:read');
    expect(client.authorizations[1]!.searchParams.get('scope')).toContain('mcp:write');
  });
});

describe('as an earlier ChatGPT', () => {
  test('it registers with a callback of its own', async () => {
    const redirectUrl = REDIRECT_OF('g-0123456789abcdef');
    const client = chatgpt(mcp, person, { redirectUrl, metadataUrl: undefined });
    expect((await echo(client, 'registered'))?.isError).toBeFalsy();
    expect(client.visits.map(({ path }) => path)).toContain('/oauth2/register');
    expect(client.authorizations[0]!.searchParams.get('redirect_uri')).toBe(redirectUrl);
    await client.oauth.refresh();
    expect((await echo(client, 'renewed'))?.isError).toBeFalsy();
  });

  test.each([REDIRECT, ...OLD_REDIRECTS])(
    'the client id of the seeds works with %s',
    async (redirectUrl) => {
      const preRegistered = new Map([
        [installation.publicUrl, { client_id: 'chatgpt-mcp-client' }],
      ]);
      const client = chatgpt(mcp, person, { redirectUrl, preRegistered });
      expect((await echo(client, 'static'))?.isError).toBeFalsy();
      expect(await client.claims()).toMatchObject({ client_id: 'chatgpt-mcp-client' });
    },
  );

  test('a client of the environment, which has a secret', async () => {
    const own = {
      client_id: OWN.id,
      client_secret: OWN.secret,
      token_endpoint_auth_method: 'client_secret_post',
    };
    const client = chatgpt(mcp, person, {
      preRegistered: new Map([[installation.publicUrl, own]]),
    });
    expect((await echo(client, 'own'))?.isError).toBeFalsy();
    expect(tokenRequests(client)[0]!.get('client_secret')).toBe(OWN.secret);
    await client.oauth.refresh();
    expect((await echo(client, 'renewed'))?.isError).toBeFalsy();
  });

  test.each([
    ['/api/mcp/auth/authorize', '/api/mcp/auth/token'],
    ['/auth/authorize', '/auth/token'],
  ])('sign-in at %s and %s', async (authorize, token) => {
    const { publicUrl } = installation;
    const preRegistered = new Map([[publicUrl, { client_id: 'chatgpt-mcp-client' }]]);
    const client = chatgpt(mcp, person, { preRegistered });
    const { url, pending } = await client.oauth.begin();
    const at = (path: string) => new URL(path, publicUrl).href;
    const metadata = pending.at.authorizationServerMetadata!;
    const answer = await client.walk(new URL(at(authorize) + url.search));
    await client.oauth.finish(
      {
        ...pending,
        at: {
          ...pending.at,
          authorizationServerMetadata: { ...metadata, token_endpoint: at(token) },
        },
      },
      answer,
    );
    expect(client.visits.at(-1)).toMatchObject({ path: token, status: 200 });
    expect((await echo(client, 'alias'))?.isError).toBeFalsy();
  });

  test.each(['/sse', '/api/mcp/sse'])(
    'an event stream at %s, and messages beside it',
    async (path) => {
      const signedIn = chatgpt(mcp, person);
      await signedIn.authorize(SCOPES);
      const url = new URL(path, installation.publicUrl);
      const client = new Client({ name: 'ChatGPT', version: '1' });
      await client.connect(new SSEClientTransport(url, { fetch: signedIn.fetch }));
      const { tools } = await client.listTools();
      expect(tools.map(({ name }) => name)).toContain('rec_echo');
      const result = await client.callTool({ name: 'rec_echo', arguments: { message: 'sse' } });
      expect(result.content).toEqual([{ type: 'text', text: 'sse' }]);
      await client.close();
    },
  );

  test.each(['/mcp', '/api/conducktor-mcp', '/api/mcp/sse', '/sse', '/messages'])(
    'a version that nobody knows is answered at %s with one that is served',
    async (path) => {
      const client = chatgpt(mcp, person);
      await client.authorize(SCOPES);
      for (const [asked, given] of [
        ['2025-01-01', '2024-11-05'],
        ['2024-11-05', '2024-11-05'],
      ]) {
        const clientInfo = { name: 'ChatGPT', version: '1' };
        const response = await client.fetch(new URL(path, installation.publicUrl), {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            accept: 'application/json, text/event-stream',
          },
          body: JSON.stringify({
            jsonrpc: '2.0',
            id: 1,
            method: 'initialize',
            params: { protocolVersion: asked, capabilities: {}, clientInfo },
          }),
        });
        expect(await response.json()).toMatchObject({ result: { protocolVersion: given } });
      }
    },
  );
});

test('a person with an authenticator app is asked for its code, and only then is there one for ChatGPT', async () => {
  const careful = await signUp(installation.publicUrl, admin);
  const codeAt = await setUpAuthenticator(careful);
  let asked = 0;
  const code = () => (asked++, codeAt(Date.now() + 30_000));
  const client = chatgpt(mcp, { ...careful, code });
  const { status } = await client.send('tools/list');
  expect(status).toBe(200);
  expect(asked).toBe(1);
  const hasty = chatgpt(mcp, { email: careful.email, password: careful.password });
  await expect(hasty.send('tools/list')).rejects.toThrow(/second-factor/);
});
