import type { AuditExportTrailer, SealedEventView } from '@conducktor/contracts';
import { csvLine } from '../http/csv-line.js';

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

export const CSV_HEADER = csvLine(COLUMNS);

/** One event as a line of RFC 4180. */
export function csvOf(event: SealedEventView): string {
  return csvLine(
    COLUMNS.map((name) => {
      const value = event[name];
      return typeof value === 'object' && value !== null ? JSON.stringify(value) : (value ?? '');
    }),
  );
}

/** The last line; as many fields as any other, the first of which no event's id is like. */
export function csvTrailer(trailer: AuditExportTrailer): string {
  const first = ['#complete', trailer.nextAfter, `${trailer.events} events`];
  return csvLine([...first, ...COLUMNS.slice(first.length).map(() => '')]);
}
