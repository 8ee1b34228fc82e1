-- Rows of a file add up: rows = accepted + duplicates + waiting + rejected. The mark of how far it was read is `rows_read`.
alter table ingest.import add column rows bigint not null default 0;
alter table ingest.import add column waiting bigint not null default 0;
update ingest.import set
  waiting = greatest(0, rows_read - case when rows_read > 0 then coalesce((detected->>'header')::bigint, 0) else 0 end
    - accepted - duplicates - rejected);
update ingest.import set rows = accepted + duplicates + waiting + rejected;

-- The import that brought an item.
alter table ingest.quarantine add column import uuid;
create index quarantine_import on ingest.quarantine (import) where import is not null;

-- What was found on single rows: a value that is not used or doubted, a row that waits. `given` is what stood there.
create table ingest.import_note (
  import uuid not null references ingest.import on delete cascade,
  row_no bigint not null,
  code text not null,
  path text not null,
  action text not null,
  given text not null,
  primary key (import, row_no, code, path, action)
);
