/** `tools/list` as bytes, written once per list and era: the story gives the same array to all who see the same. */
import { isObject } from './json-rpc.js';
import { modernResult } from './result-shape.js';

type Tools = readonly Record<string, unknown>[];

/** How long a modern client may keep a list. Lists are per person, so `cacheScope` is private. */
const LIST_TTL_MS = 30_000;

/** Bytes of all kept lists. Beyond it those that were not asked for longest are written again when they are. */
const MAX_KEPT = 64 * 1024 * 1024;

const written = new WeakMap<Tools, { legacy?: Buffer; modern?: Buffer }>();
// The one asked for last comes last. Of lists that went with their snapshot, too, until they are the oldest.
const kept = new Map<Buffer, { forget(): void }>();
let keptBytes = 0;

/** The JSON of the result in UTF-8, without the JSON-RPC envelope. Not to be changed. */
export function toolListBytes(tools: Tools, era: 'legacy' | 'modern'): Buffer {
  let texts = written.get(tools);
  if (!texts) written.set(tools, (texts = {}));
  const bytes = texts[era];
  if (bytes) return usedNow(bytes);
  const list = era === 'modern' ? modernList(tools) : { tools: tools.map(forLegacy) };
  const made = Buffer.from(JSON.stringify(list));
  texts[era] = made;
  keep(made, { forget: () => delete texts[era] });
  return made;
}

function usedNow(bytes: Buffer): Buffer {
  const entry = kept.get(bytes);
  if (entry) {
    kept.delete(bytes);
    kept.set(bytes, entry);
  }
  return bytes;
}

function keep(bytes: Buffer, entry: { forget(): void }): void {
  kept.set(bytes, entry);
  keptBytes += bytes.length;
  for (const [oldest, { forget }] of kept) {
    if (keptBytes <= MAX_KEPT) break;
    forget();
    kept.delete(oldest);
    keptBytes -= oldest.length;
  }
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
