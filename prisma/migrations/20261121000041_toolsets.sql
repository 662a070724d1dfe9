-- migrate:up
set role conducktor_owner;

-- A part of a workspace's tools under a path of its own: /mcp/<slug>. `tools` are globs over global names.
create table toolset (
  tenant_id text not null references tenant,
  id text not null,
  slug text not null check (slug ~ '^[a-z0-9][a-z0-9-]{0,23}$' and slug <> 'conducktr'),
  tools text[] not null check (cardinality(tools) between 1 and 100),
  prefix text not null check (prefix in ('always', 'on-conflict', 'never')),
  mode text not null check (mode in ('list', 'search')),
  created_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, slug)
);
call protect_tenant_table('toolset');
create trigger bump after insert or update or delete on toolset for each row execute function bump_tenant_version();

-- Connections and toolsets share one namespace, because both are paths. Two transactions that take the
-- same slug at once wait for each other, and the later one sees what the first has committed.
create function refuse_taken_slug() returns trigger language plpgsql set search_path = public, pg_temp as $$
declare taken boolean;
begin
  perform pg_advisory_xact_lock(hashtextextended('slug ' || new.tenant_id || ' ' || new.slug, 0));
  if tg_table_name = 'toolset' then
    select exists (select from connection where tenant_id = new.tenant_id and slug = new.slug) into taken;
  else
    select exists (select from toolset where tenant_id = new.tenant_id and slug = new.slug) into taken;
  end if;
  if taken then
    raise unique_violation using
      message = format('The slug "%s" is taken.', new.slug),
      detail = format('Key (tenant_id, slug)=(%s, %s) already exists.', new.tenant_id, new.slug);
  end if;
  return new;
end $$;
create trigger one_namespace before insert or update of slug on connection for each row execute function refuse_taken_slug();
create trigger one_namespace before insert or update of slug on toolset for each row execute function refuse_taken_slug();

grant select on toolset to conducktor_gateway, conducktor_auth, conducktor_system;
grant select, insert, update, delete on toolset to conducktor_app;
reset role;

-- migrate:down
select 1;
