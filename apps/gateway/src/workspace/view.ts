import type { EntryName } from '@conducktor/contracts';
import type { ConnectionEntry, Tool, Workspace } from './types.js';
import { heldBack, namedTools, withOwn } from './named-tools.js';
import { toolsetView } from './toolset-view.js';

/**
 * What an MCP path shows of a workspace: all of it under `/mcp` and its aliases, a part of it under
 * `/mcp/<slug>`. A view names things; what a caller may see and do of them is decided by policy.
 */
export interface View {
  /** In the order of slugs. */
  connections: readonly ConnectionEntry[];
  /** By the name shown here, in the order of names. Policies and records know a tool by `shownName`. */
  tools: ReadonlyMap<string, Tool>;
  /** The same of tools that are held back: there is nothing to show of them, and why is told by name. */
  quarantined: ReadonlyMap<string, Tool>;
  /** `search`: lists show two tools that find and call these ones. Calls by name work in both. */
  mode: 'list' | 'search';
  /** Whether prompts and resource URIs of this connection carry its slug here, to be told apart. */
  isPrefixed(connection: ConnectionEntry): boolean;
  /**
   * Whether this is shown of a connection besides its tools. `uri`, upstream's own: reading it may be
   * part of the view because a tool that is shown brings it as its user interface.
   */
  offers(connection: ConnectionEntry, entry: EntryName, uri?: string): boolean;
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
    const { connections } = workspace;
    const tools = withOwn(workspace.tools, workspace.ownTools);
    const quarantined = new Map(
      connections.flatMap(heldBack).map((tool) => [tool.shownName, tool] as const),
    );
    view = {
      connections,
      tools,
      quarantined,
      mode: 'list',
      isPrefixed: () => true,
      offers: () => true,
    };
    whole.set(workspace, view);
  }
  return view;
}

function partOf(workspace: Workspace, slug: string): View | undefined {
  let bySlug = parts.get(workspace);
  if (!bySlug) {
    bySlug = new Map<string, View | (() => View)>([
      ...workspace.toolsets.map((each) => [each.slug, () => toolsetView(workspace, each)] as const),
      ...workspace.connections.map((each) => [each.slug, () => connectionView(each)] as const),
    ]);
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
    ...namedTools(connection.tools, heldBack(connection), 'never'),
    mode: 'list',
    isPrefixed: () => false,
    offers: (of) => of === connection,
  };
}
