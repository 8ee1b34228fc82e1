-- Who of the colleagues sees to an alarm, and who has said that it is seen to.
alter table ingest.alarm
  add column owner uuid,
  add column acknowledged_at timestamptz,
  add column acknowledged_by text;
create index alarm_owner on ingest.alarm (source, opened_at desc) where owner is not null;

-- The week of the last letter to colleagues who get one for their alarms alone.
create table ingest.alarm_letter (
  colleague uuid primary key,
  sent_week date not null
);
