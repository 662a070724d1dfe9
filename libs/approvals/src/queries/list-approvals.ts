import type { TenantTx } from '@conducktor/db';
import type { ApprovalStatus } from '../states.js';
import { APPROVAL_COLUMNS, type ApprovalRow } from './approval-request.js';
import { readPeople } from './ballot.js';

/** A request with who asked by what, and its arguments as they are kept. */
export interface ShownApproval extends ApprovalRow {
  requester: string;
  /** The name of the client or key. */
  clientName: string | null;
  /** Null: larger than was asked for. */
  sealed: Buffer | null;
  /** When the key was made that the requester's values are sealed under now; null: it was destroyed. */
  keyMadeAt: Date | null;
  /** Microseconds since 1970, decimal: its place in the list, with its id. */
  place: string;
}

/** Whose requests somebody sees: all, or their own, those they may decide, and those they voted on. */
export interface Viewer {
  memberId: string;
  all: boolean;
}

export interface ApprovalFilter {
  ids?: readonly string[];
  status?: ApprovalStatus | undefined;
  whose?: 'decide' | 'mine' | undefined;
  /** Requests older than the one at this place. */
  before?: { place: string; id: string } | undefined;
  limit: number;
  /** Larger arguments are left out, in bytes as they are kept. */
  maxSealed: number;
}

/** Newest first. */
export async function listApprovals(
  tx: TenantTx,
  viewer: Viewer,
  filter: ApprovalFilter,
): Promise<ShownApproval[]> {
  const rights = await rightsOf(tx, viewer.memberId);
  // Those who wait are few, and an index has them apart, of all that ever were.
  const waits = filter.whose === 'decide' || WAITING.some((status) => status === filter.status);
  const { rows } = await tx.query<ShownApproval>(listWhere(waits ? OF_THE_INDEX : 'true'), [
    tx.tenantId,
    viewer.memberId,
    viewer.all,
    rights.delegators,
    rights.groups,
    rights.roles,
    rights.emails,
    filter.ids ?? null,
    filter.status ?? null,
    filter.whose ?? null,
    filter.before?.place ?? null,
    filter.before?.id ?? null,
    filter.limit,
    filter.maxSealed,
  ]);
  return rows;
}

interface Rights {
  delegators: string[];
  groups: string[];
  roles: string[];
  emails: string[];
}

/** By what a rule can name this member, or somebody in whose place they may vote. */
async function rightsOf(tx: TenantTx, memberId: string): Promise<Rights> {
  const { rows } = await tx.query<{ from: string }>(
    `select from_member_id as "from" from approval_delegation
      where tenant_id = $1 and to_member_id = $2 and until > now()`,
    [tx.tenantId, memberId],
  );
  const delegators = rows.map(({ from }) => from);
  const people = [...(await readPeople(tx, [memberId, ...delegators])).values()];
  const active = people.filter((each) => each.active);
  return {
    delegators,
    groups: active.flatMap(({ groups }) => groups),
    roles: active.flatMap(({ roles }) => roles),
    emails: active.map(({ email }) => email.toLowerCase()),
  };
}

const WAITING: readonly ApprovalStatus[] = ['pending', 'approved', 'running'];
const OF_THE_INDEX = `r.status in ('pending', 'approved', 'running')`;

// `may_decide` asks of demands what `isNamed` asks of them; the exact word on a vote has `rightOf`.
const listWhere = (narrower: string) => `
select ${APPROVAL_COLUMNS}, m.email as requester, coalesce(k.name, nullif(g.client_name, '')) as "clientName",
       case when octet_length(r.arguments_sealed) <= $14 then r.arguments_sealed end as sealed,
       s.created_at as "keyMadeAt", (extract(epoch from r.created_at) * 1000000)::bigint::text as place
  from approval_request r
  join member m on m.tenant_id = r.tenant_id and m.id = r.member_id
  left join subject_key s on s.tenant_id = r.tenant_id and s.member_id = r.member_id
  left join api_key k on k.tenant_id = r.tenant_id and 'key:' || k.id = r.credential
  left join oauth_grant g on g.tenant_id = r.tenant_id and 'grant:' || g.id = r.credential
  cross join lateral (
    select r.member_id <> $2 and r.member_id <> all ($4::text[])
      and coalesce(k.created_by <> $2 and k.created_by <> all ($4::text[]), true) and exists (
      select from jsonb_array_elements(r.demands) d, lateral (select d -> 'approvers' as a) x
       where x.a ->> 'group' = any ($5::text[])
          or x.a -> 'roles' ?| $6::text[]
          or exists (select from jsonb_array_elements_text(coalesce(x.a -> 'users', '[]')) u
                      where lower(u) = any ($7::text[]))) as may_decide,
      exists (select from approval_vote v
               where v.tenant_id = r.tenant_id and v.request_id = r.id and v.member_id = $2) as voted
  ) w
 where r.tenant_id = $1 and ${narrower}
   and ($3 or r.member_id = $2 or w.may_decide or w.voted)
   and ($8::text[] is null or r.id = any ($8))
   and ($9::text is null or $9 = case
         when r.status in ('pending', 'approved') and r.expires_at <= now() then 'expired' else r.status end)
   and case $10::text
         when 'mine' then r.member_id = $2
         when 'decide' then w.may_decide and not w.voted and r.status = 'pending' and r.expires_at > now()
         else true end
   and ($11::bigint is null or
        (r.created_at, r.id) < ('epoch'::timestamptz + $11::bigint * interval '1 microsecond', $12::text))
 order by r.created_at desc, r.id desc
 limit $13`;
