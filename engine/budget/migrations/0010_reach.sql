-- Persons that a line of spend reached, as platforms tell it.
alter table budget.spend add column reach bigint;

-- The media plan: one vehicle of one campaign in its days. Like the ledger it only grows; a line that says more
-- replaces the one before, and what it does not say is taken over.
create table budget.media (
  id uuid primary key,
  starts date not null,
  ends date not null check (ends >= starts),
  channel text not null,
  given_channel text not null,
  campaign text not null,
  vehicle text not null,
  geo text not null,
  population bigint check (population > 0),
  -- Shares of the population.
  reach_of_one double precision check (reach_of_one > 0 and reach_of_one <= 1),
  reach_of_two double precision check (reach_of_two > 0 and reach_of_two <= 1),
  insertions integer check (insertions >= 0),
  booked integer check (booked >= 0),
  aired integer check (aired >= 0),
  planned_contacts bigint check (planned_contacts >= 0),
  contacts bigint check (contacts >= 0),
  planned_reach bigint check (planned_reach >= 0),
  reached bigint check (reached >= 0),
  cost bigint check (cost >= 0),
  currency char(3),
  origin text not null,
  recorded_at timestamptz not null,
  replaced_by uuid,
  removed_at timestamptz,
  removed_by text
);
create unique index media_current on budget.media (starts, ends, channel, campaign, vehicle, geo)
  where replaced_by is null and removed_at is null;
