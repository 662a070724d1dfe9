import type { UsageDimension } from '@conducktor/contracts';
import type { TenantTx } from '../db.js';
import type { UsageFilter } from './usage.js';

const HOUR_MS = 3_600_000;

/** Where the parts of a span are counted: whole days and hours from their figures, the rest call by call. */
export interface UsagePieces {
  since: Date;
  until: Date;
  zone: string;
  currency: string;
  /** No tool, person or client is asked for: hours are those of connections. */
  ofConnections: boolean;
  /** Days of the workspace's zone, the last one excluded; an open end where the span reaches now. */
  days: { from: string; to: string | null } | undefined;
  /** Whole hours; the end excluded and open as above. */
  hours: { from: Date; to: Date | null }[];
  events: { from: Date; to: Date }[];
}

interface Facts {
  zone: string;
  currency: string;
  /** `usage_day` has the days of the zone that the workspace has now. */
  daysFit: boolean;
  /** Hours of the zone asked for begin with those of UTC. */
  wholeHours: boolean;
  firstDay: string;
  firstDayAt: Date;
  lastDay: string;
  lastDayAt: Date;
  reachesNow: boolean;
  /** From when on single calls are kept; null: all are. */
  kept: Date | null;
}

/** Finds the pieces that make up a span, as few and as large as the dimensions allow. */
export async function piecesOf(tx: TenantTx, filter: UsageFilter): Promise<UsagePieces> {
  const facts = await factsOf(tx, filter);
  const zone = filter.zone ?? facts.zone;
  let { since, until } = filter;
  // What a cut hour holds is not known any more: the report is of whole hours.
  if (facts.kept !== null && facts.kept > since) since = floorHour(since);
  if (facts.kept !== null && facts.kept > until) until = ceilHour(until);
  const pieces: UsagePieces = {
    since,
    until,
    zone,
    currency: facts.currency,
    ofConnections: isOfConnections(filter),
    days: undefined,
    hours: [],
    events: [],
  };
  const byTime = filter.groupBy.includes('day') || filter.groupBy.includes('hour');
  const hoursFit =
    facts.wholeHours || !byTime || (facts.kept !== null && facts.kept > filter.since);
  // What is later than now is nothing, so the hour and day that are not over yet count whole.
  const end = facts.reachesNow ? null : until;
  const add = (from: Date, to: Date | null) => {
    if (to !== null && from >= to) return;
    if (!hoursFit) return void pieces.events.push({ from, to: to ?? until });
    const [first, last] = [ceilHour(from), to === null ? null : floorHour(to)];
    if (last !== null && first >= last) {
      if (first > last) return void pieces.events.push({ from, to: to! });
    } else pieces.hours.push({ from: first, to: last });
    if (from < first) pieces.events.push({ from, to: first });
    if (to !== null && last! < to) pieces.events.push({ from: last!, to });
  };
  const fits =
    facts.daysFit &&
    !filter.groupBy.includes('hour') &&
    (zone === facts.zone || !filter.groupBy.includes('day'));
  if (fits && (end === null || facts.firstDayAt < facts.lastDayAt)) {
    pieces.days = { from: facts.firstDay, to: end === null ? null : facts.lastDay };
    add(since, facts.firstDayAt);
    if (end !== null) add(facts.lastDayAt, end);
  } else add(since, end);
  return pieces;
}

function isOfConnections({ groupBy, tool, member, client }: UsageFilter): boolean {
  return (
    groupBy.every((name) => OF_CONNECTIONS.has(name)) &&
    tool === undefined &&
    member === undefined &&
    client === undefined
  );
}

const OF_CONNECTIONS = new Set<UsageDimension>(['connection', 'decision', 'day', 'hour']);

async function factsOf(tx: TenantTx, { since, until, zone }: UsageFilter): Promise<Facts> {
  const { rows } = await tx.query<Facts>(
    `select t.zone, t.currency, coalesce(c.zone = t.zone, true) as "daysFit",
            not exists (select from unnest(array[$2, $3]::timestamptz[]) s
                         where extract(minute from s at time zone 'UTC') <> extract(minute from s at time zone z.asked)) as "wholeHours",
            f.day::text as "firstDay", f.day::timestamp at time zone t.zone as "firstDayAt",
            l.day::text as "lastDay", l.day::timestamp at time zone t.zone as "lastDayAt",
            $3::timestamptz >= now() - interval '1 second' as "reachesNow",
            (select case when e.seq > 1 then e.at end from audit_event e where e.tenant_id = $1 order by e.seq limit 1) as kept
       from tenant t
       left join money_cursor c on c.tenant_id = t.id
      cross join lateral (select coalesce($4, t.zone) as asked) z
      cross join lateral (
        select d.day + case when d.day::timestamp at time zone t.zone < $2::timestamptz then 1 else 0 end as day
          from (select ($2::timestamptz at time zone t.zone)::date as day) d) f
      cross join lateral (select ($3::timestamptz at time zone t.zone)::date as day) l
      where t.id = $1`,
    [tx.tenantId, since, until, zone ?? null],
  );
  return rows[0]!;
}

const floorHour = (at: Date) => new Date(Math.floor(at.getTime() / HOUR_MS) * HOUR_MS);
const ceilHour = (at: Date) => new Date(Math.ceil(at.getTime() / HOUR_MS) * HOUR_MS);
