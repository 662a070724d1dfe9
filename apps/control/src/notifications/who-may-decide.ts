import type { ApprovalRow } from '@conducktor/approvals';
import type { TenantTx } from '@conducktor/db';

/** Letters of one event; a rule that names everybody is no reason to write to everybody. */
const MOST_LETTERS = 50;

/**
 * Ids of members to be told that a request waits: those whom its rules name and whoever stands in for
 * them, without who asked (also who made the key that it was asked with) and their delegates. Whether
 * somebody's vote counts is judged when it is given; this is who hears of it.
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
    row.credential,
  ]);
  return rows.map(({ id }) => id);
}

const WHO = `
with asker as (
  select $2 as id union
  select created_by from api_key where tenant_id = $1 and 'key:' || id = $7 and created_by is not null
), delegation as (
  select from_member_id as owner, to_member_id as delegate from approval_delegation
   where tenant_id = $1 and until > now()
), impartial as (
  select m.id, m.email, m.roles from member m
   where m.tenant_id = $1 and m.disabled_at is null and m.removed_at is null
     and not exists (select from frozen f
                      where f.tenant_id = $1 and f.kind = 'member' and f.subject_id = m.id)
     and not exists (select from asker a where a.id = m.id)
     and not exists (select from delegation d join asker a on a.id = d.owner where d.delegate = m.id)
), named as (
  select i.id from impartial i
   where lower(i.email) = any ($3) or i.roles && $4
      or exists (select from group_membership gm
                   join workspace_group g on g.tenant_id = gm.tenant_id and g.id = gm.group_id
                  where gm.tenant_id = $1 and gm.member_id = i.id and g.name = any ($5))
)
select i.id from impartial i
 where i.id in (select id from named)
    or exists (select from delegation d join named n on n.id = d.owner where d.delegate = i.id)
 order by i.id limit $6`;
