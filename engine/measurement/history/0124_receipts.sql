-- What the grouping rules say of each kind of source that a slice of a build met; rows leave by themselves.
create table if not exists measurement.source (
  build UInt64,
  slice UInt32,
  kin UInt64,
  channel LowCardinality(String),
  campaign LowCardinality(String),
  made DateTime default now()
) engine = {{MergeTree}} order by (build, slice) ttl made + interval 1 day;

-- Orders and returns that a build looks at, under the person they belong to; what tells of one order lies together.
drop table if exists measurement.receipt;
create table if not exists measurement.receipt (
  build UInt64,
  number UInt64,
  person UUID,
  stored UUID,
  at DateTime64(3, 'UTC'),
  event UUID,
  name LowCardinality(String),
  order_no String,
  value Int64,
  currency LowCardinality(String),
  channel LowCardinality(String),
  place LowCardinality(String),
  made DateTime default now()
) engine = {{MergeTree}} order by (build, number) ttl made + interval 1 day;
