import { hash } from '@node-rs/argon2';
import { newId } from '@conducktor/contracts';
import { createDb, insertWorkspace, type Db, type TenantTx } from '@conducktor/db';
import { mintApiKey } from '@conducktor/identity';
import { STARTER_POLICY, parsePolicy } from '@conducktor/policy';
import { newSecret } from '@conducktor/embedded';
import type { DemoAccess } from '../stack/state.js';

const WORKSPACE = 'Demo';

/**
 * Makes the demo workspace with its owner, somebody of the group `contractors`, and an API key of the
 * owner. Written by the superuser in one transaction: at this moment nobody could sign in to do it.
 * Passwords and key are made here and returned; the database holds hashes only.
 */
export async function createDemoPeople(adminUrl: string): Promise<DemoAccess> {
  const db = createDb(adminUrl, { max: 1 });
  const owner = { email: 'owner@demo.example', password: newSecret().slice(0, 20) };
  const contractor = { email: 'contractor@demo.example', password: newSecret().slice(0, 20) };
  const key = mintApiKey();
  try {
    const ownerId = await ensureAccount(db, owner, 'Olivia Owner');
    const contractorId = await ensureAccount(db, contractor, 'Carl Contractor');
    await db.withTenant(newId('ten'), async (tx) => {
      const memberId = newId('mem');
      await insertWorkspace(tx, {
        slug: await freeSlug(tx),
        name: WORKSPACE,
        owner: { memberId, userId: ownerId, email: owner.email },
        policy: { document: parsePolicy(STARTER_POLICY), source: STARTER_POLICY },
      });
      await tx.query(
        'insert into api_key (tenant_id, id, member_id, name, secret_hash, scopes) values ($1, $2, $3, $4, $5, $6)',
        [
          tx.tenantId,
          key.id,
          memberId,
          'Demo key',
          key.secretHash,
          ['mcp:read', 'mcp:write', 'admin'],
        ],
      );
      await addContractor(tx, contractorId, contractor.email);
    });
  } finally {
    await db.end();
  }
  return { workspace: WORKSPACE, ...owner, apiKey: key.key, contractor };
}

/** Whether the key of an earlier start still opens the workspace of this database. */
export async function demoStillStands(adminUrl: string, access: DemoAccess): Promise<boolean> {
  const db = createDb(adminUrl, { max: 1 });
  try {
    const id = `key_${access.apiKey.split('_')[1] ?? ''}`;
    const { rowCount } = await db.pool.query(
      'select from api_key where id = $1 and revoked_at is null',
      [id],
    );
    return rowCount === 1;
  } finally {
    await db.end();
  }
}

/** An account of an earlier attempt, or of a demo that was lost, gets the new password. */
async function ensureAccount(
  db: Db,
  person: { email: string; password: string },
  name: string,
): Promise<string> {
  const { rows } = await db.pool.query<{ id: string }>(
    // Confirmed: what is written to them is shown to the owner of this machine, who is all of them.
    `insert into user_account (id, email, display_name, password_hash, email_verified_at)
     values ($1, $2, $3, $4, now())
     on conflict ((lower(email))) do update set password_hash = excluded.password_hash
     returning id`,
    [newId('usr'), person.email, name, await hash(person.password)],
  );
  return rows[0]!.id;
}

async function freeSlug(tx: TenantTx): Promise<string> {
  const { rowCount } = await tx.query("select from tenant where slug = 'demo'");
  return rowCount === 0
    ? 'demo'
    : `demo-${newSecret()
        .slice(0, 6)
        .toLowerCase()
        .replace(/[^a-z0-9]/g, '0')}`;
}

async function addContractor(tx: TenantTx, userId: string, email: string): Promise<void> {
  const [memberId, groupId] = [newId('mem'), newId('grp')];
  await tx.query(
    "insert into member (tenant_id, id, user_id, email, roles) values ($1, $2, $3, $4, '{member}')",
    [tx.tenantId, memberId, userId, email],
  );
  await tx.query(
    "insert into workspace_group (tenant_id, id, name) values ($1, $2, 'contractors')",
    [tx.tenantId, groupId],
  );
  await tx.query(
    'insert into group_membership (tenant_id, group_id, member_id) values ($1, $2, $3)',
    [tx.tenantId, groupId, memberId],
  );
}
