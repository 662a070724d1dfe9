import type { AuditExportTrailer, SealedEventView } from '@conducktor/contracts';

const COLUMNS = [
  'id',
  'seq',
  'kind',
  'at',
  'actor',
  'memberId',
  'client',
  'connection',
  'tool',
  'decision',
  'code',
  'rule',
  'outcome',
  'durationMs',
  'costMicros',
  'callId',
  'argumentsHash',
  'action',
  'detail',
] as const satisfies readonly (keyof SealedEventView)[];

export const CSV_HEADER = line(COLUMNS);

/** One event as a line of RFC 4180. */
export function csvOf(event: SealedEventView): string {
  return line(
    COLUMNS.map((name) => {
      const value = event[name];
      return typeof value === 'object' && value !== null ? JSON.stringify(value) : (value ?? '');
    }),
  );
}

/** The last line; as many fields as any other, the first of which no event's id is like. */
export function csvTrailer(trailer: AuditExportTrailer): string {
  const first = ['#complete', trailer.nextAfter, `${trailer.events} events`];
  return line([...first, ...COLUMNS.slice(first.length).map(() => '')]);
}

function line(values: readonly (string | number)[]): string {
  return `${values.map(cell).join(',')}\r\n`;
}

/**
 * Tools, addresses and reasons are other people's words. A spreadsheet runs what begins like a formula,
 * also after blanks; with an apostrophe before it, it shows it as text.
 */
function cell(value: string | number): string {
  if (typeof value === 'number') return String(value);
  const text = /^\s*[=+\-@\uff0b\uff0d\uff1d\uff20]|^[\t\r\n]/.test(value) ? `'${value}` : value;
  return `"${text.replaceAll('"', '""')}"`;
}
