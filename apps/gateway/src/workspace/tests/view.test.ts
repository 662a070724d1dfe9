import { describe, expect, it } from 'vitest';
import type { ConnectionEntry, ToolsetEntry, Workspace } from '../types.js';
import { viewOf } from '../view.js';
import { connectionEntry, workspaceOf } from './support.js';

const docs = connectionEntry('docs', ['search', 'fetch', 'page.read']);
const crm = connectionEntry('crm', ['search']);
const workspace = workspaceOf([crm, docs]);
const names = (path: string, of: Workspace = workspace) => [
  ...(viewOf(of, path)?.tools.keys() ?? []),
];

describe('what a path shows', () => {
  it('/mcp and its aliases: everything, with the slugs of the connections', () => {
    for (const path of ['/mcp', '/sse', '/messages', '/api/mcp/sse', '/api/conducktor-mcp']) {
      expect(names(path)).toEqual(['crm_search', 'docs_fetch', 'docs_page_read', 'docs_search']);
      expect(viewOf(workspace, path)!.isPrefixed(docs)).toBe(true);
    }
  });

  it('/mcp/<connection>: that connection with the names of its server', () => {
    const view = viewOf(workspace, '/mcp/docs')!;
    expect([...view.tools.keys()]).toEqual(['fetch', 'page_read', 'search']);
    expect(view.tools.get('page_read')!.upstreamName).toBe('page.read');
    expect(view.tools.get('search')!.shownName).toBe('docs_search');
    expect(view.connections).toEqual<ConnectionEntry[]>([docs]);
    expect(view.isPrefixed(docs)).toBe(false);
  });

  it('nothing where there is nothing of that slug', () => {
    for (const path of ['/mcp/', '/mcp/nothing', '/mcp/docs/', '/mcp/Docs', '/mcp/__proto__'])
      expect(viewOf(workspace, path)).toBeUndefined();
  });

  it('the same object for one snapshot and path', () => {
    expect(viewOf(workspace, '/mcp/docs')).toBe(viewOf(workspace, '/mcp/docs'));
    expect(viewOf(workspace, '/mcp')).toBe(viewOf(workspace, '/sse'));
    expect(viewOf({ ...workspace }, '/mcp/docs')).not.toBe(viewOf(workspace, '/mcp/docs'));
  });
});

describe('a tool that is held back', () => {
  const held = connectionEntry('a', ['find', 'search']);
  held.quarantined = held.tools.splice(1);
  const set: ToolsetEntry = { slug: 'set', tools: ['*'], prefix: 'on-conflict', mode: 'list' };
  const sets = [set, { ...set, slug: 'short', prefix: 'never' as const }];
  const workspace = workspaceOf([held, docs], undefined, sets);

  it('is shown on no path, and known on each by the name it has there', () => {
    for (const [path, name] of [
      ['/mcp', 'a_search'],
      ['/mcp/a', 'search'],
      ['/mcp/set', 'a_search'],
      ['/mcp/short', 'search'],
    ] as const) {
      const view = viewOf(workspace, path)!;
      expect([...view.quarantined.keys()]).toEqual([name]);
      expect([...view.tools.values()].map(({ id }) => id)).not.toContain('tol_a_search');
    }
  });

  it('leaves its name to nobody', () => {
    expect(names('/mcp/short', workspace)).toEqual(['docs_search', 'fetch', 'find', 'page_read']);
    expect(names('/mcp/set', workspace)).toEqual(['docs_search', 'fetch', 'find', 'page_read']);
  });
});

describe('a toolset shows', () => {
  const withAll = { capabilities: { tools: {}, resources: {}, prompts: {} } };
  const wiki = connectionEntry('wiki', ['search', 'edit'], withAll);
  const files = connectionEntry('files', ['search', 'open'], withAll);
  const plain = connectionEntry('plain', ['count']);
  const view = (toolset: Partial<ToolsetEntry>) => {
    const whole: ToolsetEntry = { slug: 'set', tools: ['*'], prefix: 'always', mode: 'list' };
    const workspace = workspaceOf([wiki, files, plain], undefined, [{ ...whole, ...toolset }]);
    return viewOf(workspace, '/mcp/set')!;
  };
  const shown = (toolset: Partial<ToolsetEntry>) => [...view(toolset).tools.keys()];

  it('the tools that its globs select by their global names, whatever the prefix', () => {
    const tools = ['wiki_*', '*_open'];
    expect(shown({ tools })).toEqual(['files_open', 'wiki_edit', 'wiki_search']);
    expect(shown({ tools, prefix: 'never' })).toEqual(['edit', 'open', 'search']);
    expect(shown({ tools: ['search'], prefix: 'never' })).toEqual([]);
  });

  it('equal names prefixed: all of them on conflict, all but the first by slug never', () => {
    const rest = ['count', 'edit', 'open'];
    expect(shown({ prefix: 'on-conflict' })).toEqual([
      'count',
      'edit',
      'files_search',
      'open',
      'wiki_search',
    ]);
    expect(shown({ prefix: 'never' })).toEqual([...rest, 'search', 'wiki_search']);
    expect(view({ prefix: 'never' }).tools.get('search')!.shownName).toBe('files_search');
  });

  it('the connections of which anything is selected, and of each only that', () => {
    const { connections, offers } = view({ tools: ['plain_*', 'wiki_resources/read'] });
    expect(connections).toEqual([plain, wiki]);
    expect(offers(wiki, 'resources/read')).toBe(true);
    expect(offers(wiki, 'resources/list')).toBe(false);
    expect(offers(plain, 'prompts/get')).toBe(true);
    expect(offers(files, 'resources/read')).toBe(false);
    const all = view({ tools: ['wiki_*'] });
    expect(all.offers(wiki, 'completion/complete')).toBe(true);
  });

  it('the interface of a tool that it shows, and no other resource with it', () => {
    const map = connectionEntry('map', ['show', 'other']);
    map.tools[0]!.definition = { name: 'other', _meta: { 'openai/outputTemplate': 'ui://o' } };
    map.tools[1]!.definition = { name: 'show', _meta: { ui: { resourceUri: 'ui://v' } } };
    const set: ToolsetEntry = { slug: 'set', tools: ['map_show'], prefix: 'never', mode: 'list' };
    const { offers } = viewOf(workspaceOf([map], undefined, [set]), '/mcp/set')!;
    expect(offers(map, 'resources/read', 'ui://v')).toBe(true);
    expect(offers(map, 'resources/read', 'ui://o')).toBe(false);
    expect(offers(map, 'resources/list')).toBe(false);
  });

  it('prompts and URIs of one connection at most without its slug', () => {
    const unprefixed = (toolset: Partial<ToolsetEntry>) => {
      const { connections, isPrefixed } = view(toolset);
      return connections.filter((each) => !isPrefixed(each)).map(({ slug }) => slug);
    };
    expect(unprefixed({})).toEqual([]);
    expect(unprefixed({ prefix: 'never' })).toEqual(['files']);
    expect(unprefixed({ prefix: 'on-conflict' })).toEqual([]);
    expect(unprefixed({ prefix: 'on-conflict', tools: ['wiki_*', 'plain_*'] })).toEqual(['wiki']);
    expect(unprefixed({ prefix: 'on-conflict', tools: ['plain_*'] })).toEqual(['plain']);
  });
});
