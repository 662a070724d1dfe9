import type { SeededWorkspace } from '@conducktor/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { listed, startControl, type ControlService } from './harness.js';

let service: ControlService;
let workspace: SeededWorkspace;
beforeAll(async () => {
  service = await startControl();
});
afterAll(() => service.stop());
beforeEach(async () => {
  workspace = await service.seed();
});

const call = (method: string, path: string, body?: unknown) =>
  service.call(workspace.owner.apiKey, method, `/api/v1${path}`, body);
async function connect(slug: string, tools: string[]) {
  const url = `https://${slug}.example/mcp`;
  const { body } = await call('POST', '/connections', { slug, kind: 'mcp-http', url });
  service.worker.answer = () => ({
    status: 'ACTIVE',
    ms: 1,
    tools: tools.map((name) => listed(name)),
  });
  await call('POST', `/connections/${body['id']}/test`);
  return body['id'] as string;
}
const create = (body: object) => call('POST', '/toolsets', { slug: 'set', tools: ['*'], ...body });

describe('a toolset', () => {
  it('is created with its address, listed, changed and removed, each change recorded', async () => {
    await connect('crm', ['find', 'add']);
    const created = await create({ tools: ['crm_find', 'crm_find', 'erp_*'] });
    expect(created.status).toBe(201);
    expect(created.body).toEqual({
      id: expect.stringMatching(/^tls_[0-9A-Za-z]{22}$/),
      slug: 'set',
      url: `${service.origin}/mcp/set`,
      tools: ['crm_find', 'erp_*'],
      prefix: 'always',
      mode: 'list',
      connections: ['crm'],
      selected: 1,
      unmatched: ['erp_*'],
      collisions: [],
      createdAt: expect.any(String),
    });
    const path = `/toolsets/${created.body['id']}`;
    expect((await call('GET', path)).body).toEqual(created.body);
    expect((await call('GET', '/toolsets')).body).toEqual({
      items: [created.body],
      nextCursor: null,
    });

    const changed = await call('PATCH', path, { tools: ['crm_*'], mode: 'search' });
    expect(changed.body).toMatchObject({ selected: 2, mode: 'search', prefix: 'always' });
    expect((await call('DELETE', path)).status).toBe(204);
    expect((await call('GET', path)).status).toBe(404);
    expect((await service.changes(workspace.tenantId)).slice(-3)).toMatchObject([
      { action: 'toolset.create', toolset: 'set', actor: workspace.owner.email },
      { action: 'toolset.update', toolset: 'set', tools: ['crm_*'], mode: 'search' },
      { action: 'toolset.delete', toolset: 'set' },
    ]);
  });

  it('says which names collide and how they are shown instead', async () => {
    await connect('wiki', ['search', 'fetch']);
    await connect('docs', ['search']);
    expect((await create({ prefix: 'never' })).body['collisions']).toEqual([
      {
        name: 'search',
        tools: [
          { tool: 'docs_search', shownAs: 'search' },
          { tool: 'wiki_search', shownAs: 'wiki_search' },
        ],
      },
    ]);
    const other = await create({ slug: 'other', prefix: 'on-conflict' });
    expect(other.body['collisions'][0].tools).toEqual([
      { tool: 'docs_search', shownAs: 'docs_search' },
      { tool: 'wiki_search', shownAs: 'wiki_search' },
    ]);
    expect(other.body).toMatchObject({ selected: 3, connections: ['docs', 'wiki'] });
  });

  it('selects what connections offer besides tools by the names of their entries', async () => {
    await connect('docs', ['search']);
    expect((await create({ tools: ['docs_resources/*', 'docs_nothing'] })).body).toMatchObject({
      connections: ['docs'],
      selected: 0,
      unmatched: ['docs_nothing'],
    });
  });

  it('has management tools by globs that begin as their names do', async () => {
    await connect('docs', ['search']);
    const tools = ['*', 'conducktr_list_*', 'conducktr_none'];
    expect((await create({ tools, prefix: 'never' })).body).toMatchObject({
      connections: ['docs'],
      selected: 4,
      unmatched: ['conducktr_none'],
      collisions: [],
    });
  });

  it.each([
    ['a reserved slug', { slug: 'conducktr' }],
    ['a slug that is no path', { slug: 'A b' }],
    ['no glob', { tools: [] }],
    ['a glob that is none', { tools: ['a b'] }],
    ['an unknown prefix', { prefix: 'sometimes' }],
    ['an unknown mode', { mode: 'guess' }],
    ['an unknown field', { filter: 'x' }],
  ])('is refused with %s', async (_what, body) => {
    expect((await create(body)).body).toMatchObject({ status: 400, code: 'invalid_request' });
  });

  it('cannot be moved to another address', async () => {
    const { id } = (await create({})).body;
    expect((await call('PATCH', `/toolsets/${id}`, { slug: 'new' })).status).toBe(400);
  });

  it('is for owners and admins alone', async () => {
    const { id } = (await create({})).body;
    await service.admin.pool.query("update member set roles = '{auditor}' where id = $1", [
      workspace.owner.memberId,
    ]);
    expect((await call('GET', '/toolsets')).status).toBe(200);
    for (const [method, path, body] of [
      ['POST', '/toolsets', { slug: 'x', tools: ['*'] }],
      ['PATCH', `/toolsets/${id}`, { mode: 'search' }],
      ['DELETE', `/toolsets/${id}`, undefined],
    ] as const)
      expect((await call(method, path, body)).status).toBe(403);
  });
});

describe('the namespace of slugs', () => {
  const taken = { status: 409, code: 'conflict' };
  it('is one for connections and toolsets, in both directions', async () => {
    await connect('crm', []);
    expect((await create({ slug: 'crm' })).body).toMatchObject(taken);
    await create({ slug: 'set' });
    const wanted = { slug: 'set', kind: 'mcp-http', url: 'https://set.example/mcp' };
    expect((await call('POST', '/connections', wanted)).body).toMatchObject(taken);
    expect((await create({ slug: 'set' })).body).toMatchObject(taken);
    await call('DELETE', `/toolsets/${(await call('GET', '/toolsets')).body['items'][0].id}`);
    expect((await call('POST', '/connections', wanted)).status).toBe(201);
  });

  it('holds for two who take a slug at the same time', async () => {
    for (let round = 0; round < 5; round++) {
      const slug = `race-${round}`;
      const answers = await Promise.all([
        create({ slug }),
        call('POST', '/connections', { slug, kind: 'mcp-http', url: 'https://x.example/mcp' }),
      ]);
      expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
    }
  });

  it('is each workspace’s own', async () => {
    await create({ slug: 'set' });
    workspace = await service.seed();
    expect((await create({ slug: 'set' })).status).toBe(201);
  });
});
