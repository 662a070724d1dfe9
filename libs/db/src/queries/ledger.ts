import type { TenantTx } from '../db.js';

export type LedgerSide = 'available' | 'held' | 'spent';

export interface LedgerRow {
  seq: number;
  line: number;
  at: Date;
  kind: 'reserve' | 'settle' | 'release' | 'correct';
  debit: LedgerSide;
  credit: LedgerSide;
  /** An integer of up to 64 bits. */
  amountMicros: string;
  callId: string;
  calledAt: Date;
  connection: string | null;
  tool: string | null;
  memberId: string | null;
  client: string | null;
  budgets: string[];
  note: Record<string, unknown> | null;
}

/** The place of the audit sequence up to which the ledger is written, and the currency of its amounts. */
export async function ledgerHead(tx: TenantTx): Promise<{ postedSeq: number; currency: string }> {
  const { rows } = await tx.query<{ postedSeq: number; currency: string }>(
    `select coalesce(c.posted_seq, 0)::float8 as "postedSeq", t.currency
       from tenant t left join money_cursor c on c.tenant_id = t.id where t.id = $1`,
    [tx.tenantId],
  );
  return rows[0]!;
}

/** A place of the ledger: an event of the sequence, and which entry of it. */
export interface LedgerPlace {
  seq: number;
  line: number;
}

// What one statement looks through where a span leaves most of it out: a fraction of a second.
const EVENTS_AT_ONCE = 10_000;

/**
 * The entries after a place of the ledger, in order, up to the event `upTo`: those of the span, at most `limit`
 * and of some thousand events. `next` is the place to go on from; undefined: there are no more.
 * Months that ended two days before the span are not looked at: an entry is made within moments, and clocks
 * of gateways are not days ahead.
 */
export async function ledgerEntries(
  tx: TenantTx,
  after: LedgerPlace,
  span: { upTo: number; since: string | undefined; until: string | undefined; limit: number },
): Promise<{ entries: LedgerRow[]; next: LedgerPlace | undefined }> {
  const since = span.since ?? null;
  const { rows: firsts } = await tx.query<{ seq: number }>(
    `select l.seq::float8 as seq from ledger_entry l
      where l.tenant_id = $1 and (l.seq, l.line) > ($2, $3) and l.seq <= $4
        and ($5::timestamptz is null or l.posted_at >= $5::timestamptz - interval '2 days')
      order by l.seq, l.line limit 1`,
    [tx.tenantId, after.seq, after.line, span.upTo, since],
  );
  if (!firsts[0]) return { entries: [], next: undefined };
  const last = Math.min(firsts[0].seq + EVENTS_AT_ONCE, span.upTo);
  const { rows } = await tx.query<LedgerRow>(
    `select l.seq::float8 as seq, l.line, l.at, l.kind, l.debit, l.credit, l.amount_micros::text as "amountMicros",
            l.call_id as "callId", l.called_at as "calledAt", l.connection, l.tool, l.member_id as "memberId",
            l.client_id as client, l.note,
            array(select b.id from budget b where b.tenant_id = $1 and b.number = any (select a >> 16 from unnest(l.accounts) a)
                   order by b.number) as budgets
       from ledger_entry l
      where l.tenant_id = $1 and (l.seq, l.line) > ($2, $3) and l.seq <= $4
        and ($5::timestamptz is null or (l.at >= $5 and l.posted_at >= $5::timestamptz - interval '2 days'))
        and ($6::timestamptz is null or l.at < $6)
      order by l.seq, l.line limit $7`,
    [tx.tenantId, after.seq, after.line, last, since, span.until ?? null, span.limit],
  );
  const next = rows.length === span.limit ? rows.at(-1)! : { seq: last + 1, line: -1 };
  return { entries: rows, next: next.seq > span.upTo ? undefined : next };
}
