-- migrate:up
set role conducktor_system;

-- A check of a table is read from its text again by every statement that inserts: 25 µs of a tick of one
-- call. The functions are the only way in, so they check instead.
alter table call drop constraint call_reserved_micros_check;
alter table outcome drop constraint outcome_cost_micros_check;

-- Opens an epoch for the calling session and returns its id. The lock lives as long as the session.
create or replace function open_epoch(p_gateway text) returns integer
  language plpgsql security definer set search_path = public, pg_temp as $$
declare e integer;
begin
  insert into epoch (gateway) values (p_gateway) returning id into e;
  perform pg_advisory_lock(epoch_lock_class(), e);
  -- Attached rather than created in place: attaching does not stop the ticks of other gateways. The
  -- partitions are empty, so attaching has nothing to read, and no check has to say so.
  execute format('create table call_%s (like call including all)', e);
  execute format('alter table call attach partition call_%s for values in (%s)', e, e);
  execute format('create table outcome_%s (like outcome including all)', e);
  execute format('alter table outcome attach partition outcome_%s for values in (%s)', e, e);
  insert into seal_cursor (epoch) values (e);
  -- For the session, which runs ticks only: planning one anew each time costs as much as running it, and
  -- arrays make a plan of its own look cheaper than it is.
  perform set_config('plan_cache_mode', 'force_generic_plan', false);
  return e;
end $$;

-- A tick of at most one intent and one outcome of this epoch, as a gateway with one caller makes them;
-- null ids where there is none. No idempotency keys, no late outcomes: those take `tick`.
-- Verdict: 0 written · 1 the tenant has changed since the intent was allowed, which is not written.
create function tick_single(
  p_epoch integer, p_tick bigint,
  c_tenant text, c_version bigint, c_id text, c_admitted boolean, c_reserved bigint, c_deadline timestamptz, c_record text,
  o_tick bigint, o_ordinal integer, o_tenant text, o_id text, o_cost bigint, o_record text
) returns smallint language plpgsql security definer set search_path = public, pg_temp as $$
begin
  if o_cost < 0 or c_reserved < 0 then
    raise check_violation using message = 'a tick carries a negative amount';
  end if;
  if o_id is not null then
    insert into outcome (epoch, tick, ordinal, call_epoch, call_tick, call_ordinal, tenant_id, call_id, cost_micros, record)
    values (p_epoch, p_tick, 1, p_epoch, o_tick, o_ordinal, o_tenant, o_id, o_cost, o_record);
  end if;
  if c_id is not null then
    if c_admitted and exists (select from tenant_version v where v.tenant_id = c_tenant and v.version <> c_version) then
      return 1;
    end if;
    insert into call (epoch, tick, ordinal, tenant_id, call_id, admitted, reserved_micros, deadline, record)
    values (p_epoch, p_tick, 1, c_tenant, c_id, c_admitted, c_reserved, c_deadline, c_record);
  end if;
  return 0;
end $$;

-- A tick of many intents and outcomes of this epoch, without idempotency keys and late outcomes. Arrays of
-- one group have equal length; ordinals are positions from 1. Returns null when every intent is written,
-- otherwise a verdict for each, as above.
create function tick_plain(
  p_epoch integer, p_tick bigint,
  c_tenant text[], c_version bigint[], c_id text[], c_admitted boolean[], c_reserved bigint[],
  c_deadline timestamptz[], c_record text[],
  o_tick bigint[], o_ordinal integer[], o_tenant text[], o_id text[], o_cost bigint[], o_record text[]
) returns smallint[] language plpgsql security definer set search_path = public, pg_temp as $$
declare verdict smallint[];
begin
  if 0 > any (o_cost) or 0 > any (c_reserved) then
    raise check_violation using message = 'a tick carries a negative amount';
  end if;
  -- Side by side in one list, arrays are read in step; as tables they would be stored away first.
  if cardinality(o_id) > 0 then
    insert into outcome (epoch, tick, ordinal, call_epoch, call_tick, call_ordinal, tenant_id, call_id, cost_micros, record)
    select p_epoch, p_tick, generate_series(1, cardinality(o_id)), p_epoch, unnest(o_tick), unnest(o_ordinal),
           unnest(o_tenant), unnest(o_id), unnest(o_cost), unnest(o_record);
  end if;
  if cardinality(c_id) = 0 then return null; end if;

  -- A look for each workspace and not for each of its calls: it is what a call of a large tick cost most.
  if not exists (
    select from (select distinct unnest(c_tenant) as tenant, unnest(c_version) as version) u
      join tenant_version v on v.tenant_id = u.tenant where v.version <> u.version)
  then
    insert into call (epoch, tick, ordinal, tenant_id, call_id, admitted, reserved_micros, deadline, record)
    select p_epoch, p_tick, generate_series(1, cardinality(c_id)), unnest(c_tenant), unnest(c_id),
           unnest(c_admitted), unnest(c_reserved), unnest(c_deadline), unnest(c_record);
    return null;
  end if;

  verdict := array(
    select (case when u.admitted and v.version <> u.version then 1 else 0 end)::smallint
      from unnest(c_tenant, c_version, c_admitted) with ordinality u(tenant, version, admitted, ord)
      left join tenant_version v on v.tenant_id = u.tenant order by u.ord);
  insert into call (epoch, tick, ordinal, tenant_id, call_id, admitted, reserved_micros, deadline, record)
  select p_epoch, p_tick, u.ord, u.tenant, u.id, u.admitted, u.reserved, u.deadline, u.rec
    from unnest(c_tenant, c_id, c_admitted, c_reserved, c_deadline, c_record, verdict) with ordinality
      u(tenant, id, admitted, reserved, deadline, rec, verdict, ord)
   where u.verdict = 0;
  return verdict;
end $$;

-- The whole tick as before, for batches with idempotency keys, kept answers or late outcomes; it checks the
-- amounts itself now.
create or replace function tick(
  p_epoch integer, p_tick bigint,
  c_tenant text[], c_version bigint[], c_id text[], c_admitted boolean[], c_reserved bigint[],
  c_deadline_ms double precision[], c_record text[],
  o_tick bigint[], o_ordinal integer[], o_tenant text[], o_id text[], o_cost bigint[], o_record text[],
  l_epoch integer[], l_tick bigint[], l_ordinal integer[], l_cost bigint[], l_record text[],
  k_position integer[], k_hash text[], k_arguments text[],
  a_tenant text[], a_hash text[], a_answer text[],
  out verdict smallint[], out attached text[]
) language plpgsql security definer set search_path = public, pg_temp as $$
declare
  n integer := cardinality(c_tenant);
  outcomes integer := cardinality(o_tenant);
  r record;
  holder record;
begin
  if 0 > any (o_cost) or 0 > any (l_cost) or 0 > any (c_reserved) then
    raise check_violation using message = 'a tick carries a negative amount';
  end if;
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
      returning oc.call_epoch, oc.call_tick, oc.call_ordinal, oc.tenant_id, oc.call_id,
                coalesce(u.cost, oc.reserved_micros) as cost, u.rec, u.ord
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

grant execute on function
  tick_single(integer, bigint, text, bigint, text, boolean, bigint, timestamptz, text,
    bigint, integer, text, text, bigint, text),
  tick_plain(integer, bigint, text[], bigint[], text[], boolean[], bigint[], timestamptz[], text[],
    bigint[], integer[], text[], text[], bigint[], text[])
  to conducktor_gateway;
reset role;

-- migrate:down
select 1;
