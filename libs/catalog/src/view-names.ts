import { MAX_NAME_LENGTH, sanitisedName } from './names.js';

/** How the names of a view are formed: with the connection's slug, with it where two would be equal, or as upstream has them. */
export type PrefixMode = 'always' | 'on-conflict' | 'never';

/** A tool as names are formed of it. `shownName` is its global name (`assignShownNames`), unique in the workspace. */
export interface NamedTool {
  slug: string;
  upstreamName: string;
  shownName: string;
}

// Names of the gateway's own tools; an upstream's tool never takes one of them.
const RESERVED = /^conducktr_/;

/**
 * The name without the connection's slug: what is left of the global name, or, where that had to be cut
 * only for the slug, the upstream's own. It depends on this tool alone, and differs from those of all
 * other tools of the connection: cut-off global names leave less than the upstream's name has here.
 */
export function plainName({ slug, upstreamName, shownName }: NamedTool): string {
  const fits = slug.length + 1 + upstreamName.length <= MAX_NAME_LENGTH;
  const isLegal =
    upstreamName.length <= MAX_NAME_LENGTH && sanitisedName(upstreamName) === upstreamName;
  if (!fits && isLegal) return upstreamName;
  return shownName.startsWith(`${slug}_`) ? shownName.slice(slug.length + 1) : shownName;
}

/**
 * Shown name → tool for one view, in the order of names; the order of `tools` does not matter. Every
 * tool has exactly one name, which fits `^[A-Za-z0-9_-]{1,64}$`. A plain name that two tools would
 * have is given to none (`on-conflict`) or to the first by slug (`never`); the others keep their global
 * names, and those win over equal plain ones. Other tools of a view change nothing about a name.
 */
export function viewNames<Named extends NamedTool>(
  tools: readonly Named[],
  prefix: PrefixMode,
): Map<string, Named> {
  const prefixed = new Set<Named>(prefix === 'always' ? tools : tools.filter(isReserved));
  // Each round prefixes one more tool at least; a name can only give way as often as slugs fit into it.
  for (;;) {
    const claims = new Map<string, Named[]>();
    for (const tool of tools) {
      const name = prefixed.has(tool) ? tool.shownName : plainName(tool);
      const claim = claims.get(name);
      if (claim) claim.push(tool);
      else claims.set(name, [tool]);
    }
    let settled = true;
    for (const claimants of claims.values()) {
      if (claimants.length === 1) continue;
      for (const tool of yielding(claimants, prefixed, prefix)) {
        prefixed.add(tool);
        settled = false;
      }
    }
    if (settled)
      return new Map(
        [...claims]
          .map(([name, claimants]) => [name, claimants[0]!] as const)
          .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)),
      );
  }
}

const isReserved = (tool: NamedTool) => RESERVED.test(plainName(tool));

/** Who gives way, of tools that claim the same name. Global names are unique, so at most one is prefixed. */
function yielding<Named extends NamedTool>(
  claimants: readonly Named[],
  prefixed: ReadonlySet<Named>,
  prefix: PrefixMode,
): Named[] {
  const plain = claimants.filter((tool) => !prefixed.has(tool));
  if (prefix === 'on-conflict' || plain.length < claimants.length) return plain;
  const first = plain.reduce((one, other) => (isBefore(other, one) ? other : one));
  return plain.filter((tool) => tool !== first);
}

function isBefore(one: NamedTool, other: NamedTool): boolean {
  if (one.slug !== other.slug) return one.slug < other.slug;
  return one.shownName < other.shownName;
}
