-- migrate:up
set role conducktor_owner;
-- The name of the installation is part of the cookies' names on plain http; whoever starts first makes it.
grant insert on instance to conducktor_app;
-- The member who made the key and was shown it. Null: of before, or made at sign-up.
alter table api_key add column created_by text;
-- For browser_session and touch_api_key below, and for nothing else.
grant select on oidc_payload to conducktor_system;
reset role;

set role conducktor_system;
-- Who is signed in with the browser session whose hashed id this is. Sessions belong to people and not
-- to workspaces, so the control plane learns of one only what it must, and only by its id.
create function browser_session(p_hash text)
  returns table (user_id text, email text, display_name text, expires_at timestamptz)
  language sql stable security definer set search_path = public, pg_temp as $$
  select u.id, u.email, u.display_name, s.expires_at
    from oidc_payload s join user_account u on u.id = s.payload ->> 'accountId'
   where s.kind = 'Session' and s.id = p_hash and s.expires_at > now() and u.disabled_at is null
$$;
grant execute on function browser_session(text) to conducktor_app;

-- Notes that a key of this workspace was used for the REST API; `p_requests` times since the last note.
create function touch_api_key(p_tenant text, p_key text, p_member text, p_ip text, p_requests bigint)
  returns void
  language sql security definer set search_path = public, pg_temp as $$
  insert into client_activity as a
         (tenant_id, credential_id, member_id, client_id, resource_path, source_ip, requests)
  select k.tenant_id, k.id, k.member_id, k.id, '/api/v1', p_ip, p_requests
    from api_key k where k.tenant_id = p_tenant and k.id = p_key and k.member_id = p_member
  on conflict (tenant_id, credential_id) do update
    set last_seen_at = now(), requests = a.requests + excluded.requests,
        source_ip = coalesce(excluded.source_ip, a.source_ip)
$$;
grant execute on function touch_api_key(text, text, text, text, bigint) to conducktor_app;
reset role;

-- migrate:down
select 1;
