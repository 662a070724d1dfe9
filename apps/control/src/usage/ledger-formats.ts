import type { LedgerEntry, LedgerQuery, LedgerTrailer } from '@conducktor/contracts';
import { csvLine } from '../http/csv-line.js';

/** How an export is written; each part ends its line. */
export interface LedgerFormat {
  type: string;
  head: string;
  entry(entry: LedgerEntry, isFirst: boolean): string;
  trailer(trailer: LedgerTrailer): string;
}

const COLUMNS = [
  'seq',
  'line',
  'at',
  'kind',
  'debit',
  'credit',
  'amountMicros',
  'amount',
  'currency',
  'callId',
  'calledAt',
  'connection',
  'tool',
  'memberId',
  'client',
  'budgets',
  'note',
] as const satisfies readonly (keyof LedgerEntry)[];

const csv: LedgerFormat = {
  type: 'text/csv; charset=utf-8',
  head: csvLine(COLUMNS),
  entry: (entry) =>
    csvLine(
      COLUMNS.map((name) => {
        const value = entry[name];
        if (Array.isArray(value)) return value.join(' ');
        return typeof value === 'object' && value !== null ? JSON.stringify(value) : (value ?? '');
      }),
    ),
  // As many fields as any other line; no place of a sequence is like the first.
  trailer: ({ entries, postedSeq, balances }) => {
    const sums = Object.entries(balances).map(([side, micros]) => `${side} ${micros}`);
    const first = ['#complete', `${entries} entries`, `posted ${postedSeq}`, ...sums];
    return csvLine([...first, ...COLUMNS.slice(first.length).map(() => '')]);
  },
};

const ndjson: LedgerFormat = {
  type: 'application/x-ndjson',
  head: '',
  entry: (entry) => `${JSON.stringify(entry)}\n`,
  trailer: (trailer) => `${JSON.stringify(trailer)}\n`,
};

/** One object: the entries, then what the trailer says. Cut off, it is no JSON. */
const json: LedgerFormat = {
  type: 'application/json',
  head: '{"items":[',
  entry: (entry, isFirst) => `${isFirst ? '' : ','}\n${JSON.stringify(entry)}`,
  trailer: (trailer) => `\n],${JSON.stringify(trailer).slice(1)}\n`,
};

export const LEDGER_FORMATS: Record<LedgerQuery['format'], LedgerFormat> = { json, ndjson, csv };
