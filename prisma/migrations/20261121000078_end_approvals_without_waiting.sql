-- migrate:up
set role conducktor_owner;
-- A tick writes what people are told of. Looking whether the workspace is there would have it wait for whoever
-- holds that row, and with it every call of its gateway.
alter table notification_event drop constraint notification_event_tenant_id_fkey;
reset role;

set role conducktor_system;
-- Outcomes of approved calls whose request was held by somebody else when they were recorded. No tick waits for
-- a row that people's side may hold; `due_approvals` brings them in within a second of when it is free.
create table approval_end (
  tenant_id text not null,
  call_id text not null,
  record text not null,
  at timestamptz not null default now(),
  primary key (tenant_id, call_id)
);

-- Whether the answer of this approved call is kept for its requester.
create function has_approved_answer(p_tenant text, p_id text) returns boolean
  language sql stable set search_path = public, pg_temp as $$
  select exists (
    select from idempotency_key k
     where k.tenant_id = p_tenant and k.answer is not null
       and k.key_hash = encode(sha256(convert_to('approval/' || p_id, 'UTF8')), 'hex'))
$$;

-- Ends the approvals that these calls used up, if any, with their outcomes. A result that nobody has any more
-- (a worker brought the outcome after its gateway had died) is not promised for an hour.
create function end_approved(p_tenant text[], p_call text[], p_record text[]) returns void
  language plpgsql set search_path = public, pg_temp as $$
begin
  with ended as (
    select * from unnest(p_tenant, p_call, p_record) u(tenant, call, record)
  ), held as (
    select a.tenant_id, a.id, e.call, e.record::jsonb->>'outcome' as outcome
      from ended e join approval_request a on a.tenant_id = e.tenant and a.call_id = e.call and a.status = 'running'
       for no key update of a skip locked
  ), closed as (
    update approval_request a
       set status = 'done', done_at = now(), outcome = h.outcome,
           result_until = case when has_approved_answer(h.tenant_id, h.id)
                          then approval_result_until(a.on_approval, h.outcome) end
      from held h where a.tenant_id = h.tenant_id and a.id = h.id
  )
  insert into approval_end (tenant_id, call_id, record)
  select e.tenant, e.call, e.record
    from ended e join approval_request a on a.tenant_id = e.tenant and a.call_id = e.call and a.status = 'running'
   where not exists (select from held h where h.tenant_id = e.tenant and h.call = e.call)
  on conflict do nothing;
end $$;

-- The whole tick as before, with three differences: a request that somebody else holds is not waited for when
-- its call ends either; a result counts as kept where there is one; and an approval is used up only once
-- nothing else stands against its call.
-- Verdict 4: the approval cannot be used: it is not approved (any more), was used, has run out, or was given
-- for something else. Then nothing is written.
create or replace function tick(
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
  ended_tenant text[];
  ended_call text[];
  ended_record text[];
  usable text[] := '{}';
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
    ), written as (
      insert into outcome (epoch, tick, ordinal, call_epoch, call_tick, call_ordinal, tenant_id, call_id, cost_micros, record)
      select p_epoch, p_tick, outcomes + min(ord), call_epoch, call_tick, call_ordinal, tenant_id, call_id, min(cost), min(rec)
        from settled group by call_epoch, call_tick, call_ordinal, tenant_id, call_id
      returning tenant_id, call_id, record
    )
    select array_agg(tenant_id), array_agg(call_id), array_agg(record)
      into ended_tenant, ended_call, ended_record from written;
  end if;

  if cardinality(a_hash) > 0 then
    update idempotency_key k set answer = u.answer
      from unnest(a_tenant, a_hash, a_answer) u(tenant, hash, answer)
     where k.tenant_id = u.tenant and k.key_hash = u.hash and k.answer is null;
  end if;

  -- After the answers, of which it depends whether there is a result to give.
  if cardinality(d_position) > 0 then
    select ended_tenant || array_agg(o_tenant[d.pos]), ended_call || array_agg(o_id[d.pos]),
           ended_record || array_agg(o_record[d.pos])
      into ended_tenant, ended_call, ended_record from unnest(d_position) d(pos);
  end if;
  if ended_call is not null then
    perform end_approved(ended_tenant, ended_call, ended_record);
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
      select u.pos, u.approval, u.bound, c_tenant[u.pos] as tenant
        from unnest(r_position, r_approval, r_bound) u(pos, approval, bound)
       where verdict[u.pos] = 0 order by c_tenant[u.pos], u.approval, u.pos
    loop
      perform from approval_request a
        where a.tenant_id = r.tenant and a.id = r.approval and a.status = 'approved' and a.expires_at > now()
          and approval_bound(a) = r.bound
        for no key update skip locked;
      if found and r.approval <> all (usable) then
        usable := usable || r.approval;
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

  if cardinality(usable) > 0 then
    update approval_request a set status = 'running', call_id = c_id[u.pos]
      from unnest(r_position, r_approval) u(pos, approval)
     where verdict[u.pos] = 0 and a.tenant_id = c_tenant[u.pos] and a.id = u.approval and a.status = 'approved';
  end if;

  insert into call (epoch, tick, ordinal, tenant_id, call_id, admitted, reserved_micros, deadline, record)
  select p_epoch, p_tick, u.ord, u.tenant, u.id, u.admitted, u.reserved, to_timestamp(u.deadline_ms / 1000), u.rec
    from unnest(c_tenant, c_id, c_admitted, c_reserved, c_deadline_ms, c_record) with ordinality
      u(tenant, id, admitted, reserved, deadline_ms, rec, ord)
   where verdict[u.ord] = 0;
end $$;

-- As before, and besides: ends what ticks could not, and names due calls of the workspaces by turns.
create or replace function due_approvals(p_limit integer, p_bound boolean) returns table (tenant_id text, id text)
  language plpgsql security definer set search_path = public, pg_temp as $$
declare
  parked_tenant text[];
  parked_call text[];
  parked_record text[];
begin
  if pg_try_advisory_xact_lock(epoch_lock_class(), -1) then
    with parked as (
      delete from approval_end d where (d.tenant_id, d.call_id) in (
        select e.tenant_id, e.call_id from approval_end e order by e.at limit p_limit)
      returning *
    )
    select array_agg(p.tenant_id), array_agg(p.call_id), array_agg(p.record)
      into parked_tenant, parked_call, parked_record from parked p;
    if parked_call is not null then
      perform end_approved(parked_tenant, parked_call, parked_record);
    end if;
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
    select w.tenant_id, w.id from (
      select a.tenant_id, a.id, a.decided_at, row_number() over (partition by a.tenant_id order by a.decided_at) as turn
        from approval_request a
       where a.status = 'approved' and a.on_approval = 'run' and a.expires_at > now()) w
     order by w.turn, w.decided_at limit p_limit;
end $$;

reset role;

-- migrate:down
select 1;
