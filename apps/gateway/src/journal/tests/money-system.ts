/** Two gateways and a workspace with three budgets, and the model beside them. */
import { accountId, periodIndex, type BudgetPeriod } from '@conducktor/budget';
import { newId } from '@conducktor/contracts';
import type { Db } from '@conducktor/db';
import { expect } from 'vitest';
import type { Journal } from '../journal.js';
import type { Intent, Settlement } from '../types.js';
import type { Command, Wanted } from './money-commands.js';
import { Ledger, type Live } from './money-ledger.js';
import { expectInAnyOrder, expectInOrder } from './money-verdicts.js';
import { admin, count, intent, outcome, tenantId, until } from './support.js';

export const PERIODS: BudgetPeriod[] = ['month', 'day', 'rolling-30d'];
export const GATEWAYS = ['money-a', 'money-b'];

export class System {
  version = 0;
  private readonly budgetIds: string[] = [];
  readonly run = newId('call');
  ledger!: Ledger;

  constructor(
    readonly gateways: readonly Journal[],
    /** As the control service. */
    readonly app: Db,
  ) {}

  async open(caps: readonly number[]): Promise<void> {
    const accounts: number[] = [];
    for (const [at, period] of PERIODS.entries()) {
      const id = newId('bud');
      this.budgetIds.push(id);
      const { rows } = await admin.pool.query<{ number: string }>(
        `insert into budget (tenant_id, id, scope_kind, period, limit_micros)
         values ($1, $2, 'tenant', $3, $4) returning number`,
        [tenantId, id, period, caps[at]],
      );
      accounts.push(accountId(Number(rows[0]!.number), periodIndex(period, Date.now(), 'UTC')));
    }
    this.ledger = new Ledger(accounts, [...caps]);
    await this.follow();
  }

  /** Decides on the workspace as it is now. */
  private async follow(): Promise<void> {
    this.version = await count('select version n from tenant_version where tenant_id = $1', [
      tenantId,
    ]);
  }

  wish({ micros: reservedMicros, budgets: bits, key }: Wanted): Intent {
    const budgets = this.ledger.accounts.filter((_, at) => bits & (1 << at));
    return intent({
      version: this.version,
      reservedMicros,
      budgets,
      deadlineMs: Date.now() + 60_000,
      record: JSON.stringify({ at: new Date().toISOString(), reservedMicros, budgets }),
      ...(key !== undefined && {
        idempotency: { hash: `${this.run}${key}`, argumentsHash: `${reservedMicros}of${bits}` },
      }),
    });
  }

  async step(one: Command): Promise<void> {
    const { ledger } = this;
    switch (one.do) {
      case 'admit': {
        const intents = one.calls.map((call) => this.wish(call));
        const journal = this.gateways[one.gateway]!;
        const said = await Promise.all(intents.map((each) => journal.admit(each)));
        expectInOrder(ledger, intents, said, one.gateway);
        return;
      }
      case 'race': {
        const intents = one.calls.map((call) => this.wish(call));
        const said = await Promise.all(
          intents.map((each, at) => this.gateways[at % 2]!.admit(each)),
        );
        expectInAnyOrder(ledger, intents, said, (at) => at % 2);
        return;
      }
      case 'settle': {
        const call = take(ledger.running, one.which);
        if (!call) return;
        const settled = ends(call, one.cost);
        const journal = this.gateways[call.gateway]!;
        await Promise.all([
          journal.settle(settled),
          one.again && journal.settle({ ...settled, costMicros: 1 }),
        ]);
        ledger.charge(call, one.cost);
        return;
      }
      case 'lose sight': {
        const call = take(ledger.running, one.which);
        if (!call) return;
        await this.gateways[call.gateway]!.settle(losesSight(call));
        ledger.unknown.push(call);
        return;
      }
      case 'hear': {
        const call = take(ledger.unknown, one.which);
        if (!call) return;
        await this.gateways[call.gateway]!.settle(ends(call, one.cost));
        ledger.charge(call, one.cost);
        return;
      }
      case 'reconcile': {
        const call = take(ledger.unknown, one.which);
        if (!call) return;
        expect(await this.reconcile(call, one.cost)).toBe(true);
        ledger.charge(call, one.cost ?? 'reserved');
        expect(await this.reconcile(call, 0)).toBe(false);
        return;
      }
      case 'change cap': {
        ledger.caps[one.budget] = one.micros;
        await this.app.withTenant(tenantId, async (tx) => {
          const id = this.budgetIds[one.budget];
          await tx.query('update budget set limit_micros = $2 where id = $1', [id, one.micros]);
          await tx.query('select apply_budget_limit($1)', [id]);
        });
        return this.follow();
      }
      case 'outdated': {
        const late = { ...this.wish(one.call), version: this.version - 1 };
        expect(await this.gateways[0]!.admit(late)).toEqual({ verdict: 'stale' });
        return;
      }
      case 'kill':
        return this.kill(one.gateway, one.meanwhile);
      case 'age':
        await admin.pool.query('update budget_hour set hour = hour - 721 where account_id = $1', [
          ledger.accounts[2],
        ]);
        ledger.spent[2] = 0;
        return;
    }
  }

  private async kill(at: number, meanwhile: readonly Wanted[]): Promise<void> {
    const journal = this.gateways[at]!;
    const now = async () => {
      const free = intent({ version: this.version, deadlineMs: Date.now() + 60_000 });
      const admission = await journal.admit(free).catch(() => undefined);
      if (admission?.verdict !== 'admitted') return undefined;
      await journal.settle(outcome(free, admission));
      return admission.key.epoch;
    };
    const before = await now();
    const intents = meanwhile.map((call) => this.wish(call));
    const coming = intents.map((each) => journal.admit(each).catch(() => undefined));
    await admin.pool.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1 and datname = current_database()',
      [`conducktor journal ${GATEWAYS[at]}`],
    );
    expectInAnyOrder(this.ledger, intents, await Promise.all(coming), () => at);
    await until(async () => {
      const epoch = await now();
      return epoch !== undefined && epoch !== before;
    });
    // What was in doubt ends as not sent, if it was written at all.
    const doubtful = intents.map(({ callId }) => callId);
    const live = [...this.ledger.running].map(({ intent: { callId } }) => callId);
    await until(
      async () =>
        (await count(
          `select count(*) n from call c where call_id = any($1) and call_id <> all($2)
             and not exists (select from outcome o where o.call_id = c.call_id)`,
          [doubtful, live],
        )) === 0,
    );
  }

  private reconcile({ intent: { callId } }: Live, charged: number | null): Promise<boolean> {
    return this.app.withTenant(tenantId, async (tx) => {
      const said = JSON.stringify({ actor: 'somebody', reason: 'a test' });
      const { rows } = await tx.query<{ done: boolean }>(
        'select reconcile_held_call($1, $2, $3) as done',
        [callId, charged, said],
      );
      return rows[0]!.done;
    });
  }

  /** Accounts, their hours and the calls that are held, as the model has them. */
  async compare(): Promise<void> {
    const { ledger } = this;
    const { rows } = await admin.pool.query(
      `select coalesce(a.held_micros, 0)::int as held, coalesce(a.limit_micros, -1)::int as cap,
              coalesce(a.spent_micros, 0)::int - coalesce(h.gone, 0)::int as spent,
              case when u.id & 65535 = 0 then coalesce(h.counted, 0)::int end as hours
         from unnest($1::bigint[]) with ordinality u(id, ord) left join budget_account a on a.id = u.id
         left join lateral (
           select sum(h.spent_micros) filter (where h.hour < first_rolling_hour()) as gone,
                  sum(h.spent_micros) filter (where h.hour >= first_rolling_hour()) as counted
             from budget_hour h where h.tenant_id = a.tenant_id and h.account_id = a.id) h on true
        order by u.ord`,
      [ledger.accounts],
    );
    expect(rows).toEqual(
      ledger.accounts.map((_, at) => ({
        held: ledger.held[at],
        spent: ledger.spent[at],
        hours: at === 2 ? ledger.spent[at] : null,
        cap: rows[at].cap === -1 ? -1 : ledger.caps[at],
      })),
    );
    const held = await admin.pool.query(
      `select call_id, reserved_micros::int as reserved from held_call
        where accounts && $1 or call_id = any($2) order by call_id`,
      [ledger.accounts, ledger.unknown.map(({ intent: { callId } }) => callId)],
    );
    expect(held.rows).toEqual(
      ledger.unknown
        .map(({ intent: { callId, reservedMicros } }) => ({
          call_id: callId,
          reserved: reservedMicros,
        }))
        .sort((a, b) => (a.call_id < b.call_id ? -1 : 1)),
    );
  }

  /** Everything comes to its end: nothing is held, and what was charged is what is on record. */
  async finish(): Promise<void> {
    const { ledger } = this;
    while (ledger.running.length > 0)
      await this.step({ do: 'settle', which: 0, cost: 'reserved', again: false });
    while (ledger.unknown.length > 0) await this.step({ do: 'reconcile', which: 0, cost: null });
    await this.compare();
    expect(ledger.held).toEqual([0, 0, 0]);
    const { rows } = await admin.pool.query(
      `select u.id::float8 as id, coalesce(sum(c.cost), 0)::int as charged
         from unnest($1::bigint[]) with ordinality u(id, ord) left join (
           select c.record::jsonb->'budgets' as accounts, o.cost_micros as cost
             from call c join outcome o using (call_id) where c.reserved_micros > 0
           union all
           select record->'budgets', (record->>'costMicros')::bigint from audit_outbox
            where record->>'action' = 'money.reconcile') c on c.accounts @> to_jsonb(u.id)
        where u.id & 65535 <> 0 group by u.id, u.ord order by u.ord`,
      [ledger.accounts],
    );
    expect(rows).toEqual(
      ledger.accounts.slice(0, 2).map((id, at) => ({ id, charged: ledger.spent[at] })),
    );
  }
}

function take<Item>(from: Item[], which: number): Item | undefined {
  return from.length === 0 ? undefined : from.splice(which % from.length, 1)[0];
}

function ends({ intent: call, admission }: Live, costMicros: number | 'reserved'): Settlement {
  return { ...outcome(call, admission), costMicros };
}

function losesSight({ intent: call, admission }: Live): Settlement {
  return {
    ...outcome(call, admission),
    isUnknown: true,
    record: JSON.stringify({ at: new Date().toISOString(), outcome: 'unknown', durationMs: 1 }),
  };
}
