import { newId } from '@conducktor/contracts';
import type { SeededWorkspace } from '@conducktor/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
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
const sql = (text: string, values: unknown[] = []) =>
  service.admin.withTenant(workspace.tenantId, (tx) => tx.query(text, values));
const personWith = async (roles: string[]) => {
  const email = `${roles.join('-')}-${Math.random().toString(36).slice(2)}@example.com`;
  const { id } = (await api('POST', '/members', { email, roles })).body as { id: string };
  const made = await api('POST', '/api-keys', { name: 'k', memberId: id, scopes: ['admin'] });
  await sql('update member set accepted_at = now() where id = $1', [id]);
  return { id, email, key: made.body['key'] as string, keyId: made.body['id'] as string };
};
const connectApp = async (memberId: string, clientId = 'https://client.example/app.json') => {
  const id = newId('grt');
  await sql(
    `insert into oauth_grant (tenant_id, id, member_id, client_id, client_name, redirect_host, scopes, resource)
     values ($1, $2, $3, $4, 'Claude', 'claude.ai', '{mcp:read}', $5)`,
    [workspace.tenantId, id, memberId, clientId, `${service.origin}/mcp`],
  );
  return id;
};
const seen = (memberId: string, credentialId: string, ago: string) =>
  sql(
    `insert into client_activity (tenant_id, credential_id, member_id, client_id, client_name, client_version,
                                  protocol_version, resource_path, source_ip, requests, last_seen_at)
     values ($1, $2, $3, 'c', 'claude-ai', '1.2', '2025-11-25', '/mcp', '192.0.2.1', 7, now() - $4::interval)`,
    [workspace.tenantId, credentialId, memberId, ago],
  );
const versionOf = async () =>
  Number(
    (await sql('select version from tenant_version where tenant_id = $1', [workspace.tenantId]))
      .rows[0]!['version'],
  );

describe('connected apps', () => {
  it('are listed with whom they speak for and their last use; everybody sees their own', async () => {
    const { memberId, email } = workspace.member;
    const theirs = await connectApp(memberId);
    const ours = await connectApp(workspace.owner.memberId);
    await seen(memberId, theirs, '1 hour');
    const all = await api('GET', '/apps');
    expect(all.body['items'].map(({ id }: Loose) => id).sort()).toEqual([theirs, ours].sort());
    expect(all.body['items'].find(({ id }: Loose) => id === theirs)).toMatchObject({
      clientId: 'https://client.example/app.json',
      clientName: 'Claude',
      redirectHost: 'claude.ai',
      member: { id: memberId, email },
      scopes: ['mcp:read'],
      resource: `${service.origin}/mcp`,
      revokedAt: null,
      lastUse: { clientName: 'claude-ai', clientVersion: '1.2', path: '/mcp', requests: 7 },
    });
    const member = await personWith(['member']);
    const own = await connectApp(member.id);
    const list = await api('GET', '/apps', undefined, member.key);
    expect(list.body['items'].map(({ id }: Loose) => id)).toEqual([own]);
  });

  it('are revoked at once for the gateways, once, and the record says whose', async () => {
    const id = await connectApp(workspace.member.memberId);
    const before = await versionOf();
    expect((await api('DELETE', `/apps/${id}`)).status).toBe(204);
    expect((await api('DELETE', `/apps/${id}`)).status).toBe(204);
    expect(await versionOf()).toBeGreaterThan(before);
    const { rows } = await sql('select revoked_at from oauth_grant where id = $1', [id]);
    expect(rows[0]!['revoked_at']).not.toBeNull();
    const changes = (await service.changes(workspace.tenantId)).filter(
      ({ action }) => action === 'grant.revoke',
    );
    expect(changes).toMatchObject([
      { grantId: id, subject: workspace.member.memberId, actor: workspace.owner.email },
    ]);
    expect((await api('GET', '/apps')).body['items']).toEqual([]);
    for (const status of ['revoked', 'all'])
      expect((await api('GET', `/apps?status=${status}`)).body['items']).toHaveLength(1);
  });

  it('of others are not there for a member, and an owner’s are no admin’s to end', async () => {
    const [member, admin] = [await personWith(['member']), await personWith(['admin'])];
    const id = await connectApp(workspace.owner.memberId);
    const own = await connectApp(member.id);
    expect((await api('DELETE', `/apps/${id}`, undefined, member.key)).status).toBe(404);
    expect((await api('DELETE', `/apps/${id}`, undefined, admin.key)).status).toBe(403);
    expect((await api('DELETE', `/apps/${own}`, undefined, admin.key)).status).toBe(204);
  });
});

describe('sessions', () => {
  it('are the apps and keys in use lately, without those that have ended', async () => {
    const { memberId, keyId } = workspace.member;
    const [recent, ended, old] = [
      await connectApp(memberId),
      await connectApp(memberId),
      await connectApp(memberId),
    ];
    await seen(memberId, recent, '1 min');
    await seen(memberId, ended, '1 min');
    await seen(memberId, old, '1 hour');
    await seen(memberId, keyId, '1 min');
    await api('DELETE', `/apps/${ended}`);
    const list = await api('GET', '/sessions');
    expect(
      list.body['items'].map(({ credentialId, kind }: Loose) => `${kind} ${credentialId}`).sort(),
    ).toEqual([`app ${recent}`, `key ${keyId}`, `key ${workspace.owner.keyId}`].sort());
    const longer = await api('GET', '/sessions?minutes=120');
    expect(longer.body['items'].map(({ credentialId }: Loose) => credentialId)).toContain(old);
    const member = await personWith(['member']);
    const own = await api('GET', '/sessions', undefined, member.key);
    expect(own.body['items']).toMatchObject([{ credentialId: member.keyId, path: '/api/v1' }]);
  });
});

describe('API keys', () => {
  it('show when they were last used, REST included', async () => {
    const item = async () =>
      (await api('GET', '/api-keys')).body['items'].find(
        ({ id }: Loose) => id === workspace.owner.keyId,
      );
    await api('GET', '/me');
    expect(Date.now() - Date.parse((await item()).lastUsedAt)).toBeLessThan(60_000);
  });

  it('of a member who may read payloads are made and ended by owners only', async () => {
    const [admin, auditor] = [await personWith(['admin']), await personWith(['auditor'])];
    await api('PATCH', `/members/${auditor.id}`, { permissions: ['audit:payloads'] });
    const wanted = { name: 'x', memberId: auditor.id, scopes: ['admin'] };
    expect((await api('POST', '/api-keys', wanted, admin.key)).status).toBe(403);
    expect((await api('POST', '/api-keys', wanted)).status).toBe(201);
  });
});

describe('freezing', () => {
  const frozen = async () =>
    (await api('GET', '/freeze')).body['items'].map(({ kind, id }: Loose) => `${kind} ${id}`);

  it('takes a workspace, a connection, a member, a client or a key, and lifts it again', async () => {
    const crm = { slug: 'crm', kind: 'mcp-http', url: 'https://crm.example/mcp' };
    const connection = (await api('POST', '/connections', crm)).body['id'];
    const clientId = 'https://client.example/app.json?v=1';
    await connectApp(workspace.member.memberId, clientId);
    const subjects = [
      ['client', clientId],
      ['client', workspace.member.keyId],
      ['connection', connection],
      ['member', workspace.member.memberId],
      ['workspace', workspace.tenantId],
    ];
    for (const [kind, id] of subjects) {
      const before = await versionOf();
      const made = await api('POST', '/freeze', { kind, id, reason: 'Looks stolen' });
      expect({ kind, status: made.status }).toEqual({ kind, status: 201 });
      expect(made.body).toMatchObject({ kind, id, createdBy: workspace.owner.memberId });
      expect(await versionOf()).toBeGreaterThan(before);
      expect((await api('POST', '/freeze', { kind, id, reason: 'again' })).status).toBe(409);
    }
    expect((await frozen()).sort()).toEqual(subjects.map((each) => each.join(' ')).sort());
    const first = await api('GET', '/freeze?limit=2');
    const second = await api('GET', `/freeze?limit=3&cursor=${first.body['nextCursor']}`);
    expect([...first.body['items'], ...second.body['items']]).toHaveLength(5);
    for (const [kind, id] of subjects) {
      const path = `/freeze/${kind}/${encodeURIComponent(id!)}`;
      expect((await api('DELETE', path)).status, path).toBe(204);
      expect((await api('DELETE', path)).status).toBe(404);
    }
    expect(await frozen()).toEqual([]);
    const actions = (await service.changes(workspace.tenantId)).map(({ action }) => action);
    expect(actions.filter((each) => each === 'freeze.create')).toHaveLength(5);
    expect(actions.filter((each) => each === 'freeze.lift')).toHaveLength(5);
  });

  it('stops a member and a key here too, with the reason; a frozen workspace is still managed', async () => {
    const admin = await personWith(['admin']);
    await api('POST', '/freeze', { kind: 'member', id: admin.id, reason: 'On leave' });
    const refused = await api('GET', '/me', undefined, admin.key);
    expect(refused).toMatchObject({ status: 403, body: { code: 'frozen' } });
    expect(refused.body['detail']).toContain('On leave');
    await api('DELETE', `/freeze/member/${admin.id}`);
    expect((await api('GET', '/me', undefined, admin.key)).status).toBe(200);
    await api('POST', '/freeze', { kind: 'client', id: admin.keyId, reason: 'Leaked' });
    expect((await api('GET', '/me', undefined, admin.key)).body['code']).toBe('frozen');
    await api('POST', '/freeze', { kind: 'workspace', id: workspace.tenantId, reason: 'Drill' });
    expect((await api('DELETE', `/freeze/workspace/${workspace.tenantId}`)).status).toBe(204);
  });

  it('is refused for oneself, for an owner by an admin, and for what is not there', async () => {
    const admin = await personWith(['admin']);
    const other = await service.seed();
    const tries = [
      [409, key, { kind: 'member', id: workspace.owner.memberId }],
      [409, key, { kind: 'client', id: workspace.owner.keyId }],
      [403, admin.key, { kind: 'member', id: workspace.owner.memberId }],
      [403, admin.key, { kind: 'client', id: workspace.owner.keyId }],
      [404, key, { kind: 'member', id: other.owner.memberId }],
      [404, key, { kind: 'workspace', id: other.tenantId }],
      [404, key, { kind: 'client', id: other.owner.keyId }],
      [404, key, { kind: 'connection', id: 'con_0000000000000000000000' }],
      [400, key, { kind: 'tool', id: 'x' }],
    ] as const;
    for (const [status, as, subject] of tries) {
      const answer = await api('POST', '/freeze', { ...subject, reason: 'x' }, as);
      expect({ ...subject, status: answer.status }).toEqual({ ...subject, status });
    }
    expect(await frozen()).toEqual([]);
  });

  it('of an owner is lifted by owners only, and the last free owner stays free', async () => {
    const [second, admin] = [await personWith(['owner']), await personWith(['admin'])];
    const freezing = { kind: 'member', id: second.id, reason: 'x' };
    expect((await api('POST', '/freeze', freezing)).status).toBe(201);
    const path = `/freeze/member/${second.id}`;
    expect((await api('DELETE', path, undefined, admin.key)).status).toBe(403);
    // The other owner is frozen, so this one is the last.
    for (const [method, at, body] of [
      ['PATCH', `/members/${workspace.owner.memberId}`, { status: 'disabled' }],
      ['DELETE', `/members/${workspace.owner.memberId}`, undefined],
    ] as const)
      expect((await api(method, at, body)).status, method).toBe(409);
    expect((await api('DELETE', path)).status).toBe(204);
  });

  it('of each other leaves one of two owners free', async () => {
    const second = await personWith(['owner']);
    const one = { kind: 'member', id: second.id, reason: 'x' };
    const other = { kind: 'member', id: workspace.owner.memberId, reason: 'x' };
    const answers = await Promise.all([
      api('POST', '/freeze', one),
      api('POST', '/freeze', other, second.key),
    ]);
    expect(answers.map(({ status }) => status).sort()).not.toEqual([201, 201]);
  });
});
