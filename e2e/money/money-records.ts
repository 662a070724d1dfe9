// What the installation has on record of the money of one workspace, as its database's superuser reads it.
import type { Db } from '@conducktor/db';

export interface AccountRow {
  id: number;
  budgetId: string;
  limit: number;
  spent: number;
  held: number;
  ledgerSpent: number;
  ledgerHeld: number;
}

export interface CallRow {
  callId: string;
  reserved: number;
  accounts: number[];
  outcome: string | null;
  cost: number | null;
  at: number;
}

export interface RefusalRow {
  callId: string;
  tool: string;
  memberId: string;
  /** How many it stands for. */
  times: number;
  budget: {
    id: string;
    limitMicros: number;
    spentMicros: number;
    heldMicros: number;
    neededMicros: number;
  };
}

export async function readMoney(admin: Db, tenantId: string) {
  const query = async <Row>(text: string) =>
    (await admin.pool.query(text, [tenantId])).rows as Row[];
  // Without figures about tables that have just been filled, each call is compared with each outcome.
  await admin.pool.query('analyze call');
  await admin.pool.query('analyze outcome');
  const calls = await query<CallRow>(`
    select c.call_id as "callId", c.reserved_micros::float8 as reserved, o.record::jsonb->>'outcome' as outcome,
           o.cost_micros::float8 as cost,
           array(select jsonb_array_elements_text(c.record::jsonb->'budgets')::float8) as accounts,
           (extract(epoch from (c.record::jsonb->>'at')::timestamptz) * 1000)::float8 as at
      from call c left join outcome o using (call_id) where c.admitted and c.tenant_id = $1`);
  const refusals = await query<RefusalRow>(`
    select call_id as "callId", tool, member_id as "memberId", detail->'budget' as budget,
           coalesce((detail->>'repeated')::int, 1) as times
      from audit_event where kind = 'denial' and code = 'budget_exceeded' and tenant_id = $1`);
  const accounts = await query<AccountRow>(`
    select a.id::float8 as id, a.budget_id as "budgetId", a.limit_micros::float8 as limit, a.spent_micros::float8 as spent,
           a.held_micros::float8 as held, coalesce(l.spent, 0)::float8 as "ledgerSpent", coalesce(l.held, 0)::float8 as "ledgerHeld"
      from budget_account a left join (
        select account, sum(case 'spent' when credit then amount_micros when debit then -amount_micros end) as spent,
               sum(case 'held' when credit then amount_micros when debit then -amount_micros end) as held
          from ledger_entry, unnest(accounts) account where tenant_id = $1 group by 1) l on l.account = a.id
     where a.tenant_id = $1 order by a.id`);
  const overshoots = await query<object>('select * from overshoot where tenant_id = $1');
  return { calls, refusals, accounts, overshoots };
}

/** Every call has its outcome, and all of it is sealed and posted. */
export async function isPosted(admin: Db, tenantId: string): Promise<boolean> {
  const { rows } = await admin.pool.query(
    `select (select count(*) from call where tenant_id = $1 and admitted)
          = (select count(*) from outcome where tenant_id = $1)
        and (select count(*) from call where tenant_id = $1) + (select count(*) from outcome where tenant_id = $1)
          = (select count(*) from audit_event where tenant_id = $1 and kind <> 'control')
        and (select posted_seq from money_cursor where tenant_id = $1)
          = (select max(seq) from audit_event where tenant_id = $1) as done`,
    [tenantId],
  );
  return rows[0].done === true;
}
