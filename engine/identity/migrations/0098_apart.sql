-- Two identifiers said to be different people, and that taken back.
alter table identity.log drop constraint log_kind_check;
alter table identity.log add constraint log_kind_check
  check (kind in ('attach', 'detach', 'merge', 'unmerge', 'split', 'reevaluate', 'share', 'release', 'block', 'confirm', 'apart', 'allow'));
