-- The sums of the journey map again, with a number for what a row is of: sorted and added up by numbers alone.
drop table if exists measurement.step;
create table if not exists measurement.step (
  day Date,
  cell UInt64,
  class UInt16,
  kind LowCardinality(String),
  converted UInt8,
  currency LowCardinality(String),
  sold_via LowCardinality(String),
  origin LowCardinality(String),
  target LowCardinality(String),
  count Int64,
  seconds Int64
) engine = {{SummingMergeTree((count, seconds))}} partition by toYear(day) order by (day, cell, class);

drop table if exists measurement.way;
create table if not exists measurement.way (
  day Date,
  cell UInt64,
  converted UInt8,
  currency LowCardinality(String),
  sold_via LowCardinality(String),
  way UInt64,
  steps Array(LowCardinality(String)),
  paths Int64
) engine = {{SummingMergeTree((paths))}} partition by toYear(day) order by (day, cell);
