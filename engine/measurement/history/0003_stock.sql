-- Stock reports as they were told; a report holds until the next one of its article and place.
create table if not exists measurement.stock (
  sku String,
  place LowCardinality(String),
  at DateTime64(3, 'UTC'),
  on_hand Int32,
  build UInt64
) engine = {{ReplacingMergeTree(build)}} order by (sku, place, at) ttl toDateTime(at) + interval 800 day;
