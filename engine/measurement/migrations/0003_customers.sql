-- One learning of what customers will buy. Scores of persons lie with profile.
create table measurement.customer_fit (
  number bigint generated always as identity primary key,
  started_at timestamptz not null,
  finished_at timestamptz,
  -- Purchases up to this day were learnt from.
  until date,
  currency char(3) not null,
  customers bigint not null default 0,
  -- { fit, spend, because, tried, lookBack } and the sums over all customers.
  learnt jsonb,
  error text
);
