-- migrate:up
set role conducktor_owner;

-- Besides waking who waits: what gateways and the tick do is told to people like what approvers do, in the
-- same transaction. What became of a vote is told by whoever takes it.
create or replace function notify_approval() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
  perform pg_notify('approval', new.tenant_id || '/' || new.id);
  case new.status
    when 'pending' then perform notify_event(new.tenant_id, 'approval.requested', new.id, '{}');
    when 'expired' then perform notify_event(new.tenant_id, 'approval.expired', new.id, '{}');
    when 'done' then
      perform notify_event(new.tenant_id, 'approval.executed', new.id,
        jsonb_build_object('outcome', new.outcome, 'callId', new.call_id));
    else null;
  end case;
  return null;
end $$;
reset role;

-- migrate:down
select 1;
