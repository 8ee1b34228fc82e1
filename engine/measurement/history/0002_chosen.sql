-- Persons of a segment while figures are read for them; rows leave by themselves.
create table if not exists measurement.chosen (
  load UInt64,
  person UUID,
  made DateTime default now()
) engine = {{MergeTree}} order by (load, person) ttl made + interval 1 hour;
