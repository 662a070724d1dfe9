import type { TenantTx } from '@conducktor/db';
import { mayBecome, type ApprovalStatus } from '../states.js';
import type { Demand } from '../vote.js';

/** One request without its arguments. */
export interface ApprovalRow {
  id: string;
  status: ApprovalStatus;
  memberId: string;
  clientId: string;
  /** `grant:<id>` or `key:<id>`. */
  credential: string;
  toolId: string;
  tool: string;
  connectionId: string;
  connection: string;
  /** Decimal. */
  connectionRevision: string;
  /** SHA-256, hexadecimal, as `argumentsHash`. */
  definitionHash: string;
  toolClass: string;
  argumentsHash: string;
  policyVersion: number;
  demands: Demand[];
  onApproval: 'run' | 'wait';
  costMicros: number;
  createdAt: Date;
  expiresAt: Date;
  decidedAt: Date | null;
  decidedReason: string | null;
  callId: string | null;
  outcome: string | null;
}

/** Of `approval_request` named `r`. */
export const APPROVAL_COLUMNS = `r.id, r.status, r.member_id as "memberId", r.client_id as "clientId", r.credential,
  r.tool_id as "toolId", r.tool, r.connection_id as "connectionId", r.connection,
  r.connection_revision::text as "connectionRevision", r.definition_hash as "definitionHash",
  r.tool_class as "toolClass", r.arguments_hash as "argumentsHash", r.policy_version as "policyVersion",
  r.demands, r.on_approval as "onApproval", r.cost_micros::float8 as "costMicros",
  r.created_at as "createdAt", r.expires_at as "expiresAt", r.decided_at as "decidedAt",
  r.decided_reason as "decidedReason", r.call_id as "callId", r.outcome`;

export async function findApproval(tx: TenantTx, id: string): Promise<ApprovalRow | undefined> {
  const { rows } = await tx.query<ApprovalRow>(
    `select ${APPROVAL_COLUMNS} from approval_request r where r.tenant_id = $1 and r.id = $2`,
    [tx.tenantId, id],
  );
  return rows[0];
}

/** Locked to the end of the transaction, so that two who decide at the same moment do so one after the other. */
export async function lockApproval(tx: TenantTx, id: string): Promise<ApprovalRow | undefined> {
  const { rows } = await tx.query<ApprovalRow>(
    `select ${APPROVAL_COLUMNS} from approval_request r where r.tenant_id = $1 and r.id = $2 for update`,
    [tx.tenantId, id],
  );
  return rows[0];
}

/**
 * The end of waiting for people, or of an approval that was not used: `reason` is what the requester reads.
 * The row is locked by whoever calls. Gateways hear of it by a trigger when the transaction commits.
 */
export async function endWaiting(
  tx: TenantTx,
  row: Pick<ApprovalRow, 'id' | 'status'>,
  to: 'approved' | 'rejected' | 'expired' | 'void',
  reason: string | null,
): Promise<void> {
  if (!mayBecome(row.status, to))
    throw new Error(`An approval that is ${row.status} cannot become ${to}.`);
  await tx.query(
    `update approval_request set status = $3, decided_at = now(), decided_reason = $4
      where tenant_id = $1 and id = $2 and status = $5`,
    [tx.tenantId, row.id, to, reason, row.status],
  );
}
