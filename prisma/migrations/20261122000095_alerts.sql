-- migrate:up
set role conducktor_owner;

-- What people are told of money and of connections, once: while an alert stands (`ended_at` is null) there is
-- no second one of its kind, subject and key, whichever process looks and however often.
--   subject  the budget, the workspace or the connection
--   key      what makes it one: period, threshold and cap; the day; nothing for what lasts until it ends
--   told     false for thresholds that were passed together with a higher one, of which people are told
--   seen     when it was last still so, of what lasts until it ends
create table alert (
  tenant_id text not null references tenant,
  id text not null default 'alr_' || left(replace(gen_random_uuid()::text, '-', ''), 22),
  kind text not null check (kind in ('budget.threshold', 'budget.forecast', 'spend.unusual',
                                     'connection.trouble', 'connection.recovered')),
  subject_id text not null,
  key text not null,
  detail jsonb not null,
  told boolean not null default true,
  -- To the millisecond, because lists are cut at it.
  at timestamptz not null default date_trunc('milliseconds', now()),
  seen_at timestamptz not null default now(),
  ended_at timestamptz,
  primary key (tenant_id, id)
);
create unique index alert_once on alert (tenant_id, kind, subject_id, key) where ended_at is null;
create index alert_newest on alert (tenant_id, at, id collate "C");
create index alert_age on alert (at);
call protect_tenant_table('alert');
grant select on alert to conducktor_app;
grant select, insert, update, delete on alert to conducktor_system;

-- Since when a connection has been well, or not well.
alter table connection add column status_since timestamptz not null default now();
create function is_unwell(p_status text) returns boolean language sql immutable parallel safe as $$
  select p_status in ('DEGRADED', 'AUTH_REQUIRED', 'ERROR')
$$;
grant execute on function is_unwell(text) to public;
create function note_connection_status() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
  new.status_since := now();
  return new;
end $$;
create trigger note_status before update of status on connection for each row
  when (is_unwell(old.status) <> is_unwell(new.status)) execute function note_connection_status();

-- A moment as JSON has it elsewhere.
create function iso_text(p_at timestamptz) returns text language sql stable parallel safe as $$
  select to_char(p_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;
grant execute on function iso_text(timestamptz) to conducktor_system;
reset role;

set role conducktor_system;
-- The accounts of budgets in the periods of now, and of ten minutes ago, so that none ends unseen between two
-- looks. `spent` of a rolling one without what has left its window.
create function budgets_of_now()
  returns table (tenant_id text, budget_id text, account bigint, period_index integer, starts timestamptz, ends timestamptz,
                 scope_kind text, scope_id text, name text, period text, thresholds integer[], forecast boolean,
                 currency text, limit_micros bigint, spent bigint, refused_at timestamptz)
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
      select sum(h.spent_micros)::bigint as micros from budget_hour h
       where b.period = 'rolling-30d' and h.tenant_id = a.tenant_id and h.account_id = a.id
         and h.hour < first_rolling_hour()) gone on true
   where b.deleted_at is null and (a.spent_micros > 0 or a.refused_at is not null)
$$;

-- Records the thresholds that budgets have passed and the forecasts that lie above their limits, and tells of
-- them in the same transaction; returns how many people are told of. Of thresholds passed together only the
-- highest is told. A threshold of 100 is passed too when a call was refused. One that was passed counts
-- anew in the next period and with another limit; of a rolling budget, a day later at the earliest, once less
-- than the threshold less ten points was spent. One at a time, by its own lock.
create function check_budget_alerts() returns integer
  language plpgsql security definer set search_path = public, pg_temp as $$
declare
  told integer;
  over record;
begin
  if not pg_try_advisory_xact_lock(hashtextextended('conducktor.alerts.budgets', 0)) then return 0; end if;

  for over in
    with ended as (
    update alert a set ended_at = now()
      from budgets_of_now() n
     where n.period = 'rolling-30d' and a.tenant_id = n.tenant_id and a.kind = 'budget.threshold'
       and a.subject_id = n.budget_id and a.ended_at is null
       and ((a.detail ->> 'limitMicros')::bigint <> n.limit_micros
         or (a.at < now() - interval '1 day'
             and n.spent * 100 < greatest((a.detail ->> 'threshold')::bigint - 10, 1) * n.limit_micros))
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
     where not exists (
       select from alert a where a.tenant_id = w.tenant_id and a.kind = w.kind and a.subject_id = w.budget_id
          and a.key = w.key and a.ended_at is null)
    on conflict do nothing
    returning alert.tenant_id, alert.kind, alert.id, alert.told
  )
  select count(*) into told from (
    select notify_event(f.tenant_id, f.kind, f.id, '{}') from fresh f where f.told offset 0) n;
  return told;
end $$;

-- Records that a workspace uses or spends far more today than it does on this weekday, and tells of it, once a
-- day (by its zone): over three times the mean of the same weekday in the last four weeks up to this time of day,
-- of at least two that there are, and at least 50 calls or one unit of its currency. Days on which nothing was
-- called, or nothing was spent, are none. Hours count whole, so earlier days count rather more than less.
create function check_usage_alerts() returns integer
  language plpgsql security definer set search_path = public, pg_temp as $$
declare told integer;
begin
  if not pg_try_advisory_xact_lock(hashtextextended('conducktor.alerts.usage', 0)) then return 0; end if;

  with today as (
    select t.id as tenant_id, t.currency, t.zone, now() at time zone t.zone as local, u.calls, u.cost
      from tenant t
      join money_cursor c on c.tenant_id = t.id and c.zone = t.zone
     cross join lateral (
       select sum(d.calls) as calls, sum(d.cost_micros) as cost from usage_day d
        where d.tenant_id = t.id and d.day = (now() at time zone t.zone)::date) u
     where (u.calls >= 50 or u.cost >= 1000000)
       and not exists (
         select from alert a where a.tenant_id = t.id and a.kind = 'spend.unusual' and a.subject_id = t.id
            and a.key = (now() at time zone t.zone)::date::text and a.ended_at is null)
  ), earlier as (
    select t.tenant_id, avg(e.calls) filter (where d.calls > 0) as calls, count(*) filter (where d.calls > 0) as days_called,
           avg(e.cost) filter (where d.cost > 0) as cost, count(*) filter (where d.cost > 0) as days_paid
      from today t
     cross join generate_series(7, 28, 7) back
     cross join lateral (
       select sum(u.calls) as calls, sum(u.cost_micros) as cost from usage_day u
        where u.tenant_id = t.tenant_id and u.day = t.local::date - back) d
     cross join lateral (
       select coalesce(sum(h.calls), 0) as calls, coalesce(sum(h.cost_micros), 0) as cost from usage_hour h
        where d.calls > 0 and h.tenant_id = t.tenant_id
          and h.hour >= (t.local::date - back)::timestamp at time zone t.zone
          and h.hour <= (t.local - make_interval(days => back)) at time zone t.zone) e
     group by t.tenant_id
  ), unusual as (
    select t.*, e.calls as usual_calls, e.cost as usual_cost,
           t.calls >= 50 and e.days_called >= 2 and t.calls > 3 * e.calls as by_calls,
           t.cost >= 1000000 and e.days_paid >= 2 and t.cost > 3 * e.cost as by_cost
      from today t join earlier e using (tenant_id)
  ), fresh as (
    insert into alert (tenant_id, kind, subject_id, key, detail)
    select u.tenant_id, 'spend.unusual', u.tenant_id, u.local::date::text, jsonb_build_object(
             'day', u.local::date::text, 'currency', u.currency,
             'calls', u.calls, 'usualCalls', case when u.by_calls then ceil(u.usual_calls) end,
             'costMicros', u.cost, 'usualCostMicros', case when u.by_cost then ceil(u.usual_cost) end,
             'mostBy', (
               select jsonb_build_object('connection', k.connection, 'calls', sum(d.calls), 'costMicros', sum(d.cost_micros))
                 from usage_day d join usage_key k on k.tenant_id = d.tenant_id and k.id = d.key
                where d.tenant_id = u.tenant_id and d.day = u.local::date and k.connection <> ''
                group by k.connection
                order by case when u.by_cost then sum(d.cost_micros) end desc, sum(d.calls) desc limit 1))
      from unusual u where u.by_calls or u.by_cost
    on conflict do nothing
    returning alert.tenant_id, alert.kind, alert.id
  )
  select count(*) into told from (
    select notify_event(f.tenant_id, f.kind, f.id, '{}') from fresh f offset 0) n;
  return told;
end $$;

-- Records that connections are in trouble, and that they are well again, and tells of both, once an
-- incident. In trouble: not well for five minutes, or of at least 20 calls that ended in the last 15 minutes more
-- than half failed (as far as the last 20,000 events of the workspace go). Well again: for 15 minutes neither.
create function check_connection_alerts() returns integer
  language plpgsql security definer set search_path = public, pg_temp as $$
declare told integer;
begin
  if not pg_try_advisory_xact_lock(hashtextextended('conducktor.alerts.connections', 0)) then return 0; end if;

  with suspects as (
    -- Cheap to know, so that nobody's events are read while all is well.
    select distinct m.tenant_id
      from money_cursor m
     cross join lateral (
       select from usage_hour h join usage_key k on k.tenant_id = h.tenant_id and k.id = h.key
        where h.tenant_id = m.tenant_id and h.hour >= date_trunc('hour', now() - interval '15 minutes', 'UTC')
        group by k.connection having sum(h.errors) > 10) s
  ), failing as (
    select s.tenant_id, e.connection, count(*) as calls, count(*) filter (where e.failed) as failed
      from suspects s join audit_head a on a.tenant_id = s.tenant_id
     cross join lateral (
       select x.connection, x.outcome in ('error', 'timeout', 'unavailable', 'unknown') as failed from audit_event x
        where x.tenant_id = s.tenant_id and x.seq >= a.next_seq - 20000 and x.kind = 'outcome'
          and x.at > now() - interval '15 minutes' offset 0) e
     group by 1, 2 having count(*) >= 20 and count(*) filter (where e.failed) * 2 > count(*)
  ), troubled as materialized (
    select c.tenant_id, c.id, jsonb_build_object(
             'connection', c.slug, 'status', c.status, 'reason', case when is_unwell(c.status) then c.status_reason end,
             'since', case when is_unwell(c.status) then iso_text(c.status_since) end, 'calls', f.calls, 'failed', f.failed) as detail
      from connection c left join failing f on f.tenant_id = c.tenant_id and f.connection = c.slug
     where (is_unwell(c.status) and c.status_since <= now() - interval '5 minutes') or f.calls is not null
  ), still as (
    update alert a set seen_at = now() from troubled t
     where a.tenant_id = t.tenant_id and a.kind = 'connection.trouble' and a.subject_id = t.id and a.key = '' and a.ended_at is null
  ), over as (
    update alert a set ended_at = now()
     where a.kind = 'connection.trouble' and a.key = '' and a.ended_at is null and a.seen_at <= now() - interval '15 minutes'
       and not exists (select from troubled t where t.tenant_id = a.tenant_id and t.id = a.subject_id)
       and not exists (select from connection c where c.tenant_id = a.tenant_id and c.id = a.subject_id and is_unwell(c.status))
    returning a.tenant_id, a.id, a.subject_id, a.at
  ), fresh as (
    insert into alert (tenant_id, kind, subject_id, key, detail)
    select o.tenant_id, 'connection.recovered', o.subject_id, o.id,
           jsonb_build_object('connection', c.slug, 'trouble', o.id, 'since', iso_text(o.at))
      from over o join connection c on c.tenant_id = o.tenant_id and c.id = o.subject_id
    union all
    select t.tenant_id, 'connection.trouble', t.id, '', t.detail from troubled t
     where not exists (
       select from alert a where a.tenant_id = t.tenant_id and a.kind = 'connection.trouble' and a.subject_id = t.id
          and a.key = '' and a.ended_at is null)
    on conflict do nothing
    returning alert.tenant_id, alert.kind, alert.id
  )
  select count(*) into told from (
    select notify_event(f.tenant_id, f.kind, f.id, '{}') from fresh f offset 0) n;
  return told;
end $$;

-- Deletes up to p_limit alerts of 400 days ago, longer than any period, that are over or were of a moment.
create function prune_alerts(p_limit integer) returns integer
  language sql security definer set search_path = public, pg_temp as $$
  with gone as (
    delete from alert a where (a.tenant_id, a.id) in (
      select o.tenant_id, o.id from alert o
       where o.at < now() - interval '400 days'
         and (o.ended_at is not null or (o.kind <> 'connection.trouble' and o.detail ->> 'period' is distinct from 'rolling-30d'))
       limit p_limit for update skip locked)
    returning 1)
  select count(*)::integer from gone
$$;
grant execute on function check_budget_alerts(), check_usage_alerts(), check_connection_alerts(), prune_alerts(integer)
  to conducktor_billing;
reset role;

-- migrate:down
select 1;
