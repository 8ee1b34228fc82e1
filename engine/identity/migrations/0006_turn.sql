-- Who held the graph last: whoever takes it writes a number of its own, in its transaction. A resolver that finds its own
-- last number knows that what it remembers still holds.
create sequence identity.turn_seq;
create table identity.turn (
  single boolean primary key default true check (single),
  last bigint not null
) with (fillfactor = 50);
insert into identity.turn (last) values (0);
