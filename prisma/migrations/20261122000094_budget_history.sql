-- migrate:up
set role conducktor_owner;

-- Who set which limit, and when: kept as long as the workspace, while events may be kept for less.
create table budget_change (
  tenant_id text not null,
  number bigint generated always as identity,
  budget_id text not null,
  at timestamptz not null default now(),
  member_id text not null,
  actor text not null,
  -- Null: it was made, or deleted.
  from_micros bigint,
  to_micros bigint,
  primary key (tenant_id, budget_id, number),
  foreign key (tenant_id, budget_id) references budget
);
call protect_tenant_table('budget_change');
grant select, insert on budget_change to conducktor_app;

grant select on group_membership to conducktor_system;
-- To hold a row against a change of its limit.
grant update (limit_micros) on budget to conducktor_system;
reset role;

set role conducktor_system;
-- What calls in a budget's scope were charged since `p_since`, by the hour in which they were made. A group is
-- those who are in it now.
create function charged_in_scope(p_tenant text, p_budget text, p_since timestamptz)
  returns table (hour timestamptz, micros bigint)
  language sql stable set search_path = public, pg_temp as $$
  select h.hour, sum(h.cost_micros)::bigint
    from budget b
    join usage_key k on k.tenant_id = b.tenant_id and case b.scope_kind
           when 'tenant' then true
           when 'group' then k.member_id in (
             select g.member_id from group_membership g where g.tenant_id = b.tenant_id and g.group_id = b.scope_id)
           when 'user' then k.member_id = b.scope_id
           when 'client' then k.client_id = b.scope_id
           when 'connection' then k.connection = (
             select c.slug from connection c where c.tenant_id = b.tenant_id and c.id = b.scope_id)
           when 'tool' then k.tool = (
             select o.shown_name from tool o where o.tenant_id = b.tenant_id and o.id = b.scope_id)
           else false end
    join usage_hour h on h.tenant_id = k.tenant_id and h.key = k.id and h.hour >= p_since
   where b.tenant_id = p_tenant and b.id = p_budget
   group by h.hour having sum(h.cost_micros) > 0
$$;

-- When what counts begins: the period, or the first hour of the window. In zones that are not whole hours from
-- UTC, the hour that midnight cuts counts whole.
create function budget_counts_from(p_period text, p_index integer, p_zone text) returns timestamptz
  language sql stable set search_path = public, pg_temp as $$
  select case p_period when 'rolling-30d' then to_timestamp(first_rolling_hour() * 3600.0)
         else date_trunc('hour', budget_period_start(p_period, p_index, p_zone), 'UTC') end
$$;

create or replace function budget_opening(p_tenant text, p_budget text, p_index integer) returns bigint
  language plpgsql stable set search_path = public, pg_temp as $$
declare
  since timestamptz;
begin
  -- A period that began after the budget was made has nothing from before.
  select budget_counts_from(b.period, p_index, t.zone) into since
    from budget b join tenant t on t.id = b.tenant_id
   where b.tenant_id = p_tenant and b.id = p_budget
     and p_index = budget_period_index(b.period, b.created_at, t.zone);
  if not found then return 0; end if;
  return coalesce((select sum(c.micros) from charged_in_scope(p_tenant, p_budget, since) c), 0)::bigint;
end $$;

-- A new account has the limit that its budget has now: a change of it that is under way is waited for, and one
-- that comes later finds the account.
create function limit_new_account() returns trigger
  language plpgsql security definer set search_path = public, pg_temp as $$
begin
  select b.limit_micros into new.limit_micros from budget b
   where b.tenant_id = new.tenant_id and b.id = new.budget_id for share;
  return new;
end $$;

-- What a rolling account opens with leaves its window hour by hour, so the opening is the sum of these: more
-- may have been posted since it was looked up.
create function spread_opening() returns trigger
  language plpgsql security definer set search_path = public, pg_temp as $$
declare
  total bigint;
begin
  with hours as (
    insert into budget_hour (tenant_id, account_id, hour, spent_micros)
    select new.tenant_id, new.id, floor(extract(epoch from c.hour) / 3600)::integer, c.micros
      from charged_in_scope(new.tenant_id, new.budget_id, to_timestamp(first_rolling_hour() * 3600.0)) c
    returning spent_micros
  )
  select coalesce(sum(spent_micros), 0)::bigint into total from hours;
  update budget_account set opening_micros = total, spent_micros = total
   where tenant_id = new.tenant_id and id = new.id and opening_micros <> total;
  return null;
end $$;
grant execute on function limit_new_account(), spread_opening() to conducktor_owner;

-- As before, but for the hours of what a rolling account opens with, which `spread_opening` writes.
create or replace function ensure_budget_accounts(p_tenant text[], p_account bigint[]) returns bigint[]
  language plpgsql set search_path = public, pg_temp as $$
declare made bigint[];
begin
  with wanted as (
    select b.tenant_id, u.account, b.id, b.limit_micros, o.opening
      from unnest(p_tenant, p_account) u(tenant, account)
      join tenant t on t.id = u.tenant
      join budget b on b.tenant_id = u.tenant and b.number = u.account >> 16 and b.deleted_at is null
      cross join lateral budget_opening(b.tenant_id, b.id, (u.account & 65535)::integer) o(opening)
     where (u.account & 65535) between budget_period_index(b.period, now() - interval '10 minutes', t.zone)
                                   and budget_period_index(b.period, now() + interval '10 minutes', t.zone)
       -- One that is there and held by somebody would be waited for, conflict or not.
       and not exists (select from budget_account a where a.tenant_id = u.tenant and a.id = u.account)
  ), fresh as (
    insert into budget_account (tenant_id, id, budget_id, limit_micros, opening_micros, spent_micros)
    select tenant_id, account, id, limit_micros, opening, opening from wanted order by tenant_id collate "C", account
    on conflict do nothing
    returning id
  )
  select coalesce(array_agg(id), '{}') into made from fresh;
  return made;
end $$;
reset role;

set role conducktor_owner;
create trigger limit_new_account before insert on budget_account for each row execute function limit_new_account();
create trigger spread_opening after insert on budget_account for each row
  when ((new.id & 65535) = 0 and new.opening_micros > 0) execute function spread_opening();
reset role;

set role conducktor_system;
-- Makes a budget's account of now, opening included, in the transaction that makes the budget: no call waits
-- for that sum to be made.
create function open_budget(p_budget text) returns void
  language sql security definer set search_path = public, pg_temp as $$
  select ensure_budget_accounts(array[b.tenant_id], array[b.number * 65536 + budget_period_index(b.period, now(), t.zone)])
    from budget b join tenant t on t.id = b.tenant_id
   where b.tenant_id = current_tenant() and b.id = p_budget
$$;

-- Holds a budget's accounts, then the budget: ticks take them in this order too.
create function hold_budget(p_budget text) returns void
  language plpgsql security definer set search_path = public, pg_temp as $$
begin
  perform from budget_account a where a.tenant_id = current_tenant() and a.budget_id = p_budget
    order by a.id for no key update;
  perform from budget b where b.tenant_id = current_tenant() and b.id = p_budget for no key update;
end $$;
grant execute on function open_budget(text), hold_budget(text), first_rolling_hour() to conducktor_app;
reset role;

-- migrate:down
select 1;
