-- migrate:up
set role conducktor_owner;

-- A policy tried on recorded calls. It goes through a stretch of the workspace's sequence in steps; what it
-- has found and how far it has come stand here after each, so that any process goes on where one stopped.
create table policy_simulation (
  tenant_id text not null references tenant,
  id text not null,
  status text not null default 'queued' check (status in ('queued', 'running', 'done', 'cancelled', 'failed')),
  created_by text,
  created_at timestamptz not null default now(),
  started_at timestamptz,
  finished_at timestamptz,
  -- Which stored version it is; null: a draft.
  version integer,
  document jsonb not null,
  -- Of which calls: tool, connection, client, memberId.
  filter jsonb not null default '{}',
  days integer not null check (days between 1 and 90),
  since timestamptz not null,
  -- What it goes through, and up to where it has: first_seq - 1 in the beginning.
  first_seq bigint not null,
  last_seq bigint not null,
  cursor_seq bigint not null,
  -- Counts (totals.ts), and what was seen so far by whom (seen-so-far.ts).
  totals jsonb not null default '{}',
  seen jsonb not null default '[]',
  changes integer not null default 0,
  -- Who works on it, until when; how often that began without a step being finished.
  lease_by text,
  lease_until timestamptz,
  attempts integer not null default 0,
  error text,
  primary key (tenant_id, id),
  check ((status in ('done', 'cancelled', 'failed')) = (finished_at is not null))
);
call protect_tenant_table('policy_simulation');
create unique index policy_simulation_one on policy_simulation (tenant_id) where status in ('queued', 'running');
create index policy_simulation_due on policy_simulation (created_at) where status in ('queued', 'running');
create index policy_simulation_old on policy_simulation (finished_at) where finished_at is not null;

-- Calls that would have been decided otherwise. Ids only: who somebody is, is looked up when it is read.
create table policy_simulation_change (
  tenant_id text not null,
  simulation_id text not null,
  seq bigint not null,
  event_id text not null,
  at timestamptz not null,
  member_id text,
  client_id text,
  connection text,
  tool text,
  calls integer not null,
  then_effect text not null,
  then_rule text,
  now_effect text not null,
  now_rule text,
  now_sentence text not null,
  primary key (tenant_id, simulation_id, seq),
  foreign key (tenant_id, simulation_id) references policy_simulation on delete cascade
);
call protect_tenant_table('policy_simulation_change');
grant select, insert, update, delete on policy_simulation, policy_simulation_change to conducktor_app;
grant select, update, delete on policy_simulation to conducktor_system;
reset role;

set role conducktor_system;
-- Takes a simulation that nobody works on, of any workspace, for p_seconds. Forgets those that ended
-- thirty days ago: what they say of calls is not kept longer than that.
create function claim_policy_simulation(p_by text, p_seconds integer)
  returns table (tenant_id text, id text, attempts integer)
  language plpgsql security definer set search_path = public, pg_temp as $$
begin
  delete from policy_simulation s using (
      select o.tenant_id, o.id from policy_simulation o
       where o.finished_at < now() - interval '30 days' order by o.finished_at limit 10) old
   where s.tenant_id = old.tenant_id and s.id = old.id;
  return query
    update policy_simulation s
       set status = 'running', lease_by = p_by, lease_until = now() + make_interval(secs => p_seconds),
           started_at = coalesce(s.started_at, now()), attempts = s.attempts + 1
     where (s.tenant_id, s.id) in (
       select d.tenant_id, d.id from policy_simulation d
        where d.status in ('queued', 'running') and (d.lease_until is null or d.lease_until < now())
        order by d.created_at limit 1 for update skip locked)
    returning s.tenant_id, s.id, s.attempts;
end $$;
grant execute on function claim_policy_simulation(text, integer) to conducktor_app;
reset role;

-- migrate:down
select 1;
