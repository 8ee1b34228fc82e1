-- Every stock report as it was told, so that figures know when an article could be bought. Commerce keeps the newest.
create table measurement.stock (
  sku text not null,
  place text not null,
  at timestamptz not null,
  on_hand integer not null,
  primary key (sku, place, at)
);
-- Houses that ran before begin their history with what they know now.
insert into measurement.stock (sku, place, at, on_hand) select sku, place, as_of, on_hand from commerce.stock;
