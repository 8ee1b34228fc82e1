-- What was fixed before an experiment was read: the gain worth having, the persons it takes, and how it ended.
create table measurement.protocol (
  experiment text primary key,
  -- Smallest gain in revenue per person worth having, minor units.
  worthwhile double precision not null check (worthwhile > 0),
  persons bigint not null,
  days integer,
  -- Variance of the difference expected at the planned end; tunes the reading at any time.
  planned_variance double precision not null,
  planned_at timestamptz not null,
  planned_by text not null,
  stopped_at timestamptz,
  stopped_by text,
  reason text
);
