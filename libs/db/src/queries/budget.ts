import type { BudgetPeriod, BudgetScopeKind, NewBudget } from '@conducktor/contracts';
import type { TenantTx } from '../db.js';

/** A budget with its account of now; zeros where no priced call has needed one yet. */
export interface BudgetRow {
  id: string;
  name: string | null;
  scopeKind: BudgetScopeKind;
  scopeId: string | null;
  scopeName: string | null;
  /** What it counts the calls of is not there any more. */
  scopeGone: boolean;
  period: BudgetPeriod;
  currency: string;
  limitMicros: number;
  openingMicros: number;
  spentMicros: number;
  heldMicros: number;
  periodStart: Date;
  /** Null: the window is rolling. */
  periodEnd: Date | null;
  /** Null: the window is rolling, or too little of the period is over. */
  forecastMicros: number | null;
  thresholds: number[];
  forecast: boolean;
  refusedAt: Date | null;
  createdAt: Date;
  deletedAt: Date | null;
}

/** One period of a budget. */
export interface BudgetPeriodRow {
  index: number;
  start: Date;
  end: Date | null;
  limitMicros: number;
  openingMicros: number;
  spentMicros: number;
  heldMicros: number;
  refusedAt: Date | null;
}

export interface BudgetChangeRow {
  at: Date;
  memberId: string;
  actor: string;
  fromMicros: number | null;
  toMicros: number | null;
}

// What has left the window of a rolling account, and no tick has taken out of it yet.
const GONE = `(select coalesce(sum(h.spent_micros), 0) from budget_hour h
   where h.tenant_id = a.tenant_id and h.account_id = a.id and h.hour < first_rolling_hour())`;

// As JSON can say it: nine billion of the currency, which is more than any limit, stand for more than that.
const INTEGER = (sql: string) => `least(${sql}, ${Number.MAX_SAFE_INTEGER})::float8`;

// At the pace so far, from a tenth of the period and half a day on: as alerts forecast.
const FORECAST = `(
  select ${INTEGER('ceil(coalesce(a.spent_micros, 0) * f.whole / f.gone)')}
    from (select extract(epoch from now() - s.start) as gone, extract(epoch from s.end - s.start) as whole) f
   where f.gone >= greatest(f.whole / 10, 43200))`;

// A client that is no API key may come for the first time, so it is never gone; neither is the workspace.
const SCOPE_GONE = `case
  when b.scope_kind = 'group' then not exists (
    select from workspace_group g where g.tenant_id = b.tenant_id and g.id = b.scope_id)
  when b.scope_kind = 'user' then not exists (
    select from member m where m.tenant_id = b.tenant_id and m.id = b.scope_id and m.removed_at is null)
  when b.scope_kind = 'client' and starts_with(b.scope_id, 'key_') then not exists (
    select from api_key k where k.tenant_id = b.tenant_id and k.id = b.scope_id and k.revoked_at is null
       and (k.expires_at is null or k.expires_at > now()))
  when b.scope_kind = 'connection' then not exists (
    select from connection c where c.tenant_id = b.tenant_id and c.id = b.scope_id)
  when b.scope_kind = 'tool' then not exists (
    select from tool o where o.tenant_id = b.tenant_id and o.id = b.scope_id and o.removed_at is null)
  else false end`;

const BUDGETS = `
  select b.id, b.name, b.scope_kind as "scopeKind", b.scope_id as "scopeId", b.period, t.currency,
         case b.scope_kind
           when 'group' then (select g.name from workspace_group g where g.tenant_id = b.tenant_id and g.id = b.scope_id)
           when 'user' then (select m.email from member m where m.tenant_id = b.tenant_id and m.id = b.scope_id and m.removed_at is null)
           when 'client' then (select k.name from api_key k where k.tenant_id = b.tenant_id and k.id = b.scope_id)
           when 'connection' then (select c.slug from connection c where c.tenant_id = b.tenant_id and c.id = b.scope_id)
           when 'tool' then (select o.shown_name from tool o where o.tenant_id = b.tenant_id and o.id = b.scope_id)
         end as "scopeName",
         ${SCOPE_GONE} as "scopeGone",
         b.limit_micros::float8 as "limitMicros", ${INTEGER('coalesce(a.opening_micros, 0)')} as "openingMicros",
         ${INTEGER(`coalesce(a.spent_micros, 0) - ${GONE}`)} as "spentMicros",
         coalesce(a.held_micros, 0)::float8 as "heldMicros",
         coalesce(s.start, to_timestamp(first_rolling_hour() * 3600.0)) as "periodStart", s.end as "periodEnd",
         ${FORECAST} as "forecastMicros",
         b.thresholds, b.forecast, a.refused_at as "refusedAt", b.created_at as "createdAt", b.deleted_at as "deletedAt"
    from budget b
    join tenant t on t.id = b.tenant_id
   cross join lateral (select budget_period_index(b.period, now(), t.zone) as index) p
   cross join lateral (
     select budget_period_start(b.period, p.index, t.zone) as start,
            budget_period_start(b.period, p.index + 1, t.zone) as end) s
    left join budget_account a on a.tenant_id = b.tenant_id and a.id = b.number * 65536 + p.index`;

/**
 * Those in force, by id. `ofMember`: only those that count nobody else's calls, which are on this person
 * and on API keys of theirs.
 */
export async function listBudgets(
  tx: TenantTx,
  page: { after: string | undefined; take: number; ofMember: string | undefined },
): Promise<BudgetRow[]> {
  const { rows } = await tx.query<BudgetRow>(
    `${BUDGETS}
      where b.tenant_id = $1 and b.deleted_at is null and ($2::text is null or b.id collate "C" > $2)
        and ($4::text is null or ${OWN('$4')})
      order by b.id collate "C" limit $3`,
    [tx.tenantId, page.after ?? null, page.take, page.ofMember ?? null],
  );
  return rows;
}

/** Also one that was deleted. */
export async function findBudget(
  tx: TenantTx,
  id: string,
  ofMember?: string,
): Promise<BudgetRow | undefined> {
  const { rows } = await tx.query<BudgetRow>(
    `${BUDGETS} where b.tenant_id = $1 and b.id = $2 and ($3::text is null or ${OWN('$3')})`,
    [tx.tenantId, id, ofMember ?? null],
  );
  return rows[0];
}

const OWN = (member: string) => `(b.scope_kind = 'user' and b.scope_id = ${member}
  or b.scope_kind = 'client' and b.scope_id in (
    select k.id from api_key k where k.tenant_id = b.tenant_id and k.member_id = ${member}))`;

/** Holds the workspace's row, so that budgets are made one after the other, and counts those in force. */
export async function countBudgets(tx: TenantTx): Promise<number> {
  await tx.query('select from tenant where id = $1 for no key update', [tx.tenantId]);
  const { rows } = await tx.query<{ count: number }>(
    'select count(*)::int as count from budget where tenant_id = $1 and deleted_at is null',
    [tx.tenantId],
  );
  return rows[0]!.count;
}

/** With its account of now, which opens with what was charged before. `scopeId` as `findBudgetScope` gave it. */
export async function insertBudget(
  tx: TenantTx,
  made: Omit<NewBudget, 'scope'> & {
    id: string;
    scopeKind: BudgetScopeKind;
    scopeId: string | null;
  },
): Promise<void> {
  await tx.query(
    `insert into budget (tenant_id, id, name, scope_kind, scope_id, period, limit_micros, thresholds, forecast)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [
      tx.tenantId,
      made.id,
      made.name ?? null,
      made.scopeKind,
      made.scopeId,
      made.period,
      made.limitMicros,
      made.thresholds,
      made.forecast,
    ],
  );
  await tx.query('select open_budget($1)', [made.id]);
}

/** Holds a budget in force and its accounts until the transaction ends. */
export async function holdBudget(
  tx: TenantTx,
  id: string,
): Promise<{ limitMicros: number; scopeKind: string; scopeId: string | null } | undefined> {
  await tx.query('select hold_budget($1)', [id]);
  const { rows } = await tx.query<{
    limitMicros: number;
    scopeKind: string;
    scopeId: string | null;
  }>(
    `select limit_micros::float8 as "limitMicros", scope_kind as "scopeKind", scope_id as "scopeId"
       from budget where tenant_id = $1 and id = $2 and deleted_at is null`,
    [tx.tenantId, id],
  );
  return rows[0];
}

/** Changes what is given, of a budget that is held; a limit holds for calls from then on. */
export async function updateBudget(
  tx: TenantTx,
  id: string,
  patch: {
    name?: string | null | undefined;
    thresholds?: number[] | undefined;
    forecast?: boolean | undefined;
    limitMicros?: number | undefined;
  },
): Promise<void> {
  await tx.query(
    `update budget set name = case when $3 then $4 else name end, thresholds = coalesce($5, thresholds),
            forecast = coalesce($6, forecast)
      where tenant_id = $1 and id = $2`,
    [
      tx.tenantId,
      id,
      patch.name !== undefined,
      patch.name ?? null,
      patch.thresholds ?? null,
      patch.forecast ?? null,
    ],
  );
  if (patch.limitMicros === undefined) return;
  await tx.query('update budget set limit_micros = $3 where tenant_id = $1 and id = $2', [
    tx.tenantId,
    id,
    patch.limitMicros,
  ]);
  await tx.query('select apply_budget_limit($1)', [id]);
}

/** Its accounts stay: what they hold still settles, and its history is read from them. */
export async function deleteBudget(tx: TenantTx, id: string): Promise<void> {
  await tx.query('update budget set deleted_at = now() where tenant_id = $1 and id = $2', [
    tx.tenantId,
    id,
  ]);
}

export async function insertBudgetChange(
  tx: TenantTx,
  budgetId: string,
  change: Omit<BudgetChangeRow, 'at'>,
): Promise<void> {
  await tx.query(
    `insert into budget_change (tenant_id, budget_id, member_id, actor, from_micros, to_micros)
     values ($1, $2, $3, $4, $5, $6)`,
    [tx.tenantId, budgetId, change.memberId, change.actor, change.fromMicros, change.toMicros],
  );
}

/** Newest first, from the index before `before`. */
export async function budgetPeriods(
  tx: TenantTx,
  id: string,
  page: { before: number | undefined; take: number },
): Promise<BudgetPeriodRow[]> {
  const { rows } = await tx.query<BudgetPeriodRow>(
    `select p.index,
            coalesce(budget_period_start(b.period, p.index, t.zone), to_timestamp(first_rolling_hour() * 3600.0)) as start,
            budget_period_start(b.period, p.index + 1, t.zone) as end,
            a.limit_micros::float8 as "limitMicros", ${INTEGER('a.opening_micros')} as "openingMicros",
            ${INTEGER(`a.spent_micros - ${GONE}`)} as "spentMicros", a.held_micros::float8 as "heldMicros",
            a.refused_at as "refusedAt"
       from budget b
       join tenant t on t.id = b.tenant_id
       join budget_account a on a.tenant_id = b.tenant_id and a.id between b.number * 65536 and b.number * 65536 + 65535
      cross join lateral (select (a.id & 65535)::integer as index) p
      where b.tenant_id = $1 and b.id = $2 and ($3::integer is null or p.index < $3)
      order by a.id desc limit $4`,
    [tx.tenantId, id, page.before ?? null, page.take],
  );
  return rows;
}

/** Of its limit, newest first. */
export async function budgetChanges(
  tx: TenantTx,
  id: string,
  limit: number,
): Promise<BudgetChangeRow[]> {
  const { rows } = await tx.query<BudgetChangeRow>(
    `select at, member_id as "memberId", actor, from_micros::float8 as "fromMicros", to_micros::float8 as "toMicros"
       from budget_change where tenant_id = $1 and budget_id = $2 order by number desc limit $3`,
    [tx.tenantId, id, limit],
  );
  return rows;
}
