-- Batches that go to history as one insert, written down before: a repeat after a crash is the same insert, with the same token.
alter table ingest.batch add column carried bigint;
