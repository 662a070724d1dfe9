import { plainName, viewNames, type NamedTool } from '@conducktor/catalog';
import {
  ENTRY_NAMES,
  MANAGEMENT_CONNECTION,
  MANAGEMENT_TOOLS,
  type ToolsetPrefix,
  type ToolsetView,
} from '@conducktor/contracts';
import type { PrismaTx } from '@conducktor/db';
import { compileGlob } from '@conducktor/policy';
import { ofStatus } from '../tools/list-tools.js';

/** What toolsets of a workspace select from: all tools that clients may be shown, and all connections. */
export interface Selectable {
  tools: NamedTool[];
  slugs: string[];
}

export async function readSelectable(tx: PrismaTx, tenantId: string): Promise<Selectable> {
  const connections = await tx.connection.findMany({
    where: { tenantId },
    select: {
      slug: true,
      tools: {
        where: { ...ofStatus.active, hidden: false },
        select: { upstreamName: true, shownName: true },
      },
    },
    orderBy: { slug: 'asc' },
  });
  return {
    tools: connections.flatMap(({ slug, tools }) => tools.map((tool) => ({ slug, ...tool }))),
    slugs: connections.map(({ slug }) => slug),
  };
}

type Selection = Pick<ToolsetView, 'connections' | 'selected' | 'unmatched' | 'collisions'>;

/** What a toolset comes to now, named as the gateway names it. */
export function selectionOf(
  globs: readonly string[],
  prefix: ToolsetPrefix,
  { tools, slugs }: Selectable,
): Selection {
  const connections = new Set<string>();
  const selected = new Set<NamedTool>();
  const own = new Set<string>();
  const unmatched = globs.filter((glob) => {
    const matches = compileGlob(glob);
    const found = tools.filter((tool) => matches(tool.shownName));
    const offering = slugs.filter((slug) => ENTRY_NAMES.some((name) => matches(`${slug}_${name}`)));
    for (const tool of found) {
      connections.add(tool.slug);
      selected.add(tool);
    }
    for (const slug of offering) connections.add(slug);
    const ours = ownNames(glob, matches);
    for (const name of ours) own.add(name);
    return found.length + offering.length + ours.length === 0;
  });
  return {
    connections: [...connections].sort(),
    selected: selected.size + own.size,
    unmatched,
    collisions: collisionsOf([...selected], prefix),
  };
}

/** Our own tools come by globs that begin as their names do, and never by `*`; they keep their names. */
function ownNames(glob: string, matches: (name: string) => boolean): string[] {
  if (!glob.startsWith(`${MANAGEMENT_CONNECTION}_`)) return [];
  return MANAGEMENT_TOOLS.map(({ name }) => name).filter((name) => matches(name));
}

function collisionsOf(tools: NamedTool[], prefix: ToolsetPrefix): Selection['collisions'] {
  if (prefix === 'always') return [];
  const names = new Map([...viewNames(tools, prefix)].map(([name, tool]) => [tool, name]));
  const alike = Map.groupBy(tools, plainName);
  return [...alike]
    .filter(([name, group]) => group.some((tool) => names.get(tool) !== name))
    .map(([name, group]) => ({
      name,
      tools: group
        .map((tool) => ({ tool: tool.shownName, shownAs: names.get(tool)! }))
        .toSorted((one, other) => (one.tool < other.tool ? -1 : 1)),
    }))
    .toSorted((one, other) => (one.name < other.name ? -1 : 1));
}
