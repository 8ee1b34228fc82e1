-- The orders of the last 30 days under who bought today, once, instead of the aliases of each cart.
create or replace view commerce.open_cart as
  select coalesce(merged.winner, cart.person) as person, max(cart.updated_at) as updated_at,
    sum(cart.value) as value, min(cart.currency) as currency
  from commerce.cart left join identity.merged on merged.loser = cart.person and not merged.undone
  where cart.state = 'open' and cart.updated_at > platform.now() - interval '30 days'
    and not exists (select from commerce.purchase
      left join identity.merged as buyer on buyer.loser = purchase.person and not buyer.undone
      where coalesce(buyer.winner, purchase.person) = coalesce(merged.winner, cart.person)
        and purchase.at >= cart.updated_at and purchase.at > platform.now() - interval '30 days')
  group by 1;
