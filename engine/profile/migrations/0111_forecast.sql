-- What the nightly forecast says of a customer stands on one row: scores by name cost three rows and six index entries.
-- Names: expected_purchases (of the next 52 weeks), alive (chance), customer_value (major units; null when unknown).
alter table profile.score rename to given_score;
alter index profile.score_pkey rename to given_score_pkey;
alter index profile.score_name rename to given_score_name;

create table profile.forecast (
  person uuid primary key,
  purchases double precision not null,
  purchases_low double precision not null,
  purchases_high double precision not null,
  alive double precision not null,
  alive_low double precision not null,
  alive_high double precision not null,
  worth double precision,
  worth_low double precision,
  worth_high double precision,
  as_of timestamptz not null
) with (fillfactor = 70);

insert into profile.forecast
select person,
  max(value) filter (where name = 'expected_purchases'),
  max(low) filter (where name = 'expected_purchases'),
  max(high) filter (where name = 'expected_purchases'),
  max(value) filter (where name = 'alive'), max(low) filter (where name = 'alive'), max(high) filter (where name = 'alive'),
  max(value) filter (where name = 'customer_value'),
  max(low) filter (where name = 'customer_value'),
  max(high) filter (where name = 'customer_value'),
  max(as_of)
from profile.given_score where name in ('expected_purchases', 'alive', 'customer_value')
group by person
having count(*) filter (where name = 'expected_purchases' and low is not null and high is not null) = 1
  and count(*) filter (where name = 'alive' and low is not null and high is not null) = 1;

delete from profile.given_score where name in ('expected_purchases', 'alive', 'customer_value');

-- Every score by name, wherever it stands; a condition on the name leaves the other parts unread.
create view profile.score as
select person, name, value, low, high, as_of from profile.given_score
union all
select person, 'expected_purchases', purchases, purchases_low, purchases_high, as_of from profile.forecast
union all
select person, 'alive', alive, alive_low, alive_high, as_of from profile.forecast
union all
select person, 'customer_value', worth, worth_low, worth_high, as_of from profile.forecast where worth is not null;

-- Which scores there are, without reading them all.
create view profile.score_name as
select distinct name from profile.given_score
union all
select 'expected_purchases' where exists (select from profile.forecast)
union all
select 'alive' where exists (select from profile.forecast)
union all
select 'customer_value' where exists (select from profile.forecast where worth is not null);
