-- migrate:up
set role conducktor_owner;

-- Allowances of calls beside the workspace's: of a person, a client, a connection or a tool, by its id, or
-- of every one of a kind for itself (no id). One with an id stands instead of that of its kind.
-- `allowances`: [{"limit": calls, "seconds": window}], shortest window first.
create table rate_limit (
  tenant_id text not null references tenant,
  id text not null,
  kind text not null check (kind in ('member', 'client', 'connection', 'tool')),
  subject_id text not null default '' check (length(subject_id) <= 2048),
  allowances jsonb not null check (jsonb_typeof(allowances) = 'array' and jsonb_array_length(allowances) between 1 and 3),
  created_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, kind, subject_id)
);
call protect_tenant_table('rate_limit');
create trigger bump after insert or update or delete on rate_limit for each row execute function bump_tenant_version();

grant select on rate_limit to conducktor_gateway;
grant select, insert, update, delete on rate_limit to conducktor_app;
reset role;

-- migrate:down
select 1;
