-- What a service keeps beside the log: secrets of sign-in, and who of several nodes does what only one may do. None of it
-- is recorded history, and no figure rests on it: it changes, and may be lost at the price of signing in anew. Run inside
-- one transaction; never edited after release.

-- How an account signs in. Which accounts there are, and what they may, stands in the log.
create table sign_in (
  account text not null primary key,
  -- Argon2id in the PHC form; none for an account that signs in elsewhere only.
  password text,
  -- Seed of the second factor, and whether the account has shown that it holds it.
  totp blob,
  totp_confirmed integer not null default 0,
  -- The last time step whose code was used: each code works once.
  totp_step integer not null default 0,
  -- Issuer, a line break, and subject at an OpenID provider. Sign-in by what a provider says.
  subject text,
  -- Failures since the last success, and until when nothing is tried.
  failures integer not null default 0,
  locked_until_us integer not null default 0,
  -- Grows with every change of what it signs in with: who checked an older one is not let in.
  changes integer not null default 0,
  changed_at_us integer not null,
  constraint sign_in_subject unique (subject),
  constraint sign_in_totp_confirmed check (totp_confirmed in (0, 1)),
  constraint sign_in_failures check (failures >= 0)
) strict, without rowid;

-- One row a session. Only the digest of its token is kept.
create table session (
  digest blob not null primary key,
  account text not null,
  -- Whether a second factor was shown.
  second_factor integer not null,
  created_at_us integer not null,
  seen_at_us integer not null,
  expires_at_us integer not null,
  constraint session_digest check (length(digest) = 32),
  constraint session_second_factor check (second_factor in (0, 1))
) strict, without rowid;

-- All sessions of an account, to end them; those that are over, to sweep them.
create index session_account on session (account);
create index session_expires on session (expires_at_us);

-- One row a token for programs. Only the digest of it is kept.
create table api_token (
  id text not null primary key,
  digest blob not null,
  account text not null,
  -- What it is for, in its holder's words.
  name text not null,
  -- What it may, as words with a space between them.
  scopes text not null,
  -- Whether it was made by somebody who had shown a second factor.
  second_factor integer not null,
  created_at_us integer not null,
  expires_at_us integer not null,
  used_at_us integer,
  revoked_at_us integer,
  -- Sign-in by a token.
  constraint api_token_digest unique (digest),
  constraint api_token_second_factor check (second_factor in (0, 1)),
  constraint api_token_digest_length check (length(digest) = 32)
) strict, without rowid;

-- The tokens of an account.
create index api_token_account on api_token (account);

-- Sign-ins that are under way at an OpenID provider, by the digest of their state.
create table pending_sign_in (
  state blob not null primary key,
  nonce text not null,
  verifier text not null,
  -- SHA-256 of the cookie of the browser that began it: nobody else may end it.
  browser blob not null,
  -- Where the browser goes afterwards: a path of ours.
  back text not null,
  expires_at_us integer not null,
  constraint pending_sign_in_state check (length(state) = 32),
  constraint pending_sign_in_browser check (length(browser) = 32)
) strict, without rowid;

-- Who of several processes does what only one may do, such as the relay to the bus. The fence grows with every change of
-- hands; whoever writes under a lease checks it again in the same statement.
create table lease (
  name text not null primary key,
  holder text not null,
  fence integer not null,
  until_us integer not null,
  -- How far its holder has come, where the work has an order: the next position.
  cursor integer not null default 0,
  constraint lease_fence check (fence >= 0),
  constraint lease_cursor check (cursor >= 0)
) strict, without rowid;
