-- People as incremental runs of matching left them, compared with one run over all records; weekly, changes nobody.
create table identity.match_check (
  id uuid primary key,
  run uuid not null references identity.match_run on delete cascade,
  at timestamptz not null,
  records integer not null,
  people integer not null,
  differ integer not null,
  added bigint not null,
  lost bigint not null,
  examples jsonb not null default '[]'
);
create index match_check_run on identity.match_check (run, at desc);

-- What is unusual about a run is kept as codes and figures now, to be said in the language of whoever reads it.
update identity.match_run set drift = '[]' where drift @? '$[*] ? (@.type() == "string")';
