import type { DeclaredScope } from '@conducktor/contracts';
import type { Db } from '../db.js';

/** What one workspace has of what a client asks a member of it for. */
export interface WorkspaceOffer {
  /** Why nothing can be allowed there for now, in the words of whoever froze it. */
  frozen: string | undefined;
  /** Whether anything is at `/mcp/<slug>`; true when no such address is asked for. */
  hasAddress: boolean;
  /** What its connections declare, in the order of their slugs. */
  declared: Pick<DeclaredScope, 'scope' | 'description'>[];
}

export async function workspaceOffer(
  db: Db,
  member: { tenantId: string; memberId: string },
  asked: { clientId: string; slug: string | undefined },
): Promise<WorkspaceOffer> {
  const { tenantId, memberId } = member;
  return db.withTenant(tenantId, async (tx) => {
    const { rows } = await tx.query<{
      frozen: string | null;
      hasAddress: boolean;
      declared: WorkspaceOffer['declared'];
    }>(
      `select (select reason from frozen f where f.tenant_id = $1
                 and (f.kind, f.subject_id) in (('workspace', $1), ('member', $2), ('client', $3)) limit 1) as frozen,
              $4::text is null
                or exists (select from toolset t where t.tenant_id = $1 and t.slug = $4)
                or exists (select from connection c where c.tenant_id = $1 and c.slug = $4) as "hasAddress",
              (select coalesce(jsonb_agg(s order by c.slug, n), '[]')
                 from connection c cross join jsonb_array_elements(c.scopes) with ordinality as x(s, n)
                where c.tenant_id = $1) as declared`,
      [tenantId, memberId, asked.clientId, asked.slug ?? null],
    );
    const { frozen, hasAddress, declared } = rows[0]!;
    return { frozen: frozen ?? undefined, hasAddress, declared };
  });
}
