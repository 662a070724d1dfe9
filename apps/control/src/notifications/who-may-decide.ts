import type { ApprovalRow } from '@conducktor/approvals';
import type { TenantTx } from '@conducktor/db';

/** Letters of one event; a rule that names everybody is no reason to write to everybody. */
const MOST_LETTERS = 50;

/**
 * Ids of members to be told that a request waits: those whom its rules name and whoever stands in for
 * them, without the requester and the requester's delegates. Whether somebody's vote counts is judged
 * when it is given; this is who hears of it.
 */
export async function whoMayDecide(tx: TenantTx, row: ApprovalRow): Promise<string[]> {
  const named = row.demands.map(({ approvers }) => approvers);
  const { rows } = await tx.query<{ id: string }>(WHO, [
    tx.tenantId,
    row.memberId,
    named.flatMap(({ users }) => users ?? []).map((email) => email.toLowerCase()),
    named.flatMap(({ roles }) => roles ?? []),
    named.flatMap(({ group }) => group ?? []),
    MOST_LETTERS,
  ]);
  return rows.map(({ id }) => id);
}

const WHO = `
with active as (
  select m.id, m.email, m.roles from member m
   where m.tenant_id = $1 and m.id <> $2 and m.disabled_at is null and m.removed_at is null
     and not exists (select from frozen f
                      where f.tenant_id = $1 and f.kind = 'member' and f.subject_id = m.id)
), delegation as (
  select from_member_id as owner, to_member_id as delegate from approval_delegation
   where tenant_id = $1 and until > now()
), named as (
  select a.id from active a
   where lower(a.email) = any ($3) or a.roles && $4
      or exists (select from group_membership gm
                   join workspace_group g on g.tenant_id = gm.tenant_id and g.id = gm.group_id
                  where gm.tenant_id = $1 and gm.member_id = a.id and g.name = any ($5))
)
select a.id from active a
 where (a.id in (select id from named)
        or exists (select from delegation d join named n on n.id = d.owner where d.delegate = a.id))
   and not exists (select from delegation d where d.owner = $2 and d.delegate = a.id)
 order by a.id limit $6`;
