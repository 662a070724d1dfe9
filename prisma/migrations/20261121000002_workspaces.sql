-- migrate:up
set role conducktor_owner;

-- The tenant of this transaction; '' after a commit reads as none, so it is turned to null.
create function current_tenant() returns text language sql stable parallel safe
  return nullif(current_setting('conducktor.tenant', true), '');
grant execute on function current_tenant() to public;

-- The row level security template. Every tenant table gets exactly this, and a test reads the
-- catalogue to prove it.
create procedure protect_tenant_table(tab regclass, tenant_column text default 'tenant_id')
language plpgsql as $$
begin
  execute format('alter table %s enable row level security', tab);
  execute format('alter table %s force row level security', tab);
  execute format('create policy tenant_rows on %s as permissive for all to conducktor_tenant using (true) with check (true)', tab);
  execute format('create policy tenant_isolation on %s as restrictive for all to conducktor_tenant using (%I = current_tenant()) with check (%I = current_tenant())', tab, tenant_column, tenant_column);
  execute format('create policy system_rows on %s as permissive for all to conducktor_system using (true) with check (true)', tab);
end $$;

create table instance (
  only_one boolean primary key default true check (only_one),
  id text not null,
  created_at timestamptz not null default now()
);
grant select on instance to conducktor_tenant;

create table tenant (
  id text primary key,
  slug text not null unique,
  name text not null,
  limit_profile text not null default 'standard' check (limit_profile in ('standard', 'burst', 'host')),
  active_policy integer,
  created_at timestamptz not null default now()
);
call protect_tenant_table('tenant', 'id');

-- People exist once; what they may do in a workspace is their membership.
create table user_account (
  id text primary key,
  email text not null,
  display_name text not null default '',
  password_hash text,
  created_at timestamptz not null default now(),
  disabled_at timestamptz
);
create unique index user_account_email on user_account (lower(email));

create table member (
  tenant_id text not null references tenant,
  id text not null,
  user_id text not null references user_account,
  email text not null,
  roles text[] not null default '{member}',
  created_at timestamptz not null default now(),
  disabled_at timestamptz,
  primary key (tenant_id, id),
  unique (tenant_id, user_id)
);
create index member_user on member (user_id);
call protect_tenant_table('member');

create table workspace_group (
  tenant_id text not null references tenant,
  id text not null,
  name text not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, name)
);
call protect_tenant_table('workspace_group');

create table group_membership (
  tenant_id text not null,
  group_id text not null,
  member_id text not null,
  primary key (tenant_id, group_id, member_id),
  foreign key (tenant_id, group_id) references workspace_group on delete cascade,
  foreign key (tenant_id, member_id) references member on delete cascade
);
call protect_tenant_table('group_membership');

create table connection (
  tenant_id text not null references tenant,
  id text not null,
  slug text not null check (slug ~ '^[a-z0-9][a-z0-9-]{0,23}$' and slug <> 'conducktr'),
  kind text not null check (kind in ('mcp-http', 'mcp-stdio')),
  url text,
  catalog text,
  args jsonb not null default '[]',
  timeout_ms integer not null default 30000 check (timeout_ms between 100 and 600000),
  status text not null default 'PENDING' check (status in ('PENDING', 'ACTIVE', 'DEGRADED', 'AUTH_REQUIRED', 'ERROR')),
  status_reason text,
  revision bigint not null default 1,
  created_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, slug),
  check ((kind = 'mcp-http' and url is not null) or (kind = 'mcp-stdio' and catalog is not null))
);
call protect_tenant_table('connection');

-- Headers and environment of a connection, sealed under the tenant's key; written, never read back.
create table connection_secret (
  tenant_id text not null,
  connection_id text not null,
  sealed bytea not null,
  updated_at timestamptz not null default now(),
  primary key (tenant_id, connection_id),
  foreign key (tenant_id, connection_id) references connection on delete cascade
);
call protect_tenant_table('connection_secret');

create table tool (
  tenant_id text not null,
  id text not null,
  connection_id text not null,
  upstream_name text not null,
  shown_name text not null check (shown_name ~ '^[A-Za-z0-9_-]{1,64}$'),
  definition jsonb not null,
  definition_hash bytea not null,
  proposed_class text not null check (proposed_class in ('read', 'write', 'destructive')),
  class_override text check (class_override in ('read', 'write', 'destructive')),
  labels text[] not null default '{}',
  hidden boolean not null default false,
  removed_at timestamptz,
  created_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, shown_name),
  unique (tenant_id, connection_id, upstream_name),
  foreign key (tenant_id, connection_id) references connection on delete cascade
);
call protect_tenant_table('tool');

create table policy (
  tenant_id text not null references tenant,
  version integer not null check (version > 0),
  document jsonb not null,
  source text not null,
  created_by text,
  created_at timestamptz not null default now(),
  primary key (tenant_id, version)
);
call protect_tenant_table('policy');
alter table tenant add foreign key (id, active_policy) references policy (tenant_id, version);

create table api_key (
  tenant_id text not null,
  id text not null unique,
  member_id text not null,
  name text not null,
  secret_hash bytea not null,
  scopes text[] not null,
  expires_at timestamptz,
  revoked_at timestamptz,
  created_at timestamptz not null default now(),
  primary key (tenant_id, id),
  foreign key (tenant_id, member_id) references member on delete cascade
);
call protect_tenant_table('api_key');

-- What a person allowed one client to do in one workspace; revoking it ends its tokens.
create table oauth_grant (
  tenant_id text not null,
  id text not null unique,
  member_id text not null,
  client_id text not null,
  client_name text not null default '',
  scopes text[] not null,
  resource text not null,
  created_at timestamptz not null default now(),
  revoked_at timestamptz,
  primary key (tenant_id, id),
  foreign key (tenant_id, member_id) references member on delete cascade
);
call protect_tenant_table('oauth_grant');

-- Envelope encryption: the operator's key wraps tenant keys, a tenant's key wraps subject keys.
create table tenant_key (
  tenant_id text primary key references tenant,
  wrapped bytea not null,
  created_at timestamptz not null default now()
);
call protect_tenant_table('tenant_key');

create table subject_key (
  tenant_id text not null,
  member_id text not null,
  wrapped bytea not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, member_id),
  foreign key (tenant_id, member_id) references member on delete cascade
);
call protect_tenant_table('subject_key');

-- Encrypted arguments too large to ride inside the journal row. A missing body is a recorded state.
create table call_body (
  tenant_id text not null references tenant,
  call_id text not null,
  sealed bytea not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, call_id)
);
call protect_tenant_table('call_body');

-- What the control plane did, written in the transaction that did it, until the sealer takes it.
create table audit_outbox (
  tenant_id text not null references tenant,
  id bigint generated always as identity,
  at timestamptz not null default now(),
  record jsonb not null,
  primary key (tenant_id, id)
);
call protect_tenant_table('audit_outbox');

-- The sealed, per-tenant sequence. Inserted by the sealer only, never updated.
create table audit_event (
  tenant_id text not null references tenant,
  seq bigint not null,
  id text not null,
  kind text not null check (kind in ('call', 'denial', 'outcome', 'control')),
  at timestamptz not null,
  call_id text,
  member_id text,
  actor text,
  client_id text,
  connection text,
  tool text,
  decision text,
  code text,
  outcome text,
  cost_micros bigint not null default 0,
  arguments_hash text,
  arguments_sealed text,
  duration_ms double precision,
  detail jsonb not null default '{}',
  primary key (tenant_id, seq)
);
create index audit_event_call on audit_event (tenant_id, call_id);
create index audit_event_at on audit_event (tenant_id, at);
call protect_tenant_table('audit_event');

-- Signing keys and OAuth artefacts belong to the installation, not to a tenant.
create table signing_key (
  kid text primary key,
  alg text not null,
  public_jwk jsonb not null,
  private_sealed bytea not null,
  created_at timestamptz not null default now(),
  retired_at timestamptz
);

create table oidc_payload (
  kind text not null,
  id text not null,
  payload jsonb not null,
  grant_id text,
  user_code text,
  uid text,
  expires_at timestamptz,
  consumed_at timestamptz,
  primary key (kind, id)
);
create index oidc_payload_grant on oidc_payload (grant_id) where grant_id is not null;
create index oidc_payload_uid on oidc_payload (kind, uid) where uid is not null;
create index oidc_payload_expiry on oidc_payload (expires_at);

-- Freshness: every change that a data-plane decision depends on bumps this in its own transaction.
-- The xid lets pollers see late commits.
create table tenant_version (
  tenant_id text primary key references tenant,
  version bigint not null default 1,
  xid xid8 not null default pg_current_xact_id()
);
create index tenant_version_xid on tenant_version (xid);
call protect_tenant_table('tenant_version');

reset role;
set role conducktor_system;
create function bump_tenant_version() returns trigger language plpgsql security definer set search_path = public as $$
declare tid text;
begin
  if tg_table_name = 'tenant' then
    tid := new.id;
  else
    tid := coalesce(new.tenant_id, old.tenant_id);
  end if;
  insert into tenant_version (tenant_id) values (tid)
    on conflict (tenant_id) do update set version = tenant_version.version + 1, xid = pg_current_xact_id();
  perform pg_notify('tenant_version', tid);
  return null;
end $$;
grant execute on function bump_tenant_version() to public;
reset role;
set role conducktor_owner;

grant select, insert, update, delete on tenant_version to conducktor_system;
create trigger bump after insert or update on tenant for each row execute function bump_tenant_version();
create trigger bump after insert or update or delete on member for each row execute function bump_tenant_version();
create trigger bump after insert or update or delete on workspace_group for each row execute function bump_tenant_version();
create trigger bump after insert or update or delete on group_membership for each row execute function bump_tenant_version();
create trigger bump after insert or delete or update of slug, kind, url, catalog, args, timeout_ms, revision on connection for each row execute function bump_tenant_version();
create trigger bump after insert or update or delete on tool for each row execute function bump_tenant_version();
create trigger bump after insert or update or delete on api_key for each row execute function bump_tenant_version();
create trigger bump after update or delete on oauth_grant for each row execute function bump_tenant_version();

-- Who may touch what. The gateway reads; only the control plane and sign-in write.
grant select on tenant, member, workspace_group, group_membership, connection, tool, policy, api_key, oauth_grant, tenant_key, subject_key, tenant_version to conducktor_gateway;
grant insert on subject_key, tenant_key, call_body to conducktor_gateway;
grant select (kid, alg, public_jwk, created_at, retired_at) on signing_key to conducktor_gateway, conducktor_app;

grant select, insert, update, delete on tenant, member, workspace_group, group_membership, connection, connection_secret, tool, policy, api_key, oauth_grant, tenant_key, subject_key to conducktor_app;
grant select on tenant_version, audit_event, call_body to conducktor_app;
grant insert on audit_outbox to conducktor_app, conducktor_auth;

grant select, insert, update on tenant, member, oauth_grant, tenant_key to conducktor_auth;
grant select on workspace_group, group_membership, connection, policy to conducktor_auth;
grant insert on policy to conducktor_auth;
grant select, insert, update on user_account, signing_key to conducktor_auth;
grant select, insert, update, delete on oidc_payload to conducktor_auth;

grant select, insert, update, delete on tenant, member, tenant_key, policy, connection, tool, api_key, audit_outbox, audit_event, user_account, oauth_grant, call_body to conducktor_system;
reset role;

set role conducktor_system;
-- The few questions whose answer crosses tenants, each as narrow as it can be.
create function memberships_of(p_user text)
  returns table (tenant_id text, tenant_name text, tenant_slug text, member_id text, roles text[])
  language sql stable security definer set search_path = public as $$
  select t.id, t.name, t.slug, m.id, m.roles
    from member m join tenant t on t.id = m.tenant_id
   where m.user_id = p_user and m.disabled_at is null
   order by t.name
$$;
grant execute on function memberships_of(text) to conducktor_auth, conducktor_app;

create function tenant_of_api_key(p_key text) returns text
  language sql stable security definer set search_path = public as $$
  select tenant_id from api_key where id = p_key
$$;
grant execute on function tenant_of_api_key(text) to conducktor_gateway, conducktor_app;

create function tenant_of_grant(p_grant text) returns text
  language sql stable security definer set search_path = public as $$
  select tenant_id from oauth_grant where id = p_grant
$$;
grant execute on function tenant_of_grant(text) to conducktor_auth;

-- An invitation makes the account it invites, without a password, and tells nothing about others.
create function ensure_user(p_id text, p_email text) returns text
  language plpgsql security definer set search_path = public as $$
declare found text;
begin
  insert into user_account (id, email) values (p_id, lower(p_email)) on conflict ((lower(email))) do nothing;
  select id into found from user_account where lower(email) = lower(p_email);
  return found;
end $$;
grant execute on function ensure_user(text, text) to conducktor_app, conducktor_auth;
reset role;

-- migrate:down
select 1;
