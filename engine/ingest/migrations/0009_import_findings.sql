-- What the checks find in a file that is only tried: [{code, path, action, message, count, rows}].
alter table ingest.import add column findings jsonb not null default '[]';
