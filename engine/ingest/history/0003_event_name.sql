-- Which events arrive, by month: screens and conditions name events without reading them all.
create table if not exists ingest.event_name (
  month Date,
  kind LowCardinality(String),
  name LowCardinality(String),
  source_name LowCardinality(String),
  events SimpleAggregateFunction(sum, UInt64),
  first_at SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
  last_at SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
  persons AggregateFunction(uniqHLL12, UUID),
  properties AggregateFunction(argMax, Array(String), DateTime64(3, 'UTC'))
) engine = {{AggregatingMergeTree}} order by (month, kind, name, source_name);

create materialized view if not exists ingest.event_name_feed to ingest.event_name as
select month, kind, name, source_name, sum(count) as events, min(earliest) as first_at, max(latest) as last_at,
  uniqHLL12MergeState(people) as persons, argMaxState(keys, latest) as properties
from (
  select toStartOfMonth(at) as month, kind, name, source_name, count() as count, min(at) as earliest, max(at) as latest,
    uniqHLL12State(person) as people, JSONExtractKeys(argMax(properties, at)) as keys
  from ingest.event group by month, kind, name, source_name
)
group by month, kind, name, source_name;

truncate table ingest.event_name;

insert into ingest.event_name
select toStartOfMonth(at) as month, kind, name, source_name, count() as events, min(at) as first_at, max(at) as last_at,
  uniqHLL12State(person) as persons, argMaxState(JSONExtractKeys(properties), at) as properties
from ingest.event group by month, kind, name, source_name;
