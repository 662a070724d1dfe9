-- migrate:up
-- Tables of the session come first in a search path that does not name pg_temp. So whoever could run SQL
-- as a service could put a table of its own, with a default that calls a function, in place of a real
-- one, and have it run with the rights of the function's owner: across all workspaces.
set role conducktor_system;
do $$
declare f regprocedure;
begin
  for f in
    select p.oid::regprocedure from pg_proc p
     where p.pronamespace = 'public'::regnamespace and p.prosecdef
       and p.proowner = 'conducktor_system'::regrole
  loop
    execute format('alter function %s set search_path = public, pg_temp', f);
  end loop;
end $$;
reset role;

-- The services need no tables of their own; only `seal` makes one, as its owner.
do $$
begin
  execute format('grant temporary on database %I to conducktor_system', current_database());
  execute format('revoke temporary on database %I from public', current_database());
end $$;

-- migrate:down
select 1;
