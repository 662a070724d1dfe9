import { MANAGEMENT_CONNECTION } from '@conducktor/contracts';
import type { TenantTx } from '@conducktor/db';
import type { ApprovalRow } from './approval-request.js';

interface Current {
  policy: number | null;
  member: boolean;
  credential: boolean;
  connection: string | null;
  definition: string | null;
  class: string | null;
}

/**
 * What of all that a request is bound to is no longer as it was when it was asked, in words for people;
 * undefined: nothing. Its arguments and its client are part of the request and cannot change.
 */
export async function whatChanged(tx: TenantTx, row: ApprovalRow): Promise<string | undefined> {
  const { rows } = await tx.query<Current>(CURRENT, [
    tx.tenantId,
    row.memberId,
    row.credential,
    row.connectionId,
    row.toolId,
  ]);
  const now = rows[0];
  if (!now?.member) return 'The person who asked has no access any more.';
  if (!now.credential) return 'The access of the client that asked was revoked.';
  if (now.policy !== row.policyVersion) return 'Another policy is active than when this was asked.';
  // Conducktor's own tools change with the installation only, and gateways know them.
  if (row.connectionId === MANAGEMENT_CONNECTION) return undefined;
  if (now.connection === null) return 'The connection was removed.';
  if (now.connection !== row.connectionRevision) return 'The connection was changed.';
  if (now.definition === null) return 'The tool is not there any more.';
  if (now.definition !== row.definitionHash) return 'The definition of the tool has changed.';
  if (now.class !== row.toolClass) return 'The class of the tool was changed.';
  return undefined;
}

const CURRENT = `
select t.active_policy as policy,
       exists (select from member m
                where m.tenant_id = t.id and m.id = $2 and m.disabled_at is null and m.removed_at is null) as member,
       case split_part($3, ':', 1)
         when 'key' then exists (
           select from api_key k
            where k.tenant_id = t.id and k.id = split_part($3, ':', 2) and k.revoked_at is null
              and (k.expires_at is null or k.expires_at > now()))
         else exists (
           select from oauth_grant g
            where g.tenant_id = t.id and g.id = split_part($3, ':', 2) and g.revoked_at is null)
       end as credential,
       c.revision::text as connection,
       encode(o.definition_hash, 'hex') as definition,
       coalesce(o.class_override, o.proposed_class) as class
  from tenant t
  left join connection c on c.tenant_id = t.id and c.id = $4
  left join tool o on o.tenant_id = t.id and o.id = $5 and o.connection_id = c.id
                  and o.removed_at is null and o.offered_hash is null and not o.hidden
 where t.id = $1`;
