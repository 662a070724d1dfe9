// Caps of the workspaces under fault: wide ones that every call reserves at, and narrow ones of single tools
// that run out under load and are raised again while it goes on.
import { newId } from '@conducktor/contracts';
import type { Db } from '@conducktor/db';
import { PRICES } from './prices.ts';
import type { Random } from './random.ts';

/** Enough for every call of a run. */
const WIDE = 1_000_000_000_000;
/** Calls that a narrow cap has room for after each raise. */
const ROOM = 12;
/** The tools with caps of their own, by the periods of those. */
const NARROW: Readonly<Record<string, string>> = {
  up_read_note: 'day',
  up_delete_note: 'rolling-30d',
};

/** Of each workspace: one for everybody, one for its member, and one for each of two tools. */
export async function makeBudgets(admin: Db, tenantId: string, memberId: string): Promise<void> {
  await admin.withTenant(tenantId, async (tx) => {
    const make = (kind: string, scope: string | null, period: string, micros: number) =>
      tx.query(
        `insert into budget (tenant_id, id, scope_kind, scope_id, period, limit_micros)
         values ($1, $2, $3, $4, $5, $6)`,
        [tenantId, newId('bud'), kind, scope, period, micros],
      );
    await make('tenant', null, 'month', WIDE);
    await make('user', memberId, 'rolling-30d', WIDE);
    const { rows: tools } = await tx.query<{ id: string; name: string }>(
      'select id, shown_name as name from tool where tenant_id = $1 and shown_name = any($2)',
      [tenantId, Object.keys(NARROW)],
    );
    for (const { id, name } of tools) await make('tool', id, NARROW[name]!, ROOM * PRICES[name]!);
  });
}

/** Makes room for a few more calls at the narrow caps. Does nothing where the database is away. */
export async function raiseCaps(
  admin: Db,
  workspaces: readonly { tenantId: string }[],
): Promise<void> {
  for (const { tenantId } of workspaces)
    await admin
      .withTenant(tenantId, async (tx) => {
        const { rows } = await tx.query<{ id: string }>(
          `update budget b
              set limit_micros = b.limit_micros + $2 * (t.cost->>'micros')::bigint
             from tool t
            where b.tenant_id = $1 and b.scope_kind = 'tool' and t.tenant_id = $1 and t.id = b.scope_id
           returning b.id`,
          [tenantId, ROOM],
        );
        for (const { id } of rows) await tx.query('select apply_budget_limit($1)', [id]);
      })
      .catch(() => undefined);
}

/** As somebody does who knows how a call ended, at the moment at which its service may answer after all. */
export async function reconcileSome(
  admin: Db,
  workspaces: readonly { tenantId: string }[],
  random: Random,
): Promise<void> {
  for (const { tenantId } of workspaces)
    await admin
      .withTenant(tenantId, async (tx) => {
        const { rows } = await tx.query<{ id: string; reserved: number }>(
          'select call_id as id, reserved_micros::int as reserved from held_call where tenant_id = $1 limit 2',
          [tenantId],
        );
        const said = JSON.stringify({ actor: 'chaos', reason: 'It was looked up.' });
        for (const { id, reserved } of rows) {
          const cost = random.pick([0, Math.floor(random.between(0, reserved)), reserved]);
          await tx.query('select reconcile_held_call($1, $2, $3)', [id, cost, said]);
        }
      })
      .catch(() => undefined);
}

/**
 * Has the database itself write down each transaction that leaves an account with more than its cap has room
 * for, and more than it held before. Looked at is what is committed: a tick may step back on its way.
 */
export async function watchCaps(admin: Db): Promise<void> {
  await admin.pool.query(`
    create table overshoot (tenant_id text, account_id bigint, spent bigint, held bigint, cap bigint, at timestamptz default now());
    create function watch_cap() returns trigger language plpgsql security definer as $$
    begin
      insert into public.overshoot (tenant_id, account_id, spent, held, cap)
      select a.tenant_id, a.id, a.spent_micros, a.held_micros, a.limit_micros from public.budget_account a
       where a.tenant_id = new.tenant_id and a.id = new.id
         and (a.spent_micros + a.held_micros > a.limit_micros
              and a.spent_micros + a.held_micros >= new.spent_micros + new.held_micros
              or a.spent_micros < 0 or a.held_micros < 0);
      return null;
    end $$;
    create constraint trigger watch_cap after update on budget_account deferrable initially deferred for each row
      when (new.spent_micros + new.held_micros > new.limit_micros
            and new.spent_micros + new.held_micros > old.spent_micros + old.held_micros
            or new.spent_micros < 0 or new.held_micros < 0)
      execute function watch_cap();`);
}

/** Takes away what `watchCaps` made. */
export async function unwatchCaps(admin: Db): Promise<void> {
  await admin.pool.query(`
    drop trigger watch_cap on budget_account;
    drop function watch_cap;
    drop table overshoot;`);
}
