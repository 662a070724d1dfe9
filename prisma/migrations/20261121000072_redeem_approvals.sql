-- migrate:up
set role conducktor_owner;

-- Where and from which address it was asked, so that the call can be made without its client; when the client
-- was told of an end that gave it no result; and when the outcome of its call was recorded.
alter table approval_request
  add column resource_path text not null default '/mcp',
  add column source_ip text,
  add column told_at timestamptz,
  add column done_at timestamptz;
create index approval_request_call on approval_request (tenant_id, call_id) where status = 'running';
create index approval_request_arguments on approval_request (tenant_id, arguments_hash, created_at);

grant select on approval_request to conducktor_gateway;
-- A gateway asks; that something is approved is never its to say, so status and all that ends it are not there.
grant insert (tenant_id, id, member_id, client_id, credential, scopes, tool_id, tool, connection_id, connection,
  connection_revision, definition_hash, tool_class, arguments_hash, arguments_sealed, policy_version, demands,
  on_approval, cost_micros, expires_at, resource_path, source_ip) on approval_request to conducktor_gateway;
grant update (told_at) on approval_request to conducktor_gateway;
grant select, update on approval_request to conducktor_system;

-- Whoever waits for a request hears of every change of its status: `<tenant>/<request>`.
create function notify_approval() returns trigger language plpgsql as $$
begin
  perform pg_notify('approval', new.tenant_id || '/' || new.id);
  return null;
end $$;
grant execute on function notify_approval() to public;
create trigger notify_status after insert or update of status on approval_request
  for each row execute function notify_approval();

-- All that an approval was given for, as one text. The gateway writes the same of the call it is about to make.
create function approval_bound(a approval_request) returns text language sql immutable as $$
  select concat_ws(' ', a.tool_id, a.definition_hash, a.tool_class, a.connection_revision, a.arguments_hash,
                   a.policy_version, a.member_id, a.credential, a.client_id)
$$;
-- A result that there is, of a call that was made when it was approved, is kept for an hour.
create function approval_result_until(on_approval text, outcome text) returns timestamptz language sql stable as $$
  select case when on_approval = 'run' and outcome in ('ok', 'error') then now() + interval '1 hour' end
$$;
grant execute on function approval_bound(approval_request), approval_result_until(text, text) to conducktor_system, conducktor_gateway;
reset role;

set role conducktor_system;
-- The whole tick, which also uses up approvals and writes what came of them.
-- Verdict 4: the approval cannot be used: it is not approved (any more), was used, has run out, or was given
-- for something else. Then nothing is written.
create function tick(
  p_epoch integer, p_tick bigint,
  c_tenant text[], c_version bigint[], c_id text[], c_admitted boolean[], c_reserved bigint[],
  c_deadline_ms double precision[], c_record text[],
  o_tick bigint[], o_ordinal integer[], o_tenant text[], o_id text[], o_cost bigint[], o_record text[],
  l_epoch integer[], l_tick bigint[], l_ordinal integer[], l_cost bigint[], l_record text[],
  k_position integer[], k_hash text[], k_arguments text[],
  a_tenant text[], a_hash text[], a_answer text[],
  r_position integer[], r_approval text[], r_bound text[], d_position integer[],
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
    ), closed as (
      update approval_request a set status = 'done', done_at = now(), outcome = s.rec::jsonb->>'outcome',
             result_until = approval_result_until(a.on_approval, s.rec::jsonb->>'outcome')
        from settled s where a.tenant_id = s.tenant_id and a.call_id = s.call_id and a.status = 'running'
    )
    insert into outcome (epoch, tick, ordinal, call_epoch, call_tick, call_ordinal, tenant_id, call_id, cost_micros, record)
    select p_epoch, p_tick, outcomes + min(ord), call_epoch, call_tick, call_ordinal, tenant_id, call_id, min(cost), min(rec)
      from settled group by call_epoch, call_tick, call_ordinal, tenant_id, call_id;
  end if;

  if cardinality(d_position) > 0 then
    update approval_request a set status = 'done', done_at = now(), outcome = o_record[d.pos]::jsonb->>'outcome',
           result_until = approval_result_until(a.on_approval, o_record[d.pos]::jsonb->>'outcome')
      from unnest(d_position) d(pos)
     where a.tenant_id = o_tenant[d.pos] and a.call_id = o_id[d.pos] and a.status = 'running';
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

  -- Before the keys: who does not get the approval is to leave none behind. A request that somebody else
  -- holds is not waited for, because every other call of this tick would wait too.
  if cardinality(r_position) > 0 then
    for r in
      select u.pos, u.approval, u.bound, c_tenant[u.pos] as tenant, c_id[u.pos] as id
        from unnest(r_position, r_approval, r_bound) u(pos, approval, bound)
       where verdict[u.pos] = 0 order by c_tenant[u.pos], u.approval, u.pos
    loop
      perform from approval_request a
        where a.tenant_id = r.tenant and a.id = r.approval and a.status = 'approved' and a.expires_at > now()
          and approval_bound(a) = r.bound
        for no key update skip locked;
      if found then
        update approval_request a set status = 'running', call_id = r.id
         where a.tenant_id = r.tenant and a.id = r.approval;
      else
        verdict[r.pos] := 4;
      end if;
    end loop;
  end if;

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

-- As gateways of before call it while an installation is brought up to date.
create or replace function tick(
  p_epoch integer, p_tick bigint,
  c_tenant text[], c_version bigint[], c_id text[], c_admitted boolean[], c_reserved bigint[],
  c_deadline_ms double precision[], c_record text[],
  o_tick bigint[], o_ordinal integer[], o_tenant text[], o_id text[], o_cost bigint[], o_record text[],
  l_epoch integer[], l_tick bigint[], l_ordinal integer[], l_cost bigint[], l_record text[],
  k_position integer[], k_hash text[], k_arguments text[],
  a_tenant text[], a_hash text[], a_answer text[],
  out verdict smallint[], out attached text[]
) language sql security definer set search_path = public, pg_temp as $$
  select t.verdict, t.attached from tick(
    p_epoch, p_tick, c_tenant, c_version, c_id, c_admitted, c_reserved, c_deadline_ms, c_record,
    o_tick, o_ordinal, o_tenant, o_id, o_cost, o_record, l_epoch, l_tick, l_ordinal, l_cost, l_record,
    k_position, k_hash, k_arguments, a_tenant, a_hash, a_answer, '{}', '{}', '{}', '{}') t
$$;

-- Ends a request that waits: its time is over, or what it is bound to is not so any more.
create function end_approval(p_tenant text, p_id text, p_reason text) returns boolean
  language plpgsql security definer set search_path = public, pg_temp as $$
begin
  update approval_request
     set status = case when expires_at <= now() then 'expired' else 'void' end, decided_at = now(),
         decided_reason = case when expires_at <= now() then 'Its time was over.' else p_reason end
   where tenant_id = p_tenant and id = p_id and status in ('pending', 'approved');
  return found;
end $$;

-- Ends the requests whose time is over (and, where `p_bound`, those that are bound to what has changed), and
-- returns approved ones that are to be made at once. Cross-tenant; one gateway at a time does the first.
create function due_approvals(p_limit integer, p_bound boolean) returns table (tenant_id text, id text)
  language plpgsql security definer set search_path = public, pg_temp as $$
begin
  if pg_try_advisory_xact_lock(epoch_lock_class(), -1) then
    update approval_request a
       set status = 'expired', decided_at = now(),
           decided_reason = case a.status when 'approved' then 'It was approved and not used in time.' else 'Nobody decided in time.' end
      from (select w.tenant_id, w.id from approval_request w
             where w.status in ('pending', 'approved') and w.expires_at <= now()
             limit p_limit for no key update skip locked) w
     where a.tenant_id = w.tenant_id and a.id = w.id;
    if p_bound then
      update approval_request a set status = 'void', decided_at = now(), decided_reason = w.reason
        from (
          select v.tenant_id, v.id, why.reason
            from approval_request v
            join tenant t on t.id = v.tenant_id
            left join member m on m.tenant_id = v.tenant_id and m.id = v.member_id
            left join api_key k on k.tenant_id = v.tenant_id and 'key:' || k.id = v.credential
            left join oauth_grant g on g.tenant_id = v.tenant_id and 'grant:' || g.id = v.credential
            left join connection c on c.tenant_id = v.tenant_id and c.id = v.connection_id
            left join tool o on o.tenant_id = v.tenant_id and o.id = v.tool_id
            cross join lateral (select case
              when t.active_policy is distinct from v.policy_version then 'The policy of this workspace was changed.'
              when m.id is null or m.disabled_at is not null or m.removed_at is not null then 'The requester is no longer a member of this workspace.'
              when v.credential like 'key:%' and (k.id is null or k.revoked_at is not null or k.expires_at <= now())
                then 'The API key that asked is not valid any more.'
              when v.credential like 'grant:%' and (g.id is null or g.revoked_at is not null)
                then 'The access that asked was revoked.'
              -- Tools of Conducktor's own have no rows; they are compared when the call is made.
              when v.connection_id = v.connection then null
              when c.id is null or o.id is null or o.removed_at is not null or o.hidden then 'The tool is not there any more.'
              when c.revision <> v.connection_revision then 'The connection was changed.'
              when o.offered_hash is not null or encode(o.definition_hash, 'hex') <> v.definition_hash
                then 'What the tool says of itself was changed.'
              when coalesce(o.class_override, o.proposed_class) <> v.tool_class then 'The tool was put into another class.'
            end as reason) why
           where v.status in ('pending', 'approved') and why.reason is not null
           limit p_limit for no key update of v skip locked) w
       where a.tenant_id = w.tenant_id and a.id = w.id;
    end if;
  end if;
  return query
    select a.tenant_id, a.id from approval_request a
     where a.status = 'approved' and a.on_approval = 'run' and a.expires_at > now()
     order by a.decided_at limit p_limit;
end $$;

grant execute on function tick(integer, bigint, text[], bigint[], text[], boolean[], bigint[], double precision[], text[],
    bigint[], integer[], text[], text[], bigint[], text[], integer[], bigint[], integer[], bigint[], text[],
    integer[], text[], text[], text[], text[], text[], integer[], text[], text[], integer[]),
  end_approval(text, text, text), due_approvals(integer, boolean) to conducktor_gateway;
reset role;

-- migrate:down
select 1;
