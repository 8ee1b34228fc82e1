-- One run of the build that turns events into touches and paths. `watermark` is the newest batch it has seen.
create table measurement.build (
  number bigint generated always as identity primary key,
  started_at timestamptz not null,
  finished_at timestamptz,
  complete boolean not null,
  grouping_version integer not null,
  watermark bigint not null default 0,
  persons bigint not null default 0,
  touches bigint not null default 0,
  conversions bigint not null default 0,
  since date,
  error text
);
create index build_finished on measurement.build (finished_at desc) where error is null;

-- Rules that sort touches into channels; the newest version holds.
create table measurement.grouping (
  version integer primary key,
  rules jsonb not null,
  changed_at timestamptz not null,
  changed_by text not null
);
