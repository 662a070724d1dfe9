-- migrate:up
set role conducktor_owner;

-- A call that policy wants approved, bound to everything it was seen with. It is made at most once: `running`
-- is written in the transaction that admits it, and never left but for `done`.
create table approval_request (
  tenant_id text not null references tenant,
  id text not null,
  status text not null default 'pending'
    check (status in ('pending', 'approved', 'rejected', 'expired', 'void', 'running', 'done')),
  -- Whose call it is, by which client and credential (`grant:<id>` or `key:<id>`), with which scopes.
  member_id text not null,
  client_id text not null,
  credential text not null,
  scopes text[] not null,
  -- What is called, as it was pinned then.
  tool_id text not null,
  tool text not null,
  connection_id text not null,
  connection text not null,
  connection_revision bigint not null,
  definition_hash text not null,
  tool_class text not null,
  -- SHA-256 of the canonical arguments, hexadecimal, and they themselves under the requester's key
  -- (context `approval/<id>`).
  arguments_hash text not null,
  arguments_sealed bytea not null,
  policy_version integer not null,
  -- ApprovalDemand[]: every one must be met.
  demands jsonb not null,
  on_approval text not null check (on_approval in ('run', 'wait')),
  cost_micros bigint not null default 0 check (cost_micros >= 0),
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  -- Of the end of waiting: when, why (a rejection's reason, what became void), by which event.
  decided_at timestamptz,
  decided_reason text,
  -- Once it was made: its call, and until when its answer is given to the same call.
  call_id text,
  outcome text,
  result_until timestamptz,
  primary key (tenant_id, id),
  check ((status in ('running', 'done')) = (call_id is not null))
);
call protect_tenant_table('approval_request');
-- The same call of the same person's client waits once.
create unique index approval_request_same on approval_request (tenant_id, member_id, client_id, tool_id, arguments_hash)
  where status in ('pending', 'approved', 'running');
create index approval_request_newest on approval_request (tenant_id, created_at desc, id desc);
create index approval_request_decided on approval_request (tenant_id, tool_id, decided_at desc) where decided_at is not null;
create index approval_request_waiting on approval_request (status, expires_at) where status in ('pending', 'approved', 'running');

-- One vote of a person for each request, for themselves or for whom they stand in.
create table approval_vote (
  tenant_id text not null,
  request_id text not null,
  member_id text not null,
  for_member_id text,
  vote text not null check (vote in ('approve', 'reject')),
  reason text not null default '',
  at timestamptz not null default now(),
  primary key (tenant_id, request_id, member_id),
  foreign key (tenant_id, request_id) references approval_request on delete cascade
);
call protect_tenant_table('approval_vote');
-- Nor does a right count twice: its owner votes, or somebody in their place.
create unique index approval_vote_right on approval_vote (tenant_id, request_id, coalesce(for_member_id, member_id));

-- `to_member_id` may vote in the place of `from_member_id` until then; never for requests of either.
create table approval_delegation (
  tenant_id text not null references tenant,
  id text not null,
  from_member_id text not null,
  to_member_id text not null,
  until timestamptz not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, id),
  check (from_member_id <> to_member_id)
);
call protect_tenant_table('approval_delegation');
create index approval_delegation_to on approval_delegation (tenant_id, to_member_id, until);

-- When a client of a person was last given what such a tool gives.
create table taint (
  tenant_id text not null references tenant,
  member_id text not null,
  client_id text not null,
  label text not null check (label in ('private', 'untrusted')),
  seen_at timestamptz not null,
  primary key (tenant_id, member_id, client_id, label)
);
call protect_tenant_table('taint');
-- Only gateways know what was given; nothing is ever taken back.
grant select, insert, update on taint to conducktor_gateway;
-- People decide on the control plane: it ends the waiting and can write neither what was asked nor that it was
-- made (those two states need a call, which is not its to name). A vote that was given stands.
grant select, update (status, decided_at, decided_reason) on approval_request to conducktor_app;
grant select, insert on approval_vote to conducktor_app;
grant select, insert, delete on approval_delegation to conducktor_app;
reset role;

-- migrate:down
select 1;
