import type { UsageDimension } from '@conducktor/contracts';
import type { TenantTx } from '../db.js';
import { histogramOf, percentileOf } from './usage-durations.js';
import { piecesOf, type UsagePieces } from './usage-pieces.js';
import { sourceOf } from './usage-source.js';

export interface UsageFilter {
  groupBy: readonly UsageDimension[];
  since: Date;
  until: Date;
  /** IANA name; the workspace's own when left out. */
  zone: string | undefined;
  connection: string | undefined;
  tool: string | undefined;
  member: string | undefined;
  client: string | undefined;
  /** More groups than this are not read to the end. */
  limit: number;
}

/** Columns are null where the group has none, and missing where it was not asked for. */
export interface UsageRow {
  connection?: string | null;
  tool?: string | null;
  member?: string | null;
  actor?: string | null;
  client?: string | null;
  group?: string | null;
  /** `allowed`, or the code of refusals. */
  decision?: string;
  day?: string;
  hour?: string;
  calls: number;
  errors: number;
  denied: number;
  /** Integers of any size. */
  costMicros: bigint;
  heldMicros: bigint;
  p50Ms: number | null;
  p95Ms: number | null;
}

export interface Usage {
  /** As counted: on the hours around where single calls are not kept any more. */
  since: Date;
  until: Date;
  zone: string;
  /** ISO 4217, of the workspace. */
  currency: string;
  total: UsageRow;
  groups: UsageRow[];
}

interface SummedRow extends Omit<UsageRow, 'costMicros' | 'heldMicros' | 'p50Ms' | 'p95Ms'> {
  costMicros: string;
  heldMicros: string;
  durations: string;
}

// What is summed by, and how it is told. All of them come out of this list and never out of a request.
const EXPRESSIONS: Record<UsageDimension, [key: string, told: string]> = {
  connection: ['u.connection', "nullif(u.connection, '')"],
  tool: ['u.tool', "nullif(u.tool, '')"],
  member: ['u.member_id', "nullif(u.member_id, '')"],
  client: ['u.client_id', "nullif(u.client_id, '')"],
  group: ['g.name', 'g.name'],
  decision: ['u.code', "coalesce(nullif(u.code, ''), 'allowed')"],
  day: ['u.day', "to_char(u.day, 'YYYY-MM-DD')"],
  hour: ['u.hour', `to_char(u.hour, 'YYYY-MM-DD"T"HH24:MI')`],
};

/**
 * Calls by these dimensions, and over all of them: each call at the time it was made, with its outcome, its
 * cost and what it still holds. Out of the figures of days and hours; hours that the span cuts are counted
 * from the events. Durations are percentiles of a histogram, within 5 %.
 */
export async function readUsage(tx: TenantTx, filter: UsageFilter): Promise<Usage> {
  const pieces = await piecesOf(tx, filter);
  // 5,000 sums of histograms at 4 kB, in memory. Few reports are counted at a time.
  await tx.query("select set_config('work_mem', '48MB', true)");
  const { since, until, zone, currency } = pieces;
  const groups = await sums(tx, filter, pieces, filter.groupBy);
  // Whoever is in two groups counts in both, and once in the total.
  const whole = filter.groupBy.includes('group') ? await sums(tx, filter, pieces, []) : groups;
  return { since, until, zone, currency, total: totalOf(whole), groups: groups.map(rowOf) };
}

async function sums(
  tx: TenantTx,
  filter: UsageFilter,
  pieces: UsagePieces,
  groupBy: readonly UsageDimension[],
): Promise<SummedRow[]> {
  const { text, values } = sourceOf(tx.tenantId, filter, pieces, groupBy);
  const columns = groupBy.map((name) => `${EXPRESSIONS[name][1]} as "${name}", `).join('');
  const keys = groupBy.map((name) => EXPRESSIONS[name][0]).join(', ');
  const order = groupBy.map((_name, index) => String(index + 1)).join(', ');
  const { rows } = await tx.query<SummedRow>(
    `select ${columns} ${groupBy.includes('member') ? 'max(p.email) as actor,' : ''}
            coalesce(sum(u.calls), 0)::float8 as calls, coalesce(sum(u.errors), 0)::float8 as errors,
            coalesce(sum(u.denied), 0)::float8 as denied, coalesce(sum(u.cost), 0)::text as "costMicros",
            coalesce(sum(u.held), 0)::text as "heldMicros", coalesce(trunc(sum(u.durations)), 0)::text as durations
       from (${text}) u
       ${groupBy.includes('member') ? PEOPLE : ''} ${groupBy.includes('group') ? GROUPS : ''}
      ${keys === '' ? '' : `group by ${keys} order by ${order}`} limit $${values.push(filter.limit)}`,
    values,
  );
  return rows;
}

const PEOPLE = 'left join member p on p.tenant_id = $1 and p.id = u.member_id';
const GROUPS = `left join group_membership m on m.tenant_id = $1 and m.member_id = u.member_id
                left join workspace_group g on g.tenant_id = $1 and g.id = m.group_id`;

function rowOf({ costMicros, heldMicros, durations, ...row }: SummedRow): UsageRow {
  const histogram = histogramOf(durations);
  return {
    ...row,
    costMicros: BigInt(costMicros),
    heldMicros: BigInt(heldMicros),
    p50Ms: percentileOf(histogram, 0.5),
    p95Ms: percentileOf(histogram, 0.95),
  };
}

function totalOf(rows: readonly SummedRow[]): UsageRow {
  let [calls, errors, denied] = [0, 0, 0];
  let [cost, held, durations] = [0n, 0n, 0n];
  for (const row of rows) {
    calls += row.calls;
    errors += row.errors;
    denied += row.denied;
    cost += BigInt(row.costMicros);
    held += BigInt(row.heldMicros);
    durations += BigInt(row.durations);
  }
  return rowOf({
    calls,
    errors,
    denied,
    costMicros: String(cost),
    heldMicros: String(held),
    durations: String(durations),
  });
}
