-- migrate:up
set role conducktor_owner;

-- A definition that a service lists and that nobody has accepted: in place of the one that is pinned, or
-- as the first of a new tool, whose definition_hash is empty then. While it is there, the tool is neither
-- listed nor called. `offered_refused`: an admin looked at this very definition and said no.
-- What is pinned when this comes in stays pinned.
alter table tool
  add column offered_definition jsonb,
  add column offered_hash bytea,
  add column offered_class text check (offered_class in ('read', 'write', 'destructive')),
  add column offered_at timestamptz,
  add column offered_refused boolean not null default false,
  add constraint tool_offered_check
    check (num_nonnulls(offered_definition, offered_hash, offered_class, offered_at) in (0, 4)),
  add constraint tool_refused_check check (not offered_refused or offered_hash is not null);

-- `strict`: whatever a service changes or adds waits for an admin. `additive`: tools that it adds do not.
alter table tenant
  add column tool_changes text not null default 'strict' check (tool_changes in ('strict', 'additive'));
reset role;

-- migrate:down
select 1;
