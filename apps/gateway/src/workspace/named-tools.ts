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
