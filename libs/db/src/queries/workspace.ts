import type { Db, TenantTx } from '../db.js';

export interface NewWorkspace {
  slug: string;
  name: string;
  owner: { memberId: string; userId: string; email: string };
  /** Version 1 of the policy, active from the start. */
  policy: { document: unknown; source: string };
}

/** Makes the workspace that the transaction is bound to, with its owner and its first policy. */
export async function insertWorkspace(tx: TenantTx, workspace: NewWorkspace): Promise<void> {
  const { owner, policy } = workspace;
  await tx.query('insert into tenant (id, slug, name) values ($1, $2, $3)', [
    tx.tenantId,
    workspace.slug,
    workspace.name,
  ]);
  await tx.query(
    `insert into member (tenant_id, id, user_id, email, roles) values ($1, $2, $3, $4, '{owner}')`,
    [tx.tenantId, owner.memberId, owner.userId, owner.email],
  );
  await tx.query(
    `insert into policy (tenant_id, version, document, source, created_by) values ($1, 1, $2, $3, $4)`,
    [tx.tenantId, JSON.stringify(policy.document), policy.source, owner.memberId],
  );
  await tx.query('update tenant set active_policy = 1 where id = $1', [tx.tenantId]);
}

export interface Membership {
  tenantId: string;
  tenantName: string;
  tenantSlug: string;
  memberId: string;
  roles: string[];
}

/** The workspaces in which this person is an enabled member, by name. */
export async function membershipsOf(db: Db, userId: string): Promise<Membership[]> {
  const { rows } = await db.pool.query<Membership>(
    `select tenant_id as "tenantId", tenant_name as "tenantName", tenant_slug as "tenantSlug",
            member_id as "memberId", roles from memberships_of($1)`,
    [userId],
  );
  return rows;
}
