-- The outbox. One row per effect: the key names (journey step, person, channel, occurrence), whatever the attempt.
create table delivery.message (
  id uuid primary key,
  key text not null unique,
  person uuid not null,
  channel text not null,
  purpose text not null,
  concept uuid not null,
  journey uuid,
  run uuid,
  step text,
  experiment text,
  occurrence text not null,
  state text not null check (state in
    ('planned', 'reserved', 'handed', 'accepted', 'refused', 'unknown', 'suppressed', 'displaced', 'expired')),
  reason text,
  reasons jsonb not null,
  checks jsonb not null default '[]',
  data jsonb not null,
  planned_at timestamptz not null,
  not_before timestamptz not null,
  expires_at timestamptz,
  -- Who works on it: a token per claim; the lease ends by the database's clock.
  claim uuid,
  lease timestamptz,
  attempts integer not null default 0,
  epoch bigint,
  -- Committed before the provider is called: without it a lost lease is a certain "not sent".
  begun_at timestamptz,
  address text,
  address_name text,
  campaign text,
  subject text,
  language text,
  hash text,
  connector text,
  provider_id text,
  sent_at timestamptz
);
create index message_due on delivery.message (not_before) where state in ('planned', 'reserved');
create index message_handed on delivery.message (lease) where state = 'handed';
create index message_unknown on delivery.message (planned_at) where state = 'unknown';
create index message_newest on delivery.message (planned_at desc, id desc);
create index message_person on delivery.message (person, planned_at desc);
create index message_journey on delivery.message (journey, planned_at desc);

-- What was said, word for word; kept apart so that bodies can go before facts do.
create table delivery.body (
  message uuid primary key,
  html text,
  text text not null,
  links jsonb not null,
  refs jsonb not null,
  rendered_at timestamptz not null
);

create table delivery.change (
  message uuid not null,
  seq integer not null generated always as identity,
  at timestamptz not null,
  state text not null,
  note text,
  primary key (message, seq)
);

-- What came back; the first of each kind counts. `machine` = a proxy or scanner, not a person.
create table delivery.receipt (
  message uuid not null,
  kind text not null,
  at timestamptz not null,
  machine boolean not null,
  detail text,
  primary key (message, kind)
);

create table delivery.lane (
  channel text primary key,
  stopped boolean not null,
  because text,
  changed_at timestamptz not null
);

-- Mails that the built-in catch-all received.
create table delivery.caught (
  id uuid primary key,
  received_at timestamptz not null,
  sender text not null,
  recipient text not null,
  subject text not null,
  message_id text,
  message uuid,
  person uuid,
  headers jsonb not null,
  text text not null,
  html text,
  attachments jsonb not null,
  bytes integer not null
);
create index caught_newest on delivery.caught (received_at desc, id desc);
create index caught_person on delivery.caught (person);
create index caught_message on delivery.caught (message);
