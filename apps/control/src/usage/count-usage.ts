import {
  ConducktorError,
  type UsageItem,
  type UsageQuery,
  type UsageReport,
} from '@conducktor/contracts';
import { readUsage, type UsageRow } from '@conducktor/db';
import type { Control } from '../control.js';
import type { Caller } from '../http/caller.js';
import { createPlaces } from '../http/streaming.js';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const DEFAULT_DAYS = 30;
const MOST_DAYS = 366;
const MOST_ROWS = 5_000;
// A long report of a busy workspace keeps the database busy for seconds.
const places = createPlaces({ each: 2, all: 3 });
const FULL = {
  each: 'Two usage reports of this workspace are being counted. Try again in a few seconds.',
  all: 'As many usage reports are being counted here as may be at once. Try again in a few seconds.',
};

/** The roles that see the usage of everybody. */
export const SEES_ALL = new Set<string>(['owner', 'admin', 'auditor', 'billing']);

/** Calls, errors, refusals, cost and durations by what was asked for. Members see what is their own. */
export async function countUsage(
  { db }: Pick<Control, 'db'>,
  caller: Caller,
  query: UsageQuery,
): Promise<UsageReport> {
  const { since, until } = spanOf(query);
  const leave = places.take(caller.tenantId, FULL);
  try {
    const usage = await db.withTenant(caller.tenantId, (tx) =>
      readUsage(tx, {
        groupBy: query.groupBy,
        since,
        until,
        zone: query.zone,
        connection: query.connection,
        tool: query.tool,
        member: whose(caller, query.member),
        client: query.client,
        limit: MOST_ROWS + 1,
      }),
    );
    if (usage.groups.length > MOST_ROWS)
      throw new ConducktorError(
        'invalid_request',
        `This report has more than ${MOST_ROWS} rows. Ask for a shorter span, or group by less.`,
      );
    return {
      since: usage.since.toISOString(),
      until: usage.until.toISOString(),
      zone: usage.zone,
      currency: usage.currency,
      items: usage.groups.map((row) => toItem(row, query.groupBy)),
      nextCursor: null,
      totals: countsOf(usage.total),
    };
  } catch (error) {
    // Postgres: the statement took longer than it may.
    if ((error as { code?: unknown }).code === '57014')
      throw new ConducktorError(
        'service_unavailable',
        'Counting this takes too long. Ask for a shorter span.',
        { cause: error },
      );
    throw error;
  } finally {
    leave();
  }
}

function spanOf(query: UsageQuery): { since: Date; until: Date } {
  const until = query.until ? new Date(query.until) : new Date();
  const since = query.since
    ? new Date(query.since)
    : new Date(Math.floor((until.getTime() - DEFAULT_DAYS * DAY_MS) / HOUR_MS) * HOUR_MS);
  if (since >= until)
    throw new ConducktorError('invalid_request', '"since": must be before "until".');
  if (until.getTime() - since.getTime() > MOST_DAYS * DAY_MS)
    throw new ConducktorError(
      'invalid_request',
      `"since": a report spans at most ${MOST_DAYS} days.`,
    );
  return { since, until };
}

function whose(caller: Caller, asked: string | undefined): string | undefined {
  if (caller.roles.some((each) => SEES_ALL.has(each))) return asked;
  if (asked === undefined || asked === caller.memberId) return caller.memberId;
  throw new ConducktorError(
    'forbidden',
    'Permission denied: you see your own usage; that of others needs the role owner, admin, auditor or billing.',
  );
}

function toItem(row: UsageRow, groupBy: UsageQuery['groupBy']): UsageItem {
  const item: UsageItem = countsOf(row);
  for (const name of groupBy) {
    if (name === 'member') item.member = { id: row.member ?? null, actor: row.actor ?? null };
    else if (name === 'day' || name === 'hour' || name === 'decision') item[name] = row[name]!;
    else item[name] = row[name] ?? null;
  }
  return item;
}

function countsOf({ calls, errors, denied, costMicros, heldMicros, p50Ms, p95Ms }: UsageRow) {
  const rounded = (ms: number | null) => (ms === null ? null : Math.round(ms * 100) / 100);
  return {
    calls,
    errors,
    denied,
    costMicros: exactly(costMicros),
    heldMicros: exactly(heldMicros),
    p50Ms: rounded(p50Ms),
    p95Ms: rounded(p95Ms),
  };
}

/** An amount as a number of JSON, which is exact up to nine billion of the currency. */
function exactly(micros: bigint): number {
  if (micros <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(micros);
  throw new ConducktorError(
    'invalid_request',
    'A sum of this report is larger than a number of JSON can say exactly. Ask for a shorter span.',
  );
}
