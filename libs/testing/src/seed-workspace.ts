import { newId } from '@conducktor/contracts';
import type { Db } from '@conducktor/db';
import { mintApiKey } from '@conducktor/identity';

/** A person of a seeded workspace, with a key that works as bearer on `/mcp` and on REST. */
export interface SeededMember {
  userId: string;
  memberId: string;
  email: string;
  keyId: string;
  apiKey: string;
}

export interface SeededWorkspace {
  tenantId: string;
  slug: string;
  /** Roles `owner`; key with `mcp:read mcp:write admin`. */
  owner: SeededMember;
  /** Roles `member`; key with `mcp:read mcp:write`. */
  member: SeededMember;
  /** As `member`, and in the group `contractors`. */
  contractor: SeededMember;
  groupId: string;
}

/**
 * A workspace with three people and a group, written by the superuser so that no service needs to
 * run. Connections and policies come from the REST API: their rows are made by what is under test.
 */
export async function seedWorkspace(
  admin: Db,
  options: { name?: string; limitProfile?: 'standard' | 'burst' | 'host' } = {},
): Promise<SeededWorkspace> {
  const tenantId = newId('ten');
  const slug = `ws-${tenantId.slice(-10).toLowerCase()}`;
  return await admin.withTenant(tenantId, async (tx) => {
    const insert = async (table: string, row: Record<string, unknown>) => {
      const columns = Object.keys(row);
      await tx.query(
        `insert into ${table} (${columns.join(', ')}) values (${columns.map((_, i) => `$${i + 1}`).join(', ')})`,
        Object.values(row),
      );
    };
    await insert('tenant', {
      id: tenantId,
      slug,
      name: options.name ?? slug,
      limit_profile: options.limitProfile ?? 'host',
    });
    const person = async (
      name: string,
      roles: string[],
      scopes: string[],
    ): Promise<SeededMember> => {
      const userId = newId('usr');
      const memberId = newId('mem');
      const email = `${name}@${slug}.example`;
      const key = mintApiKey();
      await insert('user_account', { id: userId, email, display_name: name });
      const tenant = { tenant_id: tenantId };
      await insert('member', { ...tenant, id: memberId, user_id: userId, email, roles });
      await insert('api_key', {
        ...tenant,
        id: key.id,
        member_id: memberId,
        name: `${name}'s key`,
        secret_hash: key.secretHash,
        scopes,
      });
      return { userId, memberId, email, keyId: key.id, apiKey: key.key };
    };
    const mcp = ['mcp:read', 'mcp:write'];
    const owner = await person('owner', ['owner'], [...mcp, 'admin']);
    const member = await person('member', ['member'], mcp);
    const contractor = await person('contractor', ['member'], mcp);
    const groupId = newId('grp');
    await insert('workspace_group', { tenant_id: tenantId, id: groupId, name: 'contractors' });
    await insert('group_membership', {
      tenant_id: tenantId,
      group_id: groupId,
      member_id: contractor.memberId,
    });
    return { tenantId, slug, owner, member, contractor, groupId };
  });
}
