-- Mix models: what was asked, how far they are, and what they say.
create table measurement.mix_fit (
  fit bigint generated always as identity primary key,
  name text not null,
  state text not null check (state in ('queued', 'running', 'done', 'stopped', 'refused', 'failed')),
  wish_to_stop boolean not null default false,
  asked jsonb not null,
  progress jsonb,
  -- The whole answer of the mathematics, draws of the response included.
  result jsonb,
  headline text,
  blocked boolean,
  error text,
  created_at timestamptz not null,
  created_by text not null,
  started_at timestamptz,
  finished_at timestamptz
);
