-- migrate:up
set role conducktor_system;
-- How many requests of all workspaces are in each state that is not the end, for how many seconds the one that
-- waits longest for people has, and how long ago the oldest was approved of those that are to be made at once
-- and whose outcome is not recorded; 0 where there is none.
create function approval_backlog()
  returns table (pending bigint, approved bigint, running bigint, pending_seconds double precision, unmade_seconds double precision)
  language sql stable security definer set search_path = public, pg_temp as $$
  select count(*) filter (where a.status = 'pending'),
         count(*) filter (where a.status = 'approved'),
         count(*) filter (where a.status = 'running'),
         coalesce(extract(epoch from now() - min(a.created_at) filter (where a.status = 'pending')), 0)::double precision,
         coalesce(extract(epoch from now() - min(a.decided_at)
           filter (where a.status in ('approved', 'running') and a.on_approval = 'run')), 0)::double precision
    from approval_request a where a.status in ('pending', 'approved', 'running')
$$;
grant execute on function approval_backlog() to conducktor_app;
reset role;

-- migrate:down
select 1;
