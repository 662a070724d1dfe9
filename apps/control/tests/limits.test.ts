import { newId } from '@conducktor/contracts';
import { mintApiKey } from '@conducktor/identity';
import type { SeededWorkspace } from '@conducktor/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { listed, startControl, type ControlService, type Loose } from './harness.js';

let service: ControlService;
let workspace: SeededWorkspace;
beforeAll(async () => {
  service = await startControl();
});
afterAll(() => service.stop());
beforeEach(async () => {
  workspace = await service.seed();
});

const api = (method: string, path: string, body?: unknown, key = workspace.owner.apiKey) =>
  service.call(key, method, `/api/v1${path}`, body);
const minute = [{ limit: 30, seconds: 60 }];
const create = (scope: object, allowances: object[] = minute, key?: string) =>
  api('POST', '/limits', { scope, allowances }, key);
const sql = (text: string, values: unknown[]) =>
  service.admin.withTenant(workspace.tenantId, (tx) => tx.query(text, values));
const versionOf = async () => {
  const { rows } = await sql('select version from tenant_version where tenant_id = $1', [
    workspace.tenantId,
  ]);
  return Number(rows[0]!['version']);
};

async function connectApp(clientId: string): Promise<void> {
  await sql(
    `insert into oauth_grant (tenant_id, id, member_id, client_id, client_name, scopes, resource)
     values ($1, $2, $3, $4, 'Claude', '{mcp:read}', 'https://x.example/mcp')`,
    [workspace.tenantId, newId('grt'), workspace.member.memberId, clientId],
  );
}

async function adminKey(): Promise<string> {
  const [userId, memberId, key] = [newId('usr'), newId('mem'), mintApiKey()];
  await sql('insert into user_account (id, email) values ($1, $2)', [
    userId,
    `${userId}@x.example`,
  ]);
  await sql(
    `insert into member (tenant_id, id, user_id, email, roles) values ($1, $2, $3, $4, '{admin}')`,
    [workspace.tenantId, memberId, userId, `${userId}@x.example`],
  );
  await sql(
    `insert into api_key (tenant_id, id, member_id, name, secret_hash, scopes)
     values ($1, $2, $3, 'k', $4, '{admin}')`,
    [workspace.tenantId, key.id, memberId, key.secretHash],
  );
  return key.key;
}

describe('limits', () => {
  it('are listed page by page, each once, also of clients whose names have spaces', async () => {
    const clients = ['app a', 'app b', 'app b c', 'app d'];
    for (const clientId of clients) {
      await connectApp(clientId);
      expect((await create({ kind: 'client', id: clientId })).status).toBe(201);
    }
    await create({ kind: 'tool', each: true });
    const seen: unknown[] = [];
    for (let cursor = '', pages = 0; pages < 8; pages++) {
      const { body } = await api('GET', `/limits?limit=1${cursor}`);
      seen.push(...(body['items'] as Loose[]).map(({ scope }) => scope.id ?? scope.kind));
      if (body['nextCursor'] === null) break;
      cursor = `&cursor=${body['nextCursor']}`;
    }
    expect(seen).toEqual([...clients, 'tool']);
  });

  it('are made, read, changed and removed, each change recorded and told to gateways', async () => {
    const before = await versionOf();
    const scope = { kind: 'member', id: workspace.member.memberId };
    const made = await create(scope, [
      { limit: 500, seconds: 3_600 },
      { limit: 30, seconds: 60 },
    ]);
    expect(made).toMatchObject({
      status: 201,
      body: {
        id: expect.stringMatching(/^lim_[0-9A-Za-z]{22}$/),
        scope: { ...scope, name: workspace.member.email },
        allowances: [
          { limit: 30, seconds: 60 },
          { limit: 500, seconds: 3_600 },
        ],
        createdAt: expect.any(String),
      },
    });
    const afterwards = await versionOf();
    expect(afterwards).toBeGreaterThan(before);
    const path = `/limits/${made.body['id']}`;
    expect((await api('GET', path)).body).toEqual(made.body);
    const changed = await api('PATCH', path, { allowances: [{ limit: 5, seconds: 1 }] });
    expect(changed.body).toEqual({ ...made.body, allowances: [{ limit: 5, seconds: 1 }] });
    expect(await versionOf()).toBeGreaterThan(afterwards);
    expect((await api('DELETE', path)).status).toBe(204);
    for (const [method, body] of [
      ['GET', undefined],
      ['PATCH', { allowances: minute }],
      ['DELETE', undefined],
    ] as const)
      expect((await api(method, path, body)).status, method).toBe(404);
    const common = { limitId: made.body['id'], kind: 'member', subject: scope.id };
    expect((await service.changes(workspace.tenantId)).slice(-3)).toMatchObject([
      { action: 'limit.create', ...common, actor: workspace.owner.email },
      { action: 'limit.update', ...common, before: made.body['allowances'] },
      { action: 'limit.delete', ...common, allowances: [{ limit: 5, seconds: 1 }] },
    ]);
  });

  it('name what they are of by id or by what people call it, once each', async () => {
    const url = 'https://crm.example/mcp';
    const { id } = (await api('POST', '/connections', { slug: 'crm', kind: 'mcp-http', url })).body;
    service.worker.answer = () => ({ status: 'ACTIVE', ms: 1, tools: [listed('find')] });
    await api('POST', `/connections/${id}/test`);
    const [tool] = (await api('GET', '/tools')).body['items'];
    const clientId = 'https://client.example/app.json?v=1';
    await connectApp(clientId);
    const scopes = [
      [{ kind: 'client', id: clientId }, { name: 'Claude' }],
      [{ kind: 'client', id: workspace.member.keyId }, { name: expect.any(String) }],
      [
        { kind: 'connection', id: 'crm' },
        { id, name: 'crm' },
      ],
      [
        { kind: 'tool', id: 'crm_find' },
        { id: tool.id, name: 'crm_find' },
      ],
      [{ kind: 'member', id: workspace.owner.memberId }, { name: workspace.owner.email }],
      ...['client', 'connection', 'member', 'tool'].map((kind) => [{ kind, each: true }, {}]),
    ] as const;
    for (const [scope, shown] of scopes) {
      const made = await create(scope!);
      expect(made).toMatchObject({ status: 201, body: { scope: { ...scope, ...shown } } });
      const again = await create(scope!);
      expect(again).toMatchObject({ status: 409, body: { code: 'conflict' } });
    }
    expect((await create({ kind: 'connection', id })).status).toBe(409);
    const first = (await api('GET', '/limits?limit=4')).body;
    const rest = (await api('GET', `/limits?limit=9&cursor=${first['nextCursor']}`)).body;
    expect(
      [...first['items'], ...rest['items']].map(({ scope }: Loose) => [scope.kind, scope.each]),
    ).toEqual([
      ['client', true],
      ['client', undefined],
      ['client', undefined],
      ['connection', true],
      ['connection', undefined],
      ['member', true],
      ['member', undefined],
      ['tool', true],
      ['tool', undefined],
    ]);
    await api('DELETE', `/connections/${id}`);
    const gone = (await api('GET', '/limits')).body['items'].filter(
      ({ scope }: Loose) => scope.id === id || scope.id === tool.id,
    );
    expect(gone.map(({ scope }: Loose) => scope.name)).toEqual([null, null]);
  });

  it('are refused for what is not there or makes no sense, and an owner’s to an admin', async () => {
    const other = await service.seed();
    const admin = await adminKey();
    const owner = { kind: 'member', id: workspace.owner.memberId };
    const tries: [number, object, object[]?, string?][] = [
      [404, { kind: 'member', id: other.member.memberId }],
      [404, { kind: 'client', id: other.owner.keyId }],
      [404, { kind: 'client', id: 'nobody' }],
      [404, { kind: 'connection', id: 'nothing' }],
      [404, { kind: 'tool', id: 'crm_find' }],
      [403, owner, minute, admin],
      [400, { kind: 'member' }],
      [400, { ...owner, each: true }],
      [400, { kind: 'workspace', each: true }],
      [400, { kind: 'member', each: false }],
      [400, { kind: 'member', each: true }, []],
      [400, { kind: 'member', each: true }, [...minute, { limit: 60, seconds: 60 }]],
      [400, { kind: 'member', each: true }, [{ limit: 0, seconds: 60 }]],
      [400, { kind: 'member', each: true }, [{ limit: 1, seconds: 0.5 }]],
      [400, { kind: 'member', each: true }, [{ limit: 1, seconds: 86_401 }]],
    ];
    for (const [status, scope, allowances, key] of tries) {
      const answer = await create(scope, allowances, key);
      expect({ scope, allowances, status: answer.status }).toEqual({ scope, allowances, status });
    }
    const { id } = (await create(owner)).body;
    for (const method of ['PATCH', 'DELETE']) {
      const body = method === 'PATCH' ? { allowances: minute } : undefined;
      expect((await api(method, `/limits/${id}`, body, admin)).status, method).toBe(403);
    }
    expect((await api('PATCH', `/limits/${id}`, {})).status).toBe(400);
    const theirs = await api('GET', `/limits/${id}`, undefined, other.owner.apiKey);
    expect(theirs.status).toBe(404);
    expect((await create({ kind: 'member', each: true }, minute, admin)).status).toBe(201);
  });
});
