-- How often the words of a message were not ready in time, so that it is tried again but not for ever.
alter table delivery.message add column late_words smallint not null default 0;
