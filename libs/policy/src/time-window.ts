import type { TimeWindow } from '@conducktor/contracts';

// By zone, letter case ignored as by Intl: some hundreds, and an offset for each minute of a day.
const formatters = new Map<string, Intl.DateTimeFormat>();

/** Throws RangeError for a zone that the runtime's IANA database does not know. */
function formatterOf(zone: string): Intl.DateTimeFormat {
  const known = zone.toLowerCase();
  let formatter = formatters.get(known);
  if (!formatter) {
    formatter = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    });
    formatters.set(known, formatter);
  }
  return formatter;
}

export function isTimeZone(zone: string): boolean {
  try {
    formatterOf(zone);
    return true;
  } catch {
    return false;
  }
}

const minutesOf = (clock: string) => Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3));

/** A predicate over instants. A window over midnight belongs to the day on which it began. */
export function compileTimeWindow(window: TimeWindow): (now: Date) => boolean {
  const after = window.after === undefined ? -Infinity : Date.parse(window.after);
  const before = window.before === undefined ? Infinity : Date.parse(window.before);
  const from = window.from === undefined ? 0 : minutesOf(window.from);
  const to = window.to === undefined ? 24 * 60 : minutesOf(window.to);
  const days = window.days === undefined ? undefined : new Set<string>(window.days);
  const formatter = formatterOf(window.zone);

  return (now) => {
    const instant = now.getTime();
    if (!(instant >= after && instant < before)) return false;
    if (days === undefined && window.from === undefined) return true;
    const { weekday, minute } = clockOf(formatter, now);
    if (from < to) return minute >= from && minute < to && (days?.has(weekday) ?? true);
    if (minute >= from) return days?.has(weekday) ?? true;
    return minute < to && (days?.has(dayBefore(weekday)) ?? true);
  };
}

function clockOf(formatter: Intl.DateTimeFormat, now: Date) {
  let weekday = '';
  let hour = 0;
  let minute = 0;
  for (const part of formatter.formatToParts(now)) {
    if (part.type === 'weekday') weekday = part.value.toLowerCase();
    else if (part.type === 'hour') hour = Number(part.value);
    else if (part.type === 'minute') minute = Number(part.value);
  }
  return { weekday, minute: hour * 60 + minute };
}

export const WEEK = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const dayBefore = (day: string) => WEEK[(WEEK.indexOf(day) + 6) % 7]!;
