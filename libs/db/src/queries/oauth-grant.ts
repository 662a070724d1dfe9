import type { Db, TenantTx } from '../db.js';
import { recordControlEvent } from './audit-outbox.js';

/** What a person allowed one client to do in one workspace. */
export interface NewGrant {
  id: string;
  memberId: string;
  clientId: string;
  clientName: string;
  redirectHost: string;
  scopes: string[];
  resource: string;
}

export async function insertGrant(tx: TenantTx, grant: NewGrant): Promise<void> {
  await tx.query(
    `insert into oauth_grant (tenant_id, id, member_id, client_id, client_name, redirect_host, scopes, resource)
     values ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [
      tx.tenantId,
      grant.id,
      grant.memberId,
      grant.clientId,
      grant.clientName,
      grant.redirectHost,
      grant.scopes,
      grant.resource,
    ],
  );
}

export interface LiveGrant {
  tenantId: string;
  memberId: string;
  userId: string;
}

/**
 * Whom the grant speaks for; undefined when it is unknown or revoked, its member or account lost access,
 * or the workspace, the member or the client is frozen.
 */
export async function findLiveGrant(db: Db, grantId: string): Promise<LiveGrant | undefined> {
  const tenantId = await tenantOfGrant(db, grantId);
  if (!tenantId) return undefined;
  return db.withTenant(tenantId, async (tx) => {
    const { rows } = await tx.query<LiveGrant>(
      `select g.tenant_id as "tenantId", g.member_id as "memberId", m.user_id as "userId"
         from oauth_grant g join member m on m.tenant_id = g.tenant_id and m.id = g.member_id
         join user_account u on u.id = m.user_id
        where g.tenant_id = $1 and g.id = $2 and g.revoked_at is null
          and m.disabled_at is null and m.removed_at is null and u.disabled_at is null
          and not exists (select from frozen f where f.tenant_id = $1 and (f.kind, f.subject_id) in
                (('workspace', g.tenant_id), ('member', g.member_id), ('client', g.client_id)))`,
      [tenantId, grantId],
    );
    return rows[0];
  });
}

/** Ends a grant: its access tokens are refused within a second. Recorded once; again does nothing. */
export async function revokeGrant(db: Db, grantId: string): Promise<void> {
  const tenantId = await tenantOfGrant(db, grantId);
  if (!tenantId) return;
  await db.withTenant(tenantId, async (tx) => {
    const { rows } = await tx.query<{ memberId: string; clientId: string; email: string }>(
      `update oauth_grant g set revoked_at = now() from member m
        where g.tenant_id = $1 and g.id = $2 and g.revoked_at is null
          and m.tenant_id = g.tenant_id and m.id = g.member_id
       returning g.member_id as "memberId", g.client_id as "clientId", m.email`,
      [tenantId, grantId],
    );
    const ended = rows[0];
    if (!ended) return;
    const { memberId, clientId, email } = ended;
    await recordControlEvent(tx, {
      action: 'grant.revoke',
      memberId,
      actor: email,
      clientId,
      grantId,
    });
  });
}

async function tenantOfGrant(db: Db, grantId: string): Promise<string | undefined> {
  const { rows } = await db.pool.query<{ tenant: string | null }>(
    'select tenant_of_grant($1) as tenant',
    [grantId],
  );
  return rows[0]?.tenant ?? undefined;
}
