-- Orders and returns that a build looks at, each once, under the person they belong to; rows leave by themselves.
create table if not exists measurement.receipt (
  build UInt64,
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
  bot UInt8,
  made DateTime default now()
) engine = {{MergeTree}} order by (build, person) ttl made + interval 1 day;

alter table measurement.source drop column if exists named;
