import type { Db } from '../db.js';

/** A workspace that a person took up, with what became of it. */
export interface OwnMembership {
  tenantId: string;
  tenantName: string;
  tenantSlug: string;
  memberId: string;
  roles: string[];
  joinedAt: Date;
  /** Set: it cannot be used; with `removedAt` they were removed or left. */
  disabledAt: Date | null;
  removedAt: Date | null;
  /** The workspace or this membership is frozen. */
  frozen: boolean;
  /** They are its only owner, so they cannot leave it. */
  lastOwner: boolean;
}

/** Every workspace that this person ever took up, by name. */
export async function allMembershipsOf(db: Db, userId: string): Promise<OwnMembership[]> {
  const { rows } = await db.pool.query<OwnMembership>(
    `select tenant_id as "tenantId", tenant_name as "tenantName", tenant_slug as "tenantSlug",
            member_id as "memberId", roles, joined_at as "joinedAt", disabled_at as "disabledAt",
            removed_at as "removedAt", frozen, last_owner as "lastOwner"
       from all_memberships_of($1)`,
    [userId],
  );
  return rows;
}

/** An app that acts for a person in one workspace. */
export interface OwnApp {
  tenantId: string;
  tenantName: string;
  memberId: string;
  grantId: string;
  clientId: string;
  /** As the client calls itself; untrusted. */
  clientName: string;
  redirectHost: string;
  scopes: string[];
  createdAt: Date;
  /** Null: it was not used yet, or not since this is noted. */
  lastSeenAt: Date | null;
}

/** The newest 500 apps that this person allowed and did not revoke, in all their workspaces. */
export async function appsOf(db: Db, userId: string): Promise<OwnApp[]> {
  const { rows } = await db.pool.query<OwnApp>(
    `select tenant_id as "tenantId", tenant_name as "tenantName", member_id as "memberId",
            grant_id as "grantId", client_id as "clientId", client_name as "clientName",
            redirect_host as "redirectHost", scopes, created_at as "createdAt",
            last_seen_at as "lastSeenAt"
       from apps_of($1)`,
    [userId],
  );
  return rows;
}

/**
 * The person leaves a workspace: their apps and keys there are dead within a second. Undefined when
 * they are not in it.
 */
export async function leaveWorkspace(
  db: Db,
  tenantId: string,
  userId: string,
): Promise<'left' | 'last owner' | undefined> {
  const { rows } = await db.pool.query<{ outcome: 'left' | 'last owner' | null }>(
    'select leave_workspace($1, $2) as outcome',
    [tenantId, userId],
  );
  return rows[0]?.outcome ?? undefined;
}
