import type { TenantTx } from '../db.js';

/** A month that holds events of the workspace: they were sealed from `starts` (included) to `ends`. */
export interface SealedMonth {
  /** Its first place in the sequence. */
  fromSeq: number;
  /** As Postgres writes instants: they may be infinite. */
  starts: string;
  ends: string;
  /** Milliseconds since 1970. */
  endsMs: number;
}

/** When something was sealed, from `starts` (included) to `ends`; narrows a query to the partitions that can hold it. */
export interface SealedBounds {
  starts: string;
  ends: string;
}

const ANY: SealedBounds = { starts: '-infinity', ends: 'infinity' };

// The clocks of gateways, which say when an event happened, against that of Postgres.
const SKEW_MS = 86_400_000;

/**
 * The months of the workspace's sequence, the oldest first. A query that names its months is planned for these
 * alone: planning one for two years of them takes longer than running it.
 */
export async function sealedMonths(tx: TenantTx): Promise<SealedMonth[]> {
  const { rows } = await tx.query<SealedMonth>(
    `select s.from_seq::float8 as "fromSeq", s.starts::text, m.ends::text,
            (extract(epoch from m.ends) * 1000)::float8 as "endsMs"
       from audit_span s join audit_month m using (starts)
      where s.tenant_id = $1 and m.detached_at is null order by s.starts`,
    [tx.tenantId],
  );
  return rows;
}

/**
 * When the places from `first` to `last` were taken. Upwards open in the last month, behind which another may
 * open any time.
 */
export function boundsOf(
  months: readonly SealedMonth[],
  first: number,
  last: number,
): SealedBounds {
  const from = months.findLastIndex(({ fromSeq }) => fromSeq <= first);
  const to = months.findLastIndex(({ fromSeq }) => fromSeq <= last);
  return {
    starts: months[from]?.starts ?? ANY.starts,
    ends: to >= 0 && to < months.length - 1 ? months[to]!.ends : ANY.ends,
  };
}

/** When what belongs to these places and was sealed before or with them was taken, unless months lie between. */
export function boundsBefore(
  months: readonly SealedMonth[],
  first: number,
  last: number,
): SealedBounds {
  const from = months.findLastIndex(({ fromSeq }) => fromSeq <= first);
  return {
    starts: months[from - 1]?.starts ?? ANY.starts,
    ends: boundsOf(months, first, last).ends,
  };
}

/** The months to be gone through one after another in this order for events beyond a place and since a time. */
export function monthsToSearch(
  months: readonly SealedMonth[],
  {
    order,
    beyond,
    since,
  }: { order: 'asc' | 'desc'; beyond: number | undefined; since?: string | undefined },
): SealedBounds[] {
  const earliest = since === undefined ? -Infinity : Date.parse(since) - SKEW_MS;
  const found = months.filter(({ fromSeq, endsMs }, index) => {
    if (endsMs <= earliest) return false;
    if (beyond === undefined) return true;
    return order === 'desc'
      ? fromSeq < beyond
      : (months[index + 1]?.fromSeq ?? Infinity) > beyond + 1;
  });
  // Whatever opens behind the last one.
  const bounds = found.map((month) =>
    month === months.at(-1) ? { starts: month.starts, ends: ANY.ends } : month,
  );
  if (months.length === 0) return [ANY];
  return order === 'asc' ? bounds : bounds.reverse();
}
