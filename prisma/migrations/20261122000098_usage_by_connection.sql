-- migrate:up
set role conducktor_owner;

-- The figures of `usage_hour` without tools, people and clients: of a workspace with many of those a small part of
-- its rows. What is asked by connection, by decision or by time alone is counted from these where days do not fit,
-- as in another zone than the workspace's.
create table usage_connection_hour (
  tenant_id text not null,
  hour timestamptz not null,
  connection text not null,
  code text not null,
  calls bigint not null,
  errors bigint not null,
  denied bigint not null,
  cost_micros numeric not null,
  held_micros numeric not null,
  durations numeric not null,
  primary key (tenant_id, hour, connection, code)
) with (fillfactor = 80);
call protect_tenant_table('usage_connection_hour');
grant select on usage_connection_hour to conducktor_app, conducktor_billing;
grant select, insert, update, delete on usage_connection_hour to conducktor_system;
reset role;

set role conducktor_system;
insert into usage_connection_hour
select u.tenant_id, u.hour, k.connection, k.code, sum(u.calls), sum(u.errors), sum(u.denied), sum(u.cost_micros),
       sum(u.held_micros), sum(u.durations)
  from usage_hour u join usage_key k on k.tenant_id = u.tenant_id and k.id = u.key group by 1, 2, 3, 4;

-- Posts the events of these workspaces that lie after `p_after`, sealed since `p_sealed`, up to `p_upto`: ledger,
-- usage and cursor in one statement.
create or replace function post_events(p_tenant text[], p_after bigint[], p_sealed timestamptz[], p_upto bigint[], p_zone text[]) returns void
  language sql set search_path = public, pg_temp
  -- One batch in memory; each workspace's events, and calls of before, by their keys. How many rows a batch has
  -- the planner cannot know: without this it compared each outcome with each call.
  set work_mem = '32MB' set enable_seqscan = off set enable_nestloop = off as $$
  with batch as materialized (
    select k.tenant_id, k.zone, e.*
      from unnest(p_tenant, p_after, p_sealed, p_upto, p_zone) k(tenant_id, after, sealed, upto, zone)
     cross join lateral (
       select seq, sealed_at, kind, at, call_id, member_id, client_id, connection, tool, code, outcome, cost_micros, duration_ms, detail
         from audit_event e
        where e.tenant_id = k.tenant_id and e.seq > k.after and e.seq <= k.upto and e.sealed_at >= k.sealed
          and (e.kind <> 'control' or e.detail ->> 'action' = 'money.reconcile')
       offset 0) e
  ), calls as materialized (
    select tenant_id, zone, seq, at, call_id, member_id, client_id, connection, tool,
           coalesce((detail ->> 'reservedMicros')::bigint, 0) as reserved,
           case when detail ? 'budgets' then array(select jsonb_array_elements_text(detail -> 'budgets')::bigint) else '{}' end as accounts
      from batch where kind = 'call'
  ), ended as materialized (
    select b.tenant_id, b.zone, b.seq, b.at, b.kind, b.outcome, b.duration_ms, b.detail, b.connection, b.tool,
           case b.kind when 'control' then b.detail ->> 'callId' else b.call_id end as call_id,
           case b.kind when 'control' then (b.detail ->> 'costMicros')::bigint else b.cost_micros end as cost
      from batch b where b.kind in ('outcome', 'control')
  ), strays as materialized (
    select o.* from ended o where not exists (select from calls k where k.tenant_id = o.tenant_id and k.call_id = o.call_id)
  ), ends as materialized (
    select o.tenant_id, o.zone, o.seq, o.at, o.kind, o.outcome, o.duration_ms, o.detail, o.call_id, o.cost,
           c.at as called_at, c.member_id, c.client_id, c.connection, c.tool, c.reserved, c.accounts
      from ended o join calls c using (tenant_id, call_id)
    union all
    -- Calls of earlier batches, by their event or, where that is not kept any more, by their reservation. Nearly
    -- all are of the last weeks, and months before are not looked through for them.
    select o.tenant_id, o.zone, o.seq, o.at, o.kind, o.outcome, o.duration_ms, o.detail, o.call_id, o.cost,
           coalesce(c.at, l.called_at, o.at), coalesce(c.member_id, l.member_id), coalesce(c.client_id, l.client_id),
           coalesce(c.connection, l.connection, o.connection), coalesce(c.tool, l.tool, o.tool),
           case when o.kind = 'control' then (o.detail ->> 'reservedMicros')::bigint
                else coalesce((c.detail ->> 'reservedMicros')::bigint, l.amount_micros, 0) end,
           case when o.kind = 'control' then array(select jsonb_array_elements_text(o.detail -> 'budgets')::bigint)
                when c.detail ? 'budgets' then array(select jsonb_array_elements_text(c.detail -> 'budgets')::bigint)
                else coalesce(l.accounts, '{}') end
      from strays o
      left join lateral (
        select e.call_id, e.at, e.member_id, e.client_id, e.connection, e.tool, e.detail from audit_event e
         where e.tenant_id = o.tenant_id and e.call_id = o.call_id and e.kind = 'call' and e.sealed_at >= now() - interval '40 days' limit 1) n on true
      left join lateral (
        select n.* where n.call_id is not null
        union all
        (select e.call_id, e.at, e.member_id, e.client_id, e.connection, e.tool, e.detail from audit_event e
          where n.call_id is null and e.tenant_id = o.tenant_id and e.call_id = o.call_id and e.kind = 'call'
            and e.sealed_at < now() - interval '40 days' limit 1)) c on true
      left join lateral (
        select r.called_at, r.member_id, r.client_id, r.connection, r.tool, r.amount_micros, r.accounts from ledger_entry r
         where c.call_id is null and r.tenant_id = o.tenant_id and r.call_id = o.call_id and r.kind = 'reserve' limit 1) l on true
  ), lines as materialized (
    select tenant_id, zone, seq, 1 as line, at, 'reserve' as kind, 'available' as debit, 'held' as credit, reserved as amount,
           call_id, accounts, connection, tool, member_id, client_id, at as called_at, null::jsonb as note
      from calls where reserved > 0
    union all
    select e.tenant_id, e.zone, e.seq, m.line, e.at, case e.kind when 'control' then 'correct' else m.kind end, m.debit, m.credit, m.amount,
           e.call_id, e.accounts, e.connection, e.tool, e.member_id, e.client_id, e.called_at,
           case when e.kind = 'control' then jsonb_strip_nulls(jsonb_build_object('reason', e.detail -> 'reason'))
                when e.detail ? 'overMax' then jsonb_build_object('overMax', e.detail -> 'overMax') end
      from ends e cross join lateral (values
        (1, 'settle', 'held', 'spent', least(e.cost, e.reserved)),
        (2, 'release', 'held', 'available', e.reserved - least(e.cost, e.reserved)),
        (3, 'settle', 'available', 'spent', e.cost - least(e.cost, e.reserved))) m(line, kind, debit, credit, amount)
     -- Of what is not known, all stays held.
     where m.amount > 0 and (e.kind = 'control' or e.outcome is distinct from 'unknown')
  ), entered as (
    insert into ledger_entry (tenant_id, seq, line, posted_at, at, kind, debit, credit, amount_micros, call_id, accounts,
                              connection, tool, member_id, client_id, called_at, note)
    select tenant_id, seq, line, now(), at, kind, debit, credit, amount, call_id, accounts,
           connection, tool, member_id, client_id, called_at, note
      from lines order by tenant_id, seq, line
  ), counted as (
    select tenant_id, zone, at, connection, tool, member_id, client_id, '' as code,
           1 as calls, 0 as errors, 0 as denied, 0::bigint as cost, 0::bigint as held, null::integer as bucket
      from calls
    union all
    select tenant_id, zone, at, connection, tool, member_id, client_id, coalesce(nullif(code, ''), 'refused'),
           0, 0, coalesce((detail ->> 'repeated')::integer, 1), 0, 0, null
      from batch where kind = 'denial'
    union all
    select tenant_id, zone, called_at, connection, tool, member_id, client_id, '',
           0, case when outcome in ('error', 'timeout', 'unavailable', 'unknown') then 1 else 0 end, 0, 0, 0,
           usage_bucket(duration_ms)
      from ends where kind = 'outcome'
    union all
    select tenant_id, zone, called_at, connection, tool, member_id, client_id, '', 0, 0, 0,
           case 'spent' when credit then amount when debit then -amount else 0 end,
           case 'held' when credit then amount when debit then -amount else 0 end, null
      from lines
  ), grouped as materialized (
    select tenant_id, date_trunc('hour', at, 'UTC') as hour, (at at time zone zone)::date as day,
           coalesce(connection, '') as connection, coalesce(tool, '') as tool, coalesce(member_id, '') as member_id,
           coalesce(client_id, '') as client_id, code,
           sum(calls) as calls, sum(errors) as errors, sum(denied) as denied, sum(cost) as cost, sum(held) as held,
           coalesce(sum(('1e' || bucket * 12)::numeric), 0) as durations
      from counted group by 1, 2, 3, 4, 5, 6, 7, 8
  ), keyed as materialized (
    select *, md5(row(connection, tool, member_id, client_id, code)::text)::uuid as key from grouped
  ), named as (
    insert into usage_key (tenant_id, id, connection, tool, member_id, client_id, code)
    select distinct tenant_id, key, connection, tool, member_id, client_id, code from keyed
    on conflict do nothing
  ), hours as (
    insert into usage_hour as u (tenant_id, hour, key, calls, errors, denied, cost_micros, held_micros, durations)
    select tenant_id, hour, key, sum(calls), sum(errors), sum(denied), sum(cost), sum(held), sum(durations)
      from keyed group by 1, 2, 3 order by 1, 2, 3
    on conflict (tenant_id, hour, key) do update
      set calls = u.calls + excluded.calls, errors = u.errors + excluded.errors, denied = u.denied + excluded.denied,
          cost_micros = u.cost_micros + excluded.cost_micros, held_micros = u.held_micros + excluded.held_micros,
          durations = u.durations + excluded.durations
  ), days as (
    insert into usage_day as u (tenant_id, day, key, calls, errors, denied, cost_micros, held_micros, durations)
    select tenant_id, day, key, sum(calls), sum(errors), sum(denied), sum(cost), sum(held), sum(durations)
      from keyed group by 1, 2, 3 order by 1, 2, 3
    on conflict (tenant_id, day, key) do update
      set calls = u.calls + excluded.calls, errors = u.errors + excluded.errors, denied = u.denied + excluded.denied,
          cost_micros = u.cost_micros + excluded.cost_micros, held_micros = u.held_micros + excluded.held_micros,
          durations = u.durations + excluded.durations
  ), connections as (
    insert into usage_connection_hour as u (tenant_id, hour, connection, code, calls, errors, denied, cost_micros, held_micros, durations)
    select tenant_id, hour, connection, code, sum(calls), sum(errors), sum(denied), sum(cost), sum(held), sum(durations)
      from keyed group by 1, 2, 3, 4 order by 1, 2, 3, 4
    on conflict (tenant_id, hour, connection, code) do update
      set calls = u.calls + excluded.calls, errors = u.errors + excluded.errors, denied = u.denied + excluded.denied,
          cost_micros = u.cost_micros + excluded.cost_micros, held_micros = u.held_micros + excluded.held_micros,
          durations = u.durations + excluded.durations
  )
  insert into money_cursor as c (tenant_id, posted_seq, sealed_at, zone)
  select k.tenant_id, k.upto, greatest(k.sealed, s.latest), k.zone
    from unnest(p_tenant, p_sealed, p_upto, p_zone) k(tenant_id, sealed, upto, zone)
    left join (select tenant_id, max(sealed_at) as latest from batch group by 1) s using (tenant_id)
  on conflict (tenant_id) do update set posted_seq = excluded.posted_seq, sealed_at = excluded.sealed_at
$$;

-- Counts the usage of one workspace anew, calls and durations out of its events and money out of its ledger, up
-- to where both are posted, and returns the hours and days, and hours of connections, that differ from what is
-- kept: none. `p_since`: for a
-- workspace whose events of before are gone, the moment from which all are kept.
create or replace function usage_differences(p_tenant text, p_since timestamptz default '-infinity')
  returns table (span text, starts text, key uuid, counted text, kept text)
  language sql stable security definer set search_path = public, pg_temp
  set work_mem = '64MB' as $$
  with posted as (
    select c.posted_seq, c.zone from money_cursor c where c.tenant_id = p_tenant
  ), counted as (
    select c.at, c.connection, c.tool, c.member_id, c.client_id, case c.kind when 'call' then '' else coalesce(nullif(c.code, ''), 'refused') end as code,
           case c.kind when 'call' then 1 else 0 end as calls,
           case when o.outcome in ('error', 'timeout', 'unavailable', 'unknown') then 1 else 0 end as errors,
           case c.kind when 'denial' then coalesce((c.detail ->> 'repeated')::integer, 1) else 0 end as denied,
           0::bigint as cost, 0::bigint as held, ('1e' || usage_bucket(o.duration_ms) * 12)::numeric as durations
      from audit_event c cross join posted
      left join audit_event o on o.tenant_id = c.tenant_id and o.call_id = c.call_id and o.kind = 'outcome' and c.kind = 'call'
                             and o.seq <= posted.posted_seq
     where c.tenant_id = p_tenant and c.kind in ('call', 'denial') and c.seq <= posted.posted_seq and c.at >= p_since
    union all
    select called_at, connection, tool, member_id, client_id, '', 0, 0, 0,
           case 'spent' when credit then amount_micros when debit then -amount_micros else 0 end,
           case 'held' when credit then amount_micros when debit then -amount_micros else 0 end, null
      from ledger_entry where tenant_id = p_tenant and called_at >= p_since
  ), keyed as (
    select *, md5(row(coalesce(connection, ''), coalesce(tool, ''), coalesce(member_id, ''), coalesce(client_id, ''), code)::text)::uuid as key,
           md5(row(coalesce(connection, ''), code)::text)::uuid as coarse
      from counted
  ), anew as (
    select x.span, x.starts, x.key, row(sum(calls), sum(errors), sum(denied), sum(cost), sum(held), trim_scale(coalesce(sum(durations), 0)))::text as figures
      from keyed cross join posted
     cross join lateral (values
       ('hour', date_trunc('hour', at, 'UTC')::text, key), ('day', (at at time zone posted.zone)::date::text, key),
       ('connection hour', date_trunc('hour', at, 'UTC')::text, coarse)) x(span, starts, key)
     group by 1, 2, 3
  ), stored as (
    select 'hour' as span, hour::text as starts, key, row(calls, errors, denied, cost_micros, held_micros, trim_scale(durations))::text as figures
      from usage_hour where tenant_id = p_tenant and hour >= p_since
    union all
    select 'day', day::text, key, row(calls, errors, denied, cost_micros, held_micros, trim_scale(durations))::text
      from usage_day cross join posted where tenant_id = p_tenant and (day::timestamp at time zone posted.zone) >= p_since
    union all
    select 'connection hour', hour::text, md5(row(connection, code)::text)::uuid, row(calls, errors, denied, cost_micros, held_micros, trim_scale(durations))::text
      from usage_connection_hour where tenant_id = p_tenant and hour >= p_since
  )
  select span, starts, key, a.figures, s.figures
    from anew a full join stored s using (span, starts, key)
   where a.figures is distinct from s.figures
$$;
reset role;

-- migrate:down
select 1;
