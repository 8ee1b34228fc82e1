-- What a source is expected to send: one row per version. `document` is the plan in its one order, so that the same plan
-- has the same bytes and the same hash.
create table ingest.plan (
  id uuid primary key,
  source uuid not null references ingest.source,
  version integer not null,
  state text not null check (state in ('draft', 'review', 'live', 'retired')),
  document text not null,
  hash text not null,
  events integer not null,
  properties integer not null,
  note text not null,
  created_by text not null,
  created_at timestamptz not null,
  changed_at timestamptz not null,
  live_at timestamptz,
  retired_at timestamptz,
  unique (source, version)
);
create unique index plan_live on ingest.plan (source) where state = 'live';
create unique index plan_open on ingest.plan (source) where state in ('draft', 'review');

-- The last dry run of a version.
create table ingest.plan_run (
  plan uuid primary key references ingest.plan on delete cascade,
  -- Tells a run from the one before it, which may still be at work.
  run uuid not null,
  hash text not null,
  days integer not null,
  state text not null check (state in ('waiting', 'running', 'done', 'cancelled', 'failed')),
  progress real not null default 0,
  error text,
  events bigint not null default 0,
  violating bigint not null default 0,
  violations jsonb not null default '[]',
  started_at timestamptz not null,
  finished_at timestamptz
);
