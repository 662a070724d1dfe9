-- migrate:up
set role conducktor_system;

-- The journal: what every gateway process admitted and how it ended, in the order it committed.
-- An epoch is one gateway process's stretch of ticks on one database session; that session holds
-- advisory lock (hashtext('conducktor.epoch'), id) for as long as it lives.
create table epoch (
  id integer generated always as identity primary key,
  gateway text not null,
  opened_at timestamptz not null default now(),
  closed_at timestamptz
);
create index epoch_open on epoch (id) where closed_at is null;

-- Both hot tables are only inserted into: no foreign keys, no secondary indexes, partitioned by
-- epoch and dropped when sealed. Reached through the functions below and no other way.
create table call (
  epoch integer not null,
  tick bigint not null,
  ordinal integer not null,
  tenant_id text not null,
  call_id text not null,
  admitted boolean not null,
  reserved_micros bigint not null check (reserved_micros >= 0),
  deadline timestamptz,
  record text not null,
  primary key (epoch, tick, ordinal)
) partition by list (epoch);

create table outcome (
  epoch integer not null,
  tick bigint not null,
  ordinal integer not null,
  call_epoch integer not null,
  call_tick bigint not null,
  call_ordinal integer not null,
  tenant_id text not null,
  call_id text not null,
  cost_micros bigint not null check (cost_micros >= 0),
  record text not null,
  primary key (epoch, tick, ordinal)
) partition by list (epoch);

-- Calls whose epoch ended before their outcome. Settling one deletes its row, so it settles once.
create table open_call (
  call_epoch integer not null,
  call_tick bigint not null,
  call_ordinal integer not null,
  tenant_id text not null,
  call_id text not null,
  reserved_micros bigint not null,
  deadline timestamptz not null,
  primary key (call_epoch, call_tick, call_ordinal)
);
create index open_call_deadline on open_call (deadline);

create table idempotency_key (
  tenant_id text not null,
  key_hash text not null,
  arguments_hash text not null,
  call_id text not null,
  answer text,
  created_at timestamptz not null default now(),
  primary key (tenant_id, key_hash)
);
create index idempotency_key_age on idempotency_key (created_at);

create table seal_cursor (
  epoch integer primary key,
  call_tick bigint not null default 0,
  outcome_tick bigint not null default 0,
  dropped boolean not null default false
);
create table audit_head (
  tenant_id text primary key,
  next_seq bigint not null default 1
);

create function epoch_lock_class() returns integer language sql immutable return 1129270603;

-- Opens an epoch for the calling session and returns its id. The lock lives as long as the session.
create function open_epoch(p_gateway text) returns integer
  language plpgsql security definer set search_path = public as $$
declare e integer;
begin
  insert into epoch (gateway) values (p_gateway) returning id into e;
  perform pg_advisory_lock(epoch_lock_class(), e);
  -- Attached rather than created in place: attaching does not stop the ticks of other gateways.
  execute format('create table call_%s (like call including all, check (epoch = %s))', e, e);
  execute format('alter table call attach partition call_%s for values in (%s)', e, e);
  execute format('create table outcome_%s (like outcome including all, check (epoch = %s))', e, e);
  execute format('alter table outcome attach partition outcome_%s for values in (%s)', e, e);
  insert into seal_cursor (epoch) values (e);
  return e;
end $$;

-- One tick: finished outcomes, late outcomes and new intents in one transaction.
-- Arrays of one group have equal length; ordinals are positions from 1.
-- Verdict per intent: 0 written · 1 the tenant has changed since it was allowed, nothing written ·
-- 2 same idempotency key and arguments, attach to the call in `attached` · 3 same key, other arguments.
create function tick(
  p_epoch integer, p_tick bigint,
  c_tenant text[], c_version bigint[], c_id text[], c_admitted boolean[], c_reserved bigint[],
  c_deadline_ms double precision[], c_record text[],
  o_tick bigint[], o_ordinal integer[], o_tenant text[], o_id text[], o_cost bigint[], o_record text[],
  l_epoch integer[], l_tick bigint[], l_ordinal integer[], l_cost bigint[], l_record text[],
  k_position integer[], k_hash text[], k_arguments text[],
  a_tenant text[], a_hash text[], a_answer text[],
  out verdict smallint[], out attached text[]
) language plpgsql security definer set search_path = public as $$
declare
  n integer := cardinality(c_tenant);
  outcomes integer := cardinality(o_tenant);
  r record;
  holder record;
begin
  if outcomes > 0 then
    insert into outcome (epoch, tick, ordinal, call_epoch, call_tick, call_ordinal, tenant_id, call_id, cost_micros, record)
    select p_epoch, p_tick, u.ord, p_epoch, u.t, u.o, u.tenant, u.id, u.cost, u.rec
      from unnest(o_tick, o_ordinal, o_tenant, o_id, o_cost, o_record) with ordinality u(t, o, tenant, id, cost, rec, ord);
  end if;

  if cardinality(l_epoch) > 0 then
    with settled as (
      delete from open_call oc
       using (select * from unnest(l_epoch, l_tick, l_ordinal, l_cost, l_record) with ordinality u(e, t, o, cost, rec, ord)) u
       where oc.call_epoch = u.e and oc.call_tick = u.t and oc.call_ordinal = u.o
      returning oc.call_epoch, oc.call_tick, oc.call_ordinal, oc.tenant_id, oc.call_id, u.cost, u.rec, u.ord
    )
    insert into outcome (epoch, tick, ordinal, call_epoch, call_tick, call_ordinal, tenant_id, call_id, cost_micros, record)
    select p_epoch, p_tick, outcomes + min(ord), call_epoch, call_tick, call_ordinal, tenant_id, call_id, min(cost), min(rec)
      from settled group by call_epoch, call_tick, call_ordinal, tenant_id, call_id;
  end if;

  if cardinality(a_hash) > 0 then
    update idempotency_key k set answer = u.answer
      from unnest(a_tenant, a_hash, a_answer) u(tenant, hash, answer)
     where k.tenant_id = u.tenant and k.key_hash = u.hash and k.answer is null;
  end if;

  if n = 0 then
    verdict := '{}';
    return;
  end if;

  verdict := array_fill(0::smallint, array[n]);
  for r in
    select u.ord from unnest(c_tenant, c_version, c_admitted) with ordinality u(tenant, version, admitted, ord)
      join tenant_version v on v.tenant_id = u.tenant
     where u.admitted and v.version <> u.version
  loop
    verdict[r.ord] := 1;
  end loop;

  if cardinality(k_position) > 0 then
    attached := array_fill(null::text, array[n]);
    -- In key order, so that two gateways that carry the same keys cannot deadlock.
    for r in
      select u.pos, u.hash, u.args, c_tenant[u.pos] as tenant, c_id[u.pos] as id
        from unnest(k_position, k_hash, k_arguments) u(pos, hash, args)
       where verdict[u.pos] = 0 order by c_tenant[u.pos], u.hash, u.pos
    loop
      insert into idempotency_key as k (tenant_id, key_hash, arguments_hash, call_id)
      values (r.tenant, r.hash, r.args, r.id)
      on conflict (tenant_id, key_hash) do update
        set arguments_hash = excluded.arguments_hash, call_id = excluded.call_id, answer = null, created_at = now()
        where k.created_at < now() - interval '24 hours';
      if not found then
        select k.arguments_hash, k.call_id into holder
          from idempotency_key k where k.tenant_id = r.tenant and k.key_hash = r.hash;
        verdict[r.pos] := case when holder.arguments_hash = r.args then 2 else 3 end;
        attached[r.pos] := holder.call_id;
      end if;
    end loop;
  end if;

  insert into call (epoch, tick, ordinal, tenant_id, call_id, admitted, reserved_micros, deadline, record)
  select p_epoch, p_tick, u.ord, u.tenant, u.id, u.admitted, u.reserved, to_timestamp(u.deadline_ms / 1000), u.rec
    from unnest(c_tenant, c_id, c_admitted, c_reserved, c_deadline_ms, c_record) with ordinality
      u(tenant, id, admitted, reserved, deadline_ms, rec, ord)
   where verdict[u.ord] = 0;
end $$;

-- The stored answer of an idempotent call: null while it still runs.
create function idempotent_answer(p_tenant text, p_hash text, out found boolean, out answer text)
  language plpgsql stable security definer set search_path = public as $$
begin
  select true, k.answer into found, answer from idempotency_key k where k.tenant_id = p_tenant and k.key_hash = p_hash;
  found := coalesce(found, false);
end $$;

-- Ends an epoch whose owner is gone: what has no outcome becomes an open call. Returns the number of
-- open calls, or -1 while its owner still holds the lock (then nothing is changed), or -2 if already closed.
create function close_epoch(p_epoch integer) returns integer
  language plpgsql security definer set search_path = public
  -- One pass over a whole partition: the tick's planner settings would make it quadratic.
  set enable_seqscan = on set enable_hashjoin = on set enable_mergejoin = on as $$
declare opened integer;
begin
  if not pg_try_advisory_xact_lock(epoch_lock_class(), p_epoch) then return -1; end if;
  update epoch set closed_at = now() where id = p_epoch and closed_at is null;
  if not found then return -2; end if;
  execute format($q$
    insert into open_call
    select c.epoch, c.tick, c.ordinal, c.tenant_id, c.call_id, c.reserved_micros, coalesce(c.deadline, now())
      from call_%1$s c
     where c.admitted and not exists (
       select from (select call_tick, call_ordinal from outcome_%1$s where call_epoch = %1$s offset 0) o
        where o.call_tick = c.tick and o.call_ordinal = c.ordinal)
  $q$, p_epoch);
  get diagnostics opened = row_count;
  return opened;
end $$;

create function open_epochs() returns setof integer
  language sql stable security definer set search_path = public as $$
  select id from epoch where closed_at is null order by id
$$;

-- Open calls past deadline and grace: nobody can bring their outcome any more.
create function overdue_calls(p_grace_ms integer, p_limit integer)
  returns table (call_epoch integer, call_tick bigint, call_ordinal integer, reserved_micros bigint)
  language sql stable security definer set search_path = public as $$
  select call_epoch, call_tick, call_ordinal, reserved_micros from open_call
   where deadline < now() - make_interval(secs => p_grace_ms / 1000.0) order by deadline limit p_limit
$$;

-- Tenants changed since a snapshot's xmin, and the xmin to ask with next. Late commits have xids at or
-- above that xmin, so none is missed.
create function changed_tenants(p_since xid8, out next_since xid8, out tenant_id text, out version bigint)
  returns setof record language sql stable security definer set search_path = public as $$
  select pg_snapshot_xmin(pg_current_snapshot()), v.tenant_id, v.version
    from (select 1) one left join tenant_version v on v.xid >= p_since
$$;

-- Seals up to p_limit journal rows of every epoch and p_limit control events into the tenants'
-- sequences. Returns how many events it appended. One sealer at a time, by its own lock.
create function seal(p_limit integer) returns integer
  language plpgsql security definer set search_path = public as $$
declare
  e record; upto bigint; total integer := 0; n integer;
begin
  if not pg_try_advisory_xact_lock(epoch_lock_class(), 0) then return 0; end if;
  create temporary table if not exists sealing (
    rank bigint generated always as identity, tenant_id text, kind text, call_id text, cost bigint, record jsonb
  ) on commit delete rows;
  for e in
    select s.epoch, s.call_tick, s.outcome_tick, ep.closed_at
      from seal_cursor s join epoch ep on ep.id = s.epoch where not s.dropped order by s.epoch
  loop
    -- One tick in flight per epoch: what is visible is a prefix in tick order, without gaps.
    execute format('select max(tick) from (select tick from call_%s where tick > $1 order by tick limit $2) x', e.epoch)
      into upto using e.call_tick, p_limit;
    if upto is not null then
      execute format($q$
        insert into sealing (tenant_id, kind, call_id, cost, record)
        select tenant_id, case when admitted then 'call' else 'denial' end, call_id, 0, record::jsonb
          from call_%s where tick > $1 and tick <= $2 order by tick, ordinal $q$, e.epoch) using e.call_tick, upto;
      get diagnostics n = row_count; total := total + n;
      update seal_cursor set call_tick = upto where epoch = e.epoch;
    end if;
    execute format('select max(tick) from (select tick from outcome_%s where tick > $1 order by tick limit $2) x', e.epoch)
      into upto using e.outcome_tick, p_limit;
    if upto is not null then
      execute format($q$
        insert into sealing (tenant_id, kind, call_id, cost, record)
        select tenant_id, 'outcome', call_id, cost_micros, record::jsonb
          from outcome_%s where tick > $1 and tick <= $2 order by tick, ordinal $q$, e.epoch) using e.outcome_tick, upto;
      get diagnostics n = row_count; total := total + n;
      update seal_cursor set outcome_tick = upto where epoch = e.epoch;
    elsif e.closed_at < now() - interval '1 hour'
      and not exists (select from open_call where call_epoch = e.epoch) then
      execute format('drop table call_%s', e.epoch);
      execute format('drop table outcome_%s', e.epoch);
      update seal_cursor set dropped = true where epoch = e.epoch;
    end if;
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

grant execute on function open_epoch(text), close_epoch(integer), open_epochs(), overdue_calls(integer, integer),
  changed_tenants(xid8), idempotent_answer(text, text) to conducktor_gateway;
grant execute on function tick(integer, bigint, text[], bigint[], text[], boolean[], bigint[], double precision[], text[],
  bigint[], integer[], text[], text[], bigint[], text[], integer[], bigint[], integer[], bigint[], text[],
  integer[], text[], text[], text[], text[], text[]) to conducktor_gateway;
grant execute on function seal(integer) to conducktor_audit;
reset role;

-- migrate:down
select 1;
