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
const DEFAULT_DAYS = 30;
const MOST_DAYS = 366;
const MOST_ROWS = 5_000;
// A long report of a busy workspace keeps the database busy for seconds.
const places = createPlaces({ each: 2, all: 3 });

/** The roles that see the usage of everybody. */
export const SEES_ALL = new Set<string>(['owner', 'admin', 'auditor', 'billing']);

/** Calls, errors, refusals, cost and durations by what was asked for. Members see what is their own. */
export async function countUsage(
  { db }: Pick<Control, 'db'>,
  caller: Caller,
  query: UsageQuery,
): Promise<UsageReport> {
  const { since, until } = spanOf(query);
  const leave = places.take(
    caller.tenantId,
    'Two usage reports of this workspace are being counted. Try again in a few seconds.',
  );
  try {
    const rows = await db.withTenant(caller.tenantId, (tx) =>
      readUsage(tx, {
        groupBy: query.groupBy,
        since: since.toISOString(),
        until: until.toISOString(),
        zone: query.zone,
        connection: query.connection,
        tool: query.tool,
        member: whose(caller, query.member),
        client: query.client,
        limit: MOST_ROWS + 2,
      }),
    );
    const [total, ...groups] = rows;
    if (groups.length > MOST_ROWS)
      throw new ConducktorError(
        'invalid_request',
        `This report has more than ${MOST_ROWS} rows. Ask for a shorter span, or group by less.`,
      );
    return {
      since: since.toISOString(),
      until: until.toISOString(),
      zone: query.zone,
      items: groups.map((row) => toItem(row, query.groupBy)),
      nextCursor: null,
      totals: countsOf(total!),
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
    : new Date(until.getTime() - DEFAULT_DAYS * DAY_MS);
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
    else if (name === 'day' || name === 'hour') item[name] = row[name]!;
    else item[name] = row[name] ?? null;
  }
  return item;
}

function countsOf({ calls, errors, denied, costMicros, p50Ms, p95Ms }: UsageRow) {
  const rounded = (ms: number | null) => (ms === null ? null : Math.round(ms * 100) / 100);
  return { calls, errors, denied, costMicros, p50Ms: rounded(p50Ms), p95Ms: rounded(p95Ms) };
}
