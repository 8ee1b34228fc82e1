-- What a row of the sums is of is worked out where it is written, so that whoever counts need not know how.
alter table measurement.step modify column cell UInt64
  default cityHash64(cityHash64(kind), converted, cityHash64(currency), cityHash64(sold_via), cityHash64(origin), cityHash64(target));
alter table measurement.way modify column way UInt64 default sipHash64(arrayMap(c -> cityHash64(c), steps));
alter table measurement.way modify column cell UInt64
  default cityHash64(converted, cityHash64(currency), cityHash64(sold_via), way);

-- Orders, sources and persons known go from hand to hand while paths are built.
drop table if exists measurement.source;
drop table if exists measurement.receipt;
