import type { Membership } from '@conducktor/db';

/** Workspaces to choose from; those that share a name are told apart by their slug. */
export function choicesOf(memberships: Membership[]): { id: string; name: string }[] {
  const named = (name: string) => memberships.filter(({ tenantName }) => tenantName === name);
  return memberships.map(({ tenantId, tenantName, tenantSlug }) => ({
    id: tenantId,
    name: named(tenantName).length > 1 ? `${tenantName} (${tenantSlug})` : tenantName,
  }));
}
