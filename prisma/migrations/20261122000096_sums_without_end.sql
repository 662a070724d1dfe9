-- migrate:up
set role conducktor_system;
-- As before, but `spent` is a number without end. A budget opens with whatever was charged before, at prices that
-- its workspace sets, and the alerts of all workspaces are found in one statement: a hundred times one workspace's
-- spending was too large for a bigint, and then nobody was told of anything.
drop function budgets_of_now();
create function budgets_of_now()
  returns table (tenant_id text, budget_id text, account bigint, period_index integer, starts timestamptz, ends timestamptz,
                 scope_kind text, scope_id text, name text, period text, thresholds integer[], forecast boolean,
                 currency text, limit_micros bigint, spent numeric, refused_at timestamptz)
  language sql stable set search_path = public, pg_temp as $$
  select b.tenant_id, b.id, a.id, p.index, budget_period_start(b.period, p.index, t.zone),
         budget_period_start(b.period, p.index + 1, t.zone), b.scope_kind, b.scope_id, b.name, b.period, b.thresholds,
         b.forecast, t.currency, a.limit_micros, a.spent_micros - coalesce(gone.micros, 0), a.refused_at
    from budget b
    join tenant t on t.id = b.tenant_id
   cross join lateral (
     select distinct budget_period_index(b.period, w, t.zone) as index
       from unnest(array[now(), now() - interval '10 minutes']) w) p
    join budget_account a on a.tenant_id = b.tenant_id and a.id = b.number * 65536 + p.index
    left join lateral (
      select sum(h.spent_micros) as micros from budget_hour h
       where b.period = 'rolling-30d' and h.tenant_id = a.tenant_id and h.account_id = a.id
         and h.hour < first_rolling_hour()) gone on true
   where b.deleted_at is null and (a.spent_micros > 0 or a.refused_at is not null)
$$;
reset role;

-- migrate:down
select 1;
