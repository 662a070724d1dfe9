import { Readable } from 'node:stream';
import {
  ConducktorError,
  LedgerEntry,
  LedgerTrailer,
  type LedgerQuery,
} from '@conducktor/contracts';
import {
  ledgerEntries,
  ledgerHead,
  type LedgerPlace,
  type LedgerRow,
  type LedgerSide,
} from '@conducktor/db';
import { recordChange } from '../audit/record-change.js';
import type { StreamContext } from '../http/route.js';
import { createPlaces, cutWhenStalled } from '../http/streaming.js';
import { LEDGER_FORMATS, type LedgerFormat } from './ledger-formats.js';

// Read, written and forgotten at a time: what an export holds in memory, whatever its length.
const ENTRIES_AT_ONCE = 1_000;
const RIGHT_CHECKED_MS = 500;
const places = createPlaces({ each: 2, all: 6 });
const FULL = {
  each: 'This workspace has two exports of its ledger under way. Wait until one has ended.',
  all: 'As many exports of ledgers are under way here as may be at once. Try again in a few seconds.',
};

/**
 * The entries of a span in the order of the ledger, up to where it was written when the export began, with how
 * they balance at its end. Recorded before the first line leaves.
 */
export async function exportLedger(context: StreamContext<typeof LedgerQuery>): Promise<void> {
  const { control, caller, query, reply } = context;
  // Else who mixes the two up is told that nothing was spent, and that this is complete.
  if (query.since && query.until && new Date(query.since) >= new Date(query.until))
    throw new ConducktorError('invalid_request', '"since": must be before "until".');
  const leave = places.take(caller.tenantId, FULL);
  try {
    const head = await control.db.withTenant(caller.tenantId, ledgerHead);
    await control.prisma.withTenant(caller.tenantId, (tx) =>
      recordChange(tx, caller, 'ledger.export', { asked: query, upTo: head.postedSeq }),
    );
    const format = LEDGER_FORMATS[query.format];
    const stream = Readable.from(texts(context, format, head), { objectMode: false });
    stream.once('close', leave);
    cutWhenStalled(reply);
    await reply
      .header('content-type', format.type)
      .header('content-disposition', `attachment; filename="ledger.${query.format}"`)
      .send(stream);
  } catch (error) {
    leave();
    throw error;
  }
}

async function* texts(
  { control, caller, query, stillAllowed }: StreamContext<typeof LedgerQuery>,
  format: LedgerFormat,
  { postedSeq, currency }: { postedSeq: number; currency: string },
): AsyncGenerator<string> {
  const { since, until } = query;
  const balances: Record<LedgerSide, bigint> = { available: 0n, held: 0n, spent: 0n };
  const span = { upTo: postedSeq, since, until, limit: ENTRIES_AT_ONCE };
  let entries = 0;
  let place: LedgerPlace | undefined = { seq: 0, line: 0 };
  let checkedAt = performance.now();
  yield format.head;
  while (place) {
    const after: LedgerPlace = place;
    if (performance.now() - checkedAt > RIGHT_CHECKED_MS) {
      await stillAllowed();
      checkedAt = performance.now();
    }
    const found = await control.db.withTenant(caller.tenantId, (tx) =>
      ledgerEntries(tx, after, span),
    );
    let text = '';
    for (const row of found.entries) {
      balances[row.debit] -= BigInt(row.amountMicros);
      balances[row.credit] += BigInt(row.amountMicros);
      text += format.entry(LedgerEntry.parse(viewOf(row, currency)), entries++ === 0);
    }
    if (text !== '') yield text;
    place = found.next;
  }
  const trailer = {
    complete: true,
    entries,
    postedSeq,
    balances: Object.fromEntries(
      Object.entries(balances).map(([side, micros]) => [side, String(micros)]),
    ),
  };
  yield format.trailer(LedgerTrailer.parse(trailer));
}

function viewOf(row: LedgerRow, currency: string) {
  return {
    ...row,
    at: row.at.toISOString(),
    calledAt: row.calledAt.toISOString(),
    amountMicros: Number(row.amountMicros),
    amount: decimal(row.amountMicros),
    currency,
  };
}

/** Millionths as decimal text: `1234567` is `1.234567`. */
function decimal(micros: string): string {
  const digits = micros.padStart(7, '0');
  return `${digits.slice(0, -6)}.${digits.slice(-6)}`;
}
