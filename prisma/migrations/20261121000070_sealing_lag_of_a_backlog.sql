-- migrate:up
set role conducktor_system;

-- As before, but the rows that are counted are not gathered to look at the first of them: with 100,000
-- waiting, which is when somebody asks, that took a second and 130 MB for each epoch.
create or replace function sealing_lag(p_limit integer, out events bigint, out seconds double precision)
  language plpgsql stable security definer set search_path = public, pg_temp as $$
declare
  e record; part record; n bigint; first text; oldest timestamptz;
begin
  select count(*), min(at) into events, oldest from (select at from audit_outbox order by id limit p_limit) x;
  for e in select epoch, call_tick, outcome_tick from seal_cursor where not dropped order by epoch loop
    for part in select * from (values ('call', e.call_tick), ('outcome', e.outcome_tick)) p(kind, sealed) loop
      -- As in seal(): with the epoch named, the key is used from its beginning.
      execute format($q$
        select (select count(*) from (select from %1$I where epoch = %2$s and tick > $1 order by tick limit $2) x),
               (select record::jsonb ->> 'at' from %1$I where epoch = %2$s and tick > $1 order by tick, ordinal limit 1)
        $q$, part.kind || '_' || e.epoch, e.epoch)
        into n, first using part.sealed, p_limit;
      events := events + n;
      oldest := least(oldest, first::timestamptz);
    end loop;
  end loop;
  if oldest is not null then
    seconds := greatest(0, extract(epoch from clock_timestamp() - oldest));
  end if;
end $$;
reset role;

-- migrate:down
select 1;
