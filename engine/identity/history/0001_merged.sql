create table if not exists identity.merged (
  loser UUID,
  winner UUID,
  undone UInt8,
  version UInt64
) engine = {{ReplacingMergeTree(version)}} order by loser;
