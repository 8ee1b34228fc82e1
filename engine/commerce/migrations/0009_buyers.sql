-- Half of what a till sells is sold to nobody who is known.
drop index commerce.purchase_person;
create index purchase_person on commerce.purchase (person, at) where person is not null;
