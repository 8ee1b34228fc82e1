alter table ingest.event add column if not exists findings Array(LowCardinality(String)) after flags;
create table if not exists ingest.aside (
  at DateTime64(3, 'UTC'),
  id UUID,
  source UUID,
  source_name LowCardinality(String),
  kind LowCardinality(String),
  name LowCardinality(String),
  channel LowCardinality(String),
  received_at DateTime64(3, 'UTC'),
  properties String,
  context String,
  flags Array(LowCardinality(String)),
  findings Array(LowCardinality(String)),
  batch UInt64
) engine = {{MergeTree}} order by (received_at, id);
