-- migrate:up
set role conducktor_owner;
-- Events are appended in the order of time, so a block range index finds a span of days at a
-- thousandth of the size, and sealing, which inserts two rows a call, no longer pays for a third tree.
drop index audit_event_at;
create index audit_event_at on audit_event using brin (at);
reset role;

-- migrate:down
set role conducktor_owner;
drop index audit_event_at;
create index audit_event_at on audit_event (tenant_id, at);
reset role;
