-- How the columns of a spend file are to be read, saved under a name; proposed again for a file with the same header.
create table budget.mapping (
  name text primary key,
  -- Folded headers of the file it was made for.
  header jsonb not null,
  -- { columns: { day, amount, … → header }, channel, currency, decimal, dayFirst }
  document jsonb not null,
  saved_at timestamptz not null,
  saved_by text not null,
  used_at timestamptz
);
