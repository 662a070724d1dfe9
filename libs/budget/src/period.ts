/** How long a budget counts before it begins anew. */
export type BudgetPeriod = 'day' | 'week' | 'month' | 'rolling-30d';

const DAY_MS = 86_400_000;
// 1970-01-05, the first Monday.
const FIRST_MONDAY = 4;
// Periods of one budget; days reach the year 2149.
const INDEXES = 65_536;

/**
 * The index of the period that `at` (Unix milliseconds) lies in: days since 1970-01-01, weeks since Monday
 * 1970-01-05, months since January 1970, all by the calendar of `zone` (IANA); 0 for a rolling period. The
 * twin of SQL `budget_period_index`.
 */
export function periodIndex(period: BudgetPeriod, at: number, zone: string): number {
  if (period === 'rolling-30d') return 0;
  const { year, month, day } = localDate(at, zone);
  if (period === 'month') return (year - 1970) * 12 + month - 1;
  const days = Math.floor(Date.UTC(year, month - 1, day) / DAY_MS);
  return period === 'day' ? days : Math.floor((days - FIRST_MONDAY) / 7);
}

/** The id of the account that budget `number` has in the period of this index. */
export function accountId(number: number, index: number): number {
  return number * INDEXES + index;
}

/** The number of the budget that an account belongs to, and the index of its period. */
export function accountOf(id: number): { number: number; index: number } {
  return { number: Math.floor(id / INDEXES), index: id % INDEXES };
}

const formats = new Map<string, Intl.DateTimeFormat>();

function localDate(at: number, zone: string): { year: number; month: number; day: number } {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      calendar: 'iso8601',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
    });
    formats.set(zone, format);
  }
  const parts = { year: 0, month: 0, day: 0 };
  for (const { type, value } of format.formatToParts(at))
    if (type in parts) parts[type as keyof typeof parts] = Number(value);
  return parts;
}
