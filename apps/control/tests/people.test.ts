import { createHash } from 'node:crypto';
import { membershipsOf } from '@conducktor/db';
import type { SeededWorkspace } from '@conducktor/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ROUTE_INVENTORY } from '../src/inventory.js';
import { startControl, type ControlService, type Loose } from './harness.js';

let service: ControlService;
let workspace: SeededWorkspace;
let key: string;
beforeAll(async () => {
  service = await startControl();
});
afterAll(() => service.stop());
beforeEach(async () => {
  workspace = await service.seed();
  key = workspace.owner.apiKey;
});

const api = (method: string, path: string, body?: unknown, as = key) =>
  service.call(as, method, `/api/v1${path}`, body);
/** A new member with these roles, and a key of theirs with the scope admin. */
const personWith = async (roles: string[]) => {
  const email = `${roles.join('-')}-${Math.random().toString(36).slice(2)}@example.com`;
  const { id } = (await api('POST', '/members', { email, roles })).body as { id: string };
  const made = await api('POST', '/api-keys', { name: 'k', memberId: id, scopes: ['admin'] });
  return { id, email, key: made.body['key'] as string, keyId: made.body['id'] as string };
};

describe('members', () => {
  it('are made with roles and groups, once for each address', async () => {
    const made = await api('POST', '/members', {
      email: 'Ada@example.com',
      roles: ['approver', 'approver'],
      groups: ['contractors', 'finance'],
    });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      email: 'Ada@example.com',
      roles: ['approver'],
      groups: ['contractors', 'finance'],
      status: 'enabled',
    });
    const again = await api('POST', '/members', { email: 'ada@EXAMPLE.com', roles: ['member'] });
    expect(again.status).toBe(409);
    const groups = (await api('GET', '/groups')).body['items'];
    expect(groups).toMatchObject([
      { name: 'contractors', members: 2 },
      { name: 'finance', members: 1 },
    ]);
  });

  it('are invited: no sign-in may use the membership, and the link is shown once and kept as a hash', async () => {
    const before = Date.now();
    const made = await api('POST', '/members', { email: 'new@example.com', roles: ['member'] });
    const { url, expiresAt } = made.body['invitation'] as { url: string; expiresAt: string };
    const [, token] =
      /^(?:.*)\/invite\?token=([\w-]{43})$/.exec(url.replace(service.origin, '')) ?? [];
    expect(url.startsWith(`${service.origin}/invite?token=`)).toBe(true);
    const week = 7 * 24 * 3600 * 1000;
    expect(Math.abs(Date.parse(expiresAt) - before - week)).toBeLessThan(60_000);
    const { rows } = await service.admin.pool.query(
      `select m.user_id, m.accepted_at, i.token_hash, i.expires_at, i.accepted_at as used
         from member m join invitation i on i.tenant_id = m.tenant_id and i.member_id = m.id
        where m.id = $1`,
      [made.body['id']],
    );
    expect(rows[0]).toMatchObject({
      accepted_at: null,
      used: null,
      token_hash: createHash('sha256').update(token!).digest(),
      expires_at: new Date(expiresAt),
    });
    expect(await membershipsOf(service.admin, rows[0].user_id)).toEqual([]);
    const changes = await service.changes(workspace.tenantId);
    expect(changes.at(-1)).toMatchObject({
      action: 'member.create',
      subject: made.body['id'],
      invited: true,
      invitationExpiresAt: expiresAt,
    });
    const list = await api('GET', '/members');
    for (const text of [JSON.stringify(changes), list.text]) expect(text).not.toContain(token);
  });

  it('have working API keys before they accept', async () => {
    const person = await personWith(['auditor']);
    expect((await api('GET', '/me', undefined, person.key)).status).toBe(200);
  });

  it('who belong to two workspaces are one account', async () => {
    const other = await service.seed();
    const email = 'two@example.com';
    await api('POST', '/members', { email, roles: ['member'] });
    await api('POST', '/members', { email, roles: ['member'] }, other.owner.apiKey);
    const { rows } = await service.admin.pool.query(
      'select id from user_account where email = $1',
      [email],
    );
    expect(rows).toHaveLength(1);
  });

  it('lose access with the next request when disabled', async () => {
    const person = await personWith(['auditor']);
    expect((await api('GET', '/me', undefined, person.key)).status).toBe(200);
    await api('PATCH', `/members/${person.id}`, { status: 'disabled' });
    expect((await api('GET', '/me', undefined, person.key)).status).toBe(401);
    await api('PATCH', `/members/${person.id}`, {
      status: 'enabled',
      roles: ['member'],
      groups: ['x'],
    });
    expect((await api('GET', '/me', undefined, person.key)).body['member']).toMatchObject({
      roles: ['member'],
      groups: ['x'],
    });
  });

  it('never leave a workspace without an owner', async () => {
    const { memberId } = workspace.owner;
    // Who has not accepted cannot own it.
    await personWith(['owner']);
    for (const patch of [{ status: 'disabled' }, { roles: ['admin'] }]) {
      const refused = await api('PATCH', `/members/${memberId}`, patch);
      expect(refused.status).toBe(409);
      expect(refused.body['detail']).toContain('needs an owner');
    }
  });
});

describe('members', () => {
  it('are read one by one; permissions are an owner’s to give', async () => {
    const [admin, auditor] = [await personWith(['admin']), await personWith(['auditor'])];
    expect((await api('GET', `/members/${auditor.id}`)).body).toMatchObject({
      id: auditor.id,
      permissions: [],
      acceptedAt: null,
    });
    const patch = { permissions: ['audit:payloads'] };
    for (const id of [auditor.id, admin.id])
      expect((await api('PATCH', `/members/${id}`, patch, admin.key)).status).toBe(403);
    const given = await api('PATCH', `/members/${auditor.id}`, patch);
    expect(given.body).toMatchObject({ permissions: ['audit:payloads'] });
    expect((await api('GET', '/me', undefined, auditor.key)).body['member']).toMatchObject(patch);
    expect((await service.changes(workspace.tenantId)).at(-1)).toMatchObject({
      action: 'member.update',
      permissions: ['audit:payloads'],
    });
  });

  it('who are removed are gone from lists, groups and gateways, and their apps and keys end', async () => {
    const person = await personWith(['auditor']);
    await api('PATCH', `/members/${person.id}`, {
      permissions: ['audit:payloads'],
      groups: ['ops'],
    });
    const { tenantId } = workspace;
    await service.admin.withTenant(tenantId, (tx) =>
      tx.query(
        `insert into oauth_grant (tenant_id, id, member_id, client_id, scopes, resource)
         values ($1, $2, $3, 'c', '{}', 'x')`,
        [tenantId, `grt_${person.id.slice(4)}`, person.id],
      ),
    );
    expect((await api('DELETE', `/members/${person.id}`)).status).toBe(204);
    expect((await api('GET', '/me', undefined, person.key)).status).toBe(401);
    expect((await api('GET', '/members')).text).not.toContain(person.id);
    const none = { memberId: person.id, name: 'x', scopes: ['admin'] };
    for (const [method, path, body] of [
      ['GET', `/members/${person.id}`, undefined],
      ['PATCH', `/members/${person.id}`, { status: 'enabled' }],
      ['DELETE', `/members/${person.id}`, undefined],
      ['POST', '/groups', { name: 'new', members: [person.id] }],
      ['POST', '/api-keys', none],
    ] as const)
      expect((await api(method, path, body)).status, `${method} ${path}`).toBe(404);
    const rows = await service.admin.withTenant(tenantId, async (tx) => ({
      member: (await tx.query('select * from member where id = $1', [person.id])).rows[0]!,
      live: (
        await tx.query(
          `select id from api_key where member_id = $1 and revoked_at is null
           union select id from oauth_grant where member_id = $1 and revoked_at is null`,
          [person.id],
        )
      ).rows,
      groups: (await tx.query('select 1 from group_membership where member_id = $1', [person.id]))
        .rows,
    }));
    expect(rows.member).toMatchObject({ roles: ['auditor'], permissions: [] });
    expect(rows.member['removed_at']).not.toBeNull();
    expect(rows.member['disabled_at']).not.toBeNull();
    expect([rows.live, rows.groups]).toEqual([[], []]);
    expect((await service.changes(tenantId)).at(-1)).toMatchObject({
      action: 'member.remove',
      subject: person.id,
      keysRevoked: 1,
      appsRevoked: 1,
    });
  });

  it('leave by themselves, save the last owner; others are removed by owners and admins', async () => {
    const [member, admin] = [await personWith(['member']), await personWith(['admin'])];
    const remove = (id: string, as: string) => api('DELETE', `/members/${id}`, undefined, as);
    expect((await remove(admin.id, member.key)).status).toBe(403);
    expect((await remove(workspace.owner.memberId, admin.key)).status).toBe(403);
    expect((await remove(member.id, member.key)).status).toBe(204);
    const last = await remove(workspace.owner.memberId, key);
    expect(last).toMatchObject({ status: 409 });
    expect(last.body['detail']).toContain('needs an owner');
    expect((await remove(workspace.member.memberId, admin.key)).status).toBe(204);
  });
});

describe('groups', () => {
  it('are renamed, filled and removed, but not from under a rule that names them', async () => {
    const { memberId } = workspace.member;
    const { id } = (await api('POST', '/groups', { name: 'ops' })).body as { id: string };
    const filled = await api('PATCH', `/groups/${id}`, { name: 'operators', members: [memberId] });
    expect(filled.body).toMatchObject({ name: 'operators', members: 1 });
    expect((await api('GET', `/groups/${id}`)).body).toMatchObject({ name: 'operators' });
    expect((await api('GET', `/groups/${id}/members`)).body['items']).toMatchObject([
      { id: memberId, groups: ['operators'] },
    ]);
    expect((await api('PATCH', `/groups/${id}`, { name: 'contractors' })).status).toBe(409);
    const ids = ['mem_0000000000000000000000'];
    expect((await api('PATCH', `/groups/${id}`, { members: ids })).status).toBe(404);
    for (const when of [
      { groups: ['operators'] },
      { if: 'caller.groups.exists(g, g == "operators")' },
    ]) {
      const document = { version: 1, default: 'allow', rules: [{ id: 'r', effect: 'deny', when }] };
      const made = await api('POST', '/policies', { document });
      await api('POST', `/policies/${made.body['version']}/activate`);
      expect((await api('DELETE', `/groups/${id}`)).status).toBe(409);
      expect((await api('PATCH', `/groups/${id}`, { name: 'other' })).status).toBe(409);
    }
    const plain = await api('POST', '/policies', { document: { version: 1, default: 'deny' } });
    await api('POST', `/policies/${plain.body['version']}/activate`);
    expect((await api('DELETE', `/groups/${id}`)).status).toBe(204);
    expect((await api('GET', `/groups/${id}`)).status).toBe(404);
    expect((await service.changes(workspace.tenantId)).at(-1)).toMatchObject({
      action: 'group.delete',
      name: 'operators',
    });
  });

  it('are made with members of this workspace only', async () => {
    const made = await api('POST', '/groups', {
      name: 'ops',
      members: [workspace.member.memberId],
    });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ name: 'ops', members: 1 });
    expect((await api('POST', '/groups', { name: 'ops' })).status).toBe(409);
    const other = await service.seed();
    const foreign = await api('POST', '/groups', { name: 'x', members: [other.member.memberId] });
    expect(foreign.status).toBe(404);
  });
});

describe('API keys', () => {
  it('are shown once, listed without the key, and end when revoked', async () => {
    const made = await api('POST', '/api-keys', { name: 'ci', scopes: ['read', 'admin'] });
    expect(made.status).toBe(201);
    expect(Object.keys(made.body)).toEqual(['id', 'key']);
    const { id, key: fresh } = made.body as { id: string; key: string };
    const list = await api('GET', '/api-keys');
    expect(list.body['items'].find((item: Loose) => item.id === id)).toMatchObject({
      name: 'ci',
      scopes: ['mcp:read', 'admin'],
      memberId: workspace.owner.memberId,
    });
    expect(list.text).not.toContain(fresh.split('_')[2]);
    expect(JSON.stringify(await service.changes(workspace.tenantId))).not.toContain(
      fresh.split('_')[2],
    );
    expect((await api('GET', '/me', undefined, fresh)).status).toBe(200);
    expect((await api('DELETE', `/api-keys/${id}`)).status).toBe(204);
    expect((await api('DELETE', `/api-keys/${id}`)).status).toBe(204);
    expect((await api('GET', '/me', undefined, fresh)).status).toBe(401);
  });

  it('end by themselves, and cannot be made for the past', async () => {
    expect(
      (
        await api('POST', '/api-keys', {
          name: 'x',
          scopes: ['admin'],
          expiresAt: '2020-01-01T00:00:00Z',
        })
      ).status,
    ).toBe(400);
    const expiresAt = new Date(Date.now() + 700).toISOString();
    const made = await api('POST', '/api-keys', { name: 'x', scopes: ['admin'], expiresAt });
    expect((await api('GET', '/me', undefined, made.body['key'])).status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 800));
    expect((await api('GET', '/me', undefined, made.body['key'])).status).toBe(401);
  });

  it('need the scope admin for this API, and an existing one', async () => {
    for (const { method, path, guards } of ROUTE_INVENTORY) {
      if (!guards.includes('scope admin')) continue;
      const route = path.replace('/api/v1', '').replace(/:\w+/g, '1');
      const answer = await api(method, route, undefined, workspace.member.apiKey);
      expect({ method, path, status: answer.status }).toEqual({ method, path, status: 403 });
    }
    const refused = await api('GET', '/connections', undefined, workspace.member.apiKey);
    expect(refused.status).toBe(403);
    expect(refused.body).toMatchObject({ code: 'insufficient_scope', scope: 'admin' });
    expect(refused.headers.get('www-authenticate')).toContain('insufficient_scope');
    expect((await api('POST', '/api-keys', { name: 'x', scopes: ['root'] })).status).toBe(400);
  });
});

describe('rights are never wider than the caller’s', () => {
  it('an admin neither makes an owner nor acts as one', async () => {
    const admin = await personWith(['admin']);
    const owner = workspace.owner.memberId;
    const tries: [string, string, unknown][] = [
      ['POST', '/members', { email: 'new@example.com', roles: ['owner'] }],
      ['PATCH', `/members/${admin.id}`, { roles: ['owner'] }],
      ['PATCH', `/members/${owner}`, { roles: ['member'] }],
      ['POST', '/api-keys', { name: 'x', memberId: owner, scopes: ['admin'] }],
      ['DELETE', `/api-keys/${workspace.owner.keyId}`, undefined],
    ];
    for (const [method, path, body] of tries) {
      const answer = await api(method, path, body, admin.key);
      expect({ method, path, status: answer.status }).toEqual({ method, path, status: 403 });
    }
    expect(
      (await api('POST', '/members', { email: 'a2@example.com', roles: ['admin'] }, admin.key))
        .status,
    ).toBe(201);
  });

  it('an admin does not rise with a person for whom they made a key', async () => {
    const admin = await personWith(['admin']);
    // As one that they made signed in: with a key of somebody else's making none is made for others.
    await service.admin.pool.query(
      'update api_key set created_by = member_id where member_id = $1',
      [admin.id],
    );
    for (const wider of [{ roles: ['owner'] }, { permissions: ['audit:payloads'] }]) {
      const person = await personWith(['auditor']);
      const make = async (as: string, memberId?: string) =>
        (await api('POST', '/api-keys', { name: 'k', memberId, scopes: ['admin'] }, as)).body[
          'key'
        ] as string;
      const [theirs, own] = [await make(admin.key, person.id), await make(person.key)];
      const another = await make(theirs);
      await api('PATCH', `/members/${person.id}`, { roles: ['approver'] }, admin.key);
      expect((await api('GET', '/me', undefined, theirs)).status).toBe(200);
      expect((await api('PATCH', `/members/${person.id}`, wider)).status).toBe(200);
      for (const ends of [theirs, another])
        expect((await api('GET', '/me', undefined, ends)).status).toBe(401);
      for (const stays of [own, person.key])
        expect((await api('GET', '/me', undefined, stays)).status).toBe(200);
      expect((await service.changes(workspace.tenantId)).at(-1)).toMatchObject({ keysRevoked: 2 });
    }
  });

  it('a member with an admin key manages their own keys and nothing else', async () => {
    const member = await personWith(['member']);
    const own = await api('POST', '/api-keys', { name: 'own', scopes: ['mcp:read'] }, member.key);
    expect(own.status).toBe(201);
    const list = await api('GET', '/api-keys', undefined, member.key);
    expect(list.body['items'].every((item: Loose) => item.memberId === member.id)).toBe(true);
    expect(
      (await api('DELETE', `/api-keys/${workspace.owner.keyId}`, undefined, member.key)).status,
    ).toBe(404);
    const forOther = { name: 'x', memberId: workspace.owner.memberId, scopes: ['admin'] };
    expect((await api('POST', '/api-keys', forOther, member.key)).status).toBe(403);
    for (const path of [
      '/connections',
      '/tools',
      '/policies',
      '/members',
      '/groups',
      '/audit/events',
    ])
      expect((await api('GET', path, undefined, member.key)).status, path).toBe(403);
  });

  it('an auditor reads everything and writes nothing', async () => {
    const auditor = await personWith(['auditor']);
    for (const path of [
      '/connections',
      '/tools',
      '/policies',
      '/members',
      '/groups',
      '/audit/events',
    ])
      expect((await api('GET', path, undefined, auditor.key)).status, path).toBe(200);
    const body = { slug: 'x', kind: 'mcp-http', url: 'https://x.example' };
    expect((await api('POST', '/connections', body, auditor.key)).status).toBe(403);
  });
});
