-- migrate:up
set role conducktor_system;

-- Seals about p_limit calls and p_limit outcomes of every epoch (whole ticks) and p_limit control events
-- into the tenants' sequences. Returns how many events it appended. One sealer at a time, by its own lock.
-- An outcome comes after its call, also when calls are behind or commit while this runs.
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
  select tenant_id, seq, 'evt_' || replace(gen_random_uuid()::text, '-', ''), kind, (record->>'at')::timestamptz, call_id,
         record->>'memberId', record->>'actor', record->>'clientId', record->>'connection', record->>'tool',
         record->>'decision', record->>'code', record->>'outcome', cost, record->>'argumentsHash',
         record->>'argumentsSealed', (record->>'durationMs')::double precision,
         record - array['at', 'memberId', 'actor', 'clientId', 'connection', 'tool', 'decision', 'code', 'outcome',
                        'argumentsHash', 'argumentsSealed', 'durationMs']
    from numbered;
  return total;
end $$;

-- Drops the tables of one epoch that is closed, sealed to its last row and without open calls, and
-- forgets idempotency keys past their 24 hours. Returns whether an epoch was dropped.
-- Dropping a partition locks the whole table: so it is done apart from sealing, for one epoch at a time,
-- in the order in which a tick takes its locks, and given up rather than let ticks queue behind it.
create function tidy_journal() returns boolean
  language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '300ms' as $$
declare
  e record; rest boolean;
begin
  if not pg_try_advisory_xact_lock(epoch_lock_class(), 0) then return false; end if;
  -- An hour longer than a tick takes a key for live, so that none goes while a tick looks at it.
  delete from idempotency_key k using (
      select tenant_id, key_hash from idempotency_key where created_at < now() - interval '25 hours'
       order by created_at limit 5000 for update skip locked) old
   where k.tenant_id = old.tenant_id and k.key_hash = old.key_hash and k.created_at < now() - interval '25 hours';
  for e in
    select s.epoch, s.call_tick, s.outcome_tick from seal_cursor s join epoch p on p.id = s.epoch
     where not s.dropped and p.closed_at < now() - interval '1 hour'
       and not exists (select from open_call o where o.call_epoch = s.epoch)
     order by s.epoch
  loop
    execute format($q$
      select exists (select from call_%1$s where epoch = %1$s and tick > $1)
          or exists (select from outcome_%1$s where epoch = %1$s and tick > $2) $q$, e.epoch)
      into rest using e.call_tick, e.outcome_tick;
    continue when rest;
    execute format('drop table outcome_%s', e.epoch);
    execute format('drop table call_%s', e.epoch);
    update seal_cursor set dropped = true where epoch = e.epoch;
    return true;
  end loop;
  return false;
end $$;
grant execute on function tidy_journal() to conducktor_audit;
reset role;

-- migrate:down
select 1;
