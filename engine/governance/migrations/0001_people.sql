-- Who works here. Named colleague so that `person` stays the word for a customer everywhere.
create table governance.colleague (
  id uuid primary key,
  name text not null,
  email text not null,
  email_verified boolean not null default false,
  image text,
  roles text[] not null default '{}',
  state text not null default 'invited' check (state in ('active', 'invited', 'suspended')),
  -- A generated password opens nothing but the change of itself.
  must_change_password boolean not null default true,
  last_sign_in_at timestamptz,
  created_at timestamptz not null default platform.now(),
  updated_at timestamptz not null default platform.now()
);
create unique index colleague_email on governance.colleague (lower(email));

create table governance.credential (
  id uuid primary key,
  colleague uuid not null references governance.colleague on delete cascade,
  provider_id text not null,
  account_id text not null,
  password text,
  created_at timestamptz not null default platform.now(),
  updated_at timestamptz not null default platform.now(),
  unique (provider_id, account_id)
);
create index credential_colleague on governance.credential (colleague);

-- `token` is the SHA-256 of what the cookie holds. `expires_at` is the absolute end; idleness is `last_seen_at`.
create table governance.session (
  id uuid primary key,
  token text not null unique,
  colleague uuid not null references governance.colleague on delete cascade,
  expires_at timestamptz not null,
  ip_address text,
  user_agent text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  started_at timestamptz not null default platform.now(),
  last_seen_at timestamptz not null default platform.now()
);
create index session_colleague on governance.session (colleague);

-- Failed sign-ins per bucket (hash of account and address class, or of one of them).
create table governance.guess (
  bucket text primary key,
  failures integer not null,
  last_at timestamptz not null
);

create table governance.service_key (
  id uuid primary key,
  name text not null,
  hash text not null unique,
  start text not null,
  roles text[] not null,
  created_at timestamptz not null default platform.now(),
  created_by uuid not null references governance.colleague,
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz
);

create table governance.brand (
  id uuid primary key,
  name text not null,
  sender_name text not null,
  sender_email text not null,
  imprint text not null,
  colour text not null,
  language text not null
);
