-- migrate:up
set role conducktor_owner;

-- What a server offers decides lists, so a snapshot follows it; so it does the scopes of a connection.
drop trigger bump on connection;
create trigger bump after insert or delete or update of slug, kind, url, catalog, args, timeout_ms, revision, server, scopes
  on connection for each row execute function bump_tenant_version();
reset role;

set role conducktor_system;

-- By which credential clients were here, as one gateway has counted since it last told. Equal lengths;
-- one element for each credential. What is told late does not take back what is known, and what names
-- no member is left out: nobody is to grow this table by making up names.
create function note_activity(
  p_tenant text[], p_credential text[], p_member text[], p_client text[], p_name text[], p_version text[],
  p_protocol text[], p_path text[], p_ip text[], p_seen_ms double precision[], p_requests bigint[]
) returns integer language plpgsql security definer set search_path = public, pg_temp as $$
declare noted integer;
begin
  insert into client_activity as a
         (tenant_id, credential_id, member_id, client_id, client_name, client_version, protocol_version,
          resource_path, source_ip, first_seen_at, last_seen_at, requests)
  select u.tenant, u.credential, u.member, u.client, u.name, u.version, u.protocol, u.path, u.ip,
         to_timestamp(u.seen / 1000), to_timestamp(u.seen / 1000), u.requests
    from unnest(p_tenant, p_credential, p_member, p_client, p_name, p_version, p_protocol, p_path, p_ip, p_seen_ms, p_requests)
           u(tenant, credential, member, client, name, version, protocol, path, ip, seen, requests)
    join member m on m.tenant_id = u.tenant and m.id = u.member
   -- Two gateways that tell of the same credentials take their rows in one order.
   order by u.tenant, u.credential
  on conflict (tenant_id, credential_id) do update set
    client_name = coalesce(excluded.client_name, a.client_name),
    client_version = case when excluded.client_name is null then a.client_version else excluded.client_version end,
    protocol_version = case when excluded.last_seen_at >= a.last_seen_at
      then coalesce(excluded.protocol_version, a.protocol_version) else a.protocol_version end,
    resource_path = case when excluded.last_seen_at >= a.last_seen_at
      then coalesce(excluded.resource_path, a.resource_path) else a.resource_path end,
    source_ip = case when excluded.last_seen_at >= a.last_seen_at
      then coalesce(excluded.source_ip, a.source_ip) else a.source_ip end,
    last_seen_at = greatest(a.last_seen_at, excluded.last_seen_at),
    requests = a.requests + excluded.requests
  where a.member_id = excluded.member_id;
  get diagnostics noted = row_count;
  return noted;
end $$;
grant execute on function note_activity(text[], text[], text[], text[], text[], text[], text[], text[], text[], double precision[], bigint[])
  to conducktor_gateway;

-- The tick as before, but that a late outcome may leave its cost to what its call had reserved (null):
-- whoever brings it need not be the gateway that made the call.
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
reset role;

-- migrate:down
select 1;
