-- The id under which events are stored that an identifier anchors, for its present owner; `epoch` tells a later
-- owner's time apart from the first one's.
alter table identity.identifier
  add column epoch bigint,
  add column atom uuid,
  drop column uses,
  drop column uses_since;

-- Did the last of the times change anything? Those are kept for good.
alter table identity.evidence add column decisive boolean not null default true;
drop table identity.exception;
