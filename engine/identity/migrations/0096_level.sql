-- How sure a join is (spec identity §8): whom an id surely stands for where only a run of matching joined it with the
-- rest of its person. Null: the living person itself, by evidence or because somebody said so.
alter table identity.merged add column sure uuid;

-- Whom an id surely stands for.
create function identity.surely(wanted uuid) returns uuid language sql stable parallel safe
return coalesce((select coalesce(sure, winner) from identity.merged where loser = wanted and not undone), wanted);

-- All ids that surely stand for the same person as this one.
create function identity.sure_aliases(wanted uuid) returns uuid[] language sql stable parallel safe
return (
  select case when head = living then array_prepend(living, ids) else ids end
  from (select identity.current(wanted) as living, identity.surely(wanted) as head offset 0) as asked
  cross join lateral (select array(select loser from identity.merged
    where winner = living and not undone and coalesce(sure, winner) = head) as ids) as found);

-- Joins of runs from before levels were kept are decided again, with their level.
insert into identity.recheck (person, because, asked_at)
select distinct identifier.person, 'level', platform.now()
from identity.together join identity.identifier
  on (identifier.namespace, identifier.value) in ((one_namespace, one_value), (other_namespace, other_value))
where together.reason like 'match run %' and identifier.person is not null
on conflict do nothing;

alter table identity.log drop constraint log_kind_check;
alter table identity.log add constraint log_kind_check
  check (kind in ('attach', 'detach', 'merge', 'unmerge', 'split', 'reevaluate', 'share', 'release', 'block', 'confirm'));
