import type { TenantTx } from '@conducktor/db';
import type { ApprovalStatus } from '../states.js';
import type { ApprovalRow } from './approval-request.js';

/** A request for the same tool that people decided. */
export interface DecidedApproval {
  id: string;
  memberId: string;
  requester: string;
  status: ApprovalStatus;
  reason: string | null;
  decidedAt: Date;
  /** E-mail addresses of who voted, in that order. */
  decidedBy: string[];
  argumentsHash: string;
  /** Null: too large to be compared. */
  sealed: Buffer | null;
  createdAt: Date;
  keyMadeAt: Date | null;
}

/** The last decisions on the same tool, newest first. Arguments over `maxSealed` bytes are left out. */
export async function decidedBefore(
  tx: TenantTx,
  row: Pick<ApprovalRow, 'id' | 'toolId'>,
  bounds: { limit: number; maxSealed: number },
): Promise<DecidedApproval[]> {
  const { rows } = await tx.query<DecidedApproval>(
    `select r.id, r.member_id as "memberId", m.email as requester, r.status, r.decided_reason as reason,
            r.decided_at as "decidedAt", r.arguments_hash as "argumentsHash", r.created_at as "createdAt",
            case when octet_length(r.arguments_sealed) <= $5 then r.arguments_sealed end as sealed,
            s.created_at as "keyMadeAt",
            array(select b.email from approval_vote v
                    join member b on b.tenant_id = v.tenant_id and b.id = v.member_id
                   where v.tenant_id = r.tenant_id and v.request_id = r.id order by v.at) as "decidedBy"
       from approval_request r
       join member m on m.tenant_id = r.tenant_id and m.id = r.member_id
       left join subject_key s on s.tenant_id = r.tenant_id and s.member_id = r.member_id
      where r.tenant_id = $1 and r.tool_id = $2 and r.id <> $3 and r.decided_at is not null
        and r.status in ('approved', 'rejected', 'running', 'done')
      order by r.decided_at desc limit $4`,
    [tx.tenantId, row.toolId, row.id, bounds.limit, bounds.maxSealed],
  );
  return rows;
}
