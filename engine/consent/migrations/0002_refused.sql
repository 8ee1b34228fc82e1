-- Persons (`self` = as they were stored) whose browser or app said no to a purpose and who gave no consent since. Visitors send such a "no" with
-- every event; it is read from here instead of keeping a row of answers for each of them.
create view consent.refused as
  select coalesce(merged.winner, signal.person) as person, signal.person as self, signal.purpose
  from consent.signal left join identity.merged on merged.loser = signal.person and not merged.undone
  where not exists (select from consent.statement as lifting
    where lifting.person = signal.person and lifting.stance = 'grant' and lifting.purpose = signal.purpose
      and lifting.channel is null and lifting.topic is null and lifting.trust = 'verified'
      and not lifting.needs_confirmation and least(lifting.happened_at, lifting.known_at) > signal.at);
create index signal_purpose on consent.signal (purpose, person);
