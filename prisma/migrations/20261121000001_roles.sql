-- migrate:up
-- Roles are cluster-wide, so every statement tolerates a second database in the same cluster.
--   conducktor_owner    owns the tables; nobody logs in as it
--   conducktor_system   owns the append-only journal and the SECURITY DEFINER functions; holds the
--                       only cross-tenant row policy; nobody logs in as it
--   conducktor_tenant   the group that row level security binds to one tenant
--   conducktor_{app,auth,gateway,audit}   one login role per kind of service, all in conducktor_tenant
do $$
declare r text;
begin
  foreach r in array array['conducktor_owner', 'conducktor_system', 'conducktor_tenant'] loop
    if not exists (select from pg_roles where rolname = r) then
      execute format('create role %I nologin noinherit', r);
    end if;
  end loop;
  foreach r in array array['conducktor_app', 'conducktor_auth', 'conducktor_gateway', 'conducktor_audit'] loop
    if not exists (select from pg_roles where rolname = r) then
      execute format('create role %I login inherit nobypassrls', r);
      execute format('grant conducktor_tenant to %I', r);
    end if;
  end loop;
  execute format('grant conducktor_owner, conducktor_system to %I', current_user);
exception when duplicate_object or unique_violation then
  -- Two databases of one cluster migrating at once: the other one made the roles.
  null;
end $$;

grant create, usage on schema public to conducktor_owner, conducktor_system;
grant usage on schema public to conducktor_tenant;
revoke create on schema public from public;
-- Without "in schema": privileges given by default everywhere cannot be taken back for one schema.
alter default privileges for role conducktor_system revoke execute on functions from public;
alter default privileges for role conducktor_owner revoke execute on functions from public;
-- Every plan of the journal must go through its keys, also those cached while a partition was empty.
alter role conducktor_gateway set enable_seqscan = off;
alter role conducktor_gateway set enable_hashjoin = off;
alter role conducktor_gateway set enable_mergejoin = off;
alter role conducktor_gateway set jit = off;

-- migrate:down
drop owned by conducktor_system;
drop owned by conducktor_owner;
