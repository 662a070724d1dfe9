import { createHmac } from 'node:crypto';
import type { SeededWorkspace } from '@conducktor/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startControl, type Browser, type ControlService, type Loose } from './harness.js';

let service: ControlService;
let workspace: SeededWorkspace;
let browser: Browser;
beforeAll(async () => {
  service = await startControl();
});
afterAll(() => service.stop());
beforeEach(async () => {
  workspace = await service.seed();
  browser = await service.browser(workspace.owner.userId);
});

const send = async (
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: unknown,
) => {
  const response = await fetch(`${service.origin}/api/v1${path}`, {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: (text === '' ? {} : JSON.parse(text)) as Loose,
  };
};
/** What a page of ours sends. */
const own = (extra: Record<string, string> = {}) => ({
  cookie: browser.cookie,
  'x-conducktor-workspace': workspace.tenantId,
  'x-conducktor-csrf': browser.csrf,
  origin: service.origin,
  'sec-fetch-site': 'same-origin',
  ...extra,
});
const without = (name: string) => {
  const { [name]: _left, ...rest } = own() as Record<string, string>;
  return rest;
};

describe('a browser session', () => {
  it('says who is signed in, where they may go, and the token for changes', async () => {
    const other = await service.seed();
    await service.admin.withTenant(other.tenantId, (tx) =>
      tx.query(
        `insert into member (tenant_id, id, user_id, email, roles)
         values ($1, 'mem_0000000000000000000000', $2, $3, '{billing}')`,
        [other.tenantId, workspace.owner.userId, workspace.owner.email],
      ),
    );
    const { status, body } = await send('GET', '/session', { cookie: browser.cookie });
    expect(status).toBe(200);
    expect(body.person).toEqual({
      id: workspace.owner.userId,
      email: workspace.owner.email,
      name: 'owner',
    });
    expect(body.csrf).toBe(browser.csrf);
    expect(Date.parse(body.expiresAt)).toBeGreaterThan(Date.now());
    expect(body.workspaces.map(({ id, roles }: Loose) => ({ id, roles })).sort(byId)).toEqual(
      [
        { id: workspace.tenantId, roles: ['owner'] },
        { id: other.tenantId, roles: ['billing'] },
      ].sort(byId),
    );
  });

  it('does all that its person may in the workspace that the header names, and is recorded', async () => {
    const made = await send('POST', '/groups', own(), { name: 'from-browser' });
    expect(made.status).toBe(201);
    expect((await service.changes(workspace.tenantId)).at(-1)).toMatchObject({
      action: 'group.create',
      memberId: workspace.owner.memberId,
      clientId: 'browser',
    });
    const me = await send('GET', '/me', own());
    expect(me.body).toMatchObject({ member: { roles: ['owner'], permissions: [] }, key: null });
    browser = await service.browser(workspace.member.userId);
    expect((await send('POST', '/groups', own(), { name: 'x' })).status).toBe(403);
  });

  it('is good in the person’s own workspaces only, and one must be named', async () => {
    const other = await service.seed();
    for (const id of [other.tenantId, 'ten_0000000000000000000000', 'x', "'"]) {
      const answer = await send('GET', '/me', own({ 'x-conducktor-workspace': id }));
      expect(answer.status, id).toBe(404);
      expect(answer.body.detail).toBe('You are not a member of a workspace with this id.');
    }
    expect((await send('GET', '/me', without('x-conducktor-workspace'))).status).toBe(400);
  });

  it('is no membership that was not accepted, was disabled or removed', async () => {
    for (const change of [
      'accepted_at = null',
      'accepted_at = now(), disabled_at = now()',
      'disabled_at = null, removed_at = now()',
    ]) {
      await service.admin.withTenant(workspace.tenantId, (tx) =>
        tx.query(`update member set ${change} where id = $1`, [workspace.owner.memberId]),
      );
      expect((await send('GET', '/me', own())).status, change).toBe(404);
    }
  });

  it('ends when it is ended, runs out, or the account is disabled', async () => {
    const { pool } = service.admin;
    await pool.query(
      `update oidc_payload set expires_at = now() - interval '1 s' where kind = 'Session'`,
    );
    expect((await send('GET', '/me', own())).status).toBe(401);
    await pool.query(
      `update oidc_payload set expires_at = now() + interval '1 h' where kind = 'Session'`,
    );
    expect((await send('GET', '/me', own())).status).toBe(200);
    await pool.query('update user_account set disabled_at = now() where id = $1', [
      workspace.owner.userId,
    ]);
    expect((await send('GET', '/session', own())).status).toBe(401);
    await pool.query('update user_account set disabled_at = null where id = $1', [
      workspace.owner.userId,
    ]);
    await pool.query(`delete from oidc_payload where kind = 'Session'`);
    expect((await send('GET', '/me', own())).status).toBe(401);
  });

  it('cannot be made up: a cookie without our signature, or one that comes twice, is none', async () => {
    const [pair, signature] = browser.cookie.split('; ') as [string, string];
    const [name, value] = pair.split('=') as [string, string];
    const forged = createHmac('sha1', 'guess').update(pair).digest('base64url');
    for (const cookie of [
      pair,
      `${pair}; ${name}.sig=${forged}`,
      `${pair}; ${name}.sig=`,
      `${name}=${value}x; ${signature}`,
      `${name}=planted; ${browser.cookie}`,
      `${browser.cookie}; ${signature}`,
      `other=${value}; other.sig=${signature.split('=')[1]}`,
    ])
      expect((await send('GET', '/me', own({ cookie }))).status, cookie).toBe(401);
  });

  it('beside a key counts for nothing: the key decides', async () => {
    const key = { authorization: `Bearer ${workspace.member.apiKey}` };
    expect((await send('GET', '/me', own(key))).status).toBe(403);
    expect((await send('GET', '/me', own({ authorization: 'Basic x' }))).status).toBe(401);
  });
});

describe('a request that another site makes', () => {
  it('changes nothing: without our token, or with that of another session, it is refused', async () => {
    const stranger = await service.browser(workspace.member.userId);
    const before = await service.changes(workspace.tenantId);
    for (const headers of [
      without('x-conducktor-csrf'),
      own({ 'x-conducktor-csrf': '' }),
      own({ 'x-conducktor-csrf': stranger.csrf }),
      own({ 'x-conducktor-csrf': `${browser.csrf}x` }),
    ]) {
      const answer = await send('POST', '/groups', headers, { name: 'forged' });
      expect(answer.status).toBe(403);
      expect(answer.body.detail).toContain('X-Conducktor-CSRF');
    }
    expect(await service.changes(workspace.tenantId)).toEqual(before);
  });

  it('carries our cookie for nothing, reading included', async () => {
    const elsewhere: Record<string, string>[] = [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
    ];
    for (const headers of elsewhere)
      for (const [method, path] of [
        ['GET', '/session'],
        ['GET', '/me'],
        ['POST', '/groups'],
      ] as const) {
        const body = method === 'POST' ? { name: 'forged' } : undefined;
        const answer = await send(method, path, own(headers), body);
        expect({ headers, path, status: answer.status }).toEqual({ headers, path, status: 401 });
      }
  });

  it('reads no answer: no origin is allowed, in a preflight neither', async () => {
    const origin = 'https://chatgpt.com';
    for (const method of ['GET', 'OPTIONS'])
      for (const path of ['/session', '/members', '/nothing']) {
        const { headers } = await send(method, path, {
          cookie: browser.cookie,
          origin,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'x-conducktor-csrf',
        });
        expect(
          [...headers.keys()].filter((name) => name.startsWith('access-control-')),
          `${method} ${path}`,
        ).toEqual([]);
      }
  });

  it('needs no token with a key, which no browser adds by itself', async () => {
    const key = { authorization: `Bearer ${workspace.owner.apiKey}` };
    expect((await send('POST', '/groups', key, { name: 'by-key' })).status).toBe(201);
  });
});

const byId = (one: Loose, other: Loose) => (one.id < other.id ? -1 : 1);
