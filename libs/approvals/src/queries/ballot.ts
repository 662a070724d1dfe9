import type { TenantTx } from '@conducktor/db';
import type { Delegation, Person } from '../people.js';
import type { Ballot, Vote } from '../vote.js';
import type { ApprovalRow } from './approval-request.js';

export interface VoteRow extends Vote {
  reason: string;
  at: Date;
}

export interface LoadedBallot extends Ballot {
  /** In the order in which they were given. */
  readonly votes: readonly VoteRow[];
}

/** What a vote of `voterId` on each of these requests is judged by. The clock is the database's. */
export async function readBallots(
  tx: TenantTx,
  requests: readonly ApprovalRow[],
  voterId: string,
): Promise<Map<string, LoadedBallot>> {
  const votes = await tx.query<VoteRow & { requestId: string }>(
    `select request_id as "requestId", member_id as "memberId", for_member_id as "forMemberId", vote, reason, at
       from approval_vote where tenant_id = $1 and request_id = any($2) order by at, member_id`,
    [tx.tenantId, requests.map(({ id }) => id)],
  );
  const keyMakers = await readKeyMakers(tx, requests);
  const voters = [voterId, ...votes.rows.map(({ memberId }) => memberId)];
  const askers = [...requests.map(({ memberId }) => memberId), ...keyMakers.values()];
  const delegations = await tx.query<Delegation>(
    `select from_member_id as "from", to_member_id as "to", until from approval_delegation
      where tenant_id = $1 and (to_member_id = any($2) or from_member_id = any($3)) and until > now()
      order by created_at, id`,
    [tx.tenantId, voters, askers],
  );
  const owners = votes.rows.flatMap(({ forMemberId }) => forMemberId ?? []);
  const ids = new Set([...voters, ...owners, ...delegations.rows.map(({ from }) => from)]);
  const people = await readPeople(tx, [...ids]);
  const clock = await tx.query<{ now: Date }>('select now()');
  const ballotOf = (row: ApprovalRow): LoadedBallot => ({
    request: {
      status: row.status,
      requesterId: row.memberId,
      keyMadeBy: keyMakers.get(row.credential) ?? null,
      demands: row.demands,
      expiresAt: row.expiresAt,
    },
    votes: votes.rows.filter(({ requestId }) => requestId === row.id),
    people,
    delegations: delegations.rows,
    now: clock.rows[0]!.now,
  });
  return new Map(requests.map((row) => [row.id, ballotOf(row)]));
}

/** By credential: who made the key, of those requests that came with one. */
async function readKeyMakers(
  tx: TenantTx,
  requests: readonly ApprovalRow[],
): Promise<Map<string, string>> {
  const { rows } = await tx.query<{ credential: string; by: string }>(
    `select 'key:' || id as credential, created_by as by from api_key
      where tenant_id = $1 and 'key:' || id = any($2) and created_by is not null`,
    [tx.tenantId, requests.map(({ credential }) => credential)],
  );
  return new Map(rows.map(({ credential, by }) => [credential, by]));
}

/** These members as they are now, with whether they may act. Locked against nothing. */
export async function readPeople(
  tx: TenantTx,
  memberIds: readonly string[],
): Promise<Map<string, Person>> {
  const { rows } = await tx.query<Person>(
    `select m.id as "memberId", m.email, m.roles,
            m.disabled_at is null and m.removed_at is null and not exists (
              select from frozen f
               where f.tenant_id = m.tenant_id and f.kind = 'member' and f.subject_id = m.id) as active,
            array(select g.name from group_membership gm
                    join workspace_group g on g.tenant_id = gm.tenant_id and g.id = gm.group_id
                   where gm.tenant_id = m.tenant_id and gm.member_id = m.id) as groups
       from member m where m.tenant_id = $1 and m.id = any($2)`,
    [tx.tenantId, memberIds],
  );
  return new Map(rows.map((person) => [person.memberId, person]));
}

export async function insertVote(
  tx: TenantTx,
  requestId: string,
  { memberId, forMemberId, vote, reason }: Vote & { reason: string },
): Promise<void> {
  await tx.query(
    `insert into approval_vote (tenant_id, request_id, member_id, for_member_id, vote, reason)
     values ($1, $2, $3, $4, $5, $6)`,
    [tx.tenantId, requestId, memberId, forMemberId, vote, reason],
  );
}
