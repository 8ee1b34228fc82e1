-- The ledger: one row per statement, never edited. `content_hash` covers the salted content, `seal` covers the hash
-- and the seal before it: erasing a person empties the content and leaves the chain whole.
create table consent.statement (
  statement uuid primary key,
  sequence bigint not null unique,
  person uuid,
  point bytea,
  address text,
  stance text not null check (stance in ('grant', 'deny', 'restrict', 'lift_restriction')),
  purpose text,
  channel text,
  topic text,
  basis text not null,
  happened_at timestamptz not null,
  known_at timestamptz not null,
  confirmed_at timestamptz,
  needs_confirmation boolean not null,
  expires_at timestamptz,
  trust text not null check (trust in ('verified', 'claimed')),
  named text[] not null,
  source text not null,
  wording jsonb,
  evidence jsonb not null,
  reason text,
  actor text,
  salt bytea,
  content_hash bytea not null,
  seal bytea not null,
  erased_at timestamptz
);
create index statement_person on consent.statement (person) where person is not null;
create index statement_point on consent.statement (point) where point is not null;
create index statement_known on consent.statement (known_at desc);

-- The end of the chain; its row lock puts writers in a row.
create table consent.head (
  single boolean primary key default true check (single),
  sequence bigint not null,
  seal bytea not null
);
insert into consent.head (sequence, seal) values (0, sha256('einklang consent ledger'));

-- Contact points that must not be used: bounces (until a click proves the address works), and objections that
-- outlive an erasure, kept as a keyed hash only.
create table consent.suppression (
  point bytea not null,
  reason text not null,
  channel text not null,
  scope text not null check (scope in ('all', 'marketing')),
  person uuid,
  address text,
  hit_at timestamptz not null,
  cleared_at timestamptz,
  primary key (point, reason)
);
create index suppression_person on consent.suppression (person) where person is not null;

-- "No" carried by ordinary events: the latest one per purpose; narrows, never widens.
create table consent.signal (
  person uuid not null,
  purpose text not null,
  at timestamptz not null,
  known_at timestamptz not null,
  event uuid not null,
  primary key (person, purpose)
);

-- The fence: a denial moves the epoch, a hand-over holds the row.
create table consent.epoch (
  person uuid not null,
  channel text not null,
  epoch bigint not null,
  primary key (person, channel)
);

-- Derived, for sets (segments, reach): the answers of current persons that differ from "nothing was ever stated".
-- A hand-over never reads it.
create table consent.state (
  person uuid not null,
  purpose text not null,
  channel text not null,
  allowed boolean not null,
  because text,
  basis text,
  statement uuid,
  since timestamptz,
  valid_until timestamptz,
  primary key (person, purpose, channel)
);
create index state_cell on consent.state (purpose, channel, allowed);

-- Persons that were erased or are being erased: nothing may be done with them any more.
create table consent.erased (
  person uuid primary key,
  at timestamptz not null
);
