-- migrate:up
set role conducktor_system;

-- How far sealing is behind: events of the journal and of the control plane that have no place in their
-- tenants' sequences yet, counted up to p_limit of each kind and epoch, and the seconds since the oldest
-- of them was recorded; no seconds when none waits. Reads figures only, of all tenants together.
create function sealing_lag(p_limit integer, out events bigint, out seconds double precision)
  language plpgsql stable security definer set search_path = public, pg_temp as $$
declare
  e record; n bigint; first text; oldest timestamptz;
begin
  select count(*), min(at) into events, oldest from (select at from audit_outbox order by id limit p_limit) x;
  for e in select epoch, call_tick, outcome_tick from seal_cursor where not dropped order by epoch loop
    -- As in seal(): with the epoch named, the key is used from its beginning.
    execute format($q$
      select count(*), (array_agg(record order by tick, ordinal))[1]::jsonb ->> 'at'
        from (select tick, ordinal, record from call_%1$s
               where epoch = %1$s and tick > $1 order by tick, ordinal limit $2) x $q$, e.epoch)
      into n, first using e.call_tick, p_limit;
    events := events + n;
    oldest := least(oldest, first::timestamptz);
    execute format($q$
      select count(*), (array_agg(record order by tick, ordinal))[1]::jsonb ->> 'at'
        from (select tick, ordinal, record from outcome_%1$s
               where epoch = %1$s and tick > $1 order by tick, ordinal limit $2) x $q$, e.epoch)
      into n, first using e.outcome_tick, p_limit;
    events := events + n;
    oldest := least(oldest, first::timestamptz);
  end loop;
  seconds := greatest(0, extract(epoch from clock_timestamp() - oldest));
end $$;
grant execute on function sealing_lag(integer) to conducktor_audit;
reset role;

-- migrate:down
select 1;
