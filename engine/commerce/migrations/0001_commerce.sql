create table commerce.product (
  sku text primary key,
  gtin text,
  product_no text,
  name text not null,
  brand text,
  category text,
  colour text,
  size text,
  image_url text,
  vat_rate numeric,
  cost bigint,
  currency text,
  updated_at timestamptz not null
);
create index product_words on commerce.product using gin
  ((lower(coalesce(name, '') || ' ' || coalesce(brand, '') || ' ' || sku || ' ' || coalesce(gtin, ''))) gin_trgm_ops);
create index product_category on commerce.product (category);

-- Append-only and bitemporal: a correction is a further row with a later known_at. '' = every channel or place.
create table commerce.price (
  sku text not null,
  channel text not null,
  place text not null,
  kind text not null,
  amount bigint not null check (amount >= 0),
  currency text not null,
  valid_from timestamptz not null,
  valid_to timestamptz,
  known_at timestamptz not null,
  primary key (sku, channel, place, kind, valid_from, known_at)
);

create table commerce.place (
  place text primary key,
  name text,
  kind text,
  street text,
  postal_code text,
  city text,
  latitude double precision,
  longitude double precision,
  updated_at timestamptz not null
);

-- The newest report per article and place.
create table commerce.stock (
  sku text not null,
  place text not null,
  on_hand integer not null,
  as_of timestamptz not null,
  primary key (sku, place)
);
create index stock_place on commerce.stock (place);

-- Orders and receipts of every channel, under the person the event was stored with; null = nobody is known.
create table commerce.purchase (
  id uuid primary key,
  person uuid,
  kind text not null check (kind in ('order', 'receipt')),
  order_no text not null,
  channel text not null check (channel in ('web', 'app', 'store')),
  place text,
  at timestamptz not null,
  total bigint not null,
  refunded bigint not null default 0,
  currency text not null,
  coupon text,
  source uuid not null,
  -- A shop's or till's own record beats what a browser said about the same order.
  trusted boolean not null,
  cancelled_at timestamptz,
  event uuid not null
);
create index purchase_person on commerce.purchase (person, at);
create index purchase_at on commerce.purchase (at);
create index purchase_no on commerce.purchase (order_no);

create table commerce.purchase_line (
  purchase uuid not null references commerce.purchase on delete cascade,
  line integer not null,
  sku text,
  name text not null,
  quantity integer not null,
  price bigint,
  total bigint,
  primary key (purchase, line)
);
create index purchase_line_sku on commerce.purchase_line (sku);

-- One row per return; it may arrive before its order. Empty lines and no amount = everything.
create table commerce.refund (
  event uuid primary key,
  person uuid,
  order_no text not null,
  at timestamptz not null,
  amount bigint,
  currency text not null,
  place text,
  lines jsonb not null
);
create index refund_no on commerce.refund (order_no);
create index refund_at on commerce.refund (at);
create index refund_person on commerce.refund (person) where person is not null;

-- One cart per stored person; carts of merged persons are put together when they are read.
create table commerce.cart (
  person uuid primary key,
  -- What is in it now: [{sku, name, quantity, price, url, image, at}].
  lines jsonb not null,
  -- What it was derived from: the last whole list, the acts since, descriptions.
  memory jsonb not null,
  value bigint not null,
  currency text not null,
  state text not null check (state in ('open', 'ordered', 'expired', 'emptied')),
  updated_at timestamptz not null,
  checkout_at timestamptz,
  ordered_at timestamptz
) with (fillfactor = 80);
create index cart_open on commerce.cart (updated_at desc) where state = 'open';

-- The price that holds now for buyers of one channel, deviations of single places left out: the narrowest wins
-- (deviation, then sale, then list). `was` = the list price beside it.
create view commerce.price_now as
  select sku, sold_in as channel,
    (array_agg(kind order by level, (channel <> '') desc, valid_from desc))[1] as kind,
    (array_agg(amount order by level, (channel <> '') desc, valid_from desc))[1] as amount,
    (array_agg(currency order by level, (channel <> '') desc, valid_from desc))[1] as currency,
    (array_agg(amount order by (channel <> '') desc, valid_from desc) filter (where kind = 'list'))[1] as was
  from (select distinct on (sku, channel, place, kind, valid_from) *,
      case kind when 'deviation' then 0 when 'list' then 2 else 1 end as level
    from commerce.price where valid_from <= platform.now()
    order by sku, channel, place, kind, valid_from, known_at desc) as price
  cross join (values ('web'), ('app'), ('store')) as way (sold_in)
  where place = '' and channel in ('', sold_in) and kind <> 'rrp' and (valid_to is null or valid_to > platform.now())
  group by sku, sold_in;

-- Current persons with a cart that stands open: touched in the last 30 days and nothing ordered since by any alias.
create view commerce.open_cart as
  select coalesce(merged.winner, cart.person) as person, max(cart.updated_at) as updated_at,
    sum(cart.value) as value, min(cart.currency) as currency
  from commerce.cart left join identity.merged on merged.loser = cart.person and not merged.undone
  where cart.state = 'open' and cart.updated_at > platform.now() - interval '30 days'
    and not exists (select from commerce.purchase
      where purchase.person = any(identity.aliases(cart.person)) and purchase.at >= cart.updated_at)
  group by 1;

-- Orders that count, under the person they belong to today.
create view commerce.customer_purchase as
  select coalesce(merged.winner, purchase.person) as person, purchase.id, purchase.channel, purchase.at,
    purchase.total - purchase.refunded as kept, purchase.currency
  from commerce.purchase left join identity.merged on merged.loser = purchase.person and not merged.undone
  where purchase.person is not null and purchase.cancelled_at is null;
