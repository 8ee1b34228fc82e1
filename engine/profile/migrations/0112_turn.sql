-- Who wrote sightings last: whoever does writes a number of its own, in its transaction. An applier that finds its own last
-- number knows that what it remembers of its last batches stands.
create sequence profile.turn_seq;
create table profile.turn (
  single boolean primary key default true check (single),
  last bigint not null
) with (fillfactor = 50);
insert into profile.turn (last) values (0);
