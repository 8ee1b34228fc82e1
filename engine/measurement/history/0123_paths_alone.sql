-- Whose facts a path holds besides those filed under its own person, so that a split is seen.
alter table measurement.path add column if not exists others Array(UUID) after known;
drop table if exists measurement.touch;
drop table if exists measurement.source;
