-- migrate:up
set role conducktor_owner;

-- What gateways end is on record like what people end: a request that its client took back (told by the
-- reason), one whose time was over, one that is bound to what has changed. It stands or falls with the end.
create function record_approval_end() returns trigger language plpgsql set search_path = public, pg_temp as $$
declare
  taken_back constant boolean := new.status = 'void' and new.decided_reason is not distinct from tg_argv[0];
  by_whom constant jsonb := case
    when taken_back then jsonb_build_object(
      'action', 'approval.cancel', 'memberId', new.member_id, 'clientId', new.client_id,
      'actor', (select m.email from member m where m.tenant_id = new.tenant_id and m.id = new.member_id))
    else jsonb_build_object(
      'action', case new.status when 'void' then 'approval.void' else 'approval.expire' end,
      'actor', 'gateway', 'reason', new.decided_reason)
  end;
begin
  insert into audit_outbox (tenant_id, record) values (new.tenant_id, by_whom || jsonb_build_object(
    'approval', new.id, 'ofMember', new.member_id, 'ofTool', new.tool, 'ofArguments', new.arguments_hash,
    'rules', jsonb_path_query_array(new.demands, '$[*].ruleId')));
  return null;
end $$;
-- Of the functions that gateways call; who decides elsewhere writes the record, with what only they know.
create trigger record_end after update of status on approval_request for each row
  when (new.status in ('void', 'expired') and current_user = 'conducktor_system')
  execute function record_approval_end('It was taken back by the person who asked.');
reset role;

-- migrate:down
select 1;
