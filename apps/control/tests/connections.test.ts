import type { RefreshResult } from '@conducktor/contracts';
import { openConnectionSecrets } from '@conducktor/vault';
import type { SeededWorkspace } from '@conducktor/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { listed, startControl, type ControlService, type Loose } from './harness.js';

const CANARY = 'canary-7f3a-secret';
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

const connect = async (body: object) => service.call(key, 'POST', '/api/v1/connections', body);
const crm = {
  slug: 'crm',
  kind: 'mcp-http',
  url: 'https://crm.example/mcp',
  headers: { authorization: `Bearer ${CANARY}` },
};
const answers = (result: Partial<RefreshResult>) => {
  service.worker.answer = () => ({ status: 'ACTIVE', tools: [], ms: 12, ...result });
};

describe('a connection', () => {
  it('declares scopes, which are checked, replaced as a whole, shown and recorded', async () => {
    const inventory = { scope: 'read:inventory', description: 'read stock', tools: ['get*'] };
    const created = await connect({ ...crm, scopes: [inventory] });
    const path = `/api/v1/connections/${created.body.id}`;
    const revision = async () => {
      const { rows } = await service.admin.pool.query(
        'select revision from connection where id = $1',
        [created.body.id],
      );
      return rows[0].revision as string;
    };
    const before = await revision();
    expect((await service.call(key, 'GET', path)).body.scopes).toEqual([inventory]);
    const cogs = { scope: 'read:cogs', tools: ['getCogs'] };
    const changed = await service.call(key, 'PATCH', path, { scopes: [cogs] });
    expect(changed.body.scopes).toEqual([cogs]);
    // Its server has no part in it and keeps its sessions.
    expect(await revision()).toBe(before);
    expect((await service.changes(workspace.tenantId)).at(-1)).toMatchObject({
      action: 'connection.update',
      scopes: [cogs],
    });
    for (const scopes of [
      [{ scope: 'mcp:read', tools: ['*'] }],
      [{ scope: 'admin', tools: ['*'] }],
      [{ scope: 'Read:Stock', tools: ['*'] }],
      [{ scope: 'read:stock', tools: [] }],
      [cogs, cogs],
      [{ ...cogs, more: 1 }],
    ]) {
      const refused = await service.call(key, 'PATCH', path, { scopes });
      expect(refused.status, JSON.stringify(scopes)).toBe(400);
    }
    const apiKey = await service.call(key, 'POST', '/api/v1/api-keys', {
      name: 'stock',
      scopes: ['read', 'read:inventory'],
    });
    expect(apiKey.status).toBe(201);
  });

  it('is created as PENDING, with its secret sealed and told nowhere', async () => {
    const created = await connect(crm);
    expect(created.status).toBe(201);
    expect(created.body).toEqual({
      id: expect.stringMatching(/^con_/),
      slug: 'crm',
      kind: 'mcp-http',
      status: 'PENDING',
    });
    const { id } = created.body;
    const read = await service.call(key, 'GET', `/api/v1/connections/${id}`);
    expect(read.body).toMatchObject({
      id,
      url: crm.url,
      hasSecret: true,
      tools: 0,
      timeoutMs: 30_000,
    });

    const [change] = await service.changes(workspace.tenantId);
    expect(change).toMatchObject({
      action: 'connection.create',
      actor: workspace.owner.email,
      clientId: workspace.owner.keyId,
      connection: 'crm',
      secretNames: ['authorization'],
    });
    expect(created.text + read.text + JSON.stringify(change)).not.toContain(CANARY);

    const stored = await service.admin.withTenant(workspace.tenantId, (tx) =>
      tx.query<{ sealed: Buffer }>(
        'select sealed from connection_secret where connection_id = $1',
        [id],
      ),
    );
    const sealed = stored.rows[0]!.sealed;
    expect(sealed.toString('latin1')).not.toContain(CANARY);
    expect(
      await openConnectionSecrets(service.control.vault, workspace.tenantId, id, sealed),
    ).toEqual({
      headers: crm.headers,
    });
  });

  it.each([
    [
      'an unknown kind',
      { ...crm, kind: 'openapi' },
      '"kind": must be "mcp-http", "mcp-sse" or "mcp-stdio"',
    ],
    ['a slug with an underscore', { ...crm, slug: 'a_b' }, '"slug": must be 1 to 24'],
    ['the reserved slug', { ...crm, slug: 'conducktr' }, '"slug": is reserved'],
    ['no address', { slug: 'x', kind: 'mcp-http' }, '"url"'],
    [
      'an address with a password',
      { ...crm, url: 'https://a:b@crm.example' },
      '"url": must be an http',
    ],
    ['another scheme', { ...crm, url: 'file:///etc/passwd' }, '"url": must be an http'],
    ['a command', { slug: 'x', kind: 'mcp-stdio', command: 'sh' }, '"catalog"'],
    [
      'a command beside a name',
      { slug: 'x', kind: 'mcp-stdio', catalog: 'memory', command: 'sh' },
      'not known here: command',
    ],
    [
      'a path as a name',
      { slug: 'x', kind: 'mcp-stdio', catalog: '../../bin/sh' },
      "operator's catalogue",
    ],
    ['a header that carries', { ...crm, headers: { Host: 'x' } }, 'Conducktor sets itself'],
    ['a header with a line break', { ...crm, headers: { a: 'x\r\ny: z' } }, '"headers.a"'],
    ['a timeout of a day', { ...crm, timeoutMs: 86_400_000 }, '"timeoutMs"'],
  ])('with %s is refused', async (_what, body, sentence) => {
    const { status, body: problem, headers } = await connect(body);
    expect(status).toBe(400);
    expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(problem).toMatchObject({ code: 'invalid_request', status: 400 });
    expect(problem['detail']).toContain(sentence);
  });

  it('to a server of 2024-11-05 is made and changed like one over HTTP', async () => {
    const created = await connect({ ...crm, kind: 'mcp-sse', url: 'https://crm.example/sse' });
    expect(created).toMatchObject({ status: 201, body: { kind: 'mcp-sse', status: 'PENDING' } });
    const path = `/api/v1/connections/${created.body['id']}`;
    const moved = await service.call(key, 'PATCH', path, { url: 'https://other.example/sse' });
    expect(moved.status).toBe(400);
    expect(moved.body['detail']).toContain('enter them again for the new address');
    const changed = await service.call(key, 'PATCH', path, {
      url: 'https://other.example/sse',
      headers: crm.headers,
    });
    expect(changed.body).toMatchObject({ url: 'https://other.example/sse', hasSecret: true });
  });

  it('with a slug that is taken is a conflict; in another workspace it is not', async () => {
    expect((await connect(crm)).status).toBe(201);
    const again = await connect(crm);
    expect(again.status).toBe(409);
    expect(again.body['detail']).toBe(
      'There is a connection or toolset "crm" in this workspace already.',
    );
    const other = await service.seed();
    const elsewhere = await service.call(other.owner.apiKey, 'POST', '/api/v1/connections', crm);
    expect(elsewhere.status).toBe(201);
  });

  it('is changed, gets a higher revision, and forgets its secret when told', async () => {
    const { id } = (await connect(crm)).body;
    const revision = () =>
      service.admin.withTenant(workspace.tenantId, async (tx) =>
        Number(
          (await tx.query('select revision from connection where id = $1', [id])).rows[0]![
            'revision'
          ],
        ),
      );
    const before = await revision();
    const changed = await service.call(key, 'PATCH', `/api/v1/connections/${id}`, {
      url: 'https://new.example/mcp',
      headers: {},
    });
    expect(changed.body).toMatchObject({ url: 'https://new.example/mcp', hasSecret: false });
    expect(await revision()).toBe(before + 1);
    const wrong = await service.call(key, 'PATCH', `/api/v1/connections/${id}`, {
      env: { A: 'b' },
    });
    expect(wrong.status).toBe(400);
    expect(wrong.body['detail']).toBe('"env": a connection of kind mcp-http has none.');
  });

  it('is removed with its tools', async () => {
    const { id } = (await connect(crm)).body;
    answers({ tools: [listed('find')] });
    await service.call(key, 'POST', `/api/v1/connections/${id}/test`, {});
    expect((await service.call(key, 'DELETE', `/api/v1/connections/${id}`)).status).toBe(204);
    expect((await service.call(key, 'GET', `/api/v1/connections/${id}`)).status).toBe(404);
    expect((await service.call(key, 'GET', '/api/v1/tools')).body).toEqual({
      items: [],
      nextCursor: null,
    });
  });

  it('is listed by slug, page by page', async () => {
    for (const slug of ['c', 'a', 'b']) await connect({ ...crm, slug });
    const first = await service.call(key, 'GET', '/api/v1/connections?limit=2');
    expect(first.body['items'].map((item: Loose) => item.slug)).toEqual(['a', 'b']);
    const second = await service.call(
      key,
      'GET',
      `/api/v1/connections?limit=2&cursor=${first.body['nextCursor']}`,
    );
    expect(second.body['items'].map((item: Loose) => item.slug)).toEqual(['c']);
    expect(second.body['nextCursor']).toBeNull();
  });
});

describe('testing a connection', () => {
  const test = (id: string) => service.call(key, 'POST', `/api/v1/connections/${id}/test`, {});
  const tools = async (query = '') =>
    (await service.call(key, 'GET', `/api/v1/tools${query}`)).body['items'] as Record<
      string,
      Loose
    >[];
  let id: string;
  beforeEach(async () => {
    ({ id } = (await connect(crm)).body as { id: string });
  });

  it.each([
    ['connection', () => id],
    ['workspace', () => workspace.tenantId],
  ])('asks nothing of its server while the %s is frozen', async (kind, of) => {
    let asked = 0;
    service.worker.answer = () => {
      asked++;
      return { status: 'ACTIVE', tools: [], ms: 1 };
    };
    const frozen = { kind, id: of(), reason: 'It was broken into.' };
    expect((await service.call(key, 'POST', '/api/v1/freeze', frozen)).status).toBe(201);
    const tested = await test(id);
    expect([tested.status, tested.body.code]).toEqual([403, 'frozen']);
    expect(tested.body.detail).toContain('It was broken into.');
    expect(asked).toBe(0);
    await service.call(key, 'DELETE', `/api/v1/freeze/${kind}/${of()}`);
    expect((await test(id)).status).toBe(200);
    expect(asked).toBe(1);
  });

  it('takes its tools over, pinned and named', async () => {
    service.worker.answer = (request) => {
      expect(request).toEqual({ tenantId: workspace.tenantId, connectionId: id });
      return {
        status: 'ACTIVE',
        ms: 12.4,
        tools: [
          listed('find', { annotations: { readOnlyHint: true }, 'x-future': { kept: true } }),
          listed('drop.all', {
            annotations: { destructiveHint: true },
            description: 'Drops\u202e all',
          }),
        ],
      };
    };
    const tested = await test(id);
    expect(tested.status).toBe(200);
    expect(tested.body).toEqual({ status: 'ACTIVE', tools: 2, ms: 12 });
    const [drop, find] = await tools();
    expect(drop).toMatchObject({
      name: 'crm_drop_all',
      upstreamName: 'drop.all',
      connection: 'crm',
      class: 'destructive',
      description: 'Drops all',
      status: 'active',
    });
    expect(find).toMatchObject({
      name: 'crm_find',
      class: 'read',
      definition: { 'x-future': { kept: true } },
    });
    expect(find!['definitionHash']).toMatch(/^[0-9a-f]{64}$/);
    const read = await service.call(key, 'GET', `/api/v1/connections/${id}`);
    expect(read.body).toMatchObject({ status: 'ACTIVE', tools: 2, statusReason: null });
  });

  it('keeps ids, names and an admin’s word, writes only what changed, and keeps what vanished as removed', async () => {
    answers({ tools: [listed('a'), listed('b'), listed('c')] });
    await test(id);
    await service.call(key, 'PATCH', '/api/v1/tools/crm_b', {
      class: 'destructive',
      labels: ['egress'],
    });
    const before = await tools();
    const version = () =>
      service.admin.withTenant(workspace.tenantId, async (tx) =>
        Number(
          (await tx.query('select version from tenant_version where tenant_id = $1', [tx.tenantId]))
            .rows[0]!['version'],
        ),
      );
    const unchanged = await version();
    await test(id);
    expect(await version()).toBe(unchanged);

    answers({ tools: [listed('a'), listed('b', { description: 'New words' }), listed('d')] });
    expect((await test(id)).body).toMatchObject({ tools: 1, quarantined: 2 });
    expect((await tools('?status=active')).map(({ name }) => name)).toEqual(['crm_a']);
    const held = await tools('?status=quarantined');
    expect(held.map(({ name }) => name)).toEqual(['crm_b', 'crm_d']);
    expect(held[0]).toMatchObject({
      id: before[1]!['id'],
      definitionHash: before[1]!['definitionHash'],
      class: 'destructive',
      labels: ['egress'],
    });
    expect((await tools('?status=removed')).map(({ name }) => name)).toEqual(['crm_c']);
    expect((await service.changes(workspace.tenantId)).at(-1)).toMatchObject({
      action: 'connection.test',
      added: [],
      quarantined: [
        { tool: 'crm_d', fields: [] },
        { tool: 'crm_b', fields: ['/description'] },
      ],
      removed: ['crm_c'],
    });

    answers({ tools: [listed('c')] });
    await test(id);
    expect((await tools('?status=active')).map(({ id: toolId }) => toolId)).toEqual([
      before[2]!['id'],
    ]);
  });

  it('leaves out what cannot be used and says so', async () => {
    answers({
      tools: [
        listed('good'),
        listed('good'),
        listed('bad schema'),
        listed('remote', {
          inputSchema: { type: 'object', properties: { a: { $ref: 'https://x.example/s' } } },
        }),
        'nonsense' as never,
      ],
    });
    const tested = await test(id);
    expect(tested.body).toMatchObject({ status: 'DEGRADED', tools: 1 });
    expect(tested.body['reason']).toContain('lists "good" twice');
    expect(tested.body['reason']).toContain(
      'The input schema of "remote" cannot be used: it refers to',
    );
    expect(tested.body['reason']).toContain('A tool definition must be an object.');
  });

  it('keeps what the server says of itself, and shows all but its instructions', async () => {
    const read = async () => (await service.call(key, 'GET', `/api/v1/connections/${id}`)).body;
    expect((await read())['server']).toBeNull();
    const server = {
      protocolVersion: '2025-06-18',
      capabilities: { tools: { listChanged: true }, prompts: {} },
      serverInfo: { name: 'crm', title: 'CRM', version: '2.1' },
    };
    answers({ server: { ...server, instructions: 'Ask before you delete.' } });
    await test(id);
    expect((await read())['server']).toEqual(server);
    answers({ status: 'ERROR', reason: 'The service is down.' });
    await test(id);
    expect((await read())['server']).toEqual(server);
  });

  it('keeps the tools of a service that does not answer', async () => {
    answers({ tools: [listed('a')] });
    await test(id);
    answers({ status: 'ERROR', reason: 'The service refused the connection.', tools: [] });
    expect((await test(id)).body).toMatchObject({
      status: 'ERROR',
      reason: 'The service refused the connection.',
      tools: 1,
    });
    answers({ status: 'DEGRADED', reason: 'The list was cut.', tools: [listed('b')] });
    expect((await test(id)).body).toMatchObject({
      status: 'DEGRADED',
      tools: 1,
      quarantined: 1,
    });
  });

  it('takes over one after the other when asked twice at once', async () => {
    answers({ tools: [listed('a'), listed('b')] });
    const results = await Promise.all(Array.from({ length: 6 }, () => test(id)));
    expect(results.map(({ status }) => status)).toEqual(Array(6).fill(200));
    expect(await tools()).toHaveLength(2);
  });

  it('lists the tools of one connection', async () => {
    answers({ tools: [listed('a')] });
    await test(id);
    const other = (await connect({ ...crm, slug: 'other' })).body['id'];
    const own = await service.call(key, 'GET', `/api/v1/connections/${id}/tools`);
    expect(own.body['items']).toHaveLength(1);
    const none = await service.call(key, 'GET', `/api/v1/connections/${other}/tools`);
    expect(none.body['items']).toEqual([]);
  });
});

describe('a tool', () => {
  it('is set by id or shown name, and goes back to the proposal', async () => {
    const { id } = (await connect(crm)).body;
    answers({ tools: [listed('a')] });
    await service.call(key, 'POST', `/api/v1/connections/${id}/test`);
    const hidden = await service.call(key, 'PATCH', '/api/v1/tools/crm_a', {
      hidden: true,
      class: 'read',
    });
    expect(hidden.body).toMatchObject({
      hidden: true,
      class: 'read',
      classOverride: 'read',
      proposedClass: 'write',
    });
    const back = await service.call(key, 'PATCH', `/api/v1/tools/${hidden.body['id']}`, {
      class: null,
    });
    expect(back.body).toMatchObject({ hidden: true, class: 'write', classOverride: null });
    for (const body of [{ class: 'delete' }, { labels: ['secret'] }, { name: 'x' }])
      expect((await service.call(key, 'PATCH', '/api/v1/tools/crm_a', body)).status).toBe(400);
    expect((await service.call(key, 'PATCH', '/api/v1/tools/crm_z', {})).status).toBe(404);
  });
});
