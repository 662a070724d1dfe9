import { ENTRY_NAMES, type EntryName, type ToolsetPrefix } from '@conducktor/contracts';
import { compileGlob } from '@conducktor/policy';
import { mapUiReferences } from '../resources/map-uris.js';
import { heldBack, namedTools, withOwn } from './named-tools.js';
import type { ConnectionEntry, Tool, ToolsetEntry, Workspace } from './types.js';
import type { View } from './view.js';

const OWN_PREFIX = 'conducktr_';

/**
 * What a toolset selects. Its globs are matched with global names: of tools, and of what connections
 * offer besides, so that `docs_*` is all of a connection and `docs_resources/*` its resources alone. A
 * connection belongs to the view when anything of it is selected.
 */
export function toolsetView(workspace: Workspace, toolset: ToolsetEntry): View {
  const globs = toolset.tools.map(compileGlob);
  const isSelected = (name: string) => globs.some((matches) => matches(name));
  const tools: Tool[] = [];
  const held: Tool[] = [];
  const offered = new Map<ConnectionEntry, Set<EntryName>>();
  for (const connection of workspace.connections) {
    const selected = connection.tools.filter(({ shownName }) => isSelected(shownName));
    const waiting = heldBack(connection).filter(({ shownName }) => isSelected(shownName));
    const entries = ENTRY_NAMES.filter((name) => isSelected(`${connection.slug}_${name}`));
    if (selected.length + waiting.length + entries.length === 0) continue;
    tools.push(...selected);
    held.push(...waiting);
    offered.set(connection, new Set(entries));
  }
  const connections = [...offered.keys()];
  const interfaces = interfacesOf(tools);
  const plain = unprefixedOf(connections, toolset.prefix);
  const named = namedTools(tools, held, toolset.prefix);
  return {
    connections,
    tools: withOwn(named.tools, ownTools(workspace, toolset)),
    quarantined: named.quarantined,
    mode: toolset.mode,
    isPrefixed: (connection) => connection !== plain,
    offers: (connection, entry, uri) =>
      offered.get(connection)?.has(entry) === true ||
      (entry === 'resources/read' &&
        uri !== undefined &&
        interfaces.get(connection)?.has(uri) === true),
  };
}

/** Our own are in no selection of an upstream's tools by chance: only a glob that begins as their names do. */
function ownTools(workspace: Workspace, toolset: ToolsetEntry): Tool[] {
  const globs = toolset.tools.filter((glob) => glob.startsWith(OWN_PREFIX)).map(compileGlob);
  return workspace.ownTools.filter(({ shownName }) => globs.some((matches) => matches(shownName)));
}

/**
 * The one connection whose prompts and URIs are shown as its server wrote them. Their lists are read
 * when they are asked for, so equal names cannot be known beforehand: with `on-conflict` there must be
 * no other connection that has any; with `never` it is the first by slug.
 */
function unprefixedOf(
  connections: readonly ConnectionEntry[],
  prefix: ToolsetPrefix,
): ConnectionEntry | undefined {
  if (prefix === 'always') return undefined;
  const having = connections.filter(
    ({ capabilities }) => 'resources' in capabilities || 'prompts' in capabilities,
  );
  const candidates = having.length > 0 ? having : connections;
  return prefix === 'never' || candidates.length === 1 ? candidates[0] : undefined;
}

/** The upstream URIs that these tools bring as their user interfaces. */
function interfacesOf(tools: readonly Tool[]): Map<ConnectionEntry, Set<string>> {
  const found = new Map<ConnectionEntry, Set<string>>();
  for (const { connection, definition } of tools) {
    const meta = definition['_meta'];
    if (typeof meta !== 'object' || meta === null) continue;
    mapUiReferences(meta as Record<string, unknown>, (uri) => {
      const uris = found.get(connection);
      if (uris) uris.add(uri);
      else found.set(connection, new Set([uri]));
      return uri;
    });
  }
  return found;
}
