alter table identity.merged add column if not exists sure UUID default winner after winner;
