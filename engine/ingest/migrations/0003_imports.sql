-- Workbooks and long JSON documents beside CSV and NDJSON.
alter table ingest.import drop constraint import_format_check;
alter table ingest.import add constraint import_format_check check (format in ('csv', 'ndjson', 'json', 'xlsx'));
-- The feed that fetched the file, null when a person brought it.
alter table ingest.import add column feed uuid;
create index import_feed on ingest.import (feed, created_at desc) where feed is not null;

create table ingest.import_mapping (
  name text primary key,
  kind text not null,
  mapping jsonb not null,
  columns text[] not null,
  changed_by text not null,
  changed_at timestamptz not null
);

-- Places that are looked at again and again: folders, SFTP and FTP servers, tables of other databases.
create table ingest.feed (
  id uuid primary key,
  name text not null unique,
  way text not null check (way in ('folder', 'sftp', 'ftp', 'postgres', 'mysql')),
  source uuid not null references ingest.source,
  kind text not null,
  mapping jsonb,
  settings jsonb not null,
  -- Password or private key, sealed and bound to the id; never answered.
  secret bytea,
  every_minutes integer not null check (every_minutes between 1 and 10080),
  paused boolean not null default false,
  -- How far a table has been read; moves in the transaction that writes the rows down.
  cursor jsonb,
  next_at timestamptz not null,
  last_at timestamptz,
  last_found integer not null default 0,
  last_error text,
  failures integer not null default 0,
  leased_until timestamptz,
  created_by text not null,
  created_at timestamptz not null
);
create index feed_due on ingest.feed (next_at) where not paused;

-- Files a feed has fetched: the content decides whether a file is new, its name only whether it need be fetched.
create table ingest.feed_file (
  feed uuid not null references ingest.feed on delete cascade,
  path text not null,
  size bigint not null,
  modified_at timestamptz,
  sha256 text not null,
  import uuid,
  -- `fetched`: the import runs; `marked`: the file was moved to where finished or failed files go.
  state text not null check (state in ('fetched', 'marked', 'left')),
  fetched_at timestamptz not null,
  primary key (feed, path, sha256)
);
create index feed_file_open on ingest.feed_file (feed) where state = 'fetched';
