-- migrate:up
set role conducktor_owner;

-- The months of the audit sequences, one partition each. They are of the installation, not of a workspace.
create table audit_month (
  -- -infinity: what was there before there were months.
  starts timestamptz primary key,
  ends timestamptz not null,
  partition text not null unique,
  -- When the first event was sealed into it. Nothing is sealed before the latest such month any more.
  opened_at timestamptz,
  -- Not everything in it was sealed between starts and ends: it leaves by the times of its events.
  by_at boolean not null default false,
  -- No part of audit_event any more, and to be dropped.
  detached_at timestamptz
);
grant select on audit_month to conducktor_app, conducktor_system;
grant update (opened_at, by_at) on audit_month to conducktor_system;

-- Where a month begins in the sequence of a workspace, for every month that keeps events of it. Up to where the
-- next begins, it is without gaps.
create table audit_span (
  tenant_id text not null references tenant,
  starts timestamptz not null,
  from_seq bigint not null,
  primary key (tenant_id, starts)
);
call protect_tenant_table('audit_span');
create index audit_span_month on audit_span (starts);
grant select on audit_span to conducktor_app;
grant select, insert, update, delete on audit_span to conducktor_system;

-- What is to leave or has left: a stretch of the sequence of one workspace.
create table audit_departure (
  tenant_id text not null references tenant,
  from_seq bigint not null,
  to_seq bigint not null,
  -- yyyy-mm
  month text not null,
  -- Where it was exported to, with how many events, bytes and which SHA-256; null: it was not.
  archive jsonb,
  -- When its leaving was recorded, in the transaction that began it.
  recorded_at timestamptz,
  primary key (tenant_id, from_seq)
);
call protect_tenant_table('audit_departure');
grant select on audit_departure to conducktor_app;
grant select, insert, update on audit_departure to conducktor_system;

-- The sequences are partitioned by when an event was sealed and not by when it happened: one sealer at a
-- time gives places in that order, so that the oldest month without its events is a sequence without gaps.
alter table audit_event rename to audit_event_before;
do $$
declare i text;
begin
  for i in select indexrelid::regclass::text from pg_index where indrelid = 'audit_event_before'::regclass loop
    execute format('alter index %I rename to %I', i, replace(i, 'audit_event', 'audit_event_before'));
  end loop;
end $$;
-- Reached through its parent only, as every partition: no rights, and row security without a policy.
drop policy tenant_rows on audit_event_before;
drop policy tenant_isolation on audit_event_before;
drop policy system_rows on audit_event_before;
revoke all on audit_event_before from conducktor_app, conducktor_system;

-- What is there counts as sealed now, so that no row is written again: one pass that checks, one that makes
-- the key.
set local maintenance_work_mem = '256MB';
do $$
declare ends timestamptz := (date_trunc('month', now() at time zone 'UTC') + interval '1 month') at time zone 'UTC';
begin
  execute format('alter table audit_event_before
                    drop constraint audit_event_before_pkey,
                    add column sealed_at timestamptz not null default now(),
                    add constraint audit_event_before_sealed check (sealed_at < %L),
                    add primary key (tenant_id, seq, sealed_at)', ends);
end $$;
create table audit_event (
  like audit_event_before including defaults,
  constraint audit_event_kind_check check (kind in ('call', 'denial', 'outcome', 'control')),
  primary key (tenant_id, seq, sealed_at)
) partition by range (sealed_at);
create index audit_event_call on audit_event (tenant_id, call_id);
create index audit_event_at on audit_event using brin (at);
create index audit_event_member on audit_event (tenant_id, member_id, seq) where kind <> 'outcome';
create index audit_event_tool on audit_event (tenant_id, tool, seq) where kind <> 'outcome';
create index audit_event_rare on audit_event (tenant_id, kind, seq) where kind in ('denial', 'control');
create index audit_event_code on audit_event (tenant_id, code, seq) where code is not null and kind <> 'outcome';
create index audit_event_outcome_code on audit_event (tenant_id, code, seq) where code is not null and kind = 'outcome';
create index audit_event_failed on audit_event (tenant_id, outcome, seq) where outcome <> 'ok';
create index audit_event_old_id on audit_event (tenant_id, id) where position('x' in id) = 0;
call protect_tenant_table('audit_event');
grant select on audit_event to conducktor_app;
grant select, insert, update, delete on audit_event to conducktor_system;

-- Makes the partition of the month (UTC) that holds this moment, if there is none. Attached rather than
-- created in place: nobody who reads or seals is waited for.
create function make_audit_month(p_at timestamptz) returns void
  language plpgsql security definer set search_path = public, pg_temp as $$
declare
  first timestamptz := date_trunc('month', p_at, 'UTC');
  -- By the calendar of UTC: in the session's zone a month may begin at another hour than the next.
  next timestamptz := ((first at time zone 'UTC') + interval '1 month') at time zone 'UTC';
  name text;
begin
  perform pg_advisory_xact_lock(hashtextextended('conducktor.audit_month', 0));
  if exists (select from audit_month where starts <= p_at and p_at < ends and detached_at is null) then return; end if;
  name := 'audit_event_' || to_char(first at time zone 'UTC', 'YYYY_MM');
  execute format('create table %I (like audit_event including all)', name);
  execute format('alter table %I enable row level security, force row level security', name);
  execute format('alter table audit_event attach partition %I for values from (%L) to (%L)', name, first, next);
  insert into audit_month (starts, ends, partition) values (first, next, name);
end $$;
grant execute on function make_audit_month(timestamptz) to conducktor_system;

do $$
declare ends timestamptz := (date_trunc('month', now() at time zone 'UTC') + interval '1 month') at time zone 'UTC';
begin
  -- Not by asking for rows: row security hides them from their owner.
  if pg_relation_size('audit_event_before') = 0 then
    drop table audit_event_before;
  else
    execute format('alter table audit_event attach partition audit_event_before for values from (minvalue) to (%L)', ends);
    alter table audit_event_before drop constraint audit_event_before_sealed;
    insert into audit_month (starts, ends, partition, opened_at, by_at)
    values ('-infinity', ends, 'audit_event_before', now(), true);
  end if;
end $$;
select make_audit_month(now());
reset role;

set role conducktor_system;
insert into audit_span (tenant_id, starts, from_seq)
select t.id, '-infinity', e.seq
  from tenant t cross join lateral (select min(seq) as seq from audit_event where tenant_id = t.id) e
 where e.seq is not null;

-- The moment that what is sealed now is sealed at, and where its month begins. Never before the latest month
-- that was sealed into, whatever the clock says: places and months rise together.
create function sealing_moment(out moment timestamptz, out month timestamptz)
  language plpgsql set search_path = public, pg_temp as $$
declare latest record;
begin
  select starts, ends into latest from audit_month where opened_at is not null and detached_at is null order by starts desc limit 1;
  moment := greatest(now(), latest.starts);
  month := latest.starts;
  if latest.starts is null or moment >= latest.ends then
    perform make_audit_month(moment);
    update audit_month m set opened_at = now()
     where m.starts <= moment and moment < m.ends and m.detached_at is null
    returning m.starts into month;
  end if;
end $$;

-- Seals about p_limit calls and p_limit outcomes of every epoch (whole ticks) and p_limit control events
-- into the tenants' sequences. Returns how many events it appended. One sealer at a time, by its own lock.
-- Ids are evt_<seq, hexadecimal>x<96 random bits>. An outcome comes after its call, also when calls are
-- behind or commit while this runs: outcomes of calls that have no place yet wait for the next time. What was
-- said of the cost of calls waits until none are behind: the ledger has from the call whose it is.
-- All of a time have one moment of sealing, which no earlier event of theirs comes after.
create or replace function seal(p_limit integer) returns integer
  language plpgsql security definer set search_path = public, pg_temp
  -- Room for one batch in memory.
  set work_mem = '32MB' as $$
declare
  e record; upto bigint; early bigint; n integer; moment timestamptz; month timestamptz;
  more boolean; behind boolean := false;
  -- What this time takes, as parts of one query over the partitions.
  parts text[] := '{}';
begin
  if not pg_try_advisory_xact_lock(epoch_lock_class(), 0) then return 0; end if;

  -- One tick in flight per epoch: what is visible is a prefix in tick order, without gaps. The epoch is
  -- named although a partition holds no other: without it the key cannot be used from its beginning.
  for e in select epoch, call_tick from seal_cursor where not dropped order by epoch loop
    execute format('select max(tick) from (select tick from call_%1$s where epoch = %1$s and tick > $1 order by tick limit $2) x', e.epoch)
      into upto using e.call_tick, p_limit;
    continue when upto is null;
    parts := parts || format($q$
      select tenant_id, 1 as part, epoch, tick, ordinal::bigint, case when admitted then 'call' else 'denial' end as kind,
             call_id, 0::bigint as cost, record
        from call_%1$s where epoch = %1$s and tick > %2$s and tick <= %3$s $q$, e.epoch, e.call_tick, upto);
    execute format('select exists (select from call_%1$s where epoch = %1$s and tick > $1)', e.epoch) into more using upto;
    behind := behind or more;
    update seal_cursor set call_tick = upto where epoch = e.epoch;
  end loop;

  for e in select epoch, call_tick, outcome_tick from seal_cursor where not dropped order by epoch loop
    execute format('select max(tick) from (select tick from outcome_%1$s where epoch = %1$s and tick > $1 order by tick limit $2) x', e.epoch)
      into upto using e.outcome_tick, p_limit;
    continue when upto is null;
    execute format($q$
      select min(o.tick) from outcome_%1$s o
       where o.epoch = %1$s and o.tick > $1 and o.tick <= $2
         and o.call_tick > case when o.call_epoch = %1$s then $3
                                else (select s.call_tick from seal_cursor s where s.epoch = o.call_epoch) end $q$, e.epoch)
      into early using e.outcome_tick, upto, e.call_tick;
    upto := least(upto, early - 1);
    continue when upto <= e.outcome_tick;
    parts := parts || format($q$
      select tenant_id, 2, epoch, tick, ordinal::bigint, 'outcome', call_id, cost_micros, record
        from outcome_%1$s where epoch = %1$s and tick > %2$s and tick <= %3$s $q$, e.epoch, e.outcome_tick, upto);
    update seal_cursor set outcome_tick = upto where epoch = e.epoch;
  end loop;

  if cardinality(parts) = 0 and not exists (select from audit_outbox) then return 0; end if;
  select m.moment, m.month into moment, month from sealing_moment() m;

  parts := parts || 'select tenant_id, 3, 0, 0::bigint, id, $k$control$k$, null, 0::bigint, record from taken'::text;
  execute format($q$
    with taken as (
      delete from audit_outbox a using (
          select tenant_id, id from audit_outbox
           where not ($4 and record ->> 'action' is not distinct from 'money.reconcile') order by id limit $1) t
       where a.tenant_id = t.tenant_id and a.id = t.id
      returning a.tenant_id, a.id, (a.record || jsonb_build_object('at', a.at))::text as record
    ), batch (tenant_id, part, epoch, tick, ordinal, kind, call_id, cost, record) as materialized (
      %s
    ), counted as (
      select tenant_id, count(*) as events from batch group by tenant_id
    ), heads as (
      insert into audit_head as h (tenant_id, next_seq)
      select tenant_id, 1 + events from counted order by tenant_id
      on conflict (tenant_id) do update set next_seq = h.next_seq + excluded.next_seq - 1
      returning tenant_id, next_seq
    ), months as (
      insert into audit_span (tenant_id, starts, from_seq)
      select tenant_id, $3, h.next_seq - c.events from counted c join heads h using (tenant_id)
      on conflict do nothing
    ), placed as (
      select b.tenant_id, b.kind, b.call_id, b.cost, b.record::jsonb as record, h.next_seq - c.events - 1
             + row_number() over (partition by b.tenant_id order by b.part, b.epoch, b.tick, b.ordinal) as seq
        from batch b join counted c using (tenant_id) join heads h using (tenant_id)
    )
    insert into audit_event (tenant_id, seq, id, kind, at, call_id, member_id, actor, client_id, connection, tool,
                             decision, code, outcome, cost_micros, arguments_hash, arguments_sealed, duration_ms, detail, sealed_at)
    select tenant_id, seq, 'evt_' || to_hex(seq) || 'x' || right(replace(gen_random_uuid()::text, '-', ''), 24), kind,
           (record->>'at')::timestamptz, call_id,
           record->>'memberId', record->>'actor', record->>'clientId', record->>'connection', record->>'tool',
           record->>'decision', record->>'code', record->>'outcome', cost, record->>'argumentsHash',
           record->>'argumentsSealed', (record->>'durationMs')::double precision,
           record - array['at', 'memberId', 'actor', 'clientId', 'connection', 'tool', 'decision', 'code', 'outcome',
                          'argumentsHash', 'argumentsSealed', 'durationMs'], $2
      from placed $q$, array_to_string(parts, ' union all '))
    using p_limit, moment, month, behind;
  get diagnostics n = row_count;
  return n;
end $$;

-- Makes the months that come, this one and the next two, so that the first event of one waits for nothing. Run
-- now and then; `seal` makes what is missing.
create function prepare_audit_months() returns void
  language plpgsql security definer set search_path = public, pg_temp as $$
begin
  for i in 0 .. 2 loop
    perform make_audit_month(((date_trunc('month', now() at time zone 'UTC')) + make_interval(months => i)) at time zone 'UTC');
  end loop;
  -- The clock was ahead, and what is sealed goes on there until its time comes.
  update audit_month set by_at = true where not by_at and opened_at is not null and starts > now() + interval '1 hour';
  -- Nothing is left of it and nothing comes any more: the next is the workspace's oldest.
  delete from audit_span s using audit_month m
   where m.starts = s.starts and m.by_at and m.starts < (select max(o.starts) from audit_month o where o.opened_at is not null)
     and exists (select from audit_span n where n.tenant_id = s.tenant_id and n.starts > s.starts and n.from_seq = s.from_seq);
end $$;
grant execute on function prepare_audit_months() to conducktor_audit;

-- Erases the arguments of about p_limit calls of one workspace that are past its payload_days, and records
-- it in the same transaction. Goes through the sequence from where it stopped. Returns how many events it
-- went through; 0: nothing is left to do. One at a time, by its own lock.
create or replace function expire_payloads(p_limit integer) returns integer
  language plpgsql security definer set search_path = public, pg_temp as $$
declare
  t record; oldest timestamptz; upto bigint; seen integer; erased integer; bodies integer;
begin
  if not pg_try_advisory_xact_lock(hashtextextended('conducktor.retention', 0)) then return 0; end if;
  for t in
    select w.id, h.payloads_erased as done, retention_end(least(w.payload_days, w.event_days)) as before,
           -- What was erased up to here was sealed before the rest.
           coalesce((select s.starts from audit_span s where s.tenant_id = w.id and s.from_seq <= h.payloads_erased + 1
                      order by s.starts desc limit 1), '-infinity') as sealed
      from tenant w left join audit_head h on h.tenant_id = w.id
     where least(w.payload_days, w.event_days) is not null order by w.id
  loop
    -- Bodies of calls that were never recorded, or whose event is gone.
    delete from call_body b using (
        select call_id from call_body where tenant_id = t.id and created_at < t.before - interval '7 days'
         order by created_at limit p_limit) old
     where b.tenant_id = t.id and b.call_id = old.call_id;
    -- An event that says it is of the future was sealed before it.
    select least(at, sealed_at) into oldest from audit_event
     where tenant_id = t.id and seq > t.done and sealed_at >= t.sealed order by seq limit 1;
    continue when oldest is null or oldest >= t.before;

    select coalesce(min(seq) filter (where at >= t.before) - 1, max(seq)), count(*) filter (where at < t.before)
      into upto, seen
      from (select seq, least(at, sealed_at) as at from audit_event
             where tenant_id = t.id and seq > t.done and sealed_at >= t.sealed order by seq limit p_limit) batch;
    with gone as (
      update audit_event set arguments_sealed = null, payload_erased_at = now()
       where tenant_id = t.id and seq > t.done and seq <= upto and sealed_at >= t.sealed
         and (arguments_sealed is not null or detail ->> 'argumentsIn' = 'call_body')
      returning call_id
    ), large as (
      delete from call_body b using gone where b.tenant_id = t.id and b.call_id = gone.call_id returning b.call_id
    )
    select (select count(*) from gone), (select count(*) from large) into erased, bodies;
    update audit_head set payloads_erased = upto where tenant_id = t.id;
    if erased > 0 then
      insert into audit_outbox (tenant_id, record) values (t.id, jsonb_build_object(
        'action', 'retention.payloads', 'actor', 'retention', 'erased', erased, 'before', t.before,
        'fromSeq', t.done + 1, 'toSeq', upto));
    end if;
    return greatest(seen, 1);
  end loop;
  return 0;
end $$;

-- The last place of a workspace from p_from to p_to that was taken before a moment: as far as events are in the
-- order of time, some twenty looks by the key find it among millions.
create function last_place_before(p_tenant text, p_from bigint, p_to bigint, p_before timestamptz, p_starts timestamptz, p_ends timestamptz)
  returns bigint language plpgsql stable set search_path = public, pg_temp as $$
declare
  low bigint := p_from; high bigint := p_to + 1; middle bigint; taken timestamptz;
begin
  while low < high loop
    middle := (low + high) / 2;
    select least(at, sealed_at) into taken from audit_event
     where tenant_id = p_tenant and seq = middle and sealed_at >= p_starts and sealed_at < p_ends;
    if taken < p_before then low := middle + 1; else high := middle; end if;
  end loop;
  return low - 1;
end $$;

-- What leaves now, at most one stretch of a workspace: its oldest month, all of it past the event_days of the
-- workspace, its arguments erased, its events in the ledger and in usage. `whole`: so it is of every workspace
-- that the month holds events of, and the month goes at once.
create function leaving_events(p_tenant text default null)
  returns table (tenant_id text, from_seq bigint, to_seq bigint, month text, before timestamptz, starts timestamptz, ends timestamptz,
                 by_at boolean, whole boolean, archived boolean, recorded boolean)
  language plpgsql stable security definer set search_path = public, pg_temp as $$
#variable_conflict use_column
declare s record; taken timestamptz; month_ends timestamptz;
begin
  for s in
    select *, bool_and(oldest and last <= settled and not by_at and coalesce(ends <= before, false)) over (partition by starts) as whole
      from (
        select p.tenant_id, p.starts, m.ends, m.by_at, p.from_seq as first, retention_end(t.event_days) as before,
               coalesce((select min(n.from_seq) from audit_span n where n.tenant_id = p.tenant_id and n.starts > p.starts),
                        h.next_seq) - 1 as last,
               not exists (select from audit_span o where o.tenant_id = p.tenant_id and o.starts < p.starts) as oldest,
               least(h.payloads_erased, coalesce(c.posted_seq, 0)) as settled
          from audit_month m join audit_span p using (starts)
          join tenant t on t.id = p.tenant_id join audit_head h on h.tenant_id = p.tenant_id
          left join money_cursor c on c.tenant_id = p.tenant_id
         where (m.by_at or m.ends <= (select max(retention_end(x.event_days)) from tenant x)
                or exists (select from audit_departure d
                            where d.tenant_id = p.tenant_id and d.from_seq = p.from_seq and d.recorded_at is not null))
           and (p_tenant is null or p.tenant_id = p_tenant)
      ) span
     order by starts, tenant_id
  loop
    continue when not s.oldest;
    tenant_id := s.tenant_id; from_seq := s.first; before := s.before;
    starts := s.starts; ends := s.ends; by_at := s.by_at; whole := s.whole;
    -- What began to leave goes on, also where it is to be kept longer since.
    select d.to_seq, d.month, d.archive is not null, d.recorded_at is not null
      into to_seq, month, archived, recorded
      from audit_departure d where d.tenant_id = s.tenant_id and d.from_seq = s.first;
    if recorded then
      return next;
      continue;
    end if;
    continue when s.before is null;
    if s.by_at then
      select least(e.at, e.sealed_at) into taken from audit_event e
       where e.tenant_id = s.tenant_id and e.seq = s.first and e.sealed_at >= s.starts and e.sealed_at < s.ends;
      month_ends := (date_trunc('month', taken at time zone 'UTC') + interval '1 month') at time zone 'UTC';
      continue when taken is null or month_ends > s.before;
      month := to_char(taken at time zone 'UTC', 'YYYY-MM');
      archived := archived and to_seq = last_place_before(s.tenant_id, s.first, s.last, month_ends, s.starts, s.ends);
      to_seq := last_place_before(s.tenant_id, s.first, s.last, month_ends, s.starts, s.ends);
    else
      continue when s.ends > s.before;
      month := to_char(s.starts at time zone 'UTC', 'YYYY-MM');
      archived := archived and to_seq = s.last;
      to_seq := s.last;
    end if;
    continue when to_seq > s.settled;
    archived := coalesce(archived, false);
    recorded := false;
    return next;
  end loop;
end $$;
grant execute on function leaving_events(text) to conducktor_audit;

-- Events of a stretch that leaves, as they are exported: after p_after, in order, without arguments.
create function leaving_page(p_tenant text, p_from bigint, p_to bigint, p_after bigint, p_limit integer)
  returns table (seq bigint, line text)
  language plpgsql stable security definer set search_path = public, pg_temp as $$
declare lower timestamptz; upper timestamptz; before timestamptz;
begin
  select s.starts, m.ends into lower, upper from audit_span s join audit_month m using (starts)
   where s.tenant_id = p_tenant and s.from_seq = p_from;
  select retention_end(t.event_days) into before from tenant t where t.id = p_tenant;
  return query
    select e.seq, json_build_object(
             'seq', e.seq, 'id', e.id, 'kind', e.kind, 'at', e.at, 'sealedAt', e.sealed_at, 'callId', e.call_id,
             'memberId', e.member_id, 'actor', e.actor, 'client', e.client_id, 'connection', e.connection, 'tool', e.tool,
             'decision', e.decision, 'code', e.code, 'outcome', e.outcome, 'durationMs', e.duration_ms,
             'costMicros', e.cost_micros, 'argumentsHash', e.arguments_hash, 'payloadErasedAt', e.payload_erased_at,
             'detail', e.detail)::text
      from audit_event e
     where e.tenant_id = p_tenant and e.seq > p_after and e.seq <= p_to and e.seq >= p_from
       and e.sealed_at >= lower and e.sealed_at < upper and least(e.at, e.sealed_at) < before
     order by e.seq limit p_limit;
end $$;
grant execute on function leaving_page(text, bigint, bigint, bigint, integer) to conducktor_audit;

-- That a stretch which leaves was exported, and to where.
create function note_archive(p_tenant text, p_from bigint, p_to bigint, p_archive jsonb) returns void
  language sql security definer set search_path = public, pg_temp as $$
  insert into audit_departure as d (tenant_id, from_seq, to_seq, month, archive)
  select l.tenant_id, l.from_seq, l.to_seq, l.month, p_archive from leaving_events(p_tenant) l
   where l.from_seq = p_from and l.to_seq = p_to
  on conflict (tenant_id, from_seq) do update set to_seq = excluded.to_seq, month = excluded.month, archive = excluded.archive
   where d.recorded_at is null
$$;
grant execute on function note_archive(text, bigint, bigint, jsonb) to conducktor_audit;

-- Records that these stretches leave, in the transaction in which they begin to.
create function record_departures(p_tenant text[], p_from bigint[], p_to bigint[], p_month text[], p_before timestamptz[]) returns void
  language sql set search_path = public, pg_temp as $$
  with u as (
    select * from unnest(p_tenant, p_from, p_to, p_month, p_before) u(tenant_id, from_seq, to_seq, month, before)
  ), recorded as (
    insert into audit_departure as d (tenant_id, from_seq, to_seq, month, recorded_at)
    select tenant_id, from_seq, to_seq, month, now() from u
    on conflict (tenant_id, from_seq) do update set to_seq = excluded.to_seq, month = excluded.month, recorded_at = now(),
      archive = case when d.to_seq = excluded.to_seq then d.archive end
    returning tenant_id, archive
  )
  insert into audit_outbox (tenant_id, record)
  select tenant_id, jsonb_strip_nulls(jsonb_build_object(
           'action', 'retention.events', 'actor', 'retention', 'deleted', to_seq - from_seq + 1, 'before', before,
           'fromSeq', from_seq, 'toSeq', to_seq, 'month', month, 'archive', archive))
    from u join recorded using (tenant_id) order by tenant_id
$$;

-- Removes about p_limit events of the stretch of one workspace that leaves a month which others keep: from its
-- old end, so that what is kept has no gaps. Returns how many; 0: it is gone. p_archive: only what was exported.
create function remove_events(p_tenant text, p_from bigint, p_archive boolean, p_limit integer) returns integer
  language plpgsql security definer set search_path = public, pg_temp as $$
declare
  l record; first bigint; gone integer := 0;
begin
  if not pg_try_advisory_xact_lock(hashtextextended('conducktor.retention', 0)) then return 0; end if;
  select * into l from leaving_events(p_tenant) x where x.from_seq = p_from;
  if not found or p_archive and not l.archived and not l.recorded then return 0; end if;
  if not l.recorded then
    perform record_departures(array[l.tenant_id], array[l.from_seq], array[l.to_seq], array[l.month], array[l.before]);
  end if;
  select min(seq) into first from audit_event
   where tenant_id = p_tenant and seq >= p_from and seq <= l.to_seq and sealed_at >= l.starts and sealed_at < l.ends;
  if first is not null then
    delete from audit_event
     where tenant_id = p_tenant and seq >= first and seq <= least(l.to_seq, first + p_limit - 1)
       and sealed_at >= l.starts and sealed_at < l.ends;
    get diagnostics gone = row_count;
  end if;
  if first is null or first + p_limit > l.to_seq then
    -- A month that events are sealed into keeps its place; what is new stands after it.
    update audit_span set from_seq = l.to_seq + 1 where tenant_id = p_tenant and starts = l.starts and l.by_at;
    delete from audit_span where tenant_id = p_tenant and starts = l.starts and not l.by_at;
  end if;
  return gone;
end $$;
grant execute on function remove_events(text, bigint, boolean, integer) to conducktor_audit;
reset role;

set role conducktor_owner;
-- Takes a month out of the sequences. Whoever reads them is waited for only briefly: others wait behind this.
create function detach_audit_month(p_starts timestamptz) returns text
  language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '300ms' as $$
declare name text;
begin
  select partition into strict name from audit_month where starts = p_starts and detached_at is null;
  execute format('alter table audit_event detach partition %I', name);
  update audit_month set detached_at = now() where starts = p_starts;
  return name;
end $$;
grant execute on function detach_audit_month(timestamptz) to conducktor_system;

-- Drops a month that is no part of the sequences any more; null: there is none. Apart from detaching, so that
-- nobody who reads waits for files to be deleted.
create function drop_detached_month() returns text
  language plpgsql security definer set search_path = public, pg_temp as $$
declare name text;
begin
  if not pg_try_advisory_xact_lock(hashtextextended('conducktor.retention', 0)) then return null; end if;
  delete from audit_month where starts = (select starts from audit_month where detached_at is not null order by starts limit 1)
  returning partition into name;
  if name is not null then execute format('drop table %I', name); end if;
  return name;
end $$;
grant execute on function drop_detached_month() to conducktor_audit;
reset role;

set role conducktor_system;
-- Takes the oldest month out of the sequences that every workspace is done with, and records it in the same
-- transaction; returns its partition, null: there is none. p_archive: only what was exported. Fails with
-- lock_not_available while somebody reads for long: try again.
create function retire_audit_month(p_archive boolean) returns text
  language plpgsql security definer set search_path = public, pg_temp as $$
declare m record;
begin
  if not pg_try_advisory_xact_lock(hashtextextended('conducktor.retention', 0)) then return null; end if;
  select x.starts into m from (
    select l.starts from leaving_events() l where l.whole
     group by l.starts having bool_and(l.archived or l.recorded or not p_archive)
    union all
    -- Months without anything in them, but those that may still be sealed into.
    select e.starts from audit_month e
     where e.detached_at is null and e.ends <= now()
       and e.starts < (select max(o.starts) from audit_month o where o.opened_at is not null)
       and (e.by_at or not exists (select from audit_span s where s.starts = e.starts))
       and not exists (select from audit_event v where v.sealed_at >= e.starts and v.sealed_at < e.ends)
  ) x order by x.starts limit 1;
  if not found then return null; end if;
  -- While nobody seals, which takes longer than readers are to wait.
  perform set_config('lock_timeout', '5s', true);
  perform pg_advisory_xact_lock(epoch_lock_class(), 0);
  perform record_departures(array_agg(l.tenant_id), array_agg(l.from_seq), array_agg(l.to_seq), array_agg(l.month), array_agg(l.before))
     from leaving_events() l where l.starts = m.starts and l.whole and not l.recorded having count(*) > 0;
  delete from audit_span where starts = m.starts;
  return detach_audit_month(m.starts);
end $$;
grant execute on function retire_audit_month(boolean) to conducktor_audit;
drop function expire_events(integer);
reset role;

-- migrate:down
select 1;
