-- Sources and their keys -------------------------------------------------------------------------------------------

create table ingest.source (
  id uuid primary key,
  name text not null,
  slug text not null unique,
  kind text not null,
  channel text not null,
  issuer text not null,
  currency text not null,
  country text not null,
  time_zone text not null,
  origins text[] not null,
  consent_categories jsonb not null,
  oldest_years integer not null,
  created_at timestamptz not null,
  last_event_at timestamptz,
  last_received_at timestamptz
);

-- Keys are kept as SHA-256 only; `hint` shows the first and last characters.
create table ingest.key (
  id uuid primary key,
  source uuid not null references ingest.source,
  trust text not null check (trust in ('publishable', 'secret')),
  hash bytea not null unique,
  hint text not null,
  created_at timestamptz not null,
  last_used_at timestamptz,
  ends_at timestamptz
);
create index key_source on ingest.key (source);

-- The inbox: what was acknowledged -----------------------------------------------------------------------------------

create sequence ingest.inbox_seq;

-- One row per group of requests, in the order of arrival; `batch` is null until the row is applied.
create table ingest.inbox (
  seq bigint not null default nextval('ingest.inbox_seq'),
  day date not null,
  received_at timestamptz not null,
  requests integer not null,
  size integer not null,
  bytes bytea not null,
  batch bigint,
  primary key (day, seq)
) partition by range (day);
create index inbox_waiting on ingest.inbox (seq) where batch is null;
create index inbox_batch on ingest.inbox (batch);

-- First sight of every event id; two weeks per partition boundary keep at least seven days.
create table ingest.seen (
  id uuid not null,
  week date not null,
  content bigint not null,
  primary key (id, week)
) partition by range (week);

-- Makes room for a day and the one after it, so that midnight creates nothing inside somebody's transaction.
create function ingest.open_day(wanted date) returns void language plpgsql as $$
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
      if to_regclass('ingest.' || inbox) is null then
        execute format('create table ingest.%I partition of ingest.inbox for values from (%L) to (%L)', inbox, each, each + 1);
        -- The bytes are compressed already.
        execute format('alter table ingest.%I alter column bytes set storage external', inbox);
      end if;
      if to_regclass('ingest.' || seen) is null then
        execute format('create table ingest.%I partition of ingest.seen for values from (%L) to (%L)', seen, monday, monday + 7);
      end if;
    end if;
  end loop;
end $$;

-- What the state transaction leaves behind for history: the exact rows, until ClickHouse has confirmed them.
create sequence ingest.batch_seq;
create table ingest.batch (
  id bigint primary key default nextval('ingest.batch_seq'),
  applied_at timestamptz not null,
  events integer not null,
  token text not null,
  rows bytea,
  history_at timestamptz
);
alter table ingest.batch alter column rows set storage external;
create index batch_pending on ingest.batch (id) where history_at is null;

-- How often the oldest waiting rows were begun; it survives a worker that an item has killed.
create table ingest.attempt (
  single boolean primary key default true check (single),
  seq bigint not null,
  tries integer not null,
  -- In careful mode: the item being applied, and those that have killed a worker.
  item integer,
  poison integer[] not null default '{}'
);

create table ingest.counter (
  source uuid not null,
  hour timestamptz not null,
  received bigint not null default 0,
  accepted bigint not null default 0,
  duplicates bigint not null default 0,
  quarantined bigint not null default 0,
  primary key (source, hour)
);

create table ingest.quarantine (
  id uuid primary key,
  source uuid not null,
  event uuid not null,
  content bigint not null,
  received_at timestamptz not null,
  original_at timestamptz,
  created_at timestamptz not null,
  -- Sealed (AES-GCM, bound to the id): the item, and what a repair would send instead.
  payload bytea not null,
  patched bytea,
  request jsonb not null,
  reasons jsonb not null,
  code text not null,
  path text not null,
  message text not null,
  group_key text not null,
  status text not null default 'open' check (status in ('open', 'patched', 'replayed', 'discarded', 'expired')),
  attempts integer not null default 1,
  resolved_by text,
  resolved_at timestamptz,
  resolution text,
  unique (event, content)
);
create index quarantine_group on ingest.quarantine (status, group_key, id);

-- Imports ---------------------------------------------------------------------------------------------------------

create table ingest.import (
  id uuid primary key,
  kind text not null,
  source uuid not null references ingest.source,
  file_name text not null,
  format text not null check (format in ('csv', 'ndjson')),
  size bigint not null,
  sha256 text not null,
  dry_run boolean not null,
  mapping jsonb not null,
  mapping_given boolean not null,
  state text not null check (state in ('uploading', 'waiting', 'running', 'done', 'cancelled', 'failed')),
  uploaded bigint not null default 0,
  rows_read bigint not null default 0,
  accepted bigint not null default 0,
  rejected bigint not null default 0,
  duplicates bigint not null default 0,
  bytes_read bigint not null default 0,
  -- Who works on it, until when (database time): another worker takes over when that has passed.
  leased_until timestamptz,
  checked boolean not null default false,
  columns text[] not null default '{}',
  detected jsonb,
  preview jsonb not null default '[]',
  error text,
  created_by text not null,
  created_at timestamptz not null,
  finished_at timestamptz
);
create index import_waiting on ingest.import (created_at) where state in ('waiting', 'running');

create table ingest.import_part (
  import uuid not null references ingest.import on delete cascade,
  "offset" bigint not null,
  size integer not null,
  bytes bytea not null,
  primary key (import, "offset")
);
alter table ingest.import_part alter column bytes set storage external;

create table ingest.import_reject (
  import uuid not null references ingest.import on delete cascade,
  row_no bigint not null,
  reason text not null,
  raw text not null,
  primary key (import, row_no)
);

-- How many rows of a file have been taken, for ever: importing a file twice changes nothing.
create table ingest.imported (
  source uuid not null,
  kind text not null,
  sha256 text not null,
  rows bigint not null,
  primary key (source, kind, sha256)
);

-- Rows of such a file that were refused: they alone are tried again when the file comes with a better mapping.
create table ingest.imported_reject (
  source uuid not null,
  kind text not null,
  sha256 text not null,
  row_no bigint not null,
  primary key (source, kind, sha256, row_no)
);

-- Published: what other stages may read of sources.
create view ingest.source_name as select id, name, slug, kind, channel from ingest.source;

-- Drops partitions of whole days and weeks before the edge, unless something in them still waits.
create function ingest.drop_before(edge date) returns integer language plpgsql as $$
declare
  part record;
  waiting boolean;
  dropped integer := 0;
begin
  for part in
    select child.relname as name, parent.relname as parent, to_date(right(child.relname, 8), 'YYYYMMDD') as first
    from pg_inherits
    join pg_class as child on child.oid = inhrelid
    join pg_class as parent on parent.oid = inhparent
    where parent.oid in ('ingest.inbox'::regclass, 'ingest.seen'::regclass)
  loop
    if part.parent = 'seen' then
      continue when part.first + 7 > edge;
    else
      continue when part.first + 1 > edge;
      execute format('select exists (select from ingest.%I as i left join ingest.batch as b on b.id = i.batch
        where i.batch is null or (b.id is not null and b.history_at is null))', part.name) into waiting;
      continue when waiting;
    end if;
    execute format('drop table ingest.%I', part.name);
    dropped := dropped + 1;
  end loop;
  return dropped;
end $$;
