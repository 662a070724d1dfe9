-- migrate:up
set role conducktor_owner;

-- The currency that every amount of a workspace is in (ISO 4217), and the zone (IANA) whose days, weeks and
-- months its budgets count by. Amounts are integers: millionths of the currency's major unit.
alter table tenant
  add column currency text not null default 'USD' check (currency ~ '^[A-Z]{3}$'),
  add column zone text not null default 'UTC';

-- A cap: what all calls in its scope may cost together in one period. `number` names it in account ids.
create table budget (
  tenant_id text not null references tenant,
  id text not null,
  number bigint generated always as identity,
  name text,
  scope_kind text not null check (scope_kind in ('tenant', 'group', 'user', 'client', 'connection', 'tool')),
  scope_id text,
  period text not null check (period in ('day', 'week', 'month', 'rolling-30d')),
  limit_micros bigint not null check (limit_micros >= 0),
  -- Per cent of the limit at which people are told.
  thresholds integer[] not null default '{50,80,100}',
  forecast boolean not null default true,
  created_at timestamptz not null default now(),
  deleted_at timestamptz,
  primary key (tenant_id, id),
  unique (tenant_id, number),
  check ((scope_kind = 'tenant') = (scope_id is null))
);
call protect_tenant_table('budget');
create trigger bump after insert or delete or update of limit_micros, deleted_at
  on budget for each row execute function bump_tenant_version();

-- What a budget holds in one period; made when a call first needs it. Every tick with a priced call updates
-- some, so no index has more than the key, and each page keeps room for the versions of its rows.
--   id      budget.number * 65536 + index of the period, see `budget_period_index`
--   opening what had been charged in the period before the budget was made; part of spent
--   spent   of a rolling budget: what lies within its window
create table budget_account (
  tenant_id text not null,
  id bigint not null,
  budget_id text not null,
  limit_micros bigint not null,
  opening_micros bigint not null default 0,
  spent_micros bigint not null default 0,
  held_micros bigint not null default 0,
  -- When a call was first refused for it.
  refused_at timestamptz,
  created_at timestamptz not null default now(),
  primary key (tenant_id, id),
  foreign key (tenant_id, budget_id) references budget
) with (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
call protect_tenant_table('budget_account');

-- What rolling accounts were charged, by hour (since 1970, UTC), for as long as it counts.
create table budget_hour (
  tenant_id text not null,
  account_id bigint not null,
  hour integer not null,
  spent_micros bigint not null,
  primary key (tenant_id, account_id, hour),
  foreign key (tenant_id, account_id) references budget_account on delete cascade
) with (fillfactor = 50);
call protect_tenant_table('budget_hour');

-- Calls that ended as unknown: what they reserved stays held until somebody knows what they cost.
create table held_call (
  tenant_id text not null,
  call_id text not null,
  reserved_micros bigint not null,
  accounts bigint[] not null,
  at timestamptz not null default now(),
  primary key (tenant_id, call_id)
);
call protect_tenant_table('held_call');

-- Prices of many tools, for a time. `prices`: [{tools: [globs over shown names], cost: ToolCost}], the first
-- that fits counts.
create table price_list (
  tenant_id text not null references tenant,
  id text not null,
  name text not null,
  valid_from timestamptz not null,
  valid_until timestamptz check (valid_until > valid_from),
  prices jsonb not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, name)
);
call protect_tenant_table('price_list');
create trigger bump after insert or update or delete on price_list for each row execute function bump_tenant_version();

grant select on budget, price_list to conducktor_gateway;
grant select, insert, update on budget to conducktor_app;
grant select, insert, update, delete on price_list to conducktor_app;
grant select on budget_account, budget_hour, held_call to conducktor_app;
grant select on budget to conducktor_system;
grant select, insert, update on budget_account to conducktor_system;
grant select, insert, update, delete on budget_hour, held_call to conducktor_system;

-- The index of the period that a moment lies in: days since 1970-01-01, weeks since Monday 1970-01-05, months
-- since January 1970, by the zone's calendar; 0 for a rolling one, which has a single account.
create function budget_period_index(p_period text, p_at timestamptz, p_zone text) returns integer
  language sql immutable as $$
  select case p_period
    when 'day' then (p_at at time zone p_zone)::date - date '1970-01-01'
    when 'week' then div((p_at at time zone p_zone)::date - date '1970-01-05', 7)::integer
    when 'month' then ((extract(year from p_at at time zone p_zone) - 1970) * 12
                       + extract(month from p_at at time zone p_zone) - 1)::integer
    else 0 end
$$;

-- When that period begins; the next one's beginning is its end. Null for a rolling one.
create function budget_period_start(p_period text, p_index integer, p_zone text) returns timestamptz
  language sql immutable as $$
  select case p_period
    when 'day' then (date '1970-01-01' + p_index)::timestamp
    when 'week' then (date '1970-01-05' + 7 * p_index)::timestamp
    when 'month' then date '1970-01-01' + make_interval(months => p_index)
  end at time zone p_zone
$$;
grant execute on function budget_period_index(text, timestamptz, text), budget_period_start(text, integer, text)
  to conducktor_system, conducktor_app, conducktor_gateway;
reset role;

set role conducktor_system;
alter table open_call add column accounts bigint[] not null default '{}';

-- What had been charged in this period, in the budget's scope, before it was made.
create function budget_opening(p_tenant text, p_budget text, p_index integer) returns bigint
  language sql stable set search_path = public, pg_temp as $$ select 0::bigint $$;

-- Makes these accounts, which are missing, where their budgets are there and their periods have not long passed
-- or begun: a gateway whose clock is wrong does not charge another month. Returns those that it made.
create function ensure_budget_accounts(p_tenant text[], p_account bigint[]) returns bigint[]
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
    returning tenant_id, id, opening_micros
  ), windows as (
    -- What a rolling one opens with leaves its window too, not before its time.
    insert into budget_hour (tenant_id, account_id, hour, spent_micros)
    select tenant_id, id, first_rolling_hour() + 720, opening_micros from fresh
     where (id & 65535) = 0 and opening_micros > 0
  )
  select coalesce(array_agg(id), '{}') into made from fresh;
  return made;
end $$;

-- The hours whose spending counts: this one and the 720 before, so that no 30 days cost more than the cap.
create function first_rolling_hour() returns integer language sql stable as $$
  select floor(extract(epoch from now()) / 3600)::integer - 720
$$;

-- Takes out of rolling accounts what has left their window. The caller holds the accounts.
create function roll_budget_accounts(p_tenant text[], p_account bigint[]) returns void
  language sql set search_path = public, pg_temp as $$
  with gone as (
    delete from budget_hour h using unnest(p_tenant, p_account) u(tenant, account)
     where h.tenant_id = u.tenant and h.account_id = u.account and h.hour < first_rolling_hour()
    returning h.tenant_id, h.account_id, h.spent_micros
  )
  update budget_account a set spent_micros = a.spent_micros - g.micros
    from (select tenant_id, account_id, sum(spent_micros)::bigint as micros from gone group by 1, 2) g
   where a.tenant_id = g.tenant_id and a.id = g.account_id
$$;

-- Notes in which hour rolling accounts were charged. The caller holds the accounts.
create function note_rolling_hours(b_tenant text[], b_account bigint[], b_spend bigint[]) returns void
  language sql set search_path = public, pg_temp as $$
  insert into budget_hour as h (tenant_id, account_id, hour, spent_micros)
  select u.tenant, u.account, first_rolling_hour() + 720, u.spend
    from unnest(b_tenant, b_account, b_spend) u(tenant, account, spend)
   where (u.account & 65535) = 0 and u.spend > 0
  on conflict (tenant_id, account_id, hour) do update set spent_micros = h.spent_micros + excluded.spent_micros
$$;

-- Applies the ends of calls to accounts that the caller holds: what they reserved is held no more, what they
-- cost is spent. Each account once.
create function charge_budgets(b_tenant text[], b_account bigint[], b_release bigint[], b_spend bigint[]) returns void
  language plpgsql set search_path = public, pg_temp as $$
begin
  update budget_account a set held_micros = a.held_micros - u.release, spent_micros = a.spent_micros + u.spend
    from unnest(b_tenant, b_account, b_release, b_spend) u(tenant, account, release, spend)
   where a.tenant_id = u.tenant and a.id = u.account and (u.release > 0 or u.spend > 0);
  perform note_rolling_hours(b_tenant, b_account, b_spend);
end $$;

-- Reserves at accounts that the caller holds, intent by intent in their order: each at all of its budgets or at
-- none. Looked at are intents whose verdict is 0; those that do not fit get
--   5 over budget · 6 there is no such account: the budget is gone, or this period is not now ·
--   7 the account has just been made by somebody else and is not held: nothing is written, the intent goes again
-- p_held: the accounts that the caller holds; those that are missing are made. Nothing is held after that, so
-- that nobody waits in a circle where accounts are new. `refused` says for each of the former: position, place of its budget in b_*, and that account's limit,
-- spent and held as they were for it.
create function reserve_in_turn(
  b_tenant text[], b_account bigint[], p_held bigint[], i_position integer[], i_budget integer[], c_reserved bigint[],
  inout verdict smallint[], out refused bigint[]
) language plpgsql set search_path = public, pg_temp as $$
declare
  accounts bigint[]; limits bigint[]; spent bigint[]; held bigint[]; before bigint[]; refusing integer[] := '{}';
  missing_tenant text[]; missing bigint[]; ours bigint[] := p_held; at integer := 1; upto integer; last integer := cardinality(i_position); place integer; full_at integer;
begin
  refused := '{}';
  select array_agg(u.tenant), array_agg(u.account) into missing_tenant, missing
    from unnest(b_tenant, b_account) u(tenant, account) where u.account <> all (p_held);
  if missing is not null then
    ours := ours || ensure_budget_accounts(missing_tenant, missing);
  end if;
  perform roll_budget_accounts(b_tenant, b_account);
  select array_agg(a.id order by u.ord), array_agg(a.limit_micros order by u.ord),
         array_agg(a.spent_micros order by u.ord), array_agg(a.held_micros order by u.ord)
    into accounts, limits, spent, held
    from unnest(b_tenant, b_account) with ordinality u(tenant, account, ord)
    left join budget_account a on a.tenant_id = u.tenant and a.id = u.account;
  before := held;

  while at <= last loop
    upto := at;
    while upto < last and i_position[upto + 1] = i_position[at] loop upto := upto + 1; end loop;
    if verdict[i_position[at]] = 0 then
      full_at := null;
      for k in at .. upto loop
        place := i_budget[k];
        if accounts[place] is null then
          verdict[i_position[at]] := 6;
        elsif accounts[place] <> all (ours) then
          verdict[i_position[at]] := 7;
        elsif full_at is null and spent[place] + held[place] + c_reserved[i_position[at]] > limits[place] then
          full_at := place;
        end if;
      end loop;
      if verdict[i_position[at]] = 0 and full_at is not null then
        verdict[i_position[at]] := 5;
        refused := refused || array[i_position[at], full_at, limits[full_at], spent[full_at], held[full_at]]::bigint[];
        refusing := refusing || full_at;
      elsif verdict[i_position[at]] = 0 then
        for k in at .. upto loop
          held[i_budget[k]] := held[i_budget[k]] + c_reserved[i_position[at]];
        end loop;
      end if;
    end if;
    at := upto + 1;
  end loop;

  update budget_account a
     set held_micros = u.held, refused_at = case when u.ord = any (refusing) then coalesce(a.refused_at, now()) else a.refused_at end
    from unnest(b_tenant, b_account, held, before) with ordinality u(tenant, account, held, before, ord)
   where a.tenant_id = u.tenant and a.id = u.account
     and (u.held <> u.before or (u.ord = any (refusing) and a.refused_at is null));
end $$;

-- A tick of many intents and outcomes of this epoch, as `tick_plain`, some of which have budgets.
--   b_*  the accounts it changes, each once, in the order (tenant as bytes, account): what its intents would
--        reserve there together, and what its outcomes release and spend
--   i_*  intent by intent: position and place in b_* of each of its budgets
-- Returns null when every intent is written, otherwise JSON: {"verdict": […], "refused": […]}, verdicts as in
-- `tick`, refusals as in `reserve_in_turn`.
create function tick_spend(
  p_epoch integer, p_tick bigint,
  c_tenant text[], c_version bigint[], c_id text[], c_admitted boolean[], c_reserved bigint[],
  c_deadline timestamptz[], c_record text[],
  o_tick bigint[], o_ordinal integer[], o_tenant text[], o_id text[], o_cost bigint[], o_record text[],
  b_tenant text[], b_account bigint[], b_reserve bigint[], b_release bigint[], b_spend bigint[],
  i_position integer[], i_budget integer[]
) returns text language plpgsql security definer set search_path = public, pg_temp as $$
declare
  done integer := 0; held bigint[]; x bigint; stale boolean; verdict smallint[]; refused bigint[] := '{}';
begin
  if 0 > any (o_cost) or 0 > any (c_reserved) or 0 > any (b_reserve) or 0 > any (b_release) or 0 > any (b_spend) then
    raise check_violation using message = 'a tick carries a negative amount';
  end if;
  if cardinality(o_id) > 0 then
    insert into outcome (epoch, tick, ordinal, call_epoch, call_tick, call_ordinal, tenant_id, call_id, cost_micros, record)
    select p_epoch, p_tick, generate_series(1, cardinality(o_id)), p_epoch, unnest(o_tick), unnest(o_ordinal),
           unnest(o_tenant), unnest(o_id), unnest(o_cost), unnest(o_record);
  end if;
  stale := exists (
    select from (select distinct unnest(c_tenant) as tenant, unnest(c_version) as version) u
      join tenant_version v on v.tenant_id = u.tenant where v.version <> u.version);

  -- Held in one order by everybody, so that nobody waits in a circle. A few are cheaper one by one: one statement
  -- for several has to hold them first, because it may update them in another order.
  if stale then
    null;
  elsif cardinality(b_account) <= 5 then
    for k in 1 .. cardinality(b_account) loop
      update budget_account a
         set held_micros = a.held_micros - b_release[k] + b_reserve[k], spent_micros = a.spent_micros + b_spend[k]
       where a.tenant_id = b_tenant[k] and a.id = b_account[k]
         and (b_reserve[k] = 0 or a.spent_micros + b_spend[k] + a.held_micros - b_release[k] + b_reserve[k] <= a.limit_micros);
      exit when not found;
      done := k;
    end loop;
  else
    select count(*) filter (where l.fits), coalesce(array_agg(l.id), '{}') into done, held from (
      select a.id, u.reserve = 0 or a.spent_micros + u.spend + a.held_micros - u.release + u.reserve <= a.limit_micros as fits
        from unnest(b_tenant, b_account, b_reserve, b_release, b_spend) u(tenant, account, reserve, release, spend)
        join budget_account a on a.tenant_id = u.tenant and a.id = u.account
       order by u.tenant collate "C", u.account for no key update of a) l;
    if done = cardinality(b_account) then
      update budget_account a
         set held_micros = a.held_micros - u.release + u.reserve, spent_micros = a.spent_micros + u.spend
        from unnest(b_tenant, b_account, b_reserve, b_release, b_spend) u(tenant, account, reserve, release, spend)
       where a.tenant_id = u.tenant and a.id = u.account;
    else
      done := 0;
    end if;
  end if;

  if done = cardinality(b_account) and not stale then
    foreach x in array b_account loop
      if (x & 65535) = 0 then
        perform note_rolling_hours(b_tenant, b_account, b_spend);
        exit;
      end if;
    end loop;
    insert into call (epoch, tick, ordinal, tenant_id, call_id, admitted, reserved_micros, deadline, record)
    select p_epoch, p_tick, generate_series(1, cardinality(c_id)), unnest(c_tenant), unnest(c_id),
           unnest(c_admitted), unnest(c_reserved), unnest(c_deadline), unnest(c_record);
    return null;
  end if;

  -- Back to before: what was changed is held anyway, and what follows is held in the same order.
  if done > 0 then
    update budget_account a
       set held_micros = a.held_micros + u.release - u.reserve, spent_micros = a.spent_micros - u.spend
      from unnest(b_tenant, b_account, b_reserve, b_release, b_spend) with ordinality u(tenant, account, reserve, release, spend, ord)
     where u.ord <= done and a.tenant_id = u.tenant and a.id = u.account;
  end if;
  -- Not a second time: one of them that was made meanwhile would be waited for out of its order.
  if held is null then
    held := hold_accounts(b_tenant, b_account);
  end if;
  perform charge_budgets(b_tenant, b_account, b_release, b_spend);
  if cardinality(c_id) = 0 then return null; end if;
  verdict := array(
    select (case when u.admitted and v.version <> u.version then 1 else 0 end)::smallint
      from unnest(c_tenant, c_version, c_admitted) with ordinality u(tenant, version, admitted, ord)
      left join tenant_version v on v.tenant_id = u.tenant order by u.ord);
  select r.verdict, r.refused into verdict, refused
    from reserve_in_turn(b_tenant, b_account, held, i_position, i_budget, c_reserved, verdict) r;
  insert into call (epoch, tick, ordinal, tenant_id, call_id, admitted, reserved_micros, deadline, record)
  select p_epoch, p_tick, u.ord, u.tenant, u.id, u.admitted, u.reserved, u.deadline, u.rec
    from unnest(c_tenant, c_id, c_admitted, c_reserved, c_deadline, c_record, verdict) with ordinality
      u(tenant, id, admitted, reserved, deadline, rec, verdict, ord)
   where u.verdict = 0;
  return json_build_object('verdict', verdict, 'refused', refused);
end $$;

-- The outcomes of calls whose gateway went away, or that had ended as unknown: each settles once. A cost of
-- null is all that was reserved, and none is more. Returns the calls it ended, with their outcomes, and the
-- accounts that are held now.
create function settle_late(
  p_epoch integer, p_tick bigint, p_after integer,
  l_epoch integer[], l_tick bigint[], l_ordinal integer[], l_tenant text[], l_id text[], l_cost bigint[], l_record text[],
  b_tenant text[], b_account bigint[],
  out ended_tenant text[], out ended_call text[], out ended_record text[], out held bigint[]
) language plpgsql set search_path = public, pg_temp as $$
declare
  s record; unknown boolean; cost bigint; settled integer := 0;
begin
  -- All accounts of this tick, these calls' too, in the one order.
  select coalesce(array_agg(x.id), '{}') into held from (select a.id from (
      select u.tenant, u.account from unnest(b_tenant, b_account) u(tenant, account)
       union
      select oc.tenant_id, unnest(oc.accounts)
        from unnest(l_epoch, l_tick, l_ordinal) u(e, t, o)
        join open_call oc on oc.call_epoch = u.e and oc.call_tick = u.t and oc.call_ordinal = u.o
       union
      select h.tenant_id, unnest(h.accounts)
        from unnest(l_tenant, l_id) u(tenant, id) join held_call h on h.tenant_id = u.tenant and h.call_id = u.id) w
    join budget_account a on a.tenant_id = w.tenant and a.id = w.account
   order by w.tenant collate "C", w.account for no key update of a) x;

  for s in
    select u.*, u.rec::jsonb as said
      from unnest(l_epoch, l_tick, l_ordinal, l_tenant, l_id, l_cost, l_record) with ordinality
        u(e, t, o, tenant, id, cost, rec, ord) order by u.e, u.t, u.o, u.ord
  loop
    unknown := s.said->>'outcome' = 'unknown';
    declare c record;
    begin
      delete from open_call oc where oc.call_epoch = s.e and oc.call_tick = s.t and oc.call_ordinal = s.o
      returning oc.* into c;
      if found then
        cost := case when unknown then 0 else least(coalesce(s.cost, c.reserved_micros), c.reserved_micros) end;
        settled := settled + 1;
        insert into outcome (epoch, tick, ordinal, call_epoch, call_tick, call_ordinal, tenant_id, call_id, cost_micros, record)
        values (p_epoch, p_tick, p_after + settled, s.e, s.t, s.o, c.tenant_id, c.call_id, cost, s.rec);
        ended_tenant := ended_tenant || c.tenant_id; ended_call := ended_call || c.call_id; ended_record := ended_record || s.rec;
        if unknown and c.reserved_micros > 0 then
          insert into held_call (tenant_id, call_id, reserved_micros, accounts)
          values (c.tenant_id, c.call_id, c.reserved_micros, c.accounts) on conflict do nothing;
        elsif cardinality(c.accounts) > 0 then
          perform charge_budgets(array_fill(c.tenant_id, array[cardinality(c.accounts)]), c.accounts,
            array_fill(c.reserved_micros, array[cardinality(c.accounts)]), array_fill(cost, array[cardinality(c.accounts)]));
        end if;
      elsif not unknown then
        perform reconcile_call(s.tenant, s.id, s.cost, jsonb_build_object(
          'actor', 'worker', 'outcome', s.said->>'outcome', 'reason', 'The service answered after all.'));
      end if;
    end;
  end loop;
end $$;

-- Ticks wait for the accounts that people's side holds: a process that stands still meanwhile loses them.
create function end_if_idle() returns void language sql as $$
  select set_config('idle_in_transaction_session_timeout', '2s', true)
$$;

-- Ends the hold of a call that ended as unknown: `p_cost` of it is charged (null: all of it, and never more),
-- the rest is free again. Recorded with p_said in the workspace's sequence, which the ledger follows. False:
-- nothing is held for it any more. The caller holds the accounts: everybody takes those first.
create function reconcile_call(p_tenant text, p_call text, p_cost bigint, p_said jsonb) returns boolean
  language plpgsql set search_path = public, pg_temp as $$
declare
  h record; cost bigint;
begin
  delete from held_call where tenant_id = p_tenant and call_id = p_call returning * into h;
  if not found then return false; end if;
  cost := least(coalesce(p_cost, h.reserved_micros), h.reserved_micros);
  if cardinality(h.accounts) > 0 then
    perform charge_budgets(array_fill(p_tenant, array[cardinality(h.accounts)]), h.accounts,
      array_fill(h.reserved_micros, array[cardinality(h.accounts)]), array_fill(cost, array[cardinality(h.accounts)]));
  end if;
  insert into audit_outbox (tenant_id, record) values (p_tenant, p_said || jsonb_build_object(
    'action', 'money.reconcile', 'callId', p_call, 'reservedMicros', h.reserved_micros, 'costMicros', cost,
    'budgets', to_jsonb(h.accounts)));
  return true;
end $$;

-- The same for people, within their own workspace only.
create function reconcile_held_call(p_call text, p_cost bigint, p_said jsonb) returns boolean
  language plpgsql security definer set search_path = public, pg_temp as $$
begin
  if current_tenant() is null or p_cost < 0 then return false; end if;
  perform end_if_idle();
  perform from held_call h join budget_account a on a.tenant_id = h.tenant_id and a.id = any (h.accounts)
   where h.tenant_id = current_tenant() and h.call_id = p_call order by a.id for no key update of a;
  return reconcile_call(current_tenant(), p_call, p_cost, p_said);
end $$;
grant execute on function reconcile_held_call(text, bigint, jsonb) to conducktor_app;

-- Gives the accounts of this period, and later ones, the limit that their budget has now; of this period it
-- makes them, or a tick that makes one at this moment would do so with the limit of before. The caller has
-- changed the budget in the same transaction, in its own workspace. Accounts of before are not held: a tick that
-- settles at one of those may be waiting for this period's. With another limit, who was refused at the old one
-- counts no more.
create function apply_budget_limit(p_budget text) returns void
  language plpgsql security definer set search_path = public, pg_temp as $$
begin
  perform end_if_idle();
  perform ensure_budget_accounts(array_agg(i.tenant_id), array_agg(i.account)) from (
    select distinct b.tenant_id, b.number * 65536 + budget_period_index(b.period, now() + m * interval '10 minutes', t.zone) as account
      from budget b join tenant t on t.id = b.tenant_id, generate_series(-1, 1) m
     where b.tenant_id = current_tenant() and b.id = p_budget) i;
  perform from budget b
    join tenant t on t.id = b.tenant_id
    join budget_account a on a.tenant_id = b.tenant_id and a.budget_id = b.id
   where b.tenant_id = current_tenant() and b.id = p_budget
     and (a.id & 65535) >= budget_period_index(b.period, now(), t.zone) order by a.id for no key update of a;
  update budget_account a
     set limit_micros = b.limit_micros,
         refused_at = case when a.limit_micros = b.limit_micros then a.refused_at end
    from budget b join tenant t on t.id = b.tenant_id
   where b.tenant_id = current_tenant() and b.id = p_budget and a.tenant_id = b.tenant_id and a.budget_id = b.id
     and (a.id & 65535) >= budget_period_index(b.period, now(), t.zone);
end $$;
grant execute on function apply_budget_limit(text) to conducktor_app;

create or replace function close_epoch(p_epoch integer) returns integer
  language plpgsql security definer set search_path = public, pg_temp
  -- One pass over a whole partition: the tick's planner settings would make it quadratic.
  set enable_seqscan = on set enable_hashjoin = on set enable_mergejoin = on as $$
declare opened integer;
begin
  if not pg_try_advisory_xact_lock(epoch_lock_class(), p_epoch) then return -1; end if;
  update epoch set closed_at = now() where id = p_epoch and closed_at is null;
  if not found then return -2; end if;
  execute format($q$
    insert into open_call (call_epoch, call_tick, call_ordinal, tenant_id, call_id, reserved_micros, deadline, accounts)
    select c.epoch, c.tick, c.ordinal, c.tenant_id, c.call_id, c.reserved_micros, coalesce(c.deadline, now()),
           case when c.reserved_micros > 0 then array(
             select b::bigint from jsonb_array_elements_text(coalesce(c.record::jsonb->'budgets', '[]')) b) else '{}' end
      from call_%1$s c
     where c.admitted and not exists (
       select from (select call_tick, call_ordinal from outcome_%1$s where call_epoch = %1$s offset 0) o
        where o.call_tick = c.tick and o.call_ordinal = c.ordinal)
  $q$, p_epoch);
  get diagnostics opened = row_count;
  return opened;
end $$;

-- Holds these accounts, in the one order in which everybody does; returns those that there are.
create function hold_accounts(b_tenant text[], b_account bigint[]) returns bigint[]
  language sql set search_path = public, pg_temp as $$
  select coalesce(array_agg(h.id), '{}') from (
    select a.id from unnest(b_tenant, b_account) u(tenant, account)
      join budget_account a on a.tenant_id = u.tenant and a.id = u.account
     order by u.tenant collate "C", u.account for no key update of a) h
$$;

-- The whole tick as before, with budgets:
--   l_tenant, l_id  the calls of late outcomes by name, for those that had ended as unknown
--   u_*             outcomes (by position in o_*) that are unknown, whose reservation stays
--   b_*, i_*        as in `tick_spend`
-- Verdicts 5 to 7 and `refused` as in `reserve_in_turn`; 7 is also for who attached to a call that a budget has
-- just refused.
create function tick(
  p_epoch integer, p_tick bigint,
  c_tenant text[], c_version bigint[], c_id text[], c_admitted boolean[], c_reserved bigint[],
  c_deadline_ms double precision[], c_record text[],
  o_tick bigint[], o_ordinal integer[], o_tenant text[], o_id text[], o_cost bigint[], o_record text[],
  l_epoch integer[], l_tick bigint[], l_ordinal integer[], l_cost bigint[], l_record text[],
  k_position integer[], k_hash text[], k_arguments text[],
  a_tenant text[], a_hash text[], a_answer text[],
  r_position integer[], r_approval text[], r_bound text[], d_position integer[],
  l_tenant text[], l_id text[], u_position integer[], u_reserved bigint[], u_accounts text[],
  b_tenant text[], b_account bigint[], b_reserve bigint[], b_release bigint[], b_spend bigint[],
  i_position integer[], i_budget integer[],
  out verdict smallint[], out attached text[], out refused bigint[]
) language plpgsql security definer set search_path = public, pg_temp as $$
declare
  n integer := cardinality(c_tenant);
  outcomes integer := cardinality(o_tenant);
  r record;
  holder record;
  ended_tenant text[];
  ended_call text[];
  ended_record text[];
  usable text[] := '{}';
  held bigint[];
begin
  if 0 > any (o_cost) or 0 > any (l_cost) or 0 > any (c_reserved)
     or 0 > any (b_reserve) or 0 > any (b_release) or 0 > any (b_spend) then
    raise check_violation using message = 'a tick carries a negative amount';
  end if;
  if outcomes > 0 then
    insert into outcome (epoch, tick, ordinal, call_epoch, call_tick, call_ordinal, tenant_id, call_id, cost_micros, record)
    select p_epoch, p_tick, u.ord, p_epoch, u.t, u.o, u.tenant, u.id, u.cost, u.rec
      from unnest(o_tick, o_ordinal, o_tenant, o_id, o_cost, o_record) with ordinality u(t, o, tenant, id, cost, rec, ord);
  end if;

  if cardinality(u_position) > 0 then
    insert into held_call (tenant_id, call_id, reserved_micros, accounts)
    select o_tenant[u.pos], o_id[u.pos], u.reserved, u.accounts::bigint[]
      from unnest(u_position, u_reserved, u_accounts) u(pos, reserved, accounts) on conflict do nothing;
  end if;

  if cardinality(a_hash) > 0 then
    update idempotency_key k set answer = u.answer
      from unnest(a_tenant, a_hash, a_answer) u(tenant, hash, answer)
     where k.tenant_id = u.tenant and k.key_hash = u.hash and k.answer is null;
  end if;

  refused := '{}';
  verdict := array_fill(0::smallint, array[n]);
  for r in
    select u.ord from unnest(c_tenant, c_version, c_admitted) with ordinality u(tenant, version, admitted, ord)
      join tenant_version v on v.tenant_id = u.tenant
     where u.admitted and v.version <> u.version
  loop
    verdict[r.ord] := 1;
  end loop;

  -- Before the keys: who does not get the approval is to leave none behind. A request that somebody else
  -- holds is not waited for, because every other call of this tick would wait too.
  if cardinality(r_position) > 0 then
    for r in
      select u.pos, u.approval, u.bound, c_tenant[u.pos] as tenant
        from unnest(r_position, r_approval, r_bound) u(pos, approval, bound)
       where verdict[u.pos] = 0 order by c_tenant[u.pos], u.approval, u.pos
    loop
      perform from approval_request a
        where a.tenant_id = r.tenant and a.id = r.approval and a.status = 'approved' and a.expires_at > now()
          and approval_bound(a) = r.bound
        for no key update skip locked;
      if found and r.approval <> all (usable) then
        usable := usable || r.approval;
      else
        verdict[r.pos] := 4;
      end if;
    end loop;
  end if;

  if cardinality(k_position) > 0 then
    attached := array_fill(null::text, array[n]);
    -- In key order, so that two gateways that carry the same keys cannot deadlock.
    for r in
      select u.pos, u.hash, u.args, c_tenant[u.pos] as tenant, c_id[u.pos] as id
        from unnest(k_position, k_hash, k_arguments) u(pos, hash, args)
       where verdict[u.pos] = 0 order by c_tenant[u.pos], u.hash, u.pos
    loop
      insert into idempotency_key as k (tenant_id, key_hash, arguments_hash, call_id)
      values (r.tenant, r.hash, r.args, r.id)
      on conflict (tenant_id, key_hash) do update
        set arguments_hash = excluded.arguments_hash, call_id = excluded.call_id, answer = null, created_at = now()
        where k.created_at < now() - interval '24 hours';
      if not found then
        select k.arguments_hash, k.call_id into holder
          from idempotency_key k where k.tenant_id = r.tenant and k.key_hash = r.hash;
        verdict[r.pos] := case when holder.arguments_hash = r.args then 2 else 3 end;
        attached[r.pos] := holder.call_id;
      end if;
    end loop;
  end if;

  -- After the keys, which everybody takes before accounts. Who attaches reserves nothing; whom a budget
  -- refuses leaves no key behind, and who attached to that in this very tick goes again in the next.
  if cardinality(l_epoch) > 0 then
    select s.ended_tenant, s.ended_call, s.ended_record, s.held into ended_tenant, ended_call, ended_record, held
      from settle_late(p_epoch, p_tick, outcomes, l_epoch, l_tick, l_ordinal, l_tenant, l_id, l_cost, l_record,
                       b_tenant, b_account) s;
  end if;
  if cardinality(b_account) > 0 then
    -- Not a second time, as in `tick_spend`.
    if held is null then
      held := hold_accounts(b_tenant, b_account);
    end if;
    perform charge_budgets(b_tenant, b_account, b_release, b_spend);
  end if;
  if cardinality(i_position) > 0 then
    select s.verdict, s.refused into verdict, refused
      from reserve_in_turn(b_tenant, b_account, held, i_position, i_budget, c_reserved, verdict) s;
    if cardinality(k_position) > 0 and verdict && '{5,6,7}' then
      for r in select u.pos, u.hash from unnest(k_position, k_hash) u(pos, hash) where verdict[u.pos] in (5, 6, 7) loop
        delete from idempotency_key k
         where k.tenant_id = c_tenant[r.pos] and k.key_hash = r.hash and k.call_id = c_id[r.pos];
        for o in 1 .. n loop
          if verdict[o] in (2, 3) and attached[o] = c_id[r.pos] then
            verdict[o] := 7;
          end if;
        end loop;
      end loop;
    end if;
  end if;

  -- After the answers, of which it depends whether there is a result to give.
  if cardinality(d_position) > 0 then
    select ended_tenant || array_agg(o_tenant[d.pos]), ended_call || array_agg(o_id[d.pos]),
           ended_record || array_agg(o_record[d.pos])
      into ended_tenant, ended_call, ended_record from unnest(d_position) d(pos);
  end if;
  if ended_call is not null then
    perform end_approved(ended_tenant, ended_call, ended_record);
  end if;

  if cardinality(usable) > 0 then
    update approval_request a set status = 'running', call_id = c_id[u.pos]
      from unnest(r_position, r_approval) u(pos, approval)
     where verdict[u.pos] = 0 and a.tenant_id = c_tenant[u.pos] and a.id = u.approval and a.status = 'approved';
  end if;

  insert into call (epoch, tick, ordinal, tenant_id, call_id, admitted, reserved_micros, deadline, record)
  select p_epoch, p_tick, u.ord, u.tenant, u.id, u.admitted, u.reserved, to_timestamp(u.deadline_ms / 1000), u.rec
    from unnest(c_tenant, c_id, c_admitted, c_reserved, c_deadline_ms, c_record) with ordinality
      u(tenant, id, admitted, reserved, deadline_ms, rec, ord)
   where verdict[u.ord] = 0;
end $$;

-- As gateways of before call it while an installation is brought up to date: they know no budgets.
create or replace function tick(
  p_epoch integer, p_tick bigint,
  c_tenant text[], c_version bigint[], c_id text[], c_admitted boolean[], c_reserved bigint[],
  c_deadline_ms double precision[], c_record text[],
  o_tick bigint[], o_ordinal integer[], o_tenant text[], o_id text[], o_cost bigint[], o_record text[],
  l_epoch integer[], l_tick bigint[], l_ordinal integer[], l_cost bigint[], l_record text[],
  k_position integer[], k_hash text[], k_arguments text[],
  a_tenant text[], a_hash text[], a_answer text[],
  r_position integer[], r_approval text[], r_bound text[], d_position integer[],
  out verdict smallint[], out attached text[]
) language sql security definer set search_path = public, pg_temp as $$
  select t.verdict, t.attached from tick(
    p_epoch, p_tick, c_tenant, c_version, c_id, c_admitted, c_reserved, c_deadline_ms, c_record,
    o_tick, o_ordinal, o_tenant, o_id, o_cost, o_record, l_epoch, l_tick, l_ordinal, l_cost, l_record,
    k_position, k_hash, k_arguments, a_tenant, a_hash, a_answer, r_position, r_approval, r_bound, d_position,
    '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}') t
$$;

grant execute on function
  tick(integer, bigint, text[], bigint[], text[], boolean[], bigint[], double precision[], text[],
    bigint[], integer[], text[], text[], bigint[], text[], integer[], bigint[], integer[], bigint[], text[],
    integer[], text[], text[], text[], text[], text[], integer[], text[], text[], integer[],
    text[], text[], integer[], bigint[], text[], text[], bigint[], bigint[], bigint[], bigint[], integer[], integer[]),
  tick_spend(integer, bigint, text[], bigint[], text[], boolean[], bigint[], timestamptz[], text[],
    bigint[], integer[], text[], text[], bigint[], text[],
    text[], bigint[], bigint[], bigint[], bigint[], integer[], integer[])
  to conducktor_gateway;
reset role;

-- migrate:down
select 1;
