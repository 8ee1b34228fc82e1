-- What customers wrote to us. `person` is the one it arrived with; merges are resolved when reading.
create table conversation.message (
  id uuid primary key,
  event uuid not null unique,
  person uuid not null,
  channel text not null,
  kind text not null,
  sender text not null,
  subject text,
  text text not null,
  at timestamptz not null,
  source uuid not null,
  properties jsonb not null
);
create index message_newest on conversation.message (at desc, id desc);
create index message_person on conversation.message (person, at desc);
