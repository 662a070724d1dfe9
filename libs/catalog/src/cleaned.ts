import { stripInvisible } from './invisible.js';

const MAX_DEPTH = 40;
const MAX_NODES = 10_000;

/** Why an upstream's definition cannot be taken into the catalogue. */
export class DefinitionRefused extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DefinitionRefused';
  }
}

/**
 * A copy of an object that an upstream wrote: without invisible or bidirectional characters in any
 * key or text, at most 40 levels deep and of 10,000 values. Throws DefinitionRefused otherwise.
 */
export function cleaned(value: Record<string, unknown>): Record<string, unknown> {
  return cleanedAt(value, 1, { nodes: MAX_NODES }) as Record<string, unknown>;
}

function cleanedAt(value: unknown, depth: number, budget: { nodes: number }): unknown {
  if (--budget.nodes < 0)
    throw new DefinitionRefused(`The definition has more than ${MAX_NODES} values.`);
  if (typeof value === 'string') return stripInvisible(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth > MAX_DEPTH)
    throw new DefinitionRefused(`The definition is nested more than ${MAX_DEPTH} levels deep.`);
  if (Array.isArray(value)) return value.map((member) => cleanedAt(member, depth + 1, budget));
  const copy: Record<string, unknown> = {};
  for (const [rawKey, member] of Object.entries(value)) {
    const key = stripInvisible(rawKey);
    if (key === '__proto__' || Object.hasOwn(copy, key))
      throw new DefinitionRefused(
        `The definition has the key "${key.slice(0, 40)}" twice or may not have it.`,
      );
    copy[key] = cleanedAt(member, depth + 1, budget);
  }
  return copy;
}
