import { newId, type Role } from '@conducktor/contracts';
import { mintApiKey } from '@conducktor/identity';
import type { ToolCallAnswer } from '../../mcp/ports.js';
import type { WholePath } from '../../tests/support/whole-path.js';

/** A person with this role only, and their key. */
export async function personWith(
  path: WholePath,
  role: Role,
  scopes = ['mcp:read', 'mcp:write'],
): Promise<string> {
  const { tenantId } = path.people;
  const [userId, memberId, key] = [newId('usr'), newId('mem'), mintApiKey()];
  const email = `${role}-${userId.slice(-8).toLowerCase()}@people.example`;
  await path.admin.pool.query(
    'insert into user_account (id, email, display_name) values ($1, $2, $3)',
    [userId, email, role],
  );
  await path.admin.withTenant(tenantId, async (tx) => {
    await tx.query(
      'insert into member (tenant_id, id, user_id, email, roles) values ($1, $2, $3, $4, $5)',
      [tenantId, memberId, userId, email, [role]],
    );
    await tx.query(
      'insert into api_key (tenant_id, id, member_id, name, secret_hash, scopes) values ($1, $2, $3, $4, $5, $6)',
      [tenantId, key.id, memberId, role, key.secretHash, scopes],
    );
  });
  return key.key;
}

/** A result as clients get it, its one text beside. */
export const resultOf = (answer: ToolCallAnswer) => {
  if (answer.kind !== 'result') throw new Error(`Not a result: ${JSON.stringify(answer)}`);
  const { content, isError, structuredContent, _meta } = answer.result as {
    content: { type: string; text: string }[];
    isError?: boolean;
    structuredContent?: Record<string, unknown>;
    _meta: Record<string, unknown>;
  };
  return { content, isError, structuredContent, meta: _meta, text: content[0]!.text };
};
/** The last record of calls of this tool, with its outcome. */
export async function lastRecordOf(path: WholePath, tool: string) {
  const { rows } = await path.admin.pool.query<{ call: string; outcome: string | null }>(
    `select c.record as call, o.record as outcome from call c left join outcome o on o.call_id = c.call_id
      where c.tenant_id = $1 and c.record::jsonb->>'tool' = $2
      order by c.epoch desc, c.tick desc, c.ordinal desc`,
    [path.people.tenantId, tool],
  );
  const [row] = rows;
  return {
    ...(JSON.parse(row!.call) as Record<string, unknown>),
    ended: rows.filter(({ outcome }) => outcome !== null).length,
    ...(row!.outcome === null ? {} : { outcome: JSON.parse(row!.outcome).outcome as string }),
  };
}
