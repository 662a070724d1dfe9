// Toolsets from their rows to the journal: what their paths list, find and call, and under which names.
import { newId } from '@conducktor/contracts';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ToolCallAnswer } from '../mcp/ports.js';
import { answered, startGovernedStack, type GovernedStack } from './support/governed-stack.js';

let stack: GovernedStack;
let secretId: string;

beforeAll(async () => {
  stack = await startGovernedStack();
  for (const slug of ['docs', 'wiki', 'secret']) {
    const capabilities = slug === 'docs' ? { tools: {}, resources: {} } : { tools: {} };
    const id = await stack.connect(slug, capabilities, ({ method, name, argumentsJson }) =>
      method === 'tools/call'
        ? answered({ content: [{ type: 'text', text: `${slug} ${name} ${argumentsJson}` }] })
        : answered({ resources: [], contents: [] }),
    );
    if (slug === 'secret') secretId = id;
    for (const name of ['search', 'fetch']) await stack.addTool(id, slug, name);
    if (slug === 'docs') await stack.addTool(id, slug, 'edit');
  }
  await toolset('all', ['*'], 'never', 'search');
  await toolset('some', ['docs_search', 'docs_edit', 'wiki_*'], 'on-conflict', 'list');
  await toolset('files', ['docs_resources/read', 'wiki_search'], 'always', 'list');
  await stack.activate({
    version: 1,
    default: 'allow',
    rules: [
      { id: 'no-secrets', when: { groups: ['contractors'], tools: ['secret_*'] }, effect: 'deny' },
      {
        id: 'no-edits',
        when: { tools: ['docs_edit'] },
        effect: 'deny',
        message: 'Not by machines',
      },
    ],
  });
});
beforeEach(() => void (stack.calls.length = 0));
afterAll(() => stack.stop());

const toolset = (slug: string, tools: string[], prefix: string, mode: string) =>
  stack.admin.withTenant(stack.people.tenantId, (tx) =>
    tx.query(
      'insert into toolset (tenant_id, id, slug, tools, prefix, mode) values ($1, $2, $3, $4, $5, $6)',
      [stack.people.tenantId, newId('tls'), slug, tools, prefix, mode],
    ),
  );
const contractor = () => ({ apiKey: stack.people.contractor.apiKey });

async function names(path: string, by: { apiKey?: string } = {}): Promise<unknown> {
  const answer = await stack.governed.mcp.listTools(stack.context({ resourcePath: path, ...by }));
  return answer.kind === 'tools' ? answer.tools.map(({ name }) => name) : answer;
}
const call = (path: string, name: string, args: object, by: { apiKey?: string } = {}) =>
  stack.governed.mcp.callTool({
    context: stack.context({ resourcePath: path, ...by }),
    name,
    argumentsValue: args,
    signal: new AbortController().signal,
  });
const textOf = (answer: ToolCallAnswer) =>
  answer.kind === 'result'
    ? (answer.result['content'] as { text: string }[])[0]!.text
    : (answer as { error?: { message: string } }).error?.message;
const lastRecord = async () => (await stack.records()).at(-1)!;

describe('a toolset that lists', () => {
  test('shows what it selects by its own names, and each call goes to the tool that is shown', async () => {
    expect(await names('/mcp/some')).toEqual(['docs_search', 'fetch', 'wiki_search']);
    expect(textOf(await call('/mcp/some', 'fetch', {}))).toBe('wiki fetch {}');
    expect(await lastRecord()).toMatchObject({ tool: 'wiki_fetch', connection: 'wiki' });
    for (const name of ['wiki_fetch', 'docs_fetch', 'secret_fetch', 'conducktr_find_tools'])
      expect(textOf(await call('/mcp/some', name, {}))).toBe(`Unknown tool: ${name}`);
    expect(stack.calls).toHaveLength(1);
  });

  test('leaves the decision to policy, which knows the tool by its global name', async () => {
    expect(textOf(await call('/mcp/some', 'edit', {}))).toBe('Permission denied: Not by machines');
    expect(await lastRecord()).toMatchObject({ tool: 'docs_edit', rule: 'no-edits' });
  });

  test('shows of a connection’s resources what it selects and nothing else', async () => {
    const at = { resourcePath: '/mcp/files' };
    const read = await stack.request('resources/read', { uri: 'docs+file:///a' }, at);
    expect(read).toMatchObject({ kind: 'result' });
    expect(stack.calls.map(({ method, name }) => [method, name])).toEqual([
      ['resources/read', 'file:///a'],
    ]);
    expect(await stack.request('resources/list', {}, at)).toMatchObject({
      kind: 'result',
      result: { resources: [] },
    });
    expect(stack.calls).toHaveLength(1);
    expect(
      await stack.request(
        'resources/read',
        { uri: 'docs+file:///a' },
        { resourcePath: '/mcp/some' },
      ),
    ).toMatchObject({ kind: 'error', error: { code: -32_602 } });
    expect(stack.calls).toHaveLength(1);
  });
});

test('the interface of a tool that a toolset selects can be read there, as the tool names it', async () => {
  const definition = {
    name: 'fetch',
    inputSchema: { type: 'object' },
    _meta: { ui: { resourceUri: 'ui://view.html' } },
  };
  await stack.admin.pool.query(
    "update tool set definition = $1 where shown_name = 'wiki_fetch' and tenant_id = $2",
    [JSON.stringify(definition), stack.people.tenantId],
  );
  for (const [slug, prefix, uri] of [
    ['app', 'never', 'ui://view.html'],
    ['apps', 'always', 'ui://wiki/view.html'],
  ] as const) {
    await toolset(slug, ['wiki_fetch'], prefix, 'list');
    const at = { resourcePath: `/mcp/${slug}` };
    await expect.poll(() => names(at.resourcePath), { timeout: 3_000 }).toHaveLength(1);
    const { mcp } = stack.governed;
    expect(await mcp.listTools(stack.context(at))).toMatchObject({
      tools: [{ _meta: { ui: { resourceUri: uri } } }],
    });
    stack.calls.length = 0;
    expect(await stack.request('resources/read', { uri }, at)).toMatchObject({ kind: 'result' });
    const other = uri.replace('view', 'other');
    const refused = await stack.request('resources/read', { uri: other }, at);
    expect(refused).toMatchObject({ kind: 'error' });
    expect(stack.calls.map(({ name }) => name)).toEqual(['ui://view.html']);
  }
});

test('a server speaks for itself at its own path, and at no other', async () => {
  await stack.admin.pool.query(
    `update connection set server = server || '{"instructions": "Pages are in Markdown."}'
      where tenant_id = $1 and slug = 'wiki'`,
    [stack.people.tenantId],
  );
  const introduced = (resourcePath: string) =>
    stack.governed.mcp.introduce(stack.context({ resourcePath }));
  await expect
    .poll(() => introduced('/mcp/wiki'), { timeout: 30_000 })
    .toEqual({
      kind: 'introduction',
      instructions: 'What wiki says of itself:\nPages are in Markdown.',
    });
  for (const path of ['/mcp', '/mcp/some', '/mcp/docs'])
    expect(await introduced(path)).toEqual({ kind: 'introduction' });
});

describe('a toolset that is searched', () => {
  test('is introduced by the tools that search it; a list needs no words', async () => {
    const introduced = (resourcePath: string) =>
      stack.governed.mcp.introduce(stack.context({ resourcePath }));
    expect(await introduced('/mcp/all')).toEqual({
      kind: 'introduction',
      instructions: expect.stringMatching(/conducktr_find_tools.*conducktr_call_tool/) as string,
    });
    for (const path of ['/mcp', '/mcp/some', '/mcp/docs'])
      expect(await introduced(path)).toEqual({ kind: 'introduction' });
    expect(await introduced('/mcp/none')).toMatchObject({ kind: 'error', status: 404 });
  });

  const find = async (args: object, by = {}) => {
    const answer = await call('/mcp/all', 'conducktr_find_tools', args, by);
    if (answer.kind !== 'result') throw new Error(JSON.stringify(answer));
    return answer.result;
  };
  const found = async (args: object, by = {}) => {
    const { structuredContent } = await find(args, by);
    const { tools, total } = structuredContent as { tools: { name: string }[]; total: number };
    return { names: tools.map(({ name }) => name), total };
  };

  test('lists two tools, to everyone the same', async () => {
    const two = ['conducktr_call_tool', 'conducktr_find_tools'];
    expect(await names('/mcp/all')).toEqual(two);
    expect(await names('/mcp/all', contractor())).toEqual(two);
  });

  test('finds what the caller may use, without asking an upstream or making a record', async () => {
    const before = (await stack.records()).length;
    expect(await found({ query: 'search' })).toEqual({
      names: ['search', 'secret_search', 'wiki_search'],
      total: 3,
    });
    expect((await found({ query: 'search' }, contractor())).names).toEqual([
      'search',
      'wiki_search',
    ]);
    expect(await found({ query: '', limit: 2 })).toEqual({ names: ['fetch', 'search'], total: 6 });
    const { content, structuredContent } = await find({ query: 'wiki fetch', limit: 1 });
    expect(structuredContent).toMatchObject({
      tools: [{ name: 'wiki_fetch', inputSchema: { type: 'object' } }],
    });
    expect(JSON.parse((content as { text: string }[])[0]!.text)).toEqual(structuredContent);
    expect(stack.calls).toEqual([]);
    expect(await stack.records()).toHaveLength(before);
  });

  test('says what is wrong with a question', async () => {
    const answer = await call('/mcp/all', 'conducktr_find_tools', { limit: 5 });
    expect(textOf(answer)).toContain('query');
    expect(answer).toMatchObject({
      result: { isError: true, _meta: { 'conducktor/code': 'invalid_arguments' } },
    });
  });

  test('calls a tool exactly as a call by its name does', async () => {
    const args = { query: 'a', deep: { b: [1] } };
    const carried = { name: 'wiki_search', arguments: args };
    const one = await call('/mcp/all', 'conducktr_call_tool', carried);
    const first = await lastRecord();
    const other = await call('/mcp/all', 'wiki_search', args);
    const second = await lastRecord();
    expect(textOf(one)).toBe('wiki search {"deep":{"b":[1]},"query":"a"}');
    expect(textOf(one)).toBe(textOf(other));
    const same = ({ tool, argumentsHash, decision, connection }: Record<string, unknown>) => ({
      tool,
      argumentsHash,
      decision,
      connection,
    });
    expect(same(first)).toEqual(same(second));
    expect(first).toMatchObject({ tool: 'wiki_search', decision: 'allow' });
  });

  test('refuses through it what it refuses by name', async () => {
    const carried = (name: string) => ({ name, arguments: {} });
    const denied = await call('/mcp/all', 'conducktr_call_tool', carried('edit'));
    expect(textOf(denied)).toBe('Permission denied: Not by machines');
    expect(await lastRecord()).toMatchObject({ tool: 'docs_edit', code: 'policy_denied' });
    const hidden = carried('secret_search');
    expect(textOf(await call('/mcp/all', 'conducktr_call_tool', hidden, contractor()))).toBe(
      'Unknown tool: secret_search',
    );
    expect(stack.calls).toEqual([]);
  });
});

describe('a path', () => {
  test('with nothing at it, or nothing that this caller may know of, is not found', async () => {
    for (const [path, by] of [
      ['/mcp/nothing', {}],
      ['/mcp/secret', contractor()],
    ] as const) {
      const notFound = { kind: 'error', status: 404 };
      expect(await names(path, by)).toMatchObject(notFound);
      expect(await call(path, 'search', {}, by)).toMatchObject(notFound);
      const context = stack.context({ resourcePath: path, ...by });
      expect(await stack.governed.mcp.authenticate(context)).toMatchObject(notFound);
    }
    expect(await names('/mcp/secret')).toEqual(['fetch', 'search']);
    expect(stack.calls).toEqual([]);
  });

  test('is closed to whoever is not known, whether there is anything at it or not', async () => {
    const challenges = [];
    for (const path of ['/mcp/docs', '/mcp/nothing']) {
      const context = stack.context({ resourcePath: path, apiKey: 'ck_nobody' });
      const { mcp } = stack.governed;
      challenges.push(JSON.stringify(await mcp.authenticate(context)).replaceAll(path, '<path>'));
    }
    expect(JSON.parse(challenges[0]!)).toMatchObject({ kind: 'challenge', status: 401 });
    expect(challenges[1]).toBe(challenges[0]);
  });

  test('follows changes of toolsets and connections within a second', async () => {
    const { admin } = stack;
    const within = async (expected: unknown) =>
      expect
        .poll(() => names('/mcp/some'), { timeout: 3_000, interval: 20 })
        .toMatchObject(expected as object);
    await admin.pool.query(`update toolset set tools = '{secret_*}' where slug = 'some'`);
    await within(['fetch', 'search']);
    await admin.pool.query('delete from connection where id = $1', [secretId]);
    await within([]);
    await admin.pool.query(`delete from toolset where slug = 'some'`);
    await within({ kind: 'error', status: 404 });
  });
});
