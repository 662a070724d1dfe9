-- migrate:up
set role conducktor_owner;

-- When somebody showed that they read this mailbox. Null: nobody has.
alter table user_account add column email_verified_at timestamptz;

-- What a member may see beyond their roles, such as the payloads of calls; given by owners only.
alter table member add column permissions text[] not null default '{}';
-- A removed member's row stays, because records name it and its key opens what they hold.
alter table member add column removed_at timestamptz;

-- Days that sealed arguments, and events as a whole, are kept. Null: for ever.
alter table tenant add column payload_days integer default 90 check (payload_days between 1 and 3650);
alter table tenant add column event_days integer check (event_days between 30 and 3650);

-- Scopes that a connection declares beyond mcp:read and mcp:write:
-- [{"scope": "read:inventory", "description": "…", "tools": ["getInventory*"]}], globs over upstream names.
alter table connection add column scopes jsonb not null default '[]';
drop trigger bump on connection;
create trigger bump after insert or delete or update of slug, kind, url, catalog, args, timeout_ms, revision, scopes on connection
  for each row execute function bump_tenant_version();

-- What a call of this tool costs: {"kind": "flat", "micros": 10000}. Null: nothing.
alter table tool add column cost jsonb;

-- What is stopped until somebody lifts it. `subject_id`: the workspace's, connection's or member's id; of
-- a client, its client id or the id of an API key.
create table frozen (
  tenant_id text not null references tenant,
  kind text not null check (kind in ('workspace', 'connection', 'member', 'client')),
  subject_id text not null check (length(subject_id) between 1 and 2048),
  reason text not null,
  created_by text not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, kind, subject_id)
);
call protect_tenant_table('frozen');
create trigger bump after insert or update or delete on frozen for each row execute function bump_tenant_version();
grant select on frozen to conducktor_gateway, conducktor_auth;
grant select, insert, update, delete on frozen to conducktor_app;

-- By which credential a member's client was last here, and how much of it is open. Kept up by gateways,
-- seconds late; nothing is decided by it.
create table client_activity (
  tenant_id text not null references tenant,
  -- The grant of a token, or an API key.
  credential_id text not null,
  member_id text not null,
  client_id text not null,
  -- As the client calls itself; untrusted.
  client_name text,
  client_version text,
  protocol_version text,
  resource_path text,
  source_ip text,
  first_seen_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  requests bigint not null default 0,
  primary key (tenant_id, credential_id),
  foreign key (tenant_id, member_id) references member on delete cascade
);
create index client_activity_seen on client_activity (tenant_id, last_seen_at);
call protect_tenant_table('client_activity');
grant select, insert, update on client_activity to conducktor_system;
grant select on client_activity to conducktor_app, conducktor_auth;

-- Letters to people, written in the transaction that causes them. `sealed` holds address, subject and
-- text, links included, under the installation's key, and is emptied once the letter is gone.
create table mail_outbox (
  id text primary key,
  -- One letter for one event, however often the event is handled.
  dedupe_key text unique,
  sealed bytea,
  attempts integer not null default 0,
  next_at timestamptz not null default now(),
  created_at timestamptz not null default now(),
  sent_at timestamptz,
  failed_at timestamptz,
  last_error text
);
create index mail_outbox_due on mail_outbox (next_at) where sent_at is null and failed_at is null;
grant insert on mail_outbox to conducktor_app, conducktor_auth;
grant select, update, delete on mail_outbox to conducktor_auth;
reset role;

-- migrate:down
select 1;
