-- migrate:up
set role conducktor_owner;

-- What approvers are shown beside a call of this tool: which tools of the same connection are read for it,
-- each by its id, its definition as it was then, and its arguments (StoredPreview of contracts).
alter table tool add column preview jsonb;

-- What was read for a request for approval before it is decided, each side once. Whoever makes the request
-- reads it too; what is not kept by `until` never will be, so nothing waits for ever. `sealed`: text, or why
-- there is none, under the requester's key (context `approval-preview/<request>/<side>`), erased with it.
-- `labels`: what a client that is given it has been given.
create table approval_preview (
  tenant_id text not null,
  request_id text not null,
  side text not null check (side in ('before', 'after')),
  tool text not null,
  until timestamptz not null default now() + interval '20 seconds',
  labels text[] not null default '{}',
  at timestamptz,
  sealed bytea check (octet_length(sealed) <= 524288),
  primary key (tenant_id, request_id, side),
  foreign key (tenant_id, request_id) references approval_request on delete cascade,
  check ((at is null) = (sealed is null))
);
call protect_tenant_table('approval_preview');

grant select, insert (tenant_id, request_id, side, tool), update (labels, at, sealed) on approval_preview to conducktor_gateway;
grant select on approval_preview to conducktor_app;
grant select, update (sealed) on approval_preview to conducktor_system;

-- What was read for a request is kept as long as its arguments are.
create function erase_previews() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
  update approval_preview set sealed = ''
   where tenant_id = new.tenant_id and request_id = new.id and sealed is not null;
  return null;
end $$;
grant execute on function erase_previews() to public;
create trigger erase_previews after update of arguments_sealed on approval_request
  for each row when (new.arguments_sealed = '') execute function erase_previews();

-- An API key that is shown what a private tool gave is a client that was given it.
grant select, insert, update on taint to conducktor_app;
reset role;

-- migrate:down
select 1;
