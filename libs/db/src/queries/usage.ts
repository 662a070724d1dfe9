import type { TenantTx } from '../db.js';

/** One of the dimensions that usage is grouped by. */
export type UsageColumn = 'connection' | 'tool' | 'member' | 'client' | 'group' | 'day' | 'hour';

export interface UsageFilter {
  groupBy: readonly UsageColumn[];
  since: string;
  until: string;
  zone: string;
  connection: string | undefined;
  tool: string | undefined;
  member: string | undefined;
  client: string | undefined;
  /** More groups than this are not read to the end. */
  limit: number;
}

/** Columns are null where the group has none, and missing where it was not asked for. */
export interface UsageRow {
  /** Of the row over everything. */
  total: boolean;
  connection?: string | null;
  tool?: string | null;
  member?: string | null;
  actor?: string | null;
  client?: string | null;
  group?: string | null;
  day?: string;
  hour?: string;
  calls: number;
  errors: number;
  denied: number;
  costMicros: number;
  p50Ms: number | null;
  p95Ms: number | null;
}

// All of them come out of this list and never out of a request.
const EXPRESSIONS: Record<UsageColumn, string> = {
  connection: 'u.connection',
  tool: 'u.tool',
  member: 'u.member_id',
  client: 'u.client_id',
  group: 'g.name',
  day: "to_char(date_trunc('day', u.at at time zone $4), 'YYYY-MM-DD')",
  hour: `to_char(date_trunc('hour', u.at at time zone $4), 'YYYY-MM-DD"T"HH24:MI')`,
};

/**
 * Calls by these dimensions, and over all of them as the row `total`, out of the sealed events: each call
 * at the time it was made, with its outcome. Refusals that were summed in one record count as often as
 * they happened. Durations are exact percentiles.
 */
export async function readUsage(tx: TenantTx, filter: UsageFilter): Promise<UsageRow[]> {
  // Whoever is in two groups counts in both, and once in the total.
  if (!filter.groupBy.includes('group')) return count(tx, filter, filter.groupBy, 'sets');
  return [
    ...(await count(tx, filter, [], 'total')),
    ...(await count(tx, filter, filter.groupBy, 'groups')),
  ];
}

async function count(
  tx: TenantTx,
  filter: UsageFilter,
  groupBy: readonly UsageColumn[],
  rowsOf: 'sets' | 'groups' | 'total',
): Promise<UsageRow[]> {
  const columns = groupBy.map((name) => `${EXPRESSIONS[name]} as "${name}", `).join('');
  const keys = groupBy.map((_name, index) => String(index + 1)).join(', ');
  const total =
    rowsOf === 'sets' ? `grouping(${EXPRESSIONS[groupBy[0]!]}) = 1` : rowsOf === 'total';
  const grouping = {
    sets: `group by grouping sets ((${keys}), ())`,
    groups: `group by ${keys}`,
    total: '',
  };
  const { rows } = await tx.query<UsageRow>(
    `select ${columns} ${groupBy.includes('member') ? 'max(u.actor) as actor,' : ''} ${total} as total,
            count(*) filter (where u.kind = 'call')::float8 as calls,
            count(*) filter (where u.outcome in ('error', 'timeout', 'unavailable', 'unknown'))::float8 as errors,
            coalesce(sum(u.refusals), 0)::float8 as denied,
            coalesce(sum(u.cost_micros), 0)::float8 as "costMicros",
            percentile_cont(0.5) within group (order by u.duration_ms) as "p50Ms",
            percentile_cont(0.95) within group (order by u.duration_ms) as "p95Ms"
       from (
         select c.kind, c.at, c.connection, c.tool, c.member_id, c.actor, c.client_id,
                o.outcome, o.cost_micros, o.duration_ms,
                case when c.kind = 'denial' then coalesce((c.detail ->> 'repeated')::int, 1) end as refusals
           from audit_event c
           left join audit_event o on o.tenant_id = c.tenant_id and o.call_id = c.call_id
                                  and o.kind = 'outcome' and c.kind = 'call'
          where c.tenant_id = $1 and c.kind in ('call', 'denial')
            and c.at >= $2::timestamptz and c.at < $3::timestamptz and $4::text is not null
            and ($5::text is null or c.connection = $5) and ($6::text is null or c.tool = $6)
            and ($7::text is null or c.member_id = $7) and ($8::text is null or c.client_id = $8)) u
       ${rowsOf === 'groups' ? GROUPS : ''} ${grouping[rowsOf]}
      order by total desc ${keys === '' ? '' : `, ${keys}`} limit $9`,
    [
      tx.tenantId,
      filter.since,
      filter.until,
      filter.zone,
      filter.connection ?? null,
      filter.tool ?? null,
      filter.member ?? null,
      filter.client ?? null,
      filter.limit,
    ],
  );
  return rows;
}

const GROUPS = `left join group_membership m on m.tenant_id = $1 and m.member_id = u.member_id
                left join workspace_group g on g.tenant_id = $1 and g.id = m.group_id`;
