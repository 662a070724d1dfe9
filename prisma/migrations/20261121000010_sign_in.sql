-- migrate:up
set role conducktor_owner;

-- Where the codes of a grant are sent: part of what the person agreed to.
alter table oauth_grant add column redirect_host text not null default '';

-- How much of an allowance is used (GCRA: the time at which it is whole again). Kept here, so that a
-- restart forgives nobody. Keys hold hashed addresses of people, never the addresses.
create table attempt_limit (
  key text primary key,
  whole_at timestamptz not null
);
create index attempt_limit_age on attempt_limit (whole_at);

grant select, insert, update, delete on attempt_limit to conducktor_auth;
grant insert on instance to conducktor_auth;
reset role;

-- migrate:down
select 1;
