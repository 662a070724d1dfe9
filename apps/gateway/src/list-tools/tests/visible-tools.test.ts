import { expect, it } from 'vitest';
import type { Caller } from '../../tool-call/types.js';
import { connectionEntry, workspaceOf } from '../../workspace/tests/support.js';
import type { Workspace } from '../../workspace/types.js';
import { visibleTools } from '../visible-tools.js';

const SEARCH = {
  name: 'search',
  title: 'Search',
  description: 'Searches.',
  inputSchema: { type: 'object', properties: { query: { type: 'string' } }, required: ['query'] },
  outputSchema: { type: 'object', properties: { results: { type: 'array' } } },
  'x-unknown': [1],
  _meta: {
    ui: { resourceUri: 'ui://results/view.html', csp: { connectDomains: [] } },
    'openai/outputTemplate': 'ui://results/view.html',
    'vendor/any': 'ui://not/a/reference',
  },
};
const docs = connectionEntry('docs', ['search', 'fetch']);
docs.tools.find(({ upstreamName }) => upstreamName === 'search')!.definition = SEARCH;
const workspace = workspaceOf([docs, connectionEntry('crm', ['search'])]);

const member = { id: 'mem_1', userId: 'usr_1', email: 'a@b.example', roles: [], groups: [] };
const shown = (resourcePath: string, of: Workspace = workspace, by: object = member) =>
  visibleTools({
    workspace: of,
    member: by,
    clientId: 'client',
    scopes: ['mcp:read'],
    actor: member.email,
    context: { resourcePath },
  } as unknown as Caller);

it('search and fetch are exactly so named on a path without prefix, and defined as upstream did', () => {
  const tools = shown('/mcp/docs');
  expect(tools.map(({ name }) => name)).toEqual(['fetch', 'search']);
  const { annotations, securitySchemes, _meta, ...rest } = tools[1]!;
  const { _meta: theirs, ...definition } = SEARCH;
  expect(rest).toEqual(definition);
  expect(_meta).toEqual({ ...theirs, securitySchemes });
  expect(annotations).toEqual({ readOnlyHint: true, destructiveHint: false, openWorldHint: true });
});

it('a tool’s user interface is named as the path shows resources', () => {
  const [, , search] = shown('/mcp');
  expect(search!['name']).toBe('docs_search');
  expect(search!['_meta']).toMatchObject({
    ui: { resourceUri: 'ui://docs/results/view.html', csp: { connectDomains: [] } },
    'openai/outputTemplate': 'ui://docs/results/view.html',
    'vendor/any': 'ui://not/a/reference',
  });
});

it('the list is one array for one snapshot and path', () => {
  expect(shown('/mcp/docs')).toBe(shown('/mcp/docs'));
  expect(shown('/mcp')).toBe(shown('/sse'));
  expect(shown('/mcp')).not.toBe(shown('/mcp/docs'));
});

it('callers who may see the same share one array; those who may not get their own', () => {
  const many = connectionEntry(
    'many',
    Array.from({ length: 21 }, (_, i) => `tool-${i}`),
  );
  const of = workspaceOf([many, docs], {
    version: 1,
    default: 'allow',
    rules: [
      { id: 'r1', when: { tools: ['many_tool-1*'], groups: ['contractors'] }, effect: 'deny' },
      { id: 'r2', when: { connections: ['docs'], groups: ['contractors'] }, effect: 'deny' },
    ],
  });
  const contractor = { ...member, id: 'mem_2', groups: ['contractors'] };
  const names = (tools: readonly Record<string, unknown>[]) => tools.map(({ name }) => name);
  const all = shown('/mcp', of);
  expect(all).toHaveLength(23);
  expect(shown('/mcp', of, { ...member, id: 'mem_3' })).toBe(all);
  const less = shown('/mcp', of, contractor);
  expect(names(less)).toEqual(
    names(all).filter((name) => !/^many_tool-1|^docs/.test(String(name))),
  );
  expect(shown('/mcp', of, { ...contractor, id: 'mem_4' })).toBe(less);
});
