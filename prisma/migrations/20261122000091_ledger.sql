-- migrate:up
-- The login role of billing-usage, which writes the ledger and the usage figures through functions.
do $$
begin
  if not exists (select from pg_roles where rolname = 'conducktor_billing') then
    create role conducktor_billing login inherit nobypassrls;
    grant conducktor_tenant to conducktor_billing;
  end if;
exception when duplicate_object or unique_violation then
  -- Two databases of one cluster migrating at once: the other one made it.
  null;
end $$;
alter role conducktor_billing set jit = off;
grant select on schema_migrations to conducktor_billing;

-- migrate:down
revoke select on schema_migrations from conducktor_billing;
