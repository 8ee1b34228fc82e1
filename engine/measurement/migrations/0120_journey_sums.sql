-- Whether the sums of the journey map equal the paths: the zone whose days they count, or null while they are changed.
create table measurement.journey_sums (
  one boolean primary key default true check (one),
  zone text
);
insert into measurement.journey_sums (zone) values (null);
