create extension if not exists pg_trgm with schema public;

-- What a source said about a person, under the person it was stored with; merges never rewrite it.
-- One row per (person, trait, source, value): repeating a statement only widens first_at..last_at.
create table profile.observation (
  person uuid not null,
  name text not null,
  source uuid not null,
  value jsonb not null,
  value_key text not null,
  trust text not null check (trust in ('verified', 'claimed')),
  first_at timestamptz not null,
  last_at timestamptz not null,
  known_at timestamptz not null,
  event uuid not null,
  primary key (person, name, source, trust, value_key)
);
create index observation_address on profile.observation (value_key, name) where name in ('email', 'phone', 'push_token');

-- How much a source is believed for a trait; '*' = every trait. A missing row counts 0.
create table profile.source_rank (
  source uuid not null,
  name text not null default '*',
  rank int not null,
  primary key (source, name)
);

-- Derived: what holds for each current person. `seen_day` moves at most once a day, so that the hot column
-- `last_seen` is in no index and most updates stay on their page.
create table profile.person (
  person uuid primary key,
  first_name text,
  last_name text,
  email text,
  phone text,
  street text,
  postal_code text,
  city text,
  country text,
  language text,
  birthday date,
  gender text,
  loyalty_card text,
  push_token text,
  known boolean not null default false,
  first_seen timestamptz not null,
  last_seen timestamptz not null,
  seen_day date not null,
  traits jsonb not null default '{}'
) with (fillfactor = 80);
create index person_seen on profile.person (seen_day desc, person) where known;
create index person_seen_all on profile.person (seen_day desc);

-- Derived: one folded text per known person for the search.
create table profile.document (
  person uuid primary key,
  text text not null
);
create index document_text on profile.document using gin (text gin_trgm_ops);

-- Numbers people read out: cards, customer, order and receipt numbers.
create table profile.handle (
  value text not null,
  namespace text not null,
  person uuid not null,
  primary key (value, namespace, person)
);
create index handle_prefix on profile.handle (value text_pattern_ops);
create index handle_person on profile.handle (person);

create table profile.event_count (
  person uuid not null,
  name text not null,
  day date not null,
  count int not null,
  primary key (person, name, day)
);
create index event_count_name on profile.event_count (name, day);

create table profile.contact (
  person uuid not null,
  channel text not null,
  at timestamptz not null,
  message_id text not null,
  campaign text,
  primary key (person, message_id)
);
create index contact_at on profile.contact (at);

create table profile.score (
  person uuid not null,
  name text not null,
  value double precision not null,
  low double precision,
  high double precision,
  as_of timestamptz not null,
  primary key (person, name)
);
create index score_name on profile.score (name, value);

-- First and last sight of either side at the moment of a merge, so that a split gives them back.
create table profile.seen (
  person uuid primary key,
  first_seen timestamptz not null,
  last_seen timestamptz not null
);

create view profile.reachable as
  select person, channel, address, name
  from profile.person,
    lateral (select nullif(concat_ws(' ', first_name, last_name), '') as name) as full_name,
    lateral (values
      ('email', email),
      ('sms', phone),
      ('phone', phone),
      ('push', push_token),
      ('letter', case when street is not null and postal_code is not null and city is not null
                 then concat_ws(', ', street, concat_ws(' ', postal_code, city), country) end)
    ) as way (channel, address)
  where address is not null;
