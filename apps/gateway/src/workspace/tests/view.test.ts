import { describe, expect, it } from 'vitest';
import type { ConnectionEntry, Workspace } from '../types.js';
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
