import { viewNames, type PrefixMode } from '@conducktor/catalog';
import type { ConnectionEntry, Tool } from './types.js';

export const heldBack = ({ quarantined }: ConnectionEntry): readonly Tool[] => quarantined ?? [];

/**
 * Tools, and those that are held back, by the names they have together, in the order of names: none is
 * free for another tool while its own waits.
 */
export function namedTools(
  tools: readonly Tool[],
  held: readonly Tool[],
  prefix: PrefixMode,
): { tools: Map<string, Tool>; quarantined: Map<string, Tool> } {
  const all = held.length === 0 ? tools : [...tools, ...held];
  const named = all.map((tool) => ({
    tool,
    slug: tool.connection.slug,
    upstreamName: tool.upstreamName,
    shownName: tool.shownName,
  }));
  const byName = new Map([...viewNames(named, prefix)].map(([name, { tool }]) => [name, tool]));
  if (held.length === 0) return { tools: byName, quarantined: new Map() };
  const isHeld = new Set(held);
  const split = Map.groupBy(byName, ([, tool]) => isHeld.has(tool));
  return { tools: new Map(split.get(false)), quarantined: new Map(split.get(true)) };
}

/** With tools of ours, whose names are reserved: nobody else's are like them, whatever the prefix. */
export function withOwn(
  tools: ReadonlyMap<string, Tool>,
  own: readonly Tool[],
): ReadonlyMap<string, Tool> {
  if (own.length === 0) return tools;
  const all = [...tools, ...own.map((tool) => [tool.shownName, tool] as const)];
  return new Map(all.toSorted(([one], [other]) => (one < other ? -1 : 1)));
}
