import { viewNames, type PrefixMode } from '@conducktor/catalog';
import type { Tool } from './types.js';

/** Tools by the names they have together, in the order of names. */
export function namedTools(tools: readonly Tool[], prefix: PrefixMode): Map<string, Tool> {
  const named = tools.map((tool) => ({
    tool,
    slug: tool.connection.slug,
    upstreamName: tool.upstreamName,
    shownName: tool.shownName,
  }));
  return new Map([...viewNames(named, prefix)].map(([name, { tool }]) => [name, tool]));
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
