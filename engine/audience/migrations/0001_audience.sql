create table audience.definition (
  id uuid primary key,
  name text not null,
  description text,
  purpose text not null,
  predicate jsonb not null,
  version integer not null default 1,
  -- False until all persons were looked at once for this version.
  built boolean not null default false,
  created_at timestamptz not null,
  created_by text,
  updated_at timestamptz not null,
  deleted_at timestamptz
);
create unique index definition_name on audience.definition (lower(name)) where deleted_at is null;

-- Who is in now, current persons only.
create table audience.member (
  audience uuid not null,
  person uuid not null,
  since timestamptz not null,
  primary key (audience, person)
);
create index member_person on audience.member (person);
create index member_since on audience.member (audience, since, person);

create table audience.movement (
  audience uuid not null,
  person uuid not null,
  at timestamptz not null,
  entered boolean not null
);
create index movement_at on audience.movement (audience, at);
create index movement_person on audience.movement (person, at);

create table audience.size_day (
  audience uuid not null,
  day date not null,
  size integer not null,
  primary key (audience, day)
);

-- Persons touched by history imports wait here and are looked at together.
create table audience.pending (
  person uuid primary key
);

-- Starters, so that a new house sees something true on its first day. They may be changed and deleted like any other.
insert into audience.definition (id, name, description, purpose, predicate, created_at, updated_at) values
  ('00000000-0000-8600-8000-000000000001', 'Newsletter subscribers',
    'Everybody who may receive the newsletter by e-mail.', 'newsletter',
    '{"permitted": "newsletter", "channel": "email"}', now(), now()),
  ('00000000-0000-8600-8000-000000000002', 'Abandoned cart',
    'Articles lie in the cart and nothing was ordered since.', 'profiling',
    '{"cart": "open"}', now(), now()),
  ('00000000-0000-8600-8000-000000000003', 'Lapsed best customers',
    'Spent much in two years and nothing in the last half year.', 'profiling',
    '{"all": [{"spent": {"least": 30000}, "within": {"days": 730}}, {"orders": {"most": 0}, "within": {"days": 180}}]}',
    now(), now()),
  ('00000000-0000-8600-8000-000000000004', 'Loyal store customers',
    'Carry the loyalty card and came to a store at least three times in a year.', 'profiling',
    '{"all": [{"trait": "loyalty_card", "is": "known"}, {"orders": {"least": 3}, "within": {"days": 365}, "channel": "store"}]}',
    now(), now()),
  ('00000000-0000-8600-8000-000000000005', 'Buys in store and on the web',
    'At least one order in either way within a year.', 'profiling',
    '{"all": [{"orders": {"least": 1}, "within": {"days": 365}, "channel": "store"}, {"orders": {"least": 1}, "within": {"days": 365}, "channel": "web"}]}',
    now(), now());
