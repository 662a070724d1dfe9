import { PREVIEW_SIDES, type KeptPreview, type PreviewSide } from '@conducktor/contracts';
import type { Db, TenantTx } from '@conducktor/db';
import type { Vault } from '@conducktor/vault';
import type { Tool } from '../workspace/types.js';
import type { ApprovalRequest } from '../approvals/types.js';

/** Written with its request: that something is being read, and until when it may be kept. */
export async function expectPreview(
  tx: TenantTx,
  requestId: string,
  tool: Pick<Tool, 'preview' | 'shownName' | 'connection'>,
): Promise<void> {
  const { preview } = tool;
  if (!preview) return;
  const { tools, quarantined = [] } = tool.connection;
  const nameOf = (id: string) =>
    [...tools, ...quarantined].find((each) => each.id === id)?.shownName ?? tool.shownName;
  const sides = PREVIEW_SIDES.filter((side) => preview[side]);
  await tx.query(
    `insert into approval_preview (tenant_id, request_id, side, tool)
     select $1, $2, side, tool from unnest($3::text[], $4::text[]) x(side, tool)`,
    [tx.tenantId, requestId, sides, sides.map((side) => nameOf(preview[side]!.tool))],
  );
}

/**
 * Keeps what was read, under the requester's key. Nothing happens where something is kept already, or
 * where it comes so late that approvers have been told there is none.
 */
export async function keepPreview(
  { db, vault }: { db: Pick<Db, 'withTenant'>; vault: Vault },
  { tenantId, id, memberId }: Pick<ApprovalRequest, 'tenantId' | 'id' | 'memberId'>,
  side: PreviewSide,
  preview: KeptPreview & { labels: readonly string[] },
): Promise<void> {
  const { labels, ...kept } = preview;
  const sealed = await vault.sealForSubject(
    tenantId,
    memberId,
    `approval-preview/${id}/${side}`,
    JSON.stringify(kept),
  );
  await db.withTenant(tenantId, (tx) =>
    tx.query(
      `update approval_preview set at = now(), sealed = $4, labels = $5
        where tenant_id = $1 and request_id = $2 and side = $3 and at is null and until > now()`,
      [tenantId, id, side, sealed, labels],
    ),
  );
}
