-- migrate:up
set role conducktor_owner;

-- Where a workspace wants to be told, beside letters to its people. `sealed`: address and secret under the
-- tenant's key, never read back; `host` is what may be shown of the address.
create table notification_channel (
  tenant_id text not null references tenant,
  id text not null,
  kind text not null check (kind in ('slack', 'webhook')),
  name text not null,
  host text not null,
  sealed bytea not null,
  events text[] not null,
  show_arguments boolean not null default false,
  disabled_at timestamptz,
  created_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, name)
);
call protect_tenant_table('notification_channel');

-- What people are told of, written in the transaction that does it, and once: the same thing of the same
-- subject is one event however often it is said. `detail`: what cannot be read of the subject later.
create table notification_event (
  tenant_id text not null references tenant,
  id text not null,
  kind text not null,
  subject_id text not null,
  detail jsonb not null default '{}',
  created_at timestamptz not null default now(),
  -- When it became letters and deliveries, which is once too.
  spread_at timestamptz,
  primary key (tenant_id, id),
  unique (tenant_id, kind, subject_id)
);
create index notification_event_waiting on notification_event (created_at) where spread_at is null;
create index notification_event_age on notification_event (created_at);
call protect_tenant_table('notification_event');

-- One message for one event and channel. `attempts` says whose lease it is: whoever holds another number
-- changes nothing.
create table notification_delivery (
  tenant_id text not null,
  id text not null,
  event_id text not null,
  channel_id text not null,
  state text not null default 'pending' check (state in ('pending', 'sent', 'dead')),
  attempts integer not null default 0,
  -- Of those, how many were there when somebody last had it sent anew.
  attempts_before integer not null default 0,
  next_at timestamptz not null default now(),
  created_at timestamptz not null default now(),
  ended_at timestamptz,
  last_error text,
  primary key (tenant_id, id),
  unique (tenant_id, event_id, channel_id),
  foreign key (tenant_id, event_id) references notification_event on delete cascade,
  foreign key (tenant_id, channel_id) references notification_channel on delete cascade
);
create index notification_delivery_due on notification_delivery (next_at) where state = 'pending';
create index notification_delivery_of_channel on notification_delivery (tenant_id, channel_id);
call protect_tenant_table('notification_delivery');

-- Senders wait for this word, and look by themselves now and then.
create function tell_notification() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
  perform pg_notify('notification', '');
  return null;
end $$;
create trigger tell after insert on notification_event for each statement execute function tell_notification();
grant execute on function tell_notification() to public;

grant insert on notification_event to conducktor_app, conducktor_gateway, conducktor_system;
grant select, update on notification_event to conducktor_app, conducktor_system;
grant select, insert, update, delete on notification_channel, notification_delivery to conducktor_app;
grant select, update, delete on notification_event, notification_delivery to conducktor_system;
grant select on notification_channel, approval_request, approval_delegation to conducktor_app;

-- For those who are in SQL already: @conducktor/notifications' notify() calls it too. The id is made of
-- what the event is, so that a second one is the same.
create function notify_event(p_tenant text, p_kind text, p_subject text, p_detail jsonb) returns void
  language sql set search_path = public, pg_temp as $$
  insert into notification_event (tenant_id, id, kind, subject_id, detail)
  values (p_tenant, 'ntf_' || substr(md5(p_tenant || '/' || p_kind || '/' || p_subject), 1, 22),
          p_kind, p_subject, p_detail)
  on conflict do nothing
$$;
grant execute on function notify_event(text, text, text, jsonb)
  to conducktor_app, conducktor_gateway, conducktor_system;
reset role;

set role conducktor_system;
-- Events of all workspaces that nobody was told of yet, oldest first.
create function waiting_notification_events(p_limit integer)
  returns table (tenant_id text, id text)
  language sql stable security definer set search_path = public, pg_temp as $$
  select e.tenant_id, e.id from notification_event e
   where e.spread_at is null order by e.created_at limit p_limit
$$;
grant execute on function waiting_notification_events(integer) to conducktor_app;

-- Takes up to p_limit messages that are due, the workspaces by turns, and none of those in p_but. They are
-- nobody else's for p_lease seconds.
create function claim_notifications(p_limit integer, p_lease integer, p_but text[])
  returns table (tenant_id text, id text, attempts integer)
  language sql security definer set search_path = public, pg_temp as $$
  update notification_delivery d
     set attempts = d.attempts + 1, next_at = now() + make_interval(secs => p_lease)
   where (d.tenant_id, d.id) in (
     select p.tenant_id, p.id
       from notification_delivery p
       join (select w.tenant_id, w.id, row_number() over (partition by w.tenant_id order by w.next_at) as turn
               from notification_delivery w
              where w.state = 'pending' and w.next_at <= now() and w.tenant_id <> all (p_but)) t
         on t.tenant_id = p.tenant_id and t.id = p.id
      where p.state = 'pending' and p.next_at <= now()
      order by t.turn, p.next_at limit p_limit
        for update of p skip locked)
  returning d.tenant_id, d.id, d.attempts
$$;
grant execute on function claim_notifications(integer, integer, text[]) to conducktor_app;

-- How many messages wait, also for their next attempt; for how many seconds the one that is due longest has,
-- events that became none yet included; and how many were given up and still stand.
create function notification_backlog()
  returns table (waiting bigint, due_seconds double precision, dead bigint)
  language sql stable security definer set search_path = public, pg_temp as $$
  select w.n + e.n,
         greatest(extract(epoch from now() - least(w.oldest, e.oldest)), 0)::double precision, x.n
    from (select count(*) as n, min(next_at) as oldest from notification_delivery where state = 'pending') w,
         (select count(*) as n, min(created_at) as oldest from notification_event where spread_at is null) e,
         (select count(*) as n from notification_delivery where state = 'dead') x
$$;
grant execute on function notification_backlog() to conducktor_app;

-- Where letters to these members go: the address that the account has now and that was shown to be theirs.
-- Nobody else's, so that no workspace has us write to strangers.
create function letter_addresses(p_tenant text, p_members text[])
  returns table (member_id text, address text)
  language sql stable security definer set search_path = public, pg_temp as $$
  select m.id, u.email
    from member m join user_account u on u.id = m.user_id
   where m.tenant_id = p_tenant and m.id = any (p_members)
     and m.disabled_at is null and m.removed_at is null and m.accepted_at is not null
     and u.disabled_at is null and u.email_verified_at is not null
$$;
grant execute on function letter_addresses(text, text[]) to conducktor_app;

-- Deletes up to p_limit events of 90 days ago with their messages. No approval lives so long, so none of
-- them could be said again.
create function prune_notifications(p_limit integer) returns integer
  language sql security definer set search_path = public, pg_temp as $$
  with gone as (
    delete from notification_event e where (e.tenant_id, e.id) in (
      select o.tenant_id, o.id from notification_event o
       where o.created_at < now() - interval '90 days' limit p_limit for update skip locked)
    returning 1)
  select count(*)::integer from gone
$$;
grant execute on function prune_notifications(integer) to conducktor_app;
reset role;

-- migrate:down
select 1;
