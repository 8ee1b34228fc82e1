-- Sums of the journey map, kept beside the paths: what goes is added with the sign turned.
-- Steps of the paths that ended on a day: entries, steps, ends, whole ways, and what came after an order. `class` is
-- how long it took, roughly; `seconds` is how long exactly, added up.
create table if not exists measurement.step (
  day Date,
  kind LowCardinality(String),
  converted UInt8,
  currency LowCardinality(String),
  sold_via LowCardinality(String),
  origin LowCardinality(String),
  target LowCardinality(String),
  class UInt16,
  count Int64,
  seconds Int64
) engine = {{SummingMergeTree((count, seconds))}} partition by toYear(day)
order by (day, kind, converted, currency, sold_via, origin, target, class);

-- Paths that ended on a day, by their channels in order.
create table if not exists measurement.way (
  day Date,
  converted UInt8,
  currency LowCardinality(String),
  sold_via LowCardinality(String),
  way UInt64,
  steps Array(LowCardinality(String)),
  paths Int64
) engine = {{SummingMergeTree((paths))}} partition by toYear(day)
order by (day, converted, currency, sold_via, way);
