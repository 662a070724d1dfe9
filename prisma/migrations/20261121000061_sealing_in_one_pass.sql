-- migrate:up
set role conducktor_owner;
grant references on tenant to conducktor_system;
reset role;

set role conducktor_system;
-- An event belongs to a workspace that exists because its sequence does: one check when the sequence begins
-- instead of one for every event, which locked the workspace's row each time.
alter table audit_head add foreign key (tenant_id) references tenant;
reset role;
set role conducktor_owner;
alter table audit_event drop constraint audit_event_tenant_id_fkey;
reset role;

set role conducktor_system;
-- Seals about p_limit calls and p_limit outcomes of every epoch (whole ticks) and p_limit control events
-- into the tenants' sequences. Returns how many events it appended. One sealer at a time, by its own lock.
-- Ids are evt_<seq, hexadecimal>x<96 random bits>. An outcome comes after its call, also when calls are
-- behind or commit while this runs: outcomes of calls that have no place yet wait for the next time.
create or replace function seal(p_limit integer) returns integer
  language plpgsql security definer set search_path = public, pg_temp
  -- Room for one batch in memory.
  set work_mem = '32MB' as $$
declare
  e record; upto bigint; early bigint; n integer;
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

  parts := parts || 'select tenant_id, 3, 0, 0::bigint, id, $k$control$k$, null, 0::bigint, record from taken'::text;
  execute format($q$
    with taken as (
      delete from audit_outbox a using (select tenant_id, id from audit_outbox order by id limit $1) t
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
    ), placed as (
      select b.tenant_id, b.kind, b.call_id, b.cost, b.record::jsonb as record, h.next_seq - c.events - 1
             + row_number() over (partition by b.tenant_id order by b.part, b.epoch, b.tick, b.ordinal) as seq
        from batch b join counted c using (tenant_id) join heads h using (tenant_id)
    )
    insert into audit_event (tenant_id, seq, id, kind, at, call_id, member_id, actor, client_id, connection, tool,
                             decision, code, outcome, cost_micros, arguments_hash, arguments_sealed, duration_ms, detail)
    select tenant_id, seq, 'evt_' || to_hex(seq) || 'x' || right(replace(gen_random_uuid()::text, '-', ''), 24), kind,
           (record->>'at')::timestamptz, call_id,
           record->>'memberId', record->>'actor', record->>'clientId', record->>'connection', record->>'tool',
           record->>'decision', record->>'code', record->>'outcome', cost, record->>'argumentsHash',
           record->>'argumentsSealed', (record->>'durationMs')::double precision,
           record - array['at', 'memberId', 'actor', 'clientId', 'connection', 'tool', 'decision', 'code', 'outcome',
                          'argumentsHash', 'argumentsSealed', 'durationMs']
      from placed $q$, array_to_string(parts, ' union all '))
    using p_limit;
  get diagnostics n = row_count;
  return n;
end $$;
reset role;

-- `seal` made the only table of a session.
do $$
begin
  execute format('revoke temporary on database %I from conducktor_system', current_database());
end $$;

-- migrate:down
select 1;
