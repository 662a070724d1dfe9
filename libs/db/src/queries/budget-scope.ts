import type { BudgetScopeKind } from '@conducktor/contracts';
import type { TenantTx } from '../db.js';

const BY_ID_OR_NAME: Partial<Record<BudgetScopeKind, string>> = {
  group:
    'select id from workspace_group where tenant_id = $1 and (id = $2 or name = $2) order by id = $2 desc limit 1',
  user: 'select id from member where tenant_id = $1 and id = $2 and removed_at is null',
  connection:
    'select id from connection where tenant_id = $1 and (id = $2 or slug = $2) order by id = $2 desc limit 1',
  tool: `select id from tool where tenant_id = $1 and (id = $2 or shown_name = $2) and removed_at is null
          order by id = $2 desc limit 1`,
};
const KEY = 'select id from api_key where tenant_id = $1 and id = $2 and revoked_at is null';

/**
 * The id that a scope is stored under, by id or name; undefined: there is none. A client that is no API key is
 * taken as it is named, because a budget may be made before it first connects.
 */
export async function findBudgetScope(
  tx: TenantTx,
  kind: Exclude<BudgetScopeKind, 'tenant'>,
  idOrName: string,
): Promise<string | undefined> {
  if (kind === 'client' && !idOrName.startsWith('key_')) return idOrName;
  const { rows } = await tx.query<{ id: string }>(BY_ID_OR_NAME[kind] ?? KEY, [
    tx.tenantId,
    idOrName,
  ]);
  return rows[0]?.id;
}
