import { readFileSync } from 'node:fs';
import type { Db } from '@conducktor/db';
import type { Ended, Sent } from './ledger.ts';

/** One try of one call, as its client knows it; without `ended` the client never learned anything. */
export interface Attempt {
  sent: Sent;
  ended: Ended | undefined;
}

export interface Intent {
  callId: string;
  tenantId: string;
  tool: string;
  argumentsHash: string;
  reserved: number;
  /** Both null while it has none. */
  outcome: string | null;
  cost: number | null;
  /** Unix milliseconds at which the outcome was recorded. */
  settledAt: number | null;
  /** What is held for it as an open call; null when it is none. */
  held: number | null;
  /** The accounts that it reserved at. */
  accounts: number[];
  /** What stays held because nobody knows how it ended; null when nothing does. */
  unsure: number | null;
  /** What such a call was charged in the end; null while it was not. */
  reconciled: number | null;
}

/** A budget in one period: what it holds, and what the ledger says of it. */
export interface Account {
  tenantId: string;
  id: number;
  /** The budget's. */
  scope: string;
  cap: number;
  opening: number;
  spent: number;
  held: number;
  ledgerSpent: number;
  ledgerHeld: number;
}

/** A call that a cap had no room for, as it is on record. */
export interface CapRefusal {
  tool: string;
  limitMicros: number;
  spentMicros: number;
  heldMicros: number;
  neededMicros: number;
}

/** Everything that was written down about the calls of some workspaces, by whomever. */
export interface Evidence {
  attempts: Attempt[];
  intents: Intent[];
  /** Rows of one kind that a call has more than one of. */
  doubled: { callId: string; what: string; times: number }[];
  audit: {
    tenantId: string;
    events: number;
    firstSeq: number;
    lastSeq: number;
    calls: number;
    outcomes: number;
    costs: number;
    disordered: number;
  }[];
  accounts: Account[];
  capRefusals: CapRefusal[];
  /** Moments at which an account took more than its cap had room for. */
  overshoots: object[];
}

export function readLedger(file: string): Attempt[] {
  const attempts: Attempt[] = [];
  const last = new Map<string, Attempt>();
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (line === '') continue;
    const entry = JSON.parse(line) as Sent | Ended;
    if ('ended' in entry) last.get(entry.note)!.ended = entry;
    else {
      const attempt = { sent: entry, ended: undefined };
      attempts.push(attempt);
      last.set(entry.note, attempt);
    }
  }
  return attempts;
}

/** As the superuser reads it in the journal's own tables and in the sealed sequences. */
export async function readJournal(
  admin: Db,
  tenants: readonly string[],
): Promise<Omit<Evidence, 'attempts'>> {
  const query = async <Row>(text: string) =>
    (await admin.pool.query(text, [tenants])).rows as Row[];
  const intents = await query<Intent>(`
    select c.call_id as "callId", c.tenant_id as "tenantId", c.record::jsonb->>'tool' as tool,
           c.record::jsonb->>'argumentsHash' as "argumentsHash", c.reserved_micros::int as reserved,
           o.record::jsonb->>'outcome' as outcome, o.cost_micros::int as cost,
           (extract(epoch from (o.record::jsonb->>'at')::timestamptz) * 1000)::float8 as "settledAt",
           k.reserved_micros::int as held, u.reserved_micros::int as unsure, r.cost as reconciled,
           array(select jsonb_array_elements_text(c.record::jsonb->'budgets')::float8) as accounts
      from call c left join outcome o on o.call_id = c.call_id left join open_call k on k.call_id = c.call_id
      left join held_call u on u.call_id = c.call_id
      left join (
        select call_id, min(cost) as cost from (
          select detail->>'callId' as call_id, (detail->>'costMicros')::int as cost from audit_event
           where kind = 'control' and detail->>'action' = 'money.reconcile' and tenant_id = any($1)
          union all
          select record->>'callId', (record->>'costMicros')::int from audit_outbox
           where record->>'action' = 'money.reconcile') e group by call_id) r on r.call_id = c.call_id
     where c.admitted and c.tenant_id = any($1)`);
  const doubled = await query<Evidence['doubled'][number]>(`
    select call_id as "callId", what, count(*)::int as times from (
      select call_id, 'intent' as what from call where admitted and tenant_id = any($1)
      union all select call_id, 'outcome' from outcome where tenant_id = any($1)
      union all select call_id, 'audit ' || kind from audit_event
       where kind in ('call', 'outcome') and tenant_id = any($1)
      union all select detail->>'callId', 'reconciliation' from audit_event
       where kind = 'control' and detail->>'action' = 'money.reconcile' and tenant_id = any($1)) x
     group by call_id, what having count(*) > 1`);
  const audit = await query<Evidence['audit'][number]>(`
    select tenant_id as "tenantId", count(*)::int as events, min(seq)::int as "firstSeq", max(seq)::int as "lastSeq",
           count(*) filter (where kind = 'call')::int as calls,
           count(*) filter (where kind = 'outcome')::int as outcomes,
           coalesce(sum(cost_micros) filter (where kind = 'outcome'), 0)::float8 as costs,
           count(*) filter (where kind = 'outcome' and seq < call_seq)::int as disordered
      from (select tenant_id, seq, kind, cost_micros,
                   min(seq) filter (where kind = 'call') over (partition by call_id) as call_seq
              from audit_event where tenant_id = any($1)) e
     group by tenant_id`);
  const accounts = await query<Account>(`
    select a.tenant_id as "tenantId", a.id::float8 as id, b.scope_kind as scope, a.limit_micros::float8 as cap,
           a.opening_micros::float8 as opening, a.spent_micros::float8 as spent, a.held_micros::float8 as held,
           coalesce(l.spent, 0)::float8 as "ledgerSpent", coalesce(l.held, 0)::float8 as "ledgerHeld"
      from budget_account a join budget b on b.tenant_id = a.tenant_id and b.id = a.budget_id
      left join (
        select tenant_id, account, sum(case 'spent' when credit then amount_micros when debit then -amount_micros end) as spent,
               sum(case 'held' when credit then amount_micros when debit then -amount_micros end) as held
          from ledger_entry, unnest(accounts) account where tenant_id = any($1) group by 1, 2) l
        on l.tenant_id = a.tenant_id and l.account = a.id
     where a.tenant_id = any($1)`);
  const capRefusals = await query<CapRefusal>(`
    select tool, (budget->>'limitMicros')::float8 as "limitMicros", (budget->>'spentMicros')::float8 as "spentMicros",
           (budget->>'heldMicros')::float8 as "heldMicros", (budget->>'neededMicros')::float8 as "neededMicros"
      from (select tool, detail->'budget' as budget from audit_event
             where kind = 'denial' and code = 'budget_exceeded' and tenant_id = any($1)) d`);
  const overshoots = await query<object>('select * from overshoot where tenant_id = any($1)');
  return { intents, doubled, audit, accounts, capRefusals, overshoots };
}
