-- Two processes that open the same day at once: the second one waits for the lock, but its catalogue cache may still say
-- that the table is not there. `if not exists` looks again.
create or replace function ingest.open_day(wanted date) returns void language plpgsql as $$
declare
  each date;
  monday date;
  inbox text;
  seen text;
begin
  foreach each in array array[wanted, wanted + 1] loop
    monday := date_trunc('week', each)::date;
    inbox := 'inbox_' || to_char(each, 'YYYYMMDD');
    seen := 'seen_' || to_char(monday, 'YYYYMMDD');
    if to_regclass('ingest.' || inbox) is null or to_regclass('ingest.' || seen) is null then
      perform pg_advisory_xact_lock(731406201);
      execute format('create table if not exists ingest.%I partition of ingest.inbox for values from (%L) to (%L)', inbox, each, each + 1);
      -- The bytes are compressed already.
      execute format('alter table ingest.%I alter column bytes set storage external', inbox);
      execute format('create table if not exists ingest.%I partition of ingest.seen for values from (%L) to (%L)', seen, monday, monday + 7);
    end if;
  end loop;
end $$;
