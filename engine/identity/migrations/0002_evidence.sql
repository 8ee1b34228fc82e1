-- Which identifier an id stands for: every event is stored under the id of its anchor, and an id that is no founder's
-- points at its person in identity.merged from the start. `anchor_since` tells a device's later owners apart.
alter table identity.person
  add column anchor_namespace text,
  add column anchor_value text,
  add column anchor_since timestamptz,
  -- Refusals, limits, changed devices or hot values: an event that comes late may change what was decided.
  add column contested boolean not null default false;
create index person_anchor on identity.person (anchor_namespace, anchor_value) where anchor_namespace is not null;

-- What the graph was decided from: one row per footprint (the identifiers that one event names together, from one
-- source, with what it says of name and birth date) and day. Replaying the rows in the order of time gives the graph.
create table identity.evidence (
  person uuid not null,
  print bigint not null,
  day date not null,
  source uuid not null,
  event uuid not null,
  may_join boolean not null,
  receipt boolean not null,
  identifiers text[] not null,
  facts text[] not null,
  -- The first sixteen times, those that changed something, and the last one.
  times bigint[] not null,
  primary key (person, print, day)
);

-- What was known before there was evidence: who came together with what.
insert into identity.evidence (person, print, day, source, event, may_join, receipt, identifiers, facts, times)
select coalesce(first_person, person), hashtextextended(namespace || ' ' || value, 0), first_seen_at::date, source, event,
  true, false,
  case when with_value is null then array[namespace || chr(31) || value || chr(31) || trust]
    else array[with_namespace || chr(31) || with_value || chr(31) || 'verified', namespace || chr(31) || value || chr(31) || trust] end,
  array['', '', ''], array[(extract(epoch from first_seen_at) * 1000)::bigint]
from identity.identifier where person is not null
on conflict do nothing;

alter table identity.identifier
  -- Set aside from this moment of event time on; what it did before stands.
  add column shared_since timestamptz,
  add column shared_until timestamptz,
  add column store_device boolean not null default false,
  -- Who or what showed it within the last day of event time: [{at, who}].
  add column shown jsonb not null default '[]';

-- Joins that the gate refused, once per pair of people and code; the pair also says who has to be looked at together.
create table identity.refusal (
  one uuid not null,
  other uuid not null,
  code text not null,
  via_namespace text not null,
  via_value text not null,
  first_at timestamptz not null,
  last_at timestamptz not null,
  primary key (one, other, code)
);
create index refusal_other on identity.refusal (other);

-- People whom a late event or a value set aside concerns: decided anew from their evidence within a minute.
create table identity.recheck (
  person uuid primary key,
  because text not null,
  asked_at timestamptz not null
);

-- "These two are one person", between two identifiers; the only way past a unique conflict.
create table identity.together (
  one_namespace text not null,
  one_value text not null,
  other_namespace text not null,
  other_value text not null,
  reason text not null,
  actor text not null,
  created_at timestamptz not null,
  primary key (one_namespace, one_value, other_namespace, other_value)
);
create index together_other on identity.together (other_namespace, other_value);

alter table identity.log drop constraint log_kind_check;
alter table identity.log add constraint log_kind_check
  check (kind in ('attach', 'detach', 'merge', 'unmerge', 'split', 'reevaluate', 'share', 'release', 'block'));

-- One row of a CRM, till, shop or import, with its fields standardised for matching (spec identity §10).
create table identity.record (
  id uuid primary key,
  source uuid not null,
  person uuid not null,
  fields jsonb not null,
  seen_at timestamptz not null
);
create index record_person on identity.record (person);

-- Two records that a run found alike; changes nobody by itself. `levels` = [{field, level, weight, one, other}].
create table identity.link (
  id uuid primary key,
  run uuid,
  model text not null,
  one uuid not null,
  other uuid not null,
  -- The records, where the link is between records; `one` and `other` are the people they belonged to.
  one_record uuid,
  other_record uuid,
  probability double precision not null,
  weight double precision not null,
  levels jsonb not null default '[]',
  flags text[] not null default '{}',
  decision text not null check (decision in ('auto', 'review', 'below')),
  created_at timestamptz not null default platform.now()
);
create index link_one on identity.link (one);
create index link_other on identity.link (other);

create table identity.review_item (
  id uuid primary key default gen_random_uuid(),
  kind text not null check (kind in ('conflict', 'grey_link', 'hot_value', 'audit')),
  code text not null,
  one uuid,
  other uuid,
  via_namespace text,
  via_value text,
  link uuid references identity.link on delete cascade,
  probability double precision,
  times integer not null default 1,
  first_at timestamptz not null default platform.now(),
  last_at timestamptz not null default platform.now(),
  evidence jsonb not null default '{}',
  answer text check (answer in ('same', 'different', 'household', 'unsure', 'release', 'keep')),
  answered_by text,
  answered_at timestamptz,
  ask_again_at timestamptz,
  -- What the answer did, to take it back: {log, negative, together, household}.
  effect jsonb not null default '{}',
  -- Two reviewers never get the same item.
  taken_by text,
  taken_until timestamptz
);
create unique index review_item_pair on identity.review_item (one, other, code) nulls not distinct where kind = 'conflict';
create unique index review_item_value on identity.review_item (via_namespace, via_value) where kind = 'hot_value';
create unique index review_item_link on identity.review_item (one, other) where kind = 'grey_link';
create index review_item_open on identity.review_item (last_at desc) where answer is null;

insert into identity.review_item (id, kind, code, one, other, via_namespace, via_value, times, first_at, last_at, evidence,
  answer, answered_by, answered_at, ask_again_at)
select id, kind, code, one, other, via_namespace, via_value, times, first_at, last_at, evidence,
  answer, answered_by, answered_at, ask_again_at from identity.review;
drop table identity.review;

-- What people answered, for training: 1 = same, 0 = different.
create table identity.label (
  id uuid primary key default gen_random_uuid(),
  item uuid,
  one uuid not null,
  other uuid not null,
  score double precision not null,
  levels jsonb not null default '[]',
  actor text not null,
  at timestamptz not null
);

-- Never a person: members with the time they belonged to it and why.
create table identity.household (
  id uuid primary key,
  created_at timestamptz not null
);
create table identity.household_member (
  household uuid not null references identity.household on delete cascade,
  person uuid not null,
  since timestamptz not null,
  until timestamptz,
  evidence jsonb not null default '[]',
  primary key (household, person, since)
);
create index household_member_person on identity.household_member (person);

-- Values that say nothing about anybody, beyond the built-in ones; lower case.
create table identity.blocked_value (
  value text primary key,
  reason text not null,
  actor text not null,
  created_at timestamptz not null
);

-- Limits that differ from the built-in ones.
create table identity.namespace_rule (
  namespace text primary key,
  most integer,
  days integer,
  hot_people integer,
  priority integer,
  actor text not null,
  changed_at timestamptz not null
);
