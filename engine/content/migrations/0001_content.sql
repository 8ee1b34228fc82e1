create table content.concept (
  id uuid primary key,
  name text not null,
  description text not null,
  purpose text not null,
  topic text,
  language text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null
);

-- The words of one concept on one channel in one language; older versions stay in `content.version`.
create table content.variant (
  id uuid primary key,
  concept uuid not null references content.concept,
  channel text not null,
  language text not null,
  version integer not null,
  hash text not null,
  content jsonb not null,
  -- What is rendered: MJML is compiled here, once, at save.
  compiled jsonb not null,
  findings jsonb not null,
  updated_at timestamptz not null,
  updated_by text not null,
  unique (concept, channel, language)
);

create table content.version (
  variant uuid not null references content.variant,
  version integer not null,
  hash text not null,
  content jsonb not null,
  at timestamptz not null,
  by text not null,
  primary key (variant, version)
);

-- Previews for the isolated frame: a random token, an hour.
create table content.preview (
  token text primary key,
  person uuid,
  html text not null,
  expires_at timestamptz not null
);
