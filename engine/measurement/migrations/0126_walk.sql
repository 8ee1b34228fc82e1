-- Versions of rows in the history are numbers of builds from now on; until now they were twice as large and one.
select setval(pg_get_serial_sequence('measurement.build', 'number'), (select coalesce(max(number), 0) * 2 + 2 from measurement.build));
-- How often persons were forgotten: facts that were read before are read again.
alter table measurement.journey_sums add column forgotten bigint not null default 0;
