-- When it was last seen that nothing new had arrived since the build: its figures are as of then.
alter table measurement.build add column checked_at timestamptz;
