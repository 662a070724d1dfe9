import type { UsageColumn, UsageFilter } from './usage.js';
import type { UsagePieces } from './usage-pieces.js';

const FILTERS = {
  connection: 'connection',
  tool: 'tool',
  member: 'member_id',
  client: 'client_id',
} as const;

/**
 * A query over the pieces of a span: rows of key columns, `day` and `hour` where they are asked for, and
 * figures. What it names as $1 … is in `values`.
 */
export function sourceOf(
  tenantId: string,
  filter: UsageFilter,
  pieces: UsagePieces,
  groupBy: readonly UsageColumn[],
): { text: string; values: unknown[] } {
  const values: unknown[] = [tenantId];
  const bind = (value: unknown) => `$${values.push(value)}`;
  // Bound when it is needed: a parameter that is not used has no type.
  let bound: string | undefined;
  const zone = () => (bound ??= bind(pieces.zone));
  const labels = {
    day: (at: string) => `to_char(${at}, 'YYYY-MM-DD')`,
    hour: (at: string) => `to_char(${at}, 'YYYY-MM-DD"T"HH24:00')`,
  };
  const dated = (['day', 'hour'] as const).filter((name) => groupBy.includes(name));
  const label = (at: () => string) =>
    dated.map((name) => `${labels[name](at())} as ${name}, `).join('');
  const conditions = (Object.keys(FILTERS) as (keyof typeof FILTERS)[])
    .filter((name) => filter[name] !== undefined)
    .map((name) => `and ${FILTERS[name]} = ${bind(filter[name])}`)
    .join(' ');
  const ofKeys =
    conditions === ''
      ? ''
      : `and key in (select id from usage_key where tenant_id = $1 ${conditions})`;

  // Summed by key first, which is cheaper than by the words that it stands for.
  const figures = (table: string, where: string, at: () => string) => `
    select k.connection, k.tool, k.member_id, k.client_id, k.code, ${dated.map((name) => `f.${name}, `).join('')}
           f.calls, f.errors, f.denied, f.cost, f.held, f.durations
      from (select key, ${label(at)} sum(calls) as calls, sum(errors) as errors, sum(denied) as denied,
                   sum(cost_micros) as cost, sum(held_micros) as held, sum(durations) as durations
              from ${table} where tenant_id = $1 and ${where} ${ofKeys}
             group by key ${dated.length > 0 ? `, ${at()}` : ''}) f
      join usage_key k on k.tenant_id = $1 and k.id = f.key`;
  const between = (column: string, from: unknown, to: unknown, type: string) =>
    `${column} >= ${bind(from)}::${type} ${to === null ? '' : `and ${column} < ${bind(to)}::${type}`}`;

  const parts: string[] = [];
  if (pieces.days)
    parts.push(
      figures('usage_day', between('day', pieces.days.from, pieces.days.to, 'date'), () => 'day'),
    );
  for (const { from, to } of pieces.hours)
    parts.push(
      figures(
        'usage_hour',
        between('hour', from, to, 'timestamptz'),
        () => `hour at time zone ${zone()}`,
      ),
    );
  for (const { from, to } of pieces.events)
    parts.push(
      events(
        label(() => `c.at at time zone ${zone()}`),
        `${between('c.at', from, to, 'timestamptz')} ${conditions}`,
      ),
    );
  return { text: parts.join(' union all '), values };
}

/** Single calls and refusals, with what the ledger says of their money. */
const events = (label: string, where: string) => `
  select coalesce(c.connection, '') as connection, coalesce(c.tool, '') as tool, coalesce(c.member_id, '') as member_id,
         coalesce(c.client_id, '') as client_id,
         case c.kind when 'call' then '' else coalesce(nullif(c.code, ''), 'refused') end as code, ${label}
         case c.kind when 'call' then 1 else 0 end as calls,
         case when o.outcome in ('error', 'timeout', 'unavailable', 'unknown') then 1 else 0 end as errors,
         case c.kind when 'denial' then coalesce((c.detail ->> 'repeated')::integer, 1) else 0 end as denied,
         m.cost, m.held, ('1e' || usage_bucket(o.duration_ms) * 12)::numeric as durations
    from (select * from audit_event c
           where c.tenant_id = $1 and c.kind in ('call', 'denial') and ${where}) c
    left join lateral (
      select e.outcome, e.duration_ms from audit_event e
       where e.tenant_id = $1 and e.call_id = c.call_id and e.kind = 'outcome' and c.kind = 'call' limit 1) o on true
    left join lateral (
      select sum(case 'spent' when credit then amount_micros when debit then -amount_micros end) as cost,
             sum(case 'held' when credit then amount_micros when debit then -amount_micros end) as held
        from ledger_entry l where l.tenant_id = $1 and l.call_id = c.call_id and c.kind = 'call') m on true`;
