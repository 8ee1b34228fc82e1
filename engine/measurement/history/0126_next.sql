-- What came after an order, worked out with the paths of its person.
alter table measurement.path add column if not exists next LowCardinality(String) after place;
alter table measurement.path add column if not exists next_at DateTime64(3, 'UTC') after next;
