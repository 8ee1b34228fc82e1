create table identity.person (
  id uuid primary key,
  state text not null default 'active' check (state in ('active', 'merged', 'erased')),
  first_seen_at timestamptz not null,
  -- What may speak against a join by contact alone: folded first names and birth dates that were heard.
  first_names text[] not null default '{}',
  last_names text[] not null default '{}',
  birthdays date[] not null default '{}',
  -- Joins of known people per day of event time, for the merge budget.
  merged_on date,
  merges_that_day integer not null default 0,
  known_members integer not null default 1
);

-- At most one owner at a time. `value` is normalised; the namespace of customer numbers carries its issuer.
create table identity.identifier (
  namespace text not null,
  value text not null,
  person uuid,
  trust text not null check (trust in ('verified', 'claimed')),
  status text not null default 'active' check (status in ('active', 'blocked', 'shared', 'released', 'expired')),
  first_seen_at timestamptz not null,
  last_seen_at timestamptz not null,
  -- Evidence: which event attached it, from which source, together with which stronger identifier.
  source uuid not null,
  event uuid not null,
  with_namespace text,
  with_value text,
  first_person uuid,
  attached_log bigint not null,
  -- Devices: since when the owner has it, and who had it before ([{since, person}], oldest first).
  since timestamptz not null,
  earlier jsonb not null default '[]',
  -- Receipts of a card within 24 h of event time, for finding cashiers' cards.
  uses integer not null default 0,
  uses_since timestamptz,
  primary key (namespace, value)
);
create index identifier_person on identity.identifier (person);
create index identifier_value on identity.identifier (value text_pattern_ops);

create sequence identity.log_seq;

-- Append-only: enough to undo a merge without reading anything else.
create table identity.log (
  id uuid primary key,
  seq bigint not null,
  kind text not null check (kind in ('merge', 'unmerge', 'attach', 'detach')),
  at timestamptz not null,
  event_at timestamptz,
  winner uuid not null,
  loser uuid,
  via_namespace text,
  via_value text,
  with_namespace text,
  with_value text,
  cause text not null,
  event uuid,
  source uuid,
  actor text not null,
  before jsonb not null default '{}',
  undone_at timestamptz,
  undone_by uuid
);
create index log_winner on identity.log (winner);
create index log_loser on identity.log (loser);

create sequence identity.merged_version;

-- Read-time mapping, flattened: `winner` is always a living person.
create table identity.merged (
  loser uuid primary key,
  winner uuid not null,
  version bigint not null default nextval('identity.merged_version'),
  log uuid,
  -- Taken back by an unmerge; the row stays until history has heard of it, and reads ignore it.
  undone boolean not null default false,
  synced boolean not null default false
);
create index merged_winner on identity.merged (winner) where not undone;
create index merged_waiting on identity.merged (version) where not synced;

-- "These two are different people", between two identifiers so that it survives later merges.
create table identity.negative (
  one_namespace text not null,
  one_value text not null,
  other_namespace text not null,
  other_value text not null,
  reason text not null,
  actor text not null,
  created_at timestamptz not null,
  primary key (one_namespace, one_value, other_namespace, other_value)
);
create index negative_other on identity.negative (other_namespace, other_value);

-- "These may be one person although the rule says no", set in review.
create table identity.exception (
  one uuid not null,
  other uuid not null,
  actor text not null,
  created_at timestamptz not null,
  primary key (one, other)
);

create table identity.review (
  id uuid primary key,
  kind text not null check (kind in ('conflict', 'hot_value')),
  code text not null,
  one uuid,
  other uuid,
  via_namespace text not null,
  via_value text not null,
  times integer not null default 1,
  first_at timestamptz not null,
  last_at timestamptz not null,
  evidence jsonb not null default '{}',
  answer text,
  answered_by text,
  answered_at timestamptz,
  ask_again_at timestamptz
);
create unique index review_pair on identity.review (one, other, code) nulls not distinct where kind = 'conflict';
create unique index review_value on identity.review (via_namespace, via_value) where kind = 'hot_value';
create index review_open on identity.review (last_at desc) where answer is null;

-- Someone who returns after erasure gets a new id and no history: how often an identifier was erased, by keyed hash.
create table identity.erased (
  hash text primary key,
  generation integer not null
);

-- The person an id stands for today.
create function identity.current(wanted uuid) returns uuid language sql stable parallel safe
return coalesce((select winner from identity.merged where loser = wanted and not undone), wanted);

-- The person itself and all that were merged into it: `where person = any(identity.aliases(…))`.
create function identity.aliases(wanted uuid) returns uuid[] language sql stable parallel safe
return (
  select array_prepend(living, array(select loser from identity.merged where winner = living and not undone))
  from (select coalesce((select winner from identity.merged where loser = wanted and not undone), wanted) offset 0) as now(living));
