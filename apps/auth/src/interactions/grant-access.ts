import { newId } from '@conducktor/contracts';
import { insertGrant, keepOidcPayload, recordControlEvent, type UserAccount } from '@conducktor/db';
import type { Flow, FlowDeps } from './flow.js';
import type { Offer } from './offers.js';

/**
 * Writes down what the person allowed: this client, at this redirect host, in this workspace. Returns
 * the grant's id, which is oidc-provider's too.
 */
export async function grantAccess(
  deps: FlowDeps,
  flow: Flow,
  user: UserAccount,
  { membership: workspace, scopes }: Pick<Offer, 'membership' | 'scopes'>,
): Promise<string> {
  const id = newId('grt');
  await deps.db.withTenant(workspace.tenantId, async (tx) => {
    await insertGrant(tx, {
      id,
      memberId: workspace.memberId,
      clientId: flow.clientId,
      clientName: flow.clientName,
      redirectHost: flow.redirectHost,
      scopes,
      resource: flow.resource,
    });
    await recordControlEvent(tx, {
      action: 'grant.create',
      memberId: workspace.memberId,
      actor: user.email,
      clientId: flow.clientId,
      grantId: id,
      redirectHost: flow.redirectHost,
      scopes,
    });
  });
  const grant = new deps.provider.Grant({ accountId: user.id, clientId: flow.clientId });
  grant.jti = id;
  grant.addOIDCScope(scopes.join(' '));
  grant.addResourceScope(flow.resource, scopes.join(' '));
  await grant.save();
  // A client that somebody uses is no longer forgotten.
  await keepOidcPayload(deps.db, 'Client', flow.clientId);
  return id;
}
