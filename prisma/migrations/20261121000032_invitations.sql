-- migrate:up
set role conducktor_owner;

-- When the person took the membership up. Null: invited, and no sign-in may use it. Whoever makes a
-- membership for themselves has accepted it.
alter table member add column accepted_at timestamptz default now();

-- One link for one member. Only the hash of its token is kept; 256 random bits need no more than that.
create table invitation (
  tenant_id text not null,
  member_id text not null,
  token_hash bytea not null,
  expires_at timestamptz not null,
  accepted_at timestamptz,
  primary key (tenant_id, member_id),
  foreign key (tenant_id, member_id) references member on delete cascade
);
create index invitation_token on invitation (token_hash);
call protect_tenant_table('invitation');

grant insert on invitation to conducktor_app;
grant select, update on invitation to conducktor_system;
-- Sign-in makes API keys and counts them; it never reads a hash.
grant insert on api_key to conducktor_auth;
grant select (tenant_id, id, member_id, revoked_at) on api_key to conducktor_auth;
reset role;

set role conducktor_system;
-- Accounts without a password can be claimed by a link from now on, and any workspace can send one to
-- any address. So no such account may hold a membership that a link of another workspace would open.
update member m set accepted_at = null from user_account u
 where u.id = m.user_id and u.password_hash is null;

create or replace function memberships_of(p_user text)
  returns table (tenant_id text, tenant_name text, tenant_slug text, member_id text, roles text[])
  language sql stable security definer set search_path = public, pg_temp as $$
  select t.id, t.name, t.slug, m.id, m.roles
    from member m join tenant t on t.id = m.tenant_id
   where m.user_id = p_user and m.disabled_at is null and m.accepted_at is not null
   order by t.name
$$;

-- What the link of this hash opens, while it may be used: for whoever holds it, nobody being signed in.
create function open_invitation(p_hash bytea)
  returns table (tenant_id text, tenant_name text, user_id text, email text)
  language sql stable security definer set search_path = public, pg_temp as $$
  select t.id, t.name, m.user_id, m.email
    from invitation i
    join member m on m.tenant_id = i.tenant_id and m.id = i.member_id
    join tenant t on t.id = i.tenant_id
   where i.token_hash = p_hash and i.accepted_at is null and i.expires_at > now()
     and m.disabled_at is null
$$;
grant execute on function open_invitation(bytea) to conducktor_auth;

-- Takes the membership up for the account that was invited, once. No row: the link cannot be used.
create function accept_invitation(p_hash bytea, p_user text)
  returns table (tenant_id text, member_id text)
  language sql security definer set search_path = public, pg_temp as $$
  with used as (
    update invitation i set accepted_at = now()
      from member m
     where i.token_hash = p_hash and i.accepted_at is null and i.expires_at > now()
       and m.tenant_id = i.tenant_id and m.id = i.member_id
       and m.user_id = p_user and m.disabled_at is null
    returning i.tenant_id, i.member_id
  )
  update member m set accepted_at = now() from used u
   where m.tenant_id = u.tenant_id and m.id = u.member_id
  returning m.tenant_id, m.id
$$;
grant execute on function accept_invitation(bytea, text) to conducktor_auth;
reset role;

-- migrate:down
select 1;
