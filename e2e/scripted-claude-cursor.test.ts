// Claude and Cursor as they behave (e2e/clients) at a whole installation.
import { createDb, type Db } from '@conducktor/db';
import { startRecordingUpstream, type RecordingUpstream } from '@conducktor/testing';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import * as claude from './clients/claude.js';
import * as cursor from './clients/cursor.js';
import type { HostedClient } from './clients/hosted-client.js';
import { signUp, type Newcomer } from './support/newcomer.js';
import { startOwnInstallation, type OwnInstallation } from './support/own-installation.js';
import { activatePolicy, ALLOW_ALL, connect } from './support/world.js';

let installation: OwnInstallation;
let upstream: RecordingUpstream;
let admin: Db;
let person: Newcomer;
let mcp: string;

beforeAll(async () => {
  const stack = inject('stack');
  admin = createDb(stack.adminUrl, { max: 2 });
  upstream = await startRecordingUpstream();
  installation = await startOwnInstallation(stack, { 'claude.ai': claude.claudeAi });
  ({ mcp } = installation);
  person = await signUp(installation.publicUrl, admin);
  await connect(person.rest, 'rec', upstream.url);
  await activatePolicy(person.rest, ALLOW_ALL);
});
afterAll(async () => {
  await installation?.close();
  await Promise.all([upstream?.close(), admin?.end()]);
});

async function echo(client: HostedClient) {
  const params = { name: 'rec_echo', arguments: { message: 'here' } };
  const { status, message } = await client.send('tools/call', params);
  return { status, content: message.result?.content };
}
const HERE = { status: 200, content: [{ type: 'text', text: 'here' }] };

describe('Claude', () => {
  test.each(claude.REDIRECTS)('signs in by its document with %s, and stays', async (redirect) => {
    const client = await claude.claude(mcp, person, redirect);
    expect(await echo(client)).toEqual(HERE);
    expect(client.authorizations[0]!.searchParams.get('client_id')).toBe(claude.DOCUMENT);
    expect(await client.claims()).toMatchObject({ aud: mcp, client_id: claude.DOCUMENT });
    expect(await client.oauth.refresh()).toBeDefined();
    expect(await echo(client)).toEqual(HERE);
    // It gives up on an authorization endpoint after ten seconds.
    for (const { path, ms } of client.visits) expect(ms, path).toBeLessThan(10_000);
  });

  test.each(claude.REDIRECTS)('registers with %s where it has to', async (redirect) => {
    const client = claude.registeredClaude(mcp, person, redirect);
    expect(await echo(client)).toEqual(HERE);
    expect(client.visits.map(({ path }) => path)).toContain('/oauth2/register');
  });

  test('finds an address of its own in the metadata of every path it may be given', async () => {
    for (const path of ['/mcp', '/mcp/rec', '/api/conducktor-mcp', '/api/mcp/sse', '/sse']) {
      const client = await claude.claude(`${installation.publicUrl}${path}`, person);
      await client.authorize();
      const resource = client.authorizations[0]!.searchParams.get('resource');
      expect(resource).toBe(`${installation.publicUrl}${path}`);
      const { status } = await client.send('tools/list');
      expect({ path, status, asked: client.authorizations.length }).toEqual({
        path,
        status: 200,
        asked: 1,
      });
    }
  });

  test('is told by a real 403 what is missing, asks the person once, and the call goes through', async () => {
    const client = await claude.claude(mcp, person);
    await client.authorize('mcp:read');
    const params = { name: 'rec_add_note', arguments: { note: 'milk' } };
    const { status, message } = await client.send('tools/call', params);
    expect(status).toBe(200);
    expect(message.result?.content).toEqual([{ type: 'text', text: 'noted milk' }]);
    const calls = client.visits.filter(({ path }) => path === '/mcp').map((visit) => visit.status);
    expect(calls).toEqual([401, 403, 200]);
    expect(client.authorizations).toHaveLength(2);
    const asked = client.authorizations[1]!.searchParams.get('scope')!.split(' ');
    expect(asked).toEqual(expect.arrayContaining(['mcp:read', 'mcp:write']));
  });
});

describe('Cursor', () => {
  test.each(cursor.REDIRECTS)('registers, signs in and comes back at %s', async (redirect) => {
    const client = cursor.cursor(mcp, person, redirect);
    expect(await echo(client)).toEqual(HERE);
    expect(client.authorizations[0]!.searchParams.get('redirect_uri')).toBe(redirect);
    expect(await client.oauth.refresh()).toBeDefined();
    expect(await echo(client)).toEqual(HERE);
  });

  test('is seen, and ended, by the person who connected it', async () => {
    const client = cursor.cursor(mcp, person, cursor.REDIRECTS[0]!);
    expect(await echo(client)).toEqual(HERE);
    const { items } = await person.rest.must<{ items: { id: string; clientId: string }[] }>(
      'GET',
      '/apps',
    );
    const { client_id: clientId } = await client.claims();
    const app = items.find((each) => each.clientId === clientId);
    await person.rest.must('DELETE', `/apps/${app!.id}`);
    await expect
      .poll(async () => (await echo(client), client.authorizations.length), { timeout: 30_000 })
      .toBe(2);
  });
});
