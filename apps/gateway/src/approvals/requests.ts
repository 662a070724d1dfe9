import { newId } from '@conducktor/contracts';
import type { Db, TenantTx } from '@conducktor/db';
import type { Vault } from '@conducktor/vault';
import { expectPreview } from '../preview/kept.js';
import type { PricedCall } from '../tool-call/types.js';
import type { Tool } from '../workspace/types.js';
import { credentialOf, definitionHashOf } from './binding.js';
import type { ApprovalRequest, CallToApprove } from './types.js';

export interface RequestDeps {
  db: Pick<Db, 'withTenant' | 'pool'>;
  vault: Vault;
}

/** What the runner needs besides, to make the call without its client. */
export interface StoredCall extends ApprovalRequest {
  readonly credential: string;
  readonly scopes: readonly string[];
  readonly toolId: string;
  readonly argumentsSealed: Buffer;
  readonly sourceIp: string | null;
}

// Waiting requests of one person: what approvers can still look through.
const MAX_WAITING = 100;
// A rejection, say, is told to the next identical call if that comes within so long; then it asks anew.
const TOLD_WITHIN = '1 hour';

// A request whose time is over is expired, whether or not somebody has written that down yet.
const COLUMNS = `r.id, r.tenant_id as "tenantId", r.member_id as "memberId", r.client_id as "clientId",
  case when r.status in ('pending', 'approved') and r.expires_at <= now() then 'expired' else r.status end as status,
  r.resource_path as "resourcePath", r.tool, r.connection, r.on_approval as "onApproval", r.demands, r.created_at as "createdAt",
  r.expires_at as "expiresAt",
  coalesce(r.done_at, r.decided_at) as "changedAt", approval_bound(r) as bound, r.cost_micros::float8 as "costMicros", r.decided_reason as reason, r.call_id as "callId",
  r.outcome, r.result_until as "resultUntil", r.told_at is not null as told`;

/**
 * What there is of this very call (same person, client, tool and arguments): a request that waits or runs,
 * a result that is kept, or an end that its requester was not told of yet.
 */
export async function findRequest(
  { db }: RequestDeps,
  { caller, tool, argumentsHash, input }: CallToApprove,
): Promise<ApprovalRequest | undefined> {
  const { tenantId } = caller.workspace;
  return db.withTenant(tenantId, async (tx) => {
    // By now, and not before a connection was free.
    const age = performance.now() - input.context.timeline.at[0]!;
    const { rows } = await tx.query<ApprovalRequest>(
      `select ${COLUMNS} from approval_request r
        where r.tenant_id = $1 and r.arguments_hash = $2 and r.member_id = $3 and r.client_id = $4 and r.tool_id = $5
          and (r.status = 'running'
            or (r.status in ('pending', 'approved') and (r.expires_at > now() or r.told_at is null))
            or (r.status = 'done' and r.result_until > now())
            -- Made by another call of the same client while this one was on its way.
            or (r.status = 'done' and r.on_approval = 'wait' and r.done_at >= now() - $6 * interval '1 ms')
            or (r.told_at is null and r.status in ('rejected', 'expired', 'done') and r.result_until is null
                and coalesce(r.done_at, r.decided_at) > now() - interval '${TOLD_WITHIN}'))
        order by r.created_at desc limit 1`,
      [tenantId, argumentsHash, caller.member.id, caller.clientId, tool.id, age],
    );
    return rows[0];
  });
}

export async function readRequest(
  { db }: Pick<RequestDeps, 'db'>,
  { tenantId, id }: Pick<ApprovalRequest, 'tenantId' | 'id'>,
): Promise<StoredCall | undefined> {
  return db.withTenant(tenantId, async (tx) => {
    const { rows } = await tx.query<StoredCall>(
      `select ${COLUMNS}, r.credential, r.scopes, r.tool_id as "toolId", r.arguments_sealed as "argumentsSealed", r.source_ip as "sourceIp"
         from approval_request r where r.tenant_id = $1 and r.id = $2`,
      [tenantId, id],
    );
    return rows[0];
  });
}

/**
 * Asks for approval of this call. `same`: somebody has just asked for the same; look again. `too-many`: as
 * many requests of this person wait as approvers can be asked to look through. `stale`: the workspace has
 * changed since this was decided.
 */
export async function createRequest(
  { db, vault }: RequestDeps,
  call: CallToApprove & Pick<PricedCall, 'quote'>,
): Promise<'asked' | 'same' | 'too-many' | 'stale'> {
  const { caller, tool, decision } = call;
  const { tenantId } = caller.workspace;
  const id = newId('apr');
  const demands = decision.approvals ?? [];
  const sealed = await vault.sealForSubject(
    tenantId,
    caller.member.id,
    `approval/${id}`,
    call.argumentsJson,
  );
  const row = {
    tenant_id: tenantId,
    id,
    member_id: caller.member.id,
    client_id: caller.clientId,
    credential: credentialOf(caller.credential),
    scopes: caller.scopes,
    tool_id: tool.id,
    tool: tool.shownName,
    connection_id: tool.connection.id,
    connection: tool.connection.slug,
    connection_revision: tool.connection.revision,
    definition_hash: definitionHashOf(tool),
    tool_class: tool.class,
    arguments_hash: call.argumentsHash,
    arguments_sealed: sealed,
    policy_version: caller.workspace.policyVersion,
    demands: JSON.stringify(demands),
    on_approval: demands.some(({ onApproval }) => onApproval === 'wait') ? 'wait' : 'run',
    // The most that it can cost, by the price of this moment.
    cost_micros: call.quote.reservedMicros,
    expires_at: Math.min(...demands.map(({ expiresMs }) => expiresMs)),
    resource_path: caller.context.resourcePath,
    source_ip: caller.context.sourceIp,
  };
  return db.withTenant(tenantId, async (tx) => {
    if (await hasChanged(tx, call)) return 'stale';
    if ((await waitingOf(tx, caller.member.id)) >= MAX_WAITING) return 'too-many';
    // By the clock that ends it: that of this machine may be another.
    const places = Object.keys(row).map((column, index) =>
      column === 'expires_at' ? `now() + $${index + 1} * interval '1 ms'` : `$${index + 1}`,
    );
    const { rowCount } = await tx.query(
      `insert into approval_request (${Object.keys(row).join(', ')}) values (${places.join(', ')})
       on conflict do nothing`,
      Object.values(row),
    );
    if (rowCount !== 1) return 'same';
    // Only tools come here: see `decideTool`.
    await expectPreview(tx, id, tool as Tool);
    return 'asked';
  });
}

/** Whether the workspace has changed since this call was decided. */
export async function isStale(
  { db }: Pick<RequestDeps, 'db'>,
  call: CallToApprove,
): Promise<boolean> {
  return db.withTenant(call.caller.workspace.tenantId, (tx) => hasChanged(tx, call));
}

async function hasChanged(tx: TenantTx, { caller }: CallToApprove): Promise<boolean> {
  const { rows } = await tx.query<{ version: string }>(
    'select version from tenant_version where tenant_id = $1',
    [tx.tenantId],
  );
  return Number(rows[0]?.version) !== caller.workspace.version;
}

async function waitingOf(tx: TenantTx, memberId: string): Promise<number> {
  const { rows } = await tx.query<{ n: number }>(
    `select count(*)::integer as n from approval_request
      where tenant_id = $1 and member_id = $2 and status in ('pending', 'approved', 'running')`,
    [tx.tenantId, memberId],
  );
  return rows[0]!.n;
}

/** Ends a request that waits; `reason` is a sentence. Nothing happens to one that waits no more. */
export async function endRequest(
  { db }: Pick<RequestDeps, 'db'>,
  { tenantId, id }: Pick<ApprovalRequest, 'tenantId' | 'id'>,
  reason: string,
): Promise<void> {
  await db.pool.query('select end_approval($1, $2, $3)', [tenantId, id, reason]);
}

/** The requester has been told how it ended, so the next identical call asks anew. */
export async function markTold(
  { db }: Pick<RequestDeps, 'db'>,
  { tenantId, id }: Pick<ApprovalRequest, 'tenantId' | 'id'>,
): Promise<void> {
  await db.withTenant(tenantId, (tx) =>
    tx.query(
      'update approval_request set told_at = now() where tenant_id = $1 and id = $2 and told_at is null',
      [tenantId, id],
    ),
  );
}

/** Whether the credential that asked is still good: a snapshot knows only what was revoked of late. */
export async function isCredentialGood(
  { db }: Pick<RequestDeps, 'db'>,
  { tenantId, credential }: Pick<StoredCall, 'tenantId' | 'credential'>,
): Promise<boolean> {
  const [kind, id] = credential.split(':', 2);
  const text =
    kind === 'key'
      ? 'select from api_key where tenant_id = $1 and id = $2 and revoked_at is null and (expires_at is null or expires_at > now())'
      : 'select from oauth_grant where tenant_id = $1 and id = $2 and revoked_at is null';
  const { rowCount } = await db.withTenant(tenantId, (tx) => tx.query(text, [tenantId, id]));
  return rowCount === 1;
}
