-- migrate:up
set role conducktor_owner;

-- Servers of 2024-11-05 (HTTP with SSE) can be connected, and what a server says of itself is kept:
-- {"protocolVersion","capabilities","serverInfo","instructions"} of the last time it was reached.
alter table connection drop constraint connection_kind_check;
alter table connection drop constraint connection_check;
alter table connection add constraint connection_kind_check check (kind in ('mcp-http', 'mcp-sse', 'mcp-stdio'));
alter table connection add constraint connection_target_check
  check ((kind in ('mcp-http', 'mcp-sse') and url is not null) or (kind = 'mcp-stdio' and catalog is not null));
alter table connection add column server jsonb;

-- Lists depend on what a server can do, so snapshots must follow it.
drop trigger bump on connection;
create trigger bump after insert or delete or update of slug, kind, url, catalog, args, timeout_ms, revision, server
  on connection for each row execute function bump_tenant_version();
reset role;

-- migrate:down
select 1;
