import { workspaceOffer, type Membership } from '@conducktor/db';
import { slugOfResource } from '@conducktor/identity';
import { SUPPORTED_SCOPES } from '../oidc/scopes.js';
import type { Flow, FlowDeps } from './flow.js';

/** What a person can allow a client in one workspace of theirs. */
export interface Offer {
  membership: Membership;
  /** Why nothing can be allowed here, as the end of a sentence about the workspace. */
  problem: string | undefined;
  /** What would be granted: of what was asked, what every workspace knows and what this one declares. */
  scopes: string[];
  /** What the declared ones among them allow, each in the words of whoever declared it. */
  declared: { scope: string; allows: string }[];
}

/** In the order of the memberships. Asked only of people who have signed in: it tells what a workspace has. */
export async function offersTo(
  deps: FlowDeps & { publicUrl: string },
  flow: Flow,
  memberships: readonly Membership[],
): Promise<Offer[]> {
  const slug = slugOfResource(deps.publicUrl, flow.resource);
  const offers: Offer[] = [];
  for (const membership of memberships) {
    const asked = { clientId: flow.clientId, slug };
    const { frozen, hasAddress, declared } = await workspaceOffer(deps.db, membership, asked);
    const wanted = declared.filter(({ scope }) => flow.scopes.includes(scope));
    offers.push({
      membership,
      problem:
        frozen !== undefined
          ? `is frozen for this: ${frozen}`
          : hasAddress
            ? undefined
            : `has no toolset or connection “${slug}”`,
      scopes: flow.scopes.filter(
        (scope) =>
          (SUPPORTED_SCOPES as readonly string[]).includes(scope) ||
          wanted.some((each) => each.scope === scope),
      ),
      declared: onePerText(
        wanted.map(({ scope, description }) => ({ scope, allows: description ?? `use ${scope}` })),
      ),
    });
  }
  return offers;
}

// Several connections may declare the same scope, and mean different things by it: each is said once.
function onePerText(declared: Offer['declared']): Offer['declared'] {
  return [...new Map(declared.map((each) => [`${each.scope} ${each.allows}`, each])).values()];
}
