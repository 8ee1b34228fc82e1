-- Where the house wants it so, an answer about two people counts once a second colleague gives the same.
create table identity.review_rule (
  one boolean primary key default true check (one),
  two_people boolean not null
);

alter table identity.review_item
  add column first_answer text check (first_answer in ('same', 'different', 'household')),
  add column first_by text;
