-- migrate:up
set role conducktor_owner;

-- What lets somebody register one client while DCR_MODE is "token" (RFC 7591 section 3). Only the hash of
-- a token is kept; 256 random bits need no more than that.
create table initial_access_token (
  tenant_id text not null references tenant,
  id text not null,
  member_id text not null,
  token_hash bytea not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  used_at timestamptz,
  -- The client that was registered with it.
  client_id text,
  primary key (tenant_id, id),
  foreign key (tenant_id, member_id) references member on delete cascade
);
create index initial_access_token_hash on initial_access_token (token_hash);
call protect_tenant_table('initial_access_token');
grant select (tenant_id, id, member_id, created_at, expires_at, used_at, client_id) on initial_access_token to conducktor_app;
grant insert, delete on initial_access_token to conducktor_app;
grant select (tenant_id, id, member_id, token_hash, expires_at, used_at), update (used_at, client_id) on initial_access_token to conducktor_auth;
grant select on initial_access_token to conducktor_system;

-- Registered clients that nobody has allowed yet: counted at each registration, the oldest go first.
create index oidc_payload_unused_client on oidc_payload (expires_at) where kind = 'Client' and expires_at is not null;
reset role;

set role conducktor_system;
-- Whose unused token this is. A token ends when whoever made it is no owner any more.
create function find_initial_access_token(p_hash bytea)
  returns table (tenant_id text, id text, created_at timestamptz, expires_at timestamptz)
  language sql stable security definer set search_path = public, pg_temp as $$
  select t.tenant_id, t.id, t.created_at, t.expires_at
    from initial_access_token t
    join member m on m.tenant_id = t.tenant_id and m.id = t.member_id
   where t.token_hash = p_hash and t.used_at is null and t.expires_at > now() and m.disabled_at is null
     and 'owner' = any(m.roles)
$$;
grant execute on function find_initial_access_token(bytea) to conducktor_auth;
reset role;

-- migrate:down
select 1;
