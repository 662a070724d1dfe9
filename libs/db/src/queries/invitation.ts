import type { Db, TenantTx } from '../db.js';

/** An invitation that may still be used. */
export interface OpenInvitation {
  tenantId: string;
  tenantName: string;
  /** The account that was invited: nobody else can accept. */
  userId: string;
  email: string;
  /** Address of who invited them; empty when that was not kept. */
  invitedBy: string;
}

/** Undefined when the link was used, has expired, never was, or its member was disabled. */
export async function findInvitation(
  db: Db,
  tokenHash: Buffer,
): Promise<OpenInvitation | undefined> {
  const { rows } = await db.pool.query<OpenInvitation>(
    `select tenant_id as "tenantId", tenant_name as "tenantName", user_id as "userId", email,
            invited_by as "invitedBy"
       from open_invitation($1)`,
    [tokenHash],
  );
  return rows[0];
}

/** Takes the membership up, once; returns its id, or undefined when the link cannot be used by them. */
export async function acceptInvitation(
  tx: TenantTx,
  tokenHash: Buffer,
  userId: string,
): Promise<string | undefined> {
  const { rows } = await tx.query<{ memberId: string }>(
    'select member_id as "memberId" from accept_invitation($1, $2)',
    [tokenHash, userId],
  );
  return rows[0]?.memberId;
}
