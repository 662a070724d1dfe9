import { viewNames } from '@conducktor/catalog';
import type { ConnectionEntry, Tool, Workspace } from './types.js';

/**
 * What an MCP path shows of a workspace: all of it under `/mcp` and its aliases, a part of it under
 * `/mcp/<slug>`. A view names things; what a caller may see and do of them is decided by policy.
 */
export interface View {
  /** In the order of slugs. */
  connections: readonly ConnectionEntry[];
  /** By the name shown here, in the order of names. Policies and records know a tool by `shownName`. */
  tools: ReadonlyMap<string, Tool>;
  /** Whether prompts and resource URIs of this connection carry its slug here, to be told apart. */
  isPrefixed(connection: ConnectionEntry): boolean;
}

const PREFIX = '/mcp/';

const whole = new WeakMap<Workspace, View>();
const parts = new WeakMap<Workspace, Map<string, View | (() => View)>>();

/** `undefined`: this workspace has nothing at that path. One object for each snapshot and path. */
export function viewOf(workspace: Workspace, resourcePath: string): View | undefined {
  return resourcePath.startsWith(PREFIX)
    ? partOf(workspace, resourcePath.slice(PREFIX.length))
    : wholeOf(workspace);
}

function wholeOf(workspace: Workspace): View {
  let view = whole.get(workspace);
  if (!view) {
    view = { connections: workspace.connections, tools: workspace.tools, isPrefixed: () => true };
    whole.set(workspace, view);
  }
  return view;
}

function partOf(workspace: Workspace, slug: string): View | undefined {
  let bySlug = parts.get(workspace);
  if (!bySlug) {
    bySlug = new Map(
      workspace.connections.map((each) => [each.slug, () => connectionView(each)] as const),
    );
    parts.set(workspace, bySlug);
  }
  let view = bySlug.get(slug);
  if (typeof view === 'function') bySlug.set(slug, (view = view()));
  return view;
}

/** One connection as its server wrote it. */
function connectionView(connection: ConnectionEntry): View {
  return {
    connections: [connection],
    tools: namedTools(connection.tools),
    isPrefixed: () => false,
  };
}

function namedTools(tools: readonly Tool[]): Map<string, Tool> {
  const named = tools.map((tool) => ({
    tool,
    slug: tool.connection.slug,
    upstreamName: tool.upstreamName,
    shownName: tool.shownName,
  }));
  return new Map([...viewNames(named, 'never')].map(([name, { tool }]) => [name, tool]));
}
