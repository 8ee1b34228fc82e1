-- Reports as they stood: what later returns, receipts, merges and rules change is told beside them, never written over them.
create table measurement.kept (
  report bigint generated always as identity primary key,
  period_from date not null,
  period_to date not null,
  by text not null,
  sold_via text,
  segment uuid,
  currency char(3) not null,
  orders bigint not null,
  revenue bigint not null,
  as_of timestamptz not null,
  kept_at timestamptz not null,
  -- Null: the house kept it by itself after the end of the month.
  kept_by text,
  answer jsonb not null
);
create index kept_period on measurement.kept (period_from, period_to);
