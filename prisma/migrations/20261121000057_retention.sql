-- migrate:up
set role conducktor_owner;

-- When the arguments of a call were erased because their time was over. Its hash stays.
alter table audit_event add column payload_erased_at timestamptz;

-- Questions about a person or a tool are asked most and may be about very little in very much. With
-- 1,000,000 events the answer takes 1 ms instead of 300 to 700, and sealing 2 µs more for an event.
create index audit_event_member on audit_event (tenant_id, member_id, seq) where kind <> 'outcome';
create index audit_event_tool on audit_event (tenant_id, tool, seq) where kind <> 'outcome';
-- What is rare by nature pays for its own index, and calls that end well for none.
create index audit_event_rare on audit_event (tenant_id, kind, seq) where kind in ('denial', 'control');
create index audit_event_code on audit_event (tenant_id, code, seq) where code is not null and kind <> 'outcome';
create index audit_event_outcome_code on audit_event (tenant_id, code, seq) where code is not null and kind = 'outcome';
create index audit_event_failed on audit_event (tenant_id, outcome, seq) where outcome <> 'ok';
-- An id holds its place in the sequence since now, so that finding it costs no index of random text.
-- Ids of before do not.
create index audit_event_old_id on audit_event (tenant_id, id) where position('x' in id) = 0;

create index call_body_age on call_body (tenant_id, created_at);
reset role;

set role conducktor_system;
-- Up to which event the payloads are erased.
alter table audit_head add column payloads_erased bigint not null default 0;

-- Seals about p_limit calls and p_limit outcomes of every epoch (whole ticks) and p_limit control events
-- into the tenants' sequences. Returns how many events it appended. One sealer at a time, by its own lock.
-- Ids are evt_<seq, hexadecimal>x<96 random bits>. An outcome comes after its call, also when calls are behind or commit while this runs.
create or replace function seal(p_limit integer) returns integer
  language plpgsql security definer set search_path = public, pg_temp as $$
declare
  e record; upto bigint; early bigint; total integer := 0; n integer;
begin
  if not pg_try_advisory_xact_lock(epoch_lock_class(), 0) then return 0; end if;
  create temporary table if not exists sealing (
    rank bigint generated always as identity, tenant_id text, kind text, call_id text, cost bigint, record jsonb
  ) on commit delete rows;

  -- One tick in flight per epoch: what is visible is a prefix in tick order, without gaps. The epoch is
  -- named although a partition holds no other: without it the key cannot be used from its beginning.
  for e in select epoch, call_tick from seal_cursor where not dropped order by epoch loop
    execute format('select max(tick) from (select tick from call_%1$s where epoch = %1$s and tick > $1 order by tick limit $2) x', e.epoch)
      into upto using e.call_tick, p_limit;
    continue when upto is null;
    execute format($q$
      insert into sealing (tenant_id, kind, call_id, cost, record)
      select tenant_id, case when admitted then 'call' else 'denial' end, call_id, 0, record::jsonb
        from call_%1$s where epoch = %1$s and tick > $1 and tick <= $2 order by tick, ordinal $q$, e.epoch) using e.call_tick, upto;
    get diagnostics n = row_count; total := total + n;
    update seal_cursor set call_tick = upto where epoch = e.epoch;
  end loop;

  for e in select epoch, outcome_tick from seal_cursor where not dropped order by epoch loop
    execute format('select max(tick) from (select tick from outcome_%1$s where epoch = %1$s and tick > $1 order by tick limit $2) x', e.epoch)
      into upto using e.outcome_tick, p_limit;
    continue when upto is null;
    execute format($q$
      select min(o.tick) from outcome_%1$s o join seal_cursor s on s.epoch = o.call_epoch
       where o.epoch = %1$s and o.tick > $1 and o.tick <= $2 and o.call_tick > s.call_tick $q$, e.epoch)
      into early using e.outcome_tick, upto;
    upto := least(upto, early - 1);
    execute format($q$
      insert into sealing (tenant_id, kind, call_id, cost, record)
      select tenant_id, 'outcome', call_id, cost_micros, record::jsonb
        from outcome_%1$s where epoch = %1$s and tick > $1 and tick <= $2 order by tick, ordinal $q$, e.epoch) using e.outcome_tick, upto;
    get diagnostics n = row_count; total := total + n;
    update seal_cursor set outcome_tick = greatest(outcome_tick, upto) where epoch = e.epoch;
  end loop;

  with taken as (
    delete from audit_outbox a using (select tenant_id, id from audit_outbox order by id limit p_limit) t
     where a.tenant_id = t.tenant_id and a.id = t.id returning a.tenant_id, a.id, a.record || jsonb_build_object('at', a.at) as record
  )
  insert into sealing (tenant_id, kind, call_id, cost, record)
  select tenant_id, 'control', null, 0, record from taken order by id;
  get diagnostics n = row_count; total := total + n;
  if total = 0 then return 0; end if;

  with heads as (
    insert into audit_head as h (tenant_id, next_seq)
    select tenant_id, 1 + count(*) from sealing group by tenant_id order by tenant_id
    on conflict (tenant_id) do update set next_seq = h.next_seq + excluded.next_seq - 1
    returning tenant_id, next_seq
  ), numbered as (
    select s.*, h.next_seq - count(*) over (partition by s.tenant_id)
                 + row_number() over (partition by s.tenant_id order by s.rank) - 1 as seq
      from sealing s join heads h using (tenant_id)
  )
  insert into audit_event (tenant_id, seq, id, kind, at, call_id, member_id, actor, client_id, connection, tool,
                           decision, code, outcome, cost_micros, arguments_hash, arguments_sealed, duration_ms, detail)
  select tenant_id, seq, 'evt_' || to_hex(seq) || 'x' || right(replace(gen_random_uuid()::text, '-', ''), 24), kind, (record->>'at')::timestamptz, call_id,
         record->>'memberId', record->>'actor', record->>'clientId', record->>'connection', record->>'tool',
         record->>'decision', record->>'code', record->>'outcome', cost, record->>'argumentsHash',
         record->>'argumentsSealed', (record->>'durationMs')::double precision,
         record - array['at', 'memberId', 'actor', 'clientId', 'connection', 'tool', 'decision', 'code', 'outcome',
                        'argumentsHash', 'argumentsSealed', 'durationMs']
    from numbered;
  return total;
end $$;

-- The moment before which something kept for these days is over. Whole days in UTC, so that what is
-- erased is recorded once a day and not all day long: everything is kept for at least its days.
create function retention_end(p_days integer) returns timestamptz
  language sql stable set search_path = public, pg_temp as $$
  -- Counted in UTC too: days of the session's zone have 23 or 25 hours twice a year.
  select (date_trunc('day', now() at time zone 'UTC') - make_interval(days => p_days)) at time zone 'UTC'
$$;

-- Erases the arguments of about p_limit calls of one workspace that are past its payload_days, and records
-- it in the same transaction. Goes through the sequence from where it stopped. Returns how many events it
-- went through; 0: nothing is left to do. One at a time, by its own lock.
create function expire_payloads(p_limit integer) returns integer
  language plpgsql security definer set search_path = public, pg_temp as $$
declare
  t record; oldest timestamptz; upto bigint; seen integer; erased integer; bodies integer;
begin
  if not pg_try_advisory_xact_lock(hashtextextended('conducktor.retention', 0)) then return 0; end if;
  for t in
    select w.id, h.payloads_erased as done, retention_end(least(w.payload_days, w.event_days)) as before
      from tenant w left join audit_head h on h.tenant_id = w.id
     where least(w.payload_days, w.event_days) is not null order by w.id
  loop
    -- Bodies of calls that were never recorded, or whose event is gone.
    delete from call_body b using (
        select call_id from call_body where tenant_id = t.id and created_at < t.before - interval '7 days'
         order by created_at limit p_limit) old
     where b.tenant_id = t.id and b.call_id = old.call_id;
    select at into oldest from audit_event where tenant_id = t.id and seq > t.done order by seq limit 1;
    continue when oldest is null or oldest >= t.before;

    select coalesce(min(seq) filter (where at >= t.before) - 1, max(seq)), count(*) filter (where at < t.before)
      into upto, seen
      from (select seq, at from audit_event where tenant_id = t.id and seq > t.done order by seq limit p_limit) batch;
    with gone as (
      update audit_event set arguments_sealed = null, payload_erased_at = now()
       where tenant_id = t.id and seq > t.done and seq <= upto
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
grant execute on function expire_payloads(integer) to conducktor_audit;

-- Deletes about p_limit events of one workspace that are past its event_days, from the old end only: what
-- is kept stays a sequence without gaps. Recorded and returned as above.
create function expire_events(p_limit integer) returns integer
  language plpgsql security definer set search_path = public, pg_temp as $$
declare
  t record; first bigint; oldest timestamptz; upto bigint; gone integer;
begin
  if not pg_try_advisory_xact_lock(hashtextextended('conducktor.retention', 0)) then return 0; end if;
  for t in
    select id, retention_end(event_days) as before from tenant where event_days is not null order by id
  loop
    select seq, at into first, oldest from audit_event where tenant_id = t.id order by seq limit 1;
    continue when oldest is null or oldest >= t.before;

    select coalesce(min(seq) filter (where at >= t.before) - 1, max(seq)) into upto
      from (select seq, at from audit_event where tenant_id = t.id order by seq limit p_limit) batch;
    delete from call_body b using audit_event e
     where e.tenant_id = t.id and e.seq <= upto and b.tenant_id = t.id and b.call_id = e.call_id;
    delete from audit_event where tenant_id = t.id and seq <= upto;
    get diagnostics gone = row_count;
    insert into audit_outbox (tenant_id, record) values (t.id, jsonb_build_object(
      'action', 'retention.events', 'actor', 'retention', 'deleted', gone, 'before', t.before,
      'fromSeq', first, 'toSeq', upto));
    return gone;
  end loop;
  return 0;
end $$;
grant execute on function expire_events(integer) to conducktor_audit;
reset role;

-- migrate:down
select 1;
