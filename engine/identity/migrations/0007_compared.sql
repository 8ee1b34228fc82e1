-- What a record said when a run last compared it: the next run with the same model compares only what is new since.
alter table identity.record add column compared text, add column compared_run uuid;
create index record_compared_run on identity.record (compared_run) where compared_run is not null;
