-- What a batch brought, told beside its effects; folded into the tables below every minute and then gone.
create table ingest.arrival_note (
  batch bigint primary key,
  note jsonb not null
);

-- Live arrivals per source and hour, and inside the source per event name, store and client version. `minutes` = in how
-- many minutes of the hour something came. The last four columns are counted for the whole source only.
create table ingest.arrival (
  hour timestamptz not null,
  source uuid not null,
  series text not null,
  items integer not null,
  minutes smallint not null,
  received integer not null default 0,
  duplicates integer not null default 0,
  quarantined integer not null default 0,
  late integer not null default 0,
  primary key (hour, source, series)
);

-- The same by the minute, for the last two hours.
create table ingest.arrival_minute (
  minute timestamptz not null,
  source uuid not null,
  series text not null,
  items integer not null,
  received integer not null default 0,
  quarantined integer not null default 0,
  primary key (minute, source, series)
);

-- What is known of a stream for good: when it began, how it varies, how long it is silent.
create table ingest.series (
  source uuid not null,
  series text not null,
  first_at timestamptz not null,
  last_at timestamptz not null,
  -- Spread of hourly counts around what is usual, by level: [variance per item at 1, 2, 4, 8 … items an hour].
  noise jsonb,
  -- How often a silence was that surprising, in steps of one nat.
  gaps jsonb not null default '[]',
  learned_at timestamptz,
  primary key (source, series)
);

-- How often a property is there, of the events of a name: what is usual, and what came lately.
create table ingest.property_shape (
  source uuid not null,
  name text not null,
  property text not null,
  first_at timestamptz not null,
  seen double precision not null,
  filled double precision not null,
  recent_seen double precision not null,
  recent_filled double precision not null,
  recent_since timestamptz not null,
  -- More values than a list has: its values are not kept.
  open boolean not null default false,
  primary key (source, name, property)
);

-- Values of properties that have few of them.
create table ingest.property_value (
  source uuid not null,
  name text not null,
  property text not null,
  value text not null,
  times bigint not null,
  first_at timestamptz not null,
  last_at timestamptz not null,
  primary key (source, name, property, value)
);

create table ingest.alarm (
  id uuid primary key,
  source uuid not null references ingest.source,
  code text not null,
  level text not null check (level in ('alarm', 'warning')),
  subject_kind text not null,
  subject_name text not null,
  since timestamptz not null,
  opened_at timestamptz not null,
  seen_at timestamptz not null,
  closed_at timestamptz,
  closed_because text check (closed_because in ('normal', 'accepted')),
  closed_by text,
  unit text not null,
  observed double precision not null,
  usual double precision not null,
  window_minutes integer not null,
  items bigint,
  people bigint,
  turnover bigint,
  currency text not null,
  cause jsonb not null,
  measured_at timestamptz
);
create unique index alarm_open on ingest.alarm (source, code) where closed_at is null;
create index alarm_closed on ingest.alarm (closed_at desc) where closed_at is not null;

create table ingest.monitor (
  single boolean primary key default true check (single),
  evaluated_at timestamptz not null
);

-- The report as it was, the last one and one per week.
create table ingest.quality_report (
  at timestamptz primary key,
  week date not null,
  report jsonb not null
);
create index quality_report_week on ingest.quality_report (week, at desc);

create table ingest.quality_setting (
  single boolean primary key default true check (single),
  weights jsonb not null
);

-- Colleagues who want the weekly mail, and the week up to which they have it.
create table ingest.quality_letter (
  colleague uuid primary key,
  language text not null,
  asked_at timestamptz not null,
  sent_week date
);
