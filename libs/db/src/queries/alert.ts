import type { AlertKind } from '@conducktor/contracts';
import type { Db, TenantTx } from '../db.js';

/** What one look at a kind of thing is called in the database. */
const CHECKS = {
  budgets: 'check_budget_alerts()',
  usage: 'check_usage_alerts()',
  connections: 'check_connection_alerts()',
} as const;
export type AlertCheck = keyof typeof CHECKS;

/** An alert; what its detail is, the contract says for each kind. */
export interface AlertRow {
  id: string;
  kind: AlertKind;
  subjectId: string;
  at: Date;
  endedAt: Date | null;
  told: boolean;
  detail: Record<string, unknown>;
}

/**
 * Looks through all workspaces, records what is to be told and tells it, in one transaction; returns of how
 * many alerts people are told. Whoever looks while another does finds nothing.
 */
export async function checkAlerts(db: Db, check: AlertCheck): Promise<number> {
  const { rows } = await db.pool.query<{ told: number }>(`select ${CHECKS[check]} as told`);
  return rows[0]!.told;
}

/** Deletes up to `limit` alerts of 400 days ago; returns how many. */
export async function pruneAlerts(db: Db, limit: number): Promise<number> {
  const { rows } = await db.pool.query<{ gone: number }>('select prune_alerts($1) as gone', [
    limit,
  ]);
  return rows[0]!.gone;
}

// What the subject of a budget is called is looked up when it is asked for: names change, and people are erased.
const ALERTS = `
  select a.id, a.kind, a.subject_id as "subjectId", a.at, a.ended_at as "endedAt", a.told,
         case when a.detail ? 'scope' then jsonb_set(a.detail, '{scope,name}', coalesce(to_jsonb(case a.detail #>> '{scope,kind}'
           when 'group' then (select g.name from workspace_group g where g.tenant_id = a.tenant_id and g.id = s.id)
           when 'user' then (select m.email from member m where m.tenant_id = a.tenant_id and m.id = s.id and m.removed_at is null)
           when 'client' then (select k.name from api_key k where k.tenant_id = a.tenant_id and k.id = s.id)
           when 'connection' then (select c.slug from connection c where c.tenant_id = a.tenant_id and c.id = s.id)
           when 'tool' then (select o.shown_name from tool o where o.tenant_id = a.tenant_id and o.id = s.id)
         end), 'null')) else a.detail end as detail
    from alert a cross join lateral (select a.detail #>> '{scope,id}' as id) s`;

export async function findAlert(tx: TenantTx, id: string): Promise<AlertRow | undefined> {
  const { rows } = await tx.query<AlertRow>(`${ALERTS} where a.tenant_id = $1 and a.id = $2`, [
    tx.tenantId,
    id,
  ]);
  return rows[0];
}

/** Newest first, from the one after `before`. */
export async function listAlerts(
  tx: TenantTx,
  page: {
    kind: AlertKind | undefined;
    subject: string | undefined;
    before: { at: Date; id: string } | undefined;
    take: number;
  },
): Promise<AlertRow[]> {
  const { rows } = await tx.query<AlertRow>(
    `${ALERTS}
      where a.tenant_id = $1 and ($2::text is null or a.kind = $2) and ($3::text is null or a.subject_id = $3)
        and ($4::timestamptz is null or (a.at, a.id collate "C") < ($4, $5 collate "C"))
      order by a.at desc, a.id collate "C" desc limit $6`,
    [
      tx.tenantId,
      page.kind ?? null,
      page.subject ?? null,
      page.before?.at ?? null,
      page.before?.id ?? null,
      page.take,
    ],
  );
  return rows;
}

/** Members with one of these roles who may sign in, at most `limit` of them, by id. */
export async function membersInRoles(
  tx: TenantTx,
  roles: readonly string[],
  limit: number,
): Promise<string[]> {
  const { rows } = await tx.query<{ id: string }>(
    `select m.id from member m
      where m.tenant_id = $1 and m.roles && $2 and m.disabled_at is null and m.removed_at is null
      order by m.id limit $3`,
    [tx.tenantId, roles, limit],
  );
  return rows.map(({ id }) => id);
}
