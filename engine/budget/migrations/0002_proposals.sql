-- What the allocator proposed, word for word; approved by its hash, then written into the plan.
create table budget.proposal (
  proposal bigint generated always as identity primary key,
  title text not null,
  document jsonb not null,
  hash text not null,
  made_at timestamptz not null,
  made_by text not null,
  applied_at timestamptz,
  applied_by text
);
