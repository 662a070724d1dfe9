/** `tools/list` as text, serialised once per list and era: the story gives the same array for the same view. */
import { isObject } from './json-rpc.js';
import { modernResult } from './result-shape.js';

type Tools = readonly Record<string, unknown>[];

/** How long a modern client may keep a list. Lists are per person, so `cacheScope` is private. */
const LIST_TTL_MS = 30_000;

const cache = new WeakMap<Tools, { legacy?: string; modern?: string }>();

/** The JSON of the result, without the JSON-RPC envelope. */
export function toolListText(tools: Tools, era: 'legacy' | 'modern'): string {
  let texts = cache.get(tools);
  if (!texts) cache.set(tools, (texts = {}));
  return (texts[era] ??= JSON.stringify(
    era === 'modern' ? modernList(tools) : { tools: tools.map(forLegacy) },
  ));
}

function modernList(tools: Tools) {
  return modernResult({ tools: tools.map(forModern), ttlMs: LIST_TTL_MS, cacheScope: 'private' });
}

/** `execution` (the tasks of 2025-11-25) left the protocol. */
function forModern(tool: Record<string, unknown>): Record<string, unknown> {
  if (!('execution' in tool)) return tool;
  const copy = { ...tool };
  delete copy['execution'];
  return copy;
}

/** Legacy clients know object roots only, and refuse the whole list for one other; results say the same. */
function forLegacy(tool: Record<string, unknown>): Record<string, unknown> {
  const schema = tool['outputSchema'];
  if (schema === undefined || (isObject(schema) && schema['type'] === 'object')) return tool;
  const copy = { ...tool };
  delete copy['outputSchema'];
  return copy;
}
