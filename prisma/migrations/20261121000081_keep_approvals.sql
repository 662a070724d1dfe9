-- migrate:up
set role conducktor_owner;

-- Arguments of requests are kept as long as those of calls are; empty: not any longer.
create index approval_request_kept on approval_request (tenant_id, created_at) where arguments_sealed <> '';
create index approval_delegation_from on approval_delegation (tenant_id, from_member_id, until);
create index approval_delegation_over on approval_delegation (until);
create index notification_delivery_dead on notification_delivery (tenant_id, id) where state = 'dead';
grant delete on approval_request to conducktor_system;
grant select, delete on approval_delegation to conducktor_system;
reset role;

set role conducktor_system;
-- Erases the arguments of up to p_limit requests of one workspace that ended before its payload_days, deletes
-- as many with their votes that ended before its event_days, and records it in the same transaction. Returns
-- how many; 0: nothing is left to do. Delegations go 90 days after their time: who voted for whom stands with
-- the vote. One at a time, by the lock of retention.
create function expire_approvals(p_limit integer) returns integer
  language plpgsql security definer set search_path = public, pg_temp as $$
declare
  t record; erased integer; deleted integer;
begin
  if not pg_try_advisory_xact_lock(hashtextextended('conducktor.retention', 0)) then return 0; end if;
  delete from approval_delegation d where (d.tenant_id, d.id) in (
    select o.tenant_id, o.id from approval_delegation o where o.until < now() - interval '90 days' limit p_limit);
  for t in
    select id, retention_end(event_days) as no_request, retention_end(least(payload_days, event_days)) as no_arguments
      from tenant where least(payload_days, event_days) is not null order by id
  loop
    -- None ended before it was made, so an index on that narrows both.
    delete from approval_request a where a.tenant_id = t.id and a.id in (
      select o.id from approval_request o
       where o.tenant_id = t.id and o.created_at < t.no_request
         and o.status in ('rejected', 'expired', 'void', 'done') and coalesce(o.done_at, o.decided_at) < t.no_request
       limit p_limit);
    get diagnostics deleted = row_count;
    update approval_request a set arguments_sealed = '' where a.tenant_id = t.id and a.id in (
      select o.id from approval_request o
       where o.tenant_id = t.id and o.created_at < t.no_arguments and o.arguments_sealed <> ''
         and o.status in ('rejected', 'expired', 'void', 'done') and coalesce(o.done_at, o.decided_at) < t.no_arguments
       limit p_limit);
    get diagnostics erased = row_count;
    if deleted + erased > 0 then
      insert into audit_outbox (tenant_id, record) values (t.id, jsonb_build_object(
        'action', 'retention.approvals', 'actor', 'retention', 'erased', erased, 'deleted', deleted));
      return deleted + erased;
    end if;
  end loop;
  return 0;
end $$;
grant execute on function expire_approvals(integer) to conducktor_audit;
reset role;

-- migrate:down
select 1;
