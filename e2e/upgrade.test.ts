// A data directory that the version before this one wrote is taken over: nobody signs in again, nothing
// that was revoked comes back, and what was sealed then can be opened now.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDb, type Db } from '@conducktor/db';
import { signIn } from '@conducktor/oauth-client';
import { freePortBlock } from '@conducktor/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeOldInstallation, type OldInstallation } from './support/old-installation.js';
import { Rest } from './support/rest.js';
import { startStack, stopStack, STACK_PORTS, type Stack } from './support/stack.js';

let old: OldInstallation;
let stack: Stack;
let admin: Db;
const dataDir = mkdtempSync(join(tmpdir(), 'conducktor-upgrade-'));

beforeAll(async () => {
  const portBase = await freePortBlock(STACK_PORTS);
  old = await makeOldInstallation(dataDir, portBase);
  stack = await startStack(dataDir, portBase);
  admin = createDb(stack.adminUrl, { max: 1 });
}, 120_000);
afterAll(async () => {
  await admin?.end();
  await stopStack(dataDir);
  rmSync(dataDir, { recursive: true, force: true });
});

const callEcho = (token: string) =>
  fetch(`${stack.publicUrl}/mcp`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2025-06-18',
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'everything_echo', arguments: { message: 'after the upgrade' } },
    }),
  });

const refresh = (token: string) =>
  fetch(`${stack.publicUrl}/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: token,
      client_id: old.client.clientId,
    }),
  });

test('the demo stays what it was, with the same key and people', async () => {
  expect(stack.demo).toMatchObject({ email: old.demo.email, apiKey: old.demo.apiKey });
  const rest = new Rest(stack.publicUrl, old.demo.apiKey);
  const { body } = await rest.request('GET', '/members');
  const emails = (body as { items: { email: string }[] }).items.map(({ email }) => email);
  expect(emails.sort()).toEqual(
    old.rows
      .get('member')!
      .map(({ email }) => email)
      .sort(),
  );
});

test('a client that was connected goes on with its refresh token, and calls', async () => {
  const answer = await refresh(old.client.refreshToken);
  const tokens = (await answer.json()) as { access_token: string; refresh_token: string };
  expect(answer.status, JSON.stringify(tokens)).toBe(200);
  expect(await (await callEcho(tokens.access_token)).text()).toContain('after the upgrade');
});

test('a key that was revoked stays refused', async () => {
  expect((await callEcho(old.client.revokedKey)).status).toBe(401);
});

test('a person signs in with the password of before', async () => {
  const url = new URL('/oauth2/authorize', stack.publicUrl);
  url.search = new URLSearchParams({
    client_id: old.client.clientId,
    response_type: 'code',
    redirect_uri: 'http://127.0.0.1:3999/callback',
    scope: 'mcp:read',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
  }).toString();
  expect((await signIn(url, old.demo)).get('code')).toBeTruthy();
});

test('an invitation that was sent is still open', async () => {
  const page = await fetch(old.client.invitation);
  expect(page.status).toBe(200);
  expect(await page.text()).toContain('invited@demo.example');
});

test('the secret of a connection can be opened with the keys of before', async () => {
  const rest = new Rest(stack.publicUrl, old.demo.apiKey);
  const connection = old.rows.get('connection')!.find(({ slug }) => slug === 'secretive')!;
  const { body } = await rest.request('POST', `/connections/${String(connection['id'])}/test`);
  // It reaches nobody; a secret that cannot be opened says so instead.
  expect(body).toMatchObject({ status: 'ERROR', reason: expect.stringMatching(/reach|connect/i) });
});

test('records keep their places, and new ones follow without a gap', async () => {
  const tenant = old.rows.get('tenant')![0]!['id'];
  const { rows } = await admin.pool.query<{ seq: string; id: string }>(
    'select seq, id from audit_event where tenant_id = $1 order by seq',
    [tenant],
  );
  const before = old.rows.get('audit_event')!;
  expect(rows.slice(0, before.length).map(({ id }) => id)).toEqual(
    before.sort((a, b) => Number(a['seq']) - Number(b['seq'])).map(({ id }) => id),
  );
  expect(rows.map(({ seq }) => Number(seq))).toEqual(rows.map((_row, index) => index + 1));
  expect(rows.length).toBeGreaterThan(before.length);
});
