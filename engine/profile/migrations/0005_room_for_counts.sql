-- Counts are in no index: with room on their page they grow in place, without a new entry in two indexes.
alter table profile.event_count set (fillfactor = 50);
