-- What somebody of the house said of a value: set aside, or a card that a family shares. Values that were noticed by
-- themselves have none; they are noticed again whenever people are decided anew.
alter table identity.identifier add column marked text check (marked in ('shared', 'household_card'));
create index identifier_household_card on identity.identifier (namespace, value) where marked = 'household_card';

update identity.identifier set marked = 'shared'
where status = 'shared' and not store_device and shared_until is null
  and not exists (select from identity.review_item where kind = 'hot_value' and via_namespace = namespace and via_value = value);
