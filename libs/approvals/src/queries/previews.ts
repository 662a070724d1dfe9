import type { PreviewSide } from '@conducktor/contracts';
import type { TenantTx } from '@conducktor/db';

/** What was read for a request beside its arguments, or is being read. */
export interface PreviewRow {
  side: PreviewSide;
  /** Shown name, then. */
  tool: string;
  /** Of the tool that was read, as far as whoever is given its answer has been given something. */
  labels: string[];
  at: Date | null;
  /** A `KeptPreview` under the requester's key (context `approval-preview/<request>/<side>`); null: nothing yet. */
  sealed: Buffer | null;
  /** Whether nothing was kept in time, so that nothing will be. */
  isOver: boolean;
}

/** Of the sides that the tool had when its call was asked for. */
export async function previewsOf(tx: TenantTx, requestId: string): Promise<PreviewRow[]> {
  const { rows } = await tx.query<PreviewRow>(
    `select side, tool, labels, at, sealed, until <= now() as "isOver"
       from approval_preview where tenant_id = $1 and request_id = $2`,
    [tx.tenantId, requestId],
  );
  return rows;
}

/** As a gateway notes it before an answer leaves: this client is given what such tools give. */
export async function noteGiven(
  tx: TenantTx,
  { memberId, clientId }: { memberId: string; clientId: string },
  labels: readonly string[],
): Promise<void> {
  await tx.query(
    `insert into taint (tenant_id, member_id, client_id, label, seen_at)
     select distinct $1, $2, $3, label, clock_timestamp() from unnest($4::text[]) label order by 4
     on conflict (tenant_id, member_id, client_id, label)
     do update set seen_at = greatest(taint.seen_at, excluded.seen_at)`,
    [tx.tenantId, memberId, clientId, labels],
  );
}
