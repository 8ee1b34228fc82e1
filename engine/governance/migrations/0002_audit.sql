-- The chain is ordered in one place: whoever appends holds the row of audit_head until commit.
create table governance.audit_head (
  single boolean primary key default true check (single),
  sequence bigint not null,
  hash text
);
insert into governance.audit_head (sequence, hash) values (0, null);

create table governance.audit_entry (
  sequence bigint primary key,
  at timestamptz not null,
  actor_kind text not null check (actor_kind in ('user', 'key', 'system', 'anonymous')),
  actor_id text not null,
  actor_name text not null,
  action text not null,
  object_kind text not null,
  object_id text not null,
  purpose text,
  result text not null check (result in ('ok', 'refused')),
  reason text,
  details jsonb not null,
  previous text,
  hash text not null
);
create index audit_entry_object on governance.audit_entry (object_kind, object_id, sequence);
create index audit_entry_actor on governance.audit_entry (actor_id, sequence);

create function governance.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'the audit log is append-only';
end $$;
create trigger audit_entry_append_only before update or delete on governance.audit_entry
  for each row execute function governance.refuse_change();
create trigger audit_entry_no_truncate before truncate on governance.audit_entry
  for each statement execute function governance.refuse_change();

create table governance.approval (
  id uuid primary key,
  kind text not null,
  object text not null,
  hash text not null,
  title text not null,
  state text not null default 'requested' check (state in ('requested', 'approved', 'rejected', 'stale')),
  requested_by uuid not null references governance.colleague,
  requested_at timestamptz not null default platform.now(),
  decided_by uuid references governance.colleague,
  decided_at timestamptz,
  comment text
);
create unique index approval_open on governance.approval (kind, object, hash) where state in ('requested', 'approved');
create index approval_newest on governance.approval (requested_at desc, id);
