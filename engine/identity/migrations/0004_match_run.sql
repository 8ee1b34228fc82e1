-- A run of probabilistic matching over the source records. Its links lie in identity.link; it changes nobody until it
-- is applied, and can be undone as a whole.
create table identity.match_run (
  id uuid primary key,
  number bigint generated always as identity,
  state text not null check (state in ('asked', 'running', 'waiting', 'applied', 'discarded', 'failed', 'cancelled', 'undone')),
  step text,
  actor text not null,
  seed integer not null,
  -- Train anew, or use the model of the last run.
  retrain boolean not null,
  cancelled boolean not null default false,
  started_at timestamptz not null,
  finished_at timestamptz,
  records integer,
  links integer,
  for_review integer,
  people_moved integer,
  share_moved double precision,
  -- Hash of the manifest: what is approved is exactly what was shown.
  hash text,
  manifest jsonb not null default '{}',
  model jsonb,
  drift jsonb not null default '[]',
  -- Log entries the run caused, oldest first; for undoing it.
  logs uuid[] not null default '{}',
  error text
);
create index match_run_started on identity.match_run (number desc);
create index link_run on identity.link (run);
