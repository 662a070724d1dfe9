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

const whole = new WeakMap<Workspace, View>();

/** `undefined`: this workspace has nothing at that path. One object for each snapshot and path. */
export function viewOf(workspace: Workspace, resourcePath: string): View | undefined {
  if (resourcePath.startsWith('/mcp/')) return undefined;
  let view = whole.get(workspace);
  if (!view) {
    view = { connections: workspace.connections, tools: workspace.tools, isPrefixed: () => true };
    whole.set(workspace, view);
  }
  return view;
}
