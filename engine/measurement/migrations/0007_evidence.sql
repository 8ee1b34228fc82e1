-- Results of experiments that were run outside the decision ledger: pauses of regions, lift studies of platforms.
create table measurement.evidence (
  evidence bigint generated always as identity primary key,
  name text not null,
  kind text not null check (kind in ('geo', 'platform', 'other')),
  channel text not null,
  -- Null: the whole channel.
  campaign text,
  starts date not null,
  ends date not null check (ends >= starts),
  -- Revenue that would not exist otherwise, minor units, with its 90 % interval.
  increment bigint not null,
  low bigint not null,
  high bigint not null check (low <= increment and increment <= high),
  currency char(3) not null,
  note text,
  made_at timestamptz not null,
  made_by text not null,
  -- Nothing is deleted: a wrong result is withdrawn and stays readable.
  withdrawn_at timestamptz,
  withdrawn_by text
);
