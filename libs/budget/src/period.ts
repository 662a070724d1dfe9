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
  return indexesOf(Date.UTC(year, month - 1, day) / DAY_MS)[period];
}

/** When the local days of a zone begin: of day `first` and those after it, in Unix seconds. */
export interface LocalDays {
  first: number;
  starts: readonly number[];
}

/**
 * The indexes of all periods that `at` lies in, by days that the database gave: it and the runtime each have
 * rules of zones of their own, of which one hears of a change before the other. Undefined for a moment that is
 * not among them.
 */
export function periodIndexesAmong(
  { first, starts }: LocalDays,
  at: number,
): Record<BudgetPeriod, number> | undefined {
  const place = starts.findLastIndex((start) => start * 1_000 <= at);
  // Where the last one ends is not said.
  return place < 0 || place === starts.length - 1 ? undefined : indexesOf(first + place);
}

function indexesOf(day: number): Record<BudgetPeriod, number> {
  const date = new Date(day * DAY_MS);
  return {
    day,
    week: Math.floor((day - FIRST_MONDAY) / 7),
    month: (date.getUTCFullYear() - 1970) * 12 + date.getUTCMonth(),
    'rolling-30d': 0,
  };
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
