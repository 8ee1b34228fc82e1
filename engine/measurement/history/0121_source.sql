-- What the grouping rules say of each kind of source that a slice of a build met; rows leave by themselves.
create table if not exists measurement.source (
  build UInt64,
  slice UInt32,
  kin UInt64,
  channel LowCardinality(String),
  campaign LowCardinality(String),
  named UInt8,
  origin UInt64,
  same UInt64,
  made DateTime default now()
) engine = {{MergeTree}} order by (build, slice, kin) ttl made + interval 1 day;
