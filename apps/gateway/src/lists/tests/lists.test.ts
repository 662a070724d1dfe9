// The aggregated lists from token to journal, with upstreams of every kind at the other end of the wire.
import type { CallRequest } from '@conducktor/contracts';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { McpMethod } from '../../mcp/ports.js';
import {
  answered,
  startGovernedStack,
  type GovernedStack,
} from '../../tests/support/governed-stack.js';

let stack: GovernedStack;
const cursorOf = (call: CallRequest) =>
  (JSON.parse(call.argumentsJson) as { cursor?: string }).cursor;

beforeAll(async () => {
  stack = await startGovernedStack({ ratePerMinute: 60 });
  const a = await stack.connect('a', { resources: {}, prompts: {} }, (call) => {
    if (call.method === 'tools/call') return answered({ content: [] });
    if (call.method === 'prompts/list')
      return answered({ prompts: [{ name: 'p.1', arguments: [{ name: 'x' }] }], ttlMs: 700 });
    if (call.method === 'resources/templates/list')
      return answered({ resourceTemplates: [{ uriTemplate: 'file:///{p}', name: 't' }] });
    const page = Number(cursorOf(call) ?? 0);
    return answered({
      resources: [{ uri: `file:///${page}`, name: `r${page}`, icons: [{ src: 'data:,x' }] }],
      ...(page < 2 && { nextCursor: `${page + 1}` }),
      ttlMs: 40_000,
    });
  });
  await stack.addTool(a, 'a', 'echo');
  // Lists that do not end: of one entry more for each cursor, and with the same cursor for ever.
  await stack.connect('b-endless', { resources: {} }, (call) =>
    answered({
      resources: [{ uri: `ui://view/${cursorOf(call) ?? 0}` }],
      nextCursor: `${Number(cursorOf(call) ?? 0) + 1}`,
    }),
  );
  await stack.connect('c-stuck', { resources: {} }, () =>
    answered({ resources: [{ uri: 'https://c.example/' }], nextCursor: 'same' }),
  );
  await stack.connect('d-down', { resources: {}, prompts: {} }, () => ({
    outcome: 'unavailable',
    durationMs: 1,
  }));
  await stack.connect('e-secret', { resources: {}, prompts: {} }, () =>
    answered({ resources: [{ uri: 'e:1' }], prompts: [{ name: 'e' }] }),
  );
  await stack.connect('f-tools-only', { tools: {} }, () =>
    answered({ resources: [{ uri: 'f:1' }] }),
  );
  await stack.activate({
    version: 1,
    default: 'allow',
    rules: [
      { id: 'none', when: { groups: ['contractors'], tools: ['e-secret_*'] }, effect: 'deny' },
      {
        id: 'first-page-only',
        when: {
          groups: ['contractors'],
          tools: ['b-endless_resources/list'],
          if: 'has(args.cursor)',
        },
        effect: 'deny',
      },
    ],
  });
});
beforeEach(() => {
  stack.calls.length = 0;
});
afterAll(() => stack.stop());

const contractor = () => ({ apiKey: stack.people.contractor.apiKey });

async function list(
  method: McpMethod,
  cursor?: string,
  by?: Parameters<GovernedStack['request']>[2],
) {
  const answer = await stack.request(method, cursor === undefined ? {} : { cursor }, by);
  if (answer.kind !== 'result') throw new Error(JSON.stringify(answer));
  return answer.result as {
    resources: { uri: string }[];
    resourceTemplates: { uriTemplate: string }[];
    prompts: { name: string }[];
    nextCursor?: string;
    ttlMs: number;
    cacheScope: string;
    _meta?: { 'conducktor/unavailable'?: string[] };
  };
}

test('prompts and templates of all, named by connection; what fails is named', async () => {
  expect(await list('prompts/list', undefined, contractor())).toEqual({
    prompts: [{ name: 'a_p.1', arguments: [{ name: 'x' }] }],
    ttlMs: 700,
    cacheScope: 'private',
    _meta: { 'conducktor/unavailable': ['d-down'] },
  });
  expect(
    (await list('resources/templates/list', undefined, contractor())).resourceTemplates,
  ).toEqual([{ uriTemplate: 'a+file:///{p}', name: 't' }]);
  // Nobody else's list: e-secret is one that contractors may not know of.
  expect((await list('prompts/list')).prompts.map(({ name }) => name)).toEqual([
    'a_p.1',
    'e-secret_e',
  ]);
});

test('every page of every upstream, once, in one order; a list that does not end is cut off', async () => {
  const uris: string[] = [];
  const unavailable = new Set<string>();
  let cursor: string | undefined;
  let answers = 0;
  const first = await list('resources/list');
  do {
    const page: Awaited<ReturnType<typeof list>> = cursor
      ? await list('resources/list', cursor)
      : first;
    uris.push(...page.resources.map(({ uri }) => uri));
    page._meta?.['conducktor/unavailable']?.forEach((slug) => unavailable.add(slug));
    cursor = page.nextCursor;
  } while (cursor !== undefined && ++answers < 300);

  expect(first.resources.map(({ uri }) => uri)).toEqual([
    'a+file:///0',
    'ui://b-endless/view/0',
    'https://c.example/',
    'e-secret+e:1',
  ]);
  expect(first.cacheScope).toBe('private');
  expect(first.ttlMs).toBeLessThanOrEqual(5_000);
  expect(uris.filter((uri) => uri.startsWith('a+'))).toEqual(
    [0, 1, 2].map((n) => `a+file:///${n}`),
  );
  expect(uris.filter((uri) => uri.startsWith('ui:'))).toHaveLength(200);
  expect(new Set(uris.filter((uri) => !uri.startsWith('https:'))).size).toBe(204);
  expect(answers).toBe(199);
  expect([...unavailable].sort()).toEqual(['b-endless', 'c-stuck', 'd-down']);
});

test('each upstream’s page is a recorded call, made once while it may be shown', async () => {
  const by = { apiKey: stack.people.owner.apiKey };
  const lists = await Promise.all([1, 2, 3].map(() => list('prompts/list', undefined, by)));
  expect(new Set(lists.map(({ prompts }) => JSON.stringify(prompts))).size).toBe(1);
  expect(stack.calls.map(({ method }) => method)).toEqual(Array(3).fill('prompts/list'));
  const { email } = stack.people.owner;
  const records = (await stack.records()).filter(({ actor }) => actor === email);
  expect(records.map(({ tool, decision }) => [tool, decision])).toEqual([
    ['a_prompts/list', 'allow'],
    ['d-down_prompts/list', 'allow'],
    ['e-secret_prompts/list', 'allow'],
  ]);
});

test('what policy denies is left out, also in the middle of a list', async () => {
  const first = await list('resources/list', undefined, contractor());
  const second = await list('resources/list', first.nextCursor, contractor());
  expect(second.resources.map(({ uri }) => uri)).toEqual(['a+file:///1', 'https://c.example/']);
});

test('a cursor is its person’s, its list’s and its path’s; any other is refused', async () => {
  const { nextCursor } = await list('resources/list');
  const refused = {
    error: { code: -32_602, data: { _meta: { 'conducktor/code': 'invalid_arguments' } } },
  };
  const [payload, tag] = nextCursor!.split('.');
  const forged = Buffer.from('[["con_x","../",0,0]]').toString('base64url');
  for (const cursor of [`${forged}.${tag}`, payload, `${nextCursor}.x`, '', 7])
    expect(await stack.request('resources/list', { cursor })).toMatchObject(refused);
  const cursor = nextCursor;
  expect(await stack.request('prompts/list', { cursor })).toMatchObject(refused);
  expect(await stack.request('resources/list', { cursor }, contractor())).toMatchObject(refused);
  const elsewhere = { resourcePath: '/mcp/a' };
  expect(await stack.request('resources/list', { cursor }, elsewhere)).toMatchObject(refused);
});

test('under a connection’s own path its list is as it wrote it', async () => {
  const first = await list('resources/list', undefined, { resourcePath: '/mcp/a' });
  expect(first.resources).toEqual([{ uri: 'file:///0', name: 'r0', icons: [{ src: 'data:,x' }] }]);
  const second = await list('resources/list', first.nextCursor, { resourcePath: '/mcp/a' });
  expect(second.resources.map(({ uri }) => uri)).toEqual(['file:///1']);
});

test('a server that was put in the place of another is not told its cursors', async () => {
  const on = { resourcePath: '/mcp/a' };
  const { nextCursor } = await list('resources/list', undefined, on);
  await stack.admin.pool.query("update connection set revision = revision + 1 where slug = 'a'");
  await expect
    .poll(async () => (await list('resources/list', nextCursor, on)).resources)
    .toEqual([]);
});

test('too many requests are answered by HTTP 429, and take nothing from calls', async () => {
  const answers = [];
  for (let i = 0; i < 600; i++) {
    const answer = await stack.governed.mcp.listTools(stack.context());
    answers.push(answer);
    if (answer.kind !== 'tools') break;
  }
  const refused = {
    kind: 'error',
    status: 429,
    retryAfterMs: expect.any(Number) as number,
    error: {
      code: -32_003,
      message: expect.stringMatching(/^Too many requests\. Try again in \d+ s\.$/) as string,
      data: { _meta: { 'conducktor/code': 'rate_limited' } },
    },
  };
  expect(answers.at(-1)).toMatchObject(refused);
  expect(await stack.request('prompts/list', {})).toMatchObject(refused);
  const call = {
    context: stack.context(),
    name: 'a_echo',
    argumentsValue: {},
    signal: new AbortController().signal,
  };
  expect(await stack.governed.mcp.callTool(call)).toMatchObject({ result: { content: [] } });
});
