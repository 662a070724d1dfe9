-- migrate:up
set role conducktor_owner;

-- A person's authenticator app (RFC 6238); its secret is sealed under the installation's key.
create table totp_factor (
  user_id text primary key references user_account on delete cascade,
  sealed_secret bytea not null,
  -- The newest time step whose code was taken. Codes of it and before are used up.
  last_step bigint not null,
  created_at timestamptz not null default now(),
  last_used_at timestamptz
);

-- WebAuthn credentials. What is here is public; the private keys never leave people's devices.
create table passkey (
  id text primary key,
  user_id text not null references user_account on delete cascade,
  credential_id text not null unique,
  public_key bytea not null,
  -- Signatures so far as the device counts them; 0 for ever where it does not count.
  counter bigint not null check (counter >= 0),
  transports text[] not null default '{}',
  -- Kept by one device, or copied by a provider to all of a person's devices.
  synced boolean not null,
  backed_up boolean not null,
  name text not null,
  created_at timestamptz not null default now(),
  last_used_at timestamptz
);
create index passkey_user on passkey (user_id);

-- Codes of 80 random bits, for people who lost the rest. A plain hash suffices for as many.
create table recovery_code (
  user_id text not null references user_account on delete cascade,
  code_hash bytea not null,
  used_at timestamptz,
  primary key (user_id, code_hash)
);

-- What a browser session looks like to the person who ends it. The session itself is in oidc_payload.
create table signed_in_browser (
  uid text primary key,
  user_id text not null references user_account on delete cascade,
  user_agent text not null,
  ip text not null,
  first_seen_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now()
);
create index signed_in_browser_user on signed_in_browser (user_id);
create index signed_in_browser_age on signed_in_browser (last_seen_at);

-- Sessions of a person, and sign-ins of theirs that wait for a second factor, are ended together.
create index oidc_payload_account on oidc_payload ((payload ->> 'accountId'))
  where kind in ('Session', 'PendingSignIn');

grant select, insert, update, delete on totp_factor, passkey, recovery_code, signed_in_browser to conducktor_auth;
reset role;

-- migrate:down
select 1;
