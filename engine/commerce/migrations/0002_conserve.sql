-- Which record each part of an order comes from (head, instant, buyer, place, coupon, lines), so that records arriving
-- in any order and any number of times end in the same order. Null = all from the record in `event`.
alter table commerce.purchase add column versions jsonb;

-- `event` is the return's own number where it has one, else the event's id. `purchase` and `given`: the one order the
-- return was taken off, and how much of it counts; they follow from the set of orders and returns of the number.
alter table commerce.refund add column kind text not null default 'order' check (kind in ('order', 'receipt'));
alter table commerce.refund add column trusted boolean not null default true;
alter table commerce.refund add column told_by uuid;
alter table commerce.refund add column purchase uuid;
alter table commerce.refund add column given bigint;
create index refund_purchase on commerce.refund (purchase) where purchase is not null;

-- A cancellation may arrive before its order.
create table commerce.cancellation (
  event uuid primary key,
  kind text not null,
  place text,
  order_no text not null,
  at timestamptz not null
);
create index cancellation_no on commerce.cancellation (order_no);
insert into commerce.cancellation (event, kind, place, order_no, at)
  select id, kind, place, order_no, cancelled_at from commerce.purchase where cancelled_at is not null;
update commerce.refund set kind = 'receipt'
  where exists (select from commerce.purchase where purchase.order_no = refund.order_no and purchase.kind = 'receipt'
    and purchase.place is not distinct from refund.place);
with wanted as (
  select refund.event, refund.at, pick.id as purchase, pick.total, coalesce(refund.amount, pick.total) as amount
  from commerce.refund cross join lateral (select id, total from commerce.purchase
    where purchase.order_no = refund.order_no
    order by (purchase.kind = refund.kind) desc, (purchase.place is not distinct from refund.place) desc,
      (purchase.at <= refund.at) desc, purchase.at desc, purchase.id limit 1) as pick),
given as (
  select event, purchase, greatest(0, least(amount, total - coalesce(sum(amount)
    over (partition by purchase order by at, event rows between unbounded preceding and 1 preceding), 0))) as given
  from wanted)
update commerce.refund set purchase = given.purchase, given = given.given from given where given.event = refund.event;
update commerce.purchase set refunded = back.given
  from (select purchase as id, sum(given) as given from commerce.refund where purchase is not null group by 1) as back
  where back.id = purchase.id and purchase.refunded <> back.given;
update commerce.purchase set refunded = 0
  where refunded <> 0 and not exists (select from commerce.refund where refund.purchase = purchase.id);
