import type { UsageDimension } from '@conducktor/contracts';
import type { UsageFilter } from './usage.js';
import type { UsagePieces } from './usage-pieces.js';

const FILTERS = {
  connection: 'connection',
  tool: 'tool',
  member: 'member_id',
  client: 'client_id',
} as const;
const NO_WORDS = "'' as connection, '' as tool, '' as member_id, '' as client_id, '' as code";

/**
 * A query over the pieces of a span: rows of key columns, `day` and `hour` where they are asked for, and
 * figures. What it names as $1 … is in `values`.
 */
export function sourceOf(
  tenantId: string,
  filter: UsageFilter,
  pieces: UsagePieces,
  groupBy: readonly UsageDimension[],
): { text: string; values: unknown[] } {
  const values: unknown[] = [tenantId];
  const bind = (value: unknown) => `$${values.push(value)}`;
  // Bound when it is needed: a parameter that is not used has no type.
  let bound: string | undefined;
  const zone = () => (bound ??= bind(pieces.zone));
  const labels = {
    day: (at: string) => `(${at})::date`,
    hour: (at: string) => `date_trunc('hour', ${at})`,
  };
  const dated = (['day', 'hour'] as const).filter((name) => groupBy.includes(name));
  const label = (at: () => string) =>
    dated.map((name) => `${labels[name](at())} as ${name}, `).join('');
  const conditions = (Object.keys(FILTERS) as (keyof typeof FILTERS)[])
    .filter((name) => filter[name] !== undefined)
    .map((name) => `and ${FILTERS[name]} = ${bind(filter[name])}`)
    .join(' ');
  // What needs no words of the keys needs no look at them. Nothing is summed here: sums of histograms are
  // dear by the group, and cheap by the row.
  const words = groupBy.length > dated.length || conditions !== '';
  const figures = (table: string, where: string, at: () => string) => `
    select ${words ? 'k.connection, k.tool, k.member_id, k.client_id, k.code' : NO_WORDS}, ${label(at)}
           f.calls, f.errors, f.denied, f.cost_micros as cost, f.held_micros as held, f.durations
      from ${table} f ${words ? `join usage_key k on k.tenant_id = $1 and k.id = f.key ${conditions}` : ''}
     where f.tenant_id = $1 and ${where}`;
  const ofConnections = (where: string, at: () => string) => `
    select f.connection, '' as tool, '' as member_id, '' as client_id, f.code, ${label(at)}
           f.calls, f.errors, f.denied, f.cost_micros as cost, f.held_micros as held, f.durations
      from usage_connection_hour f where f.tenant_id = $1 and ${where} ${conditions}`;
  const between = (column: string, from: unknown, to: unknown, type: string) =>
    `${column} >= ${bind(from)}::${type} ${to === null ? '' : `and ${column} < ${bind(to)}::${type}`}`;

  const parts: string[] = [];
  if (pieces.days)
    parts.push(
      figures(
        'usage_day',
        between('f.day', pieces.days.from, pieces.days.to, 'date'),
        () => 'f.day',
      ),
    );
  for (const { from, to } of pieces.hours) {
    const where = between('f.hour', from, to, 'timestamptz');
    const at = () => `f.hour at time zone ${zone()}`;
    parts.push(pieces.ofConnections ? ofConnections(where, at) : figures('usage_hour', where, at));
  }
  for (const { from, to } of pieces.events)
    parts.push(
      events(
        label(() => `c.at at time zone ${zone()}`),
        `${between('c.at', from, to, 'timestamptz')} ${conditions}`,
        // Months that ended before are not looked at: nothing is sealed days before it happens.
        `sealed_at >= ${bind(from)}::timestamptz - interval '2 days'`,
      ),
    );
  return { text: parts.join(' union all '), values };
}

/** Single calls and refusals, with what the ledger says of their money. */
const events = (label: string, where: string, sealed: string) => `
  select coalesce(c.connection, '') as connection, coalesce(c.tool, '') as tool, coalesce(c.member_id, '') as member_id,
         coalesce(c.client_id, '') as client_id,
         case c.kind when 'call' then '' else coalesce(nullif(c.code, ''), 'refused') end as code, ${label}
         case c.kind when 'call' then 1 else 0 end as calls,
         case when o.outcome in ('error', 'timeout', 'unavailable', 'unknown') then 1 else 0 end as errors,
         case c.kind when 'denial' then coalesce((c.detail ->> 'repeated')::integer, 1) else 0 end as denied,
         m.cost, m.held, ('1e' || usage_bucket(o.duration_ms) * 12)::numeric as durations
    from (select * from audit_event c
           where c.tenant_id = $1 and c.kind in ('call', 'denial') and ${where} and c.${sealed}) c
    left join lateral (
      select e.outcome, e.duration_ms from audit_event e
       where e.tenant_id = $1 and e.call_id = c.call_id and e.kind = 'outcome' and c.kind = 'call' and e.${sealed} limit 1) o on true
    left join lateral (
      select sum(case 'spent' when credit then amount_micros when debit then -amount_micros end) as cost,
             sum(case 'held' when credit then amount_micros when debit then -amount_micros end) as held
        from ledger_entry l where l.tenant_id = $1 and l.call_id = c.call_id and c.kind = 'call') m on true`;
