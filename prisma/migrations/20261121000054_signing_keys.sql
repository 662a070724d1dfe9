-- migrate:up
set role conducktor_owner;

-- A key is published when its row is there, signs from `signs_from` until `retired_at`, and what it signed
-- is good until `verifies_until`; null: undecided. What state a key is in follows from these times alone,
-- so every process changes over at the same moment and none has to be told.
alter table signing_key add column signs_from timestamptz;
alter table signing_key add column verifies_until timestamptz;
update signing_key set signs_from = created_at, verifies_until = retired_at + interval '25 hours';
alter table signing_key alter column signs_from set default now();
alter table signing_key alter column signs_from set not null;
-- Emptied when the key is gone: nobody needs it any more, a thief of backups least of all.
alter table signing_key alter column private_sealed drop not null;
alter table signing_key add constraint signing_key_order
  check ((retired_at is null) = (verifies_until is null) and verifies_until >= retired_at);
grant select (signs_from, verifies_until) on signing_key to conducktor_gateway, conducktor_app;

-- Verifiers poll; this makes a key that is taken out of use unusable in milliseconds.
create function tell_signing_key() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
  perform pg_notify('signing_key', '');
  return null;
end $$;
create trigger tell after insert or update or delete on signing_key
  for each statement execute function tell_signing_key();
reset role;

-- migrate:down
select 1;
