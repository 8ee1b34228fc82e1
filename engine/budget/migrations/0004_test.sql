-- Pauses of a channel in some regions, planned to learn from; what they found draws every later mix model.
create table budget.test (
  test bigint generated always as identity primary key,
  channel text not null,
  starts date not null,
  ends date not null check (ends >= starts),
  regions text[] not null,
  -- Revenue a year that knowing the effect was said to be worth, minor units.
  worth bigint,
  currency char(3) not null,
  planned_at timestamptz not null,
  planned_by text not null,
  -- Revenue that the paused regions lost, minor units, with its 90 % interval.
  increment bigint,
  low bigint,
  high bigint,
  read_at timestamptz,
  read_by text,
  -- Of measurement: the fit that was begun with the result.
  refit bigint,
  -- Nothing is deleted: what does not take place, or was wrong, stays readable.
  dropped_at timestamptz,
  dropped_by text,
  check ((read_at is null) = (increment is null)),
  check (low <= increment and increment <= high)
);
