-- The clock of SQL: the machine's, unless a test has set a fixed instant.
create table platform.fixed_clock (
  single boolean primary key default true check (single),
  instant timestamptz not null
);

create function platform.now() returns timestamptz language sql stable parallel safe
return coalesce((select instant from platform.fixed_clock), now());

-- Answers of writes that carried an Idempotency-Key, kept seven days.
create table platform.idempotency (
  caller text not null,
  route text not null,
  key text not null,
  request_hash bytea not null,
  status integer,
  answer text,
  created_at timestamptz not null default now(),
  primary key (caller, route, key)
);
create index idempotency_created_at on platform.idempotency (created_at);
