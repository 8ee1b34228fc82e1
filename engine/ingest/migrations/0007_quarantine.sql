-- What a group of waiting items means: for whom, how much, from which client, and what it waits for.
alter table ingest.quarantine add column check_code text not null default '';
-- Keyed hash of whom the item names first, empty = nobody; and of everybody it names, for erasure.
alter table ingest.quarantine add column person text not null default '';
alter table ingest.quarantine add column named text[] not null default '{}';
alter table ingest.quarantine add column turnover bigint not null default 0;
alter table ingest.quarantine add column currency text not null default '';
alter table ingest.quarantine add column client text not null default '';
alter table ingest.quarantine add column expires_at timestamptz;
update ingest.quarantine set expires_at = received_at + interval '90 days';
alter table ingest.quarantine alter column expires_at set not null;
-- Items that wait for a record are tried again by themselves.
alter table ingest.quarantine add column retry_at timestamptz;
alter table ingest.quarantine add column retries integer not null default 0;
alter table ingest.quarantine add column waits_for text[] not null default '{}';
create index quarantine_retry on ingest.quarantine (retry_at) where status = 'open' and retry_at is not null;
create index quarantine_named on ingest.quarantine using gin (named);
create index quarantine_order on ingest.quarantine (group_key, received_at, id);

-- Dry runs and replays of groups. Each turn moves `after` and the counts in the transaction that does the work.
create table ingest.quarantine_work (
  id uuid primary key,
  kind text not null check (kind in ('dry-run', 'replay')),
  group_key text not null,
  source uuid not null,
  repairs jsonb not null,
  state text not null check (state in ('waiting', 'running', 'paused', 'done', 'stopped', 'failed')),
  -- Only what waited when the work began.
  until timestamptz not null,
  after_received timestamptz,
  after_id uuid,
  total bigint not null,
  done bigint not null default 0,
  passed bigint not null default 0,
  failing jsonb not null default '[]',
  -- Among those that pass.
  people bigint not null default 0,
  orders bigint not null default 0,
  turnover bigint not null default 0,
  currency text not null default '',
  error text,
  created_by text not null,
  created_at timestamptz not null,
  ended_at timestamptz
);
create index quarantine_work_open on ingest.quarantine_work (created_at) where state in ('waiting', 'running');
create index quarantine_work_group on ingest.quarantine_work (group_key, created_at desc);
