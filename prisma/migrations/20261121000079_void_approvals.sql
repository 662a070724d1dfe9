-- migrate:up
set role conducktor_owner;

-- What of all that a request is bound to is no longer as it was when it was asked, in words for people; no row:
-- nothing. The one place that says so, for gateways that look through what waits and for who votes. Its
-- arguments and its client are part of the request and cannot change. No `set` here, or it would be called for
-- each row instead of being joined; and ids instead of a row, which would be made with its arguments.
create function approval_changes(p_tenant text, p_request text) returns table (reason text) language sql stable as $$
  select why.reason
    from approval_request a
    join tenant t on t.id = a.tenant_id
    left join member m on m.tenant_id = t.id and m.id = a.member_id
    left join api_key k on k.tenant_id = t.id and k.id = split_part(a.credential, ':', 2)
    left join oauth_grant g on g.tenant_id = t.id and g.id = split_part(a.credential, ':', 2)
    left join connection c on c.tenant_id = t.id and c.id = a.connection_id
    left join tool o on o.tenant_id = t.id and o.id = a.tool_id
    cross join lateral (select case
      when m.id is null or m.disabled_at is not null or m.removed_at is not null
        then 'The person who asked has no access any more.'
      when a.credential like 'key:%' and (k.id is null or k.revoked_at is not null or k.expires_at <= now())
        then 'The API key that asked was revoked or has expired.'
      when a.credential like 'grant:%' and (g.id is null or g.revoked_at is not null)
        then 'The access that asked was revoked.'
      when t.active_policy is distinct from a.policy_version then 'The policy of this workspace was changed.'
      -- Tools of Conducktor's own have no rows; they are compared when the call is made.
      when a.connection_id = a.connection then null
      when c.id is null then 'The connection was removed.'
      when c.revision <> a.connection_revision then 'The connection was changed.'
      when o.id is null or o.removed_at is not null or o.hidden then 'The tool is not there any more.'
      when o.offered_hash is not null or encode(o.definition_hash, 'hex') <> a.definition_hash
        then 'The definition of the tool has changed.'
      when coalesce(o.class_override, o.proposed_class) <> a.tool_class then 'The class of the tool was changed.'
    end as reason) why
   where a.tenant_id = p_tenant and a.id = p_request and why.reason is not null
$$;
grant execute on function approval_changes(text, text) to conducktor_app, conducktor_system;

-- As before, and besides: whoever makes a request void, people hear that it is, and why.
create or replace function notify_approval() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
  perform pg_notify('approval', new.tenant_id || '/' || new.id);
  case new.status
    when 'pending' then perform notify_event(new.tenant_id, 'approval.requested', new.id, '{}');
    when 'expired' then perform notify_event(new.tenant_id, 'approval.expired', new.id, '{}');
    when 'void' then
      perform notify_event(new.tenant_id, 'approval.void', new.id, jsonb_build_object('reason', new.decided_reason));
    when 'done' then
      perform notify_event(new.tenant_id, 'approval.executed', new.id,
        jsonb_build_object('outcome', new.outcome, 'callId', new.call_id));
    else null;
  end case;
  return null;
end $$;
reset role;

set role conducktor_system;
-- As before; what has changed is said by `approval_changes`.
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
        from (select v.tenant_id, v.id, changed.reason
                from approval_request v cross join lateral approval_changes(v.tenant_id, v.id) changed
               where v.status in ('pending', 'approved')
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
