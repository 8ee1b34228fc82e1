-- What the checks found, per source, hour, code, place and action. `value` is the turnover of the items in minor units.
create table ingest.finding (
  source uuid not null,
  hour timestamptz not null,
  code text not null,
  path text not null,
  action text not null check (action in ('repair', 'flag', 'strip', 'quarantine')),
  count bigint not null,
  value bigint not null default 0,
  last_at timestamptz not null,
  primary key (source, hour, code, path, action)
);
create index finding_hour on ingest.finding (hour);

-- What a source has decided about the checks. The highest version counts; nothing is ever changed in place.
create table ingest.rule_set (
  number bigint generated always as identity primary key,
  source uuid not null references ingest.source,
  version integer not null,
  -- Code of a check → action; a check that is not named keeps its default.
  actions jsonb not null,
  -- Standing repairs, applied before anything else is read.
  repairs jsonb not null,
  note text not null,
  created_by text not null,
  created_at timestamptz not null,
  unique (source, version)
);
