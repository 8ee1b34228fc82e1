-- A currency that nobody knows is none: amounts of such items are told in the currency of their source.
update ingest.quarantine set currency = '' where currency <> '' and currency !~ '^[A-Z]{3}$';
update ingest.quarantine_work as work set currency = source.currency
  from ingest.source where source.id = work.source and work.currency !~ '^[A-Z]{3}$';
