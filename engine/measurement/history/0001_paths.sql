-- Who has to be computed again in a build; rows leave by themselves.
create table if not exists measurement.changed (
  build UInt64,
  person UUID,
  made DateTime default now()
) engine = {{MergeTree}} order by (build, person) ttl made + interval 1 day;

-- Persons who are more than a receipt or a device, as far as they were rebuilt.
create table if not exists measurement.known (
  person UUID,
  known UInt8,
  build UInt64
) engine = {{ReplacingMergeTree(build)}} order by person;

-- One contact of a person with us. `person` is the current person of the build, `stored` the one the event is filed under.
create table if not exists measurement.touch (
  person UUID,
  stored UUID,
  at DateTime64(3, 'UTC'),
  event UUID,
  channel LowCardinality(String),
  campaign LowCardinality(String),
  kind LowCardinality(String),
  message_id String,
  build UInt64,
  gone UInt8
) engine = {{ReplacingMergeTree(build, gone)}} partition by toYear(at) order by (person, at, event);

-- One order or receipt, net of what came back.
create table if not exists measurement.conversion (
  person UUID,
  stored UUID,
  at DateTime64(3, 'UTC'),
  event UUID,
  order_no String,
  value Int64,
  returned Int64,
  currency LowCardinality(String),
  sold_via LowCardinality(String),
  place LowCardinality(String),
  build UInt64,
  gone UInt8
) engine = {{ReplacingMergeTree(build, gone)}} partition by toYear(at) order by (person, at, event);

-- A conversion with the touches before it (oldest first), or touches that led to none (`converted` 0).
create table if not exists measurement.path (
  person UUID,
  at DateTime64(3, 'UTC'),
  event UUID,
  converted UInt8,
  order_no String,
  value Int64,
  returned Int64,
  currency LowCardinality(String),
  sold_via LowCardinality(String),
  place LowCardinality(String),
  first UInt8,
  known UInt8,
  touch_at Array(DateTime64(3, 'UTC')),
  touch_event Array(UUID),
  touch_channel Array(LowCardinality(String)),
  touch_campaign Array(LowCardinality(String)),
  touch_kind Array(LowCardinality(String)),
  touch_message Array(String),
  build UInt64,
  gone UInt8
) engine = {{ReplacingMergeTree(build, gone)}} partition by toYear(at) order by (person, at, event);

-- Arms of experiments, copied from the decision ledger, so that outcomes are summed where they lie.
create table if not exists measurement.assignment (
  experiment LowCardinality(String),
  person UUID,
  arm LowCardinality(String),
  at DateTime64(3, 'UTC'),
  build UInt64
) engine = {{ReplacingMergeTree(build)}} order by (experiment, person);
