-- Which wire shapes a source speaks, how its webhooks are signed, and what messages of other systems mean.
alter table ingest.source add column dialects text[] not null default '{segment}';
alter table ingest.source add column webhook jsonb;
alter table ingest.source add column mappings jsonb not null default '[]';

-- Signing secrets of senders, sealed; two are live while one is changed.
create table ingest.webhook_secret (
  id uuid primary key,
  source uuid not null references ingest.source,
  secret bytea not null,
  created_at timestamptz not null,
  ends_at timestamptz
);
create index webhook_secret_source on ingest.webhook_secret (source);
