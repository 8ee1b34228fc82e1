-- A load is one import (its chunks arrive within minutes) or one entry by hand.
create table budget.load (
  id bigint generated always as identity primary key,
  origin text not null,
  first_at timestamptz not null,
  last_at timestamptz not null
);
create index load_last on budget.load (last_at desc);

-- The spend ledger: nothing is changed or deleted; a correction is a new entry that replaces the one before.
create table budget.spend (
  id uuid primary key,
  load bigint not null references budget.load,
  day date not null,
  days smallint not null check (days in (1, 7)),
  channel text not null,
  given_channel text not null,
  campaign text not null,
  geo text not null,
  amount bigint not null check (amount >= 0),
  currency char(3) not null,
  impressions bigint,
  clicks bigint,
  recorded_at timestamptz not null,
  replaced_by uuid
);
create unique index spend_current on budget.spend (day, days, channel, given_channel, campaign, geo, currency) where replaced_by is null;
create index spend_recorded on budget.spend (load);

create table budget.plan (
  month date not null,
  channel text not null,
  currency char(3) not null,
  amount bigint not null check (amount > 0),
  set_at timestamptz not null,
  set_by text not null,
  primary key (month, channel, currency)
);
