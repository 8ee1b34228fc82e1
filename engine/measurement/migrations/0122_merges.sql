-- Who was merged into whom when a build began, as one number: whether anybody moved since is seen without reading the paths.
alter table measurement.build add column merges text;
