-- migrate:up
set role conducktor_system;
-- Records the thresholds that budgets have passed and the forecasts that lie above their limits, and tells of
-- them in the same transaction; returns how many people are told of. Of thresholds passed together only the
-- highest is told. A threshold of 100 is passed too when a call was refused. One that was passed counts
-- anew in the next period and with another limit; of a rolling budget, a day later at the earliest, once less
-- than the threshold less ten points was spent. One at a time, by its own lock.
-- Alerts that stand are looked up by their key, budget by budget (`offset 0`): planned while there are hardly any,
-- which is when a process looks first, a join compares each budget with each of them.
create or replace function check_budget_alerts() returns integer
  language plpgsql security definer set search_path = public, pg_temp as $$
declare
  told integer;
  over record;
begin
  if not pg_try_advisory_xact_lock(hashtextextended('conducktor.alerts.budgets', 0)) then return 0; end if;

  for over in
    with rolling as materialized (
    select * from budgets_of_now() where period = 'rolling-30d'
    ), counting_anew as materialized (
    select n.account, n.limit_micros, a.tenant_id, a.id
      from rolling n
     cross join lateral (
       select * from alert s
        where s.tenant_id = n.tenant_id and s.kind = 'budget.threshold' and s.subject_id = n.budget_id and s.ended_at is null
       offset 0) a
     where (a.detail ->> 'limitMicros')::bigint <> n.limit_micros
        or (a.at < now() - interval '1 day'
            and n.spent * 100 < greatest((a.detail ->> 'threshold')::bigint - 10, 1) * n.limit_micros)
    ), ended as (
    update alert a set ended_at = now()
      from counting_anew n
     where a.tenant_id = n.tenant_id and a.id = n.id and a.ended_at is null
    returning a.tenant_id, n.account, (a.detail ->> 'threshold') = '100' and a.detail -> 'refusedAt' <> 'null'
                and (a.detail ->> 'limitMicros')::bigint = n.limit_micros as refused
    )
    -- In the order in which ticks hold accounts.
    select * from ended order by tenant_id collate "C", account
  loop
    -- The next refusal is one to tell of again.
    if over.refused then
      update budget_account b set refused_at = null where b.tenant_id = over.tenant_id and b.id = over.account;
    end if;
  end loop;

  with budgets as materialized (
    select * from budgets_of_now()
  ), passed as (
    select n.*, x.threshold, max(x.threshold) over (partition by n.tenant_id, n.account) as highest
      from budgets n cross join unnest(n.thresholds) x(threshold)
     where (n.spent > 0 and n.spent * 100 >= x.threshold * n.limit_micros)
        or (x.threshold = 100 and n.refused_at is not null)
  ), wanted as (
    select tenant_id, budget_id, 'budget.threshold' as kind, threshold = highest as told,
           concat_ws('/', case period when 'rolling-30d' then period else period_index::text end, threshold, limit_micros) as key,
           jsonb_build_object('threshold', threshold, 'refusedAt', case threshold when 100 then iso_text(refused_at) end) as more,
           starts, ends, scope_kind, scope_id, name, period, currency, limit_micros, spent
      from passed
    union all
    select n.tenant_id, n.budget_id, 'budget.forecast', true, concat_ws('/', n.period_index, n.limit_micros),
           jsonb_build_object('forecastMicros', ceil(n.spent * whole / gone),
                              'reachedAt', iso_text(n.starts + make_interval(secs => (gone * n.limit_micros / n.spent)::double precision))),
           n.starts, n.ends, n.scope_kind, n.scope_id, n.name, n.period, n.currency, n.limit_micros, n.spent
      from budgets n
     cross join lateral (select extract(epoch from now() - n.starts) as gone, extract(epoch from n.ends - n.starts) as whole) s
     where n.forecast and n.period <> 'rolling-30d' and now() < n.ends and n.refused_at is null
       and n.spent > 0 and n.spent < n.limit_micros
       and gone >= greatest(whole / 10, 12 * 3600) and n.spent * whole > n.limit_micros * gone
  ), fresh as (
    insert into alert (tenant_id, kind, subject_id, key, told, detail)
    select w.tenant_id, w.kind, w.budget_id, w.key, w.told, w.more || jsonb_build_object(
             'budgetId', w.budget_id, 'name', w.name, 'scope', jsonb_build_object('kind', w.scope_kind, 'id', w.scope_id),
             'period', w.period, 'periodStart', iso_text(w.starts), 'periodEnd', iso_text(w.ends),
             'limitMicros', w.limit_micros, 'spentMicros', w.spent, 'currency', w.currency)
      from wanted w
      left join lateral (
        select true as stands from alert a
         where a.tenant_id = w.tenant_id and a.kind = w.kind and a.subject_id = w.budget_id and a.key = w.key and a.ended_at is null
        offset 0) s on true
     where s.stands is null
    on conflict do nothing
    returning alert.tenant_id, alert.kind, alert.id, alert.told
  )
  select count(*) into told from (
    select notify_event(f.tenant_id, f.kind, f.id, '{}') from fresh f where f.told offset 0) n;
  return told;
end $$;

-- Posts about p_limit sealed events of all workspaces but p_but together, or of p_only alone; returns how many
-- places of their sequences it went on, and whether one of them had more than its share: then the next is to
-- follow at once, however few these were. One at a time, by its own lock: the others post nothing. A workspace
-- without anything new costs a look at its cursor. Whoever calls it goes on workspace by workspace where it fails,
-- each a statement with a time of its own: what lasts too long cannot be caught in here.
drop function post_money(integer);
create function post_money(
  p_limit integer, p_but text[] default '{}', p_only text default null, out posted integer, out is_more boolean
) language plpgsql security definer set search_path = public, pg_temp as $$
declare
  tenants text[]; afters bigint[]; sealed timestamptz[]; uptos bigint[]; zones text[]; places bigint;
begin
  posted := 0;
  is_more := false;
  if not pg_try_advisory_xact_lock(hashtextextended('conducktor.money', 0)) then return; end if;
  select array_agg(b.tenant_id), array_agg(b.after), array_agg(b.sealed), array_agg(b.upto), array_agg(b.zone), sum(b.upto - b.after),
         bool_or(b.upto < b.last)
    into tenants, afters, sealed, uptos, zones, places, is_more
    from (select h.tenant_id, t.zone, coalesce(c.posted_seq, 0) as after, coalesce(c.sealed_at, '-infinity') as sealed, h.next_seq - 1 as last,
                 -- Each its share of the batch, so that a large one does not hold up the others.
                 least(h.next_seq - 1, coalesce(c.posted_seq, 0) + greatest(100, p_limit / count(*) over ())) as upto
            from audit_head h join tenant t on t.id = h.tenant_id left join money_cursor c on c.tenant_id = h.tenant_id
           where h.next_seq - 1 > coalesce(c.posted_seq, 0)
             and h.tenant_id <> all (p_but) and (p_only is null or h.tenant_id = p_only)) b;
  if tenants is null then
    is_more := false;
    return;
  end if;
  perform ensure_ledger_months(2);
  perform post_workspaces(tenants, afters, sealed, uptos, zones);
  posted := least(places, 2147483647);
end $$;
grant execute on function post_money(integer, text[], text) to conducktor_billing;

-- The workspaces that have something to be posted, but those in p_but.
create function workspaces_to_post(p_but text[]) returns setof text
  language sql stable security definer set search_path = public, pg_temp as $$
  select h.tenant_id from audit_head h left join money_cursor c on c.tenant_id = h.tenant_id
   where h.next_seq - 1 > coalesce(c.posted_seq, 0) and h.tenant_id <> all (p_but) order by h.tenant_id
$$;
grant execute on function workspaces_to_post(text[]) to conducktor_billing;
reset role;

-- migrate:down
select 1;
