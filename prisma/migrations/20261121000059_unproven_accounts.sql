-- migrate:up
set role conducktor_system;

-- Ends what acts for an account of which nobody has shown that they read its address: whoever connected
-- it may have signed up with somebody else's. True when that is so; a proven account keeps everything.
create function end_unproven_access(p_user text, p_email text) returns boolean
  language plpgsql security definer set search_path = public, pg_temp as $$
begin
  perform from user_account u
    where u.id = p_user and lower(u.email) = lower(p_email) and u.email_verified_at is null for update;
  if not found then return false; end if;
  with ended as (
    update oauth_grant g set revoked_at = now() from member m
     where m.user_id = p_user and g.tenant_id = m.tenant_id and g.member_id = m.id and g.revoked_at is null
    returning g.tenant_id, g.id, g.client_id, m.id as member_id, m.email
  )
  insert into audit_outbox (tenant_id, record)
  select e.tenant_id, jsonb_build_object('action', 'grant.revoke', 'memberId', e.member_id,
           'actor', e.email, 'clientId', e.client_id, 'grantId', e.id)
    from ended e;
  with ended as (
    update api_key k set revoked_at = now() from member m
     where m.user_id = p_user and k.tenant_id = m.tenant_id and k.member_id = m.id and k.revoked_at is null
    returning k.tenant_id, k.id, m.id as member_id, m.email
  )
  insert into audit_outbox (tenant_id, record)
  select e.tenant_id, jsonb_build_object('action', 'api-key.revoke', 'memberId', e.member_id,
           'actor', e.email, 'keyId', e.id, 'subject', e.member_id)
    from ended e;
  return true;
end $$;
grant execute on function end_unproven_access(text, text) to conducktor_auth;
reset role;

-- migrate:down
select 1;
