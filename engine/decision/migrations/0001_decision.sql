-- A journey's draft can be edited at any time; runs walk immutable versions.
create table decision.journey (
  id uuid primary key,
  name text not null,
  description text not null,
  purpose text not null,
  state text not null check (state in ('draft', 'active', 'paused')),
  version integer,
  holdout double precision not null check (holdout between 0 and 0.5),
  goals text[] not null,
  again_after_hours integer not null,
  priority integer not null,
  draft jsonb,
  revision integer not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null
);

create table decision.version (
  journey uuid not null references decision.journey,
  version integer not null,
  graph jsonb not null,
  activated_at timestamptz not null,
  primary key (journey, version)
);

-- One walk of one person through one version. `person` is the current person and moves on a merge.
-- `base` is the instant from which the next wait counts: the event, then the end of each wait, then each message.
create table decision.run (
  id uuid primary key,
  journey uuid not null references decision.journey,
  version integer not null,
  person uuid not null,
  occurrence text not null,
  cause jsonb not null,
  state text not null check (state in ('waiting', 'done', 'held out', 'cancelled', 'goal')),
  node text,
  base timestamptz not null,
  due timestamptz,
  used text[] not null default '{}',
  moves integer not null default 0,
  entered_at timestamptz not null,
  ended_at timestamptz,
  because text not null
);
create unique index run_occurrence on decision.run (journey, person, occurrence);
create unique index run_open on decision.run (journey, person) where state = 'waiting';
create index run_due on decision.run (due) where state = 'waiting';
create index run_person on decision.run (person, entered_at desc);
create index run_newest on decision.run (journey, entered_at desc, id);

create table decision.step (
  run uuid not null,
  seq integer not null,
  at timestamptz not null,
  journey uuid not null,
  version integer not null,
  node text not null,
  kind text not null,
  decision text not null,
  label text not null,
  next text,
  reasons text[] not null,
  message uuid,
  primary key (run, seq)
);
create index step_edge on decision.step (journey, version, node, next);

-- Who is in which arm; drawn once by a seeded hash and never again.
create table decision.assignment (
  experiment text not null,
  person uuid not null,
  arm text not null,
  journey uuid,
  at timestamptz not null,
  primary key (experiment, person)
);
create index assignment_person on decision.assignment (person);

-- Cap slots. `returned` slots count for nothing; an unknown outcome keeps its slot.
create table decision.reservation (
  message uuid primary key,
  person uuid not null,
  channel text not null,
  purpose text not null,
  at timestamptz not null,
  returned boolean not null default false
);
create index reservation_person on decision.reservation (person, at);

create table decision.hold (
  person uuid not null,
  reason text not null,
  since timestamptz not null,
  until timestamptz,
  lifted_at timestamptz
);
create index hold_person on decision.hold (person) where lifted_at is null;

create table decision.policy (
  single boolean primary key default true check (single),
  document jsonb not null
);
