import { createHash } from 'node:crypto';

/** What clients accept for the name of a tool. */
export const MAX_NAME_LENGTH = 64;

/** The characters that names may have; every other one becomes `_`. */
export function sanitisedName(name: string): string {
  return name.replace(/[^A-Za-z0-9_-]/g, '_');
}

/**
 * The name that clients see: `<slug>_<tool>` in `[A-Za-z0-9_-]`, at most 64 characters. Other
 * characters become `_`. A name that is too long, or `taken` by another tool, ends in a hash of the
 * upstream's name instead, so that it depends on nothing else and stays the same for ever.
 */
export function shownName(
  slug: string,
  upstreamName: string,
  taken: (name: string) => boolean = () => false,
): string {
  const plain = `${slug}_${sanitisedName(upstreamName)}`;
  if (plain.length <= MAX_NAME_LENGTH && !taken(plain)) return plain;
  const hash = createHash('sha256').update(upstreamName).digest('hex');
  // Longer pieces of the hash only matter against names chosen to collide.
  for (const length of [8, 16, 32]) {
    const suffix = `_${hash.slice(0, length)}`;
    const name = plain.slice(0, MAX_NAME_LENGTH - suffix.length) + suffix;
    if (!taken(name)) return name;
  }
  throw new Error(`No name is left for the tool "${upstreamName}" of "${slug}".`);
}

/**
 * Names for all tools of a connection. Those in `known` (upstream name → shown name) keep theirs.
 * Of several that would be shown alike, the one that is spelt so upstream gets the plain name, else
 * the first in order of code points; the order of the list does not matter.
 */
export function assignShownNames(
  slug: string,
  upstreamNames: readonly string[],
  known: ReadonlyMap<string, string> = new Map(),
): Map<string, string> {
  const assigned = new Map<string, string>();
  const taken = new Set(known.values());
  const exactFirst = (name: string) => (sanitisedName(name) === name ? 0 : 1);
  const inOrder = upstreamNames.toSorted(
    (a, b) => exactFirst(a) - exactFirst(b) || (a < b ? -1 : a > b ? 1 : 0),
  );
  for (const upstreamName of inOrder) {
    const name = known.get(upstreamName) ?? shownName(slug, upstreamName, (n) => taken.has(n));
    taken.add(name);
    assigned.set(upstreamName, name);
  }
  return assigned;
}
