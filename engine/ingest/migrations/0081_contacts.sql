-- Where people live by our own customers: spellings of a town at a postcode that at least five people share.
create table ingest.town (
  country text not null,
  postal_code text not null,
  town text not null,
  people integer not null,
  primary key (country, postal_code, town)
);

-- Domains of mailboxes and whether mail can be sent there, as the resolver told. Filled only where one is configured.
create table ingest.mail_domain (
  domain text primary key,
  noted_at timestamptz not null,
  -- Null = not known yet, or nobody could tell.
  takes_mail boolean,
  told_at timestamptz,
  tries integer not null default 0,
  next_at timestamptz not null
);
create index mail_domain_due on ingest.mail_domain (next_at);
