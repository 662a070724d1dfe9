-- migrate:up
set role conducktor_owner;

-- What a link in a letter is good for, once: to confirm an address (verify), to choose a password
-- (reset), to give the account the address that the link was sent to (change). Only the hash of its
-- token is kept; 256 random bits need no more than that.
create table mailed_link (
  token_hash bytea primary key,
  kind text not null check (kind in ('verify', 'reset', 'change')),
  user_id text not null references user_account,
  -- Where it was sent: who opens it reads this mailbox.
  email text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  used_at timestamptz
);
create index mailed_link_user on mailed_link (user_id, kind);
create index mailed_link_age on mailed_link (expires_at);
grant select, insert, update, delete on mailed_link to conducktor_auth;

-- The token of the link that went by mail; the link shown to the inviter has another. So an invitation
-- that was accepted with the mailed one shows whose mailbox it is, and with the other it does not.
alter table invitation add column mailed_hash bytea;
alter table invitation add column invited_by text not null default '';
create index invitation_mailed on invitation (mailed_hash) where mailed_hash is not null;
-- An invitation is made anew: the control plane writes hashes, and reads whose they are.
grant update on invitation to conducktor_app;
grant select (tenant_id, member_id, expires_at, accepted_at) on invitation to conducktor_app;

-- Letters to one address and from one workspace are counted where sign-ins are.
grant select, insert, update on attempt_limit to conducktor_app;

-- Senders wait for this word, and look by themselves now and then.
create function tell_mail() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
  perform pg_notify('mail_outbox', '');
  return null;
end $$;
create trigger tell after insert on mail_outbox for each statement execute function tell_mail();
grant execute on function tell_mail() to public;

grant select, delete on group_membership to conducktor_system;
grant select on frozen to conducktor_system;
reset role;

set role conducktor_system;
drop function open_invitation(bytea);
create function open_invitation(p_hash bytea)
  returns table (tenant_id text, tenant_name text, user_id text, email text, invited_by text)
  language sql stable security definer set search_path = public, pg_temp as $$
  select t.id, t.name, m.user_id, m.email, i.invited_by
    from invitation i
    join member m on m.tenant_id = i.tenant_id and m.id = i.member_id
    join tenant t on t.id = i.tenant_id
   where (i.token_hash = p_hash or i.mailed_hash = p_hash) and i.accepted_at is null
     and i.expires_at > now() and m.disabled_at is null
$$;
grant execute on function open_invitation(bytea) to conducktor_auth;

-- Takes the membership up for the account that was invited, once. No row: the link cannot be used.
create or replace function accept_invitation(p_hash bytea, p_user text)
  returns table (tenant_id text, member_id text)
  language sql security definer set search_path = public, pg_temp as $$
  with used as (
    update invitation i set accepted_at = now()
      from member m
     where (i.token_hash = p_hash or i.mailed_hash = p_hash)
       and i.accepted_at is null and i.expires_at > now()
       and m.tenant_id = i.tenant_id and m.id = i.member_id
       and m.user_id = p_user and m.disabled_at is null
    returning i.tenant_id, i.member_id, i.mailed_hash is not distinct from p_hash as by_mail, m.email
  ), proven as (
    update user_account u set email_verified_at = now() from used
     where used.by_mail and u.id = p_user and u.email_verified_at is null
       and lower(u.email) = lower(used.email)
  )
  update member m set accepted_at = now() from used u
   where m.tenant_id = u.tenant_id and m.id = u.member_id
  returning m.tenant_id, m.id
$$;

-- Whether letters may go out in this member's name: who never showed that their own address is theirs
-- cannot have us write to others.
create function may_send_letters(p_tenant text, p_member text) returns boolean
  language sql stable security definer set search_path = public, pg_temp as $$
  select exists (
    select from member m join user_account u on u.id = m.user_id
     where m.tenant_id = p_tenant and m.id = p_member and u.email_verified_at is not null)
$$;
grant execute on function may_send_letters(text, text) to conducktor_app;

-- Every workspace that this person took up: also those they lost, with what became of it.
create function all_memberships_of(p_user text)
  returns table (tenant_id text, tenant_name text, tenant_slug text, member_id text, roles text[],
                 joined_at timestamptz, disabled_at timestamptz, removed_at timestamptz,
                 frozen boolean, last_owner boolean)
  language sql stable security definer set search_path = public, pg_temp as $$
  select t.id, t.name, t.slug, m.id, m.roles, m.accepted_at, m.disabled_at, m.removed_at,
         exists (select from frozen f where f.tenant_id = t.id
                  and ((f.kind = 'workspace' and f.subject_id = t.id)
                    or (f.kind = 'member' and f.subject_id = m.id))),
         'owner' = any (m.roles) and not exists (
           select from member o where o.tenant_id = t.id and o.id <> m.id and 'owner' = any (o.roles)
              and o.disabled_at is null and o.accepted_at is not null)
    from member m join tenant t on t.id = m.tenant_id
   where m.user_id = p_user and m.accepted_at is not null
   order by t.name, t.id
$$;
grant execute on function all_memberships_of(text) to conducktor_auth;

-- Apps that act for this person, in all workspaces that they are in.
create function apps_of(p_user text)
  returns table (tenant_id text, tenant_name text, member_id text, grant_id text, client_id text,
                 client_name text, redirect_host text, scopes text[], created_at timestamptz,
                 last_seen_at timestamptz)
  language sql stable security definer set search_path = public, pg_temp as $$
  select t.id, t.name, m.id, g.id, g.client_id, g.client_name, g.redirect_host, g.scopes, g.created_at,
         a.last_seen_at
    from member m
    join tenant t on t.id = m.tenant_id
    join oauth_grant g on g.tenant_id = m.tenant_id and g.member_id = m.id and g.revoked_at is null
    left join client_activity a on a.tenant_id = g.tenant_id and a.credential_id = g.id
   where m.user_id = p_user and m.disabled_at is null and m.accepted_at is not null
   order by g.created_at desc, g.id
   limit 500
$$;
grant execute on function apps_of(text) to conducktor_auth;

-- The person leaves: like a removal, done by themselves. 'left', 'last owner', or null when they are
-- in no such workspace.
create function leave_workspace(p_tenant text, p_user text) returns text
  language plpgsql security definer set search_path = public, pg_temp as $$
declare leaving member;
begin
  -- Two owners who leave at once must not both succeed.
  perform from tenant t where t.id = p_tenant for update;
  select * into leaving from member m
   where m.tenant_id = p_tenant and m.user_id = p_user and m.disabled_at is null
     and m.accepted_at is not null
     for update;
  if leaving.id is null then return null; end if;
  if 'owner' = any (leaving.roles) and not exists (
    select from member o where o.tenant_id = p_tenant and o.id <> leaving.id and 'owner' = any (o.roles)
       and o.disabled_at is null and o.accepted_at is not null)
  then return 'last owner'; end if;
  update member m set removed_at = now(), disabled_at = now(), permissions = '{}'
   where m.tenant_id = p_tenant and m.id = leaving.id;
  update oauth_grant g set revoked_at = now()
   where g.tenant_id = p_tenant and g.member_id = leaving.id and g.revoked_at is null;
  update api_key k set revoked_at = now()
   where k.tenant_id = p_tenant and k.member_id = leaving.id and k.revoked_at is null;
  delete from group_membership g where g.tenant_id = p_tenant and g.member_id = leaving.id;
  insert into audit_outbox (tenant_id, record)
  values (p_tenant, jsonb_build_object(
    'action', 'member.leave', 'memberId', leaving.id, 'actor', leaving.email));
  return 'left';
end $$;
grant execute on function leave_workspace(text, text) to conducktor_auth;

-- Gives an account another address, recorded in every workspace. Memberships keep theirs: rules of
-- policies name people by it, and nobody is to slip out of a rule by moving. False when the address has
-- an account of its own, or this one has another address by now.
create function change_email(p_user text, p_from text, p_to text) returns boolean
  language plpgsql security definer set search_path = public, pg_temp as $$
begin
  update user_account u set email = p_to, email_verified_at = now()
   where u.id = p_user and lower(u.email) = lower(p_from) and u.disabled_at is null;
  if not found then return false; end if;
  insert into audit_outbox (tenant_id, record)
  select m.tenant_id, jsonb_build_object(
           'action', 'member.change-email', 'memberId', m.id, 'actor', m.email, 'email', p_to)
    from member m where m.user_id = p_user and m.accepted_at is not null and m.removed_at is null;
  return true;
exception when unique_violation then
  return false;
end $$;
grant execute on function change_email(text, text, text) to conducktor_auth;
reset role;

-- migrate:down
select 1;
