-- What a service keeps beside the log: secrets of sign-in, and who of several nodes does what only one may do. None of it
-- is recorded history, and no figure rests on it: it changes, and may be lost at the price of signing in anew. Run as the
-- owner inside one transaction, with the search path at the log's schema; never edited after release. Grants stand in
-- role.sql.

-- How an account signs in. Which accounts there are, and what they may, stands in the log.
create table sign_in (
  account text collate "C" not null,
  -- Argon2id in the PHC form; none for an account that signs in elsewhere only.
  password text collate "C",
  -- Seed of the second factor, and whether the account has shown that it holds it.
  totp bytea,
  totp_confirmed bigint not null default 0,
  -- The last time step whose code was used: each code works once.
  totp_step bigint not null default 0,
  -- Issuer, a line break, and subject at an OpenID provider. Sign-in by what a provider says.
  subject text collate "C",
  -- Failures since the last success, and until when nothing is tried.
  failures bigint not null default 0,
  locked_until_us bigint not null default 0,
  -- Grows with every change of what it signs in with: who checked an older one is not let in.
  changes bigint not null default 0,
  changed_at_us bigint not null,
  constraint sign_in_key primary key (account),
  constraint sign_in_subject unique (subject),
  constraint sign_in_totp_confirmed check (totp_confirmed in (0, 1)),
  constraint sign_in_failures check (failures >= 0)
);

-- One row a session. Only the digest of its token is kept.
create table session (
  digest bytea not null,
  account text collate "C" not null,
  -- Whether a second factor was shown.
  second_factor bigint not null,
  created_at_us bigint not null,
  seen_at_us bigint not null,
  expires_at_us bigint not null,
  constraint session_key primary key (digest),
  constraint session_digest check (octet_length(digest) = 32),
  constraint session_second_factor check (second_factor in (0, 1))
);

-- All sessions of an account, to end them; those that are over, to sweep them.
create index session_account on session (account);
create index session_expires on session (expires_at_us);

-- One row a token for programs. Only the digest of it is kept.
create table api_token (
  id text collate "C" not null,
  digest bytea not null,
  account text collate "C" not null,
  -- What it is for, in its holder's words.
  name text collate "C" not null,
  -- What it may, as words with a space between them.
  scopes text collate "C" not null,
  -- Whether it was made by somebody who had shown a second factor.
  second_factor bigint not null,
  created_at_us bigint not null,
  expires_at_us bigint not null,
  used_at_us bigint,
  revoked_at_us bigint,
  constraint api_token_key primary key (id),
  -- Sign-in by a token.
  constraint api_token_digest unique (digest),
  constraint api_token_second_factor check (second_factor in (0, 1)),
  constraint api_token_digest_length check (octet_length(digest) = 32)
);

-- The tokens of an account.
create index api_token_account on api_token (account);

-- Sign-ins that are under way at an OpenID provider, by the digest of their state.
create table pending_sign_in (
  state bytea not null,
  nonce text collate "C" not null,
  verifier text collate "C" not null,
  -- SHA-256 of the cookie of the browser that began it: nobody else may end it.
  browser bytea not null,
  -- Where the browser goes afterwards: a path of ours.
  back text collate "C" not null,
  expires_at_us bigint not null,
  constraint pending_sign_in_key primary key (state),
  constraint pending_sign_in_state check (octet_length(state) = 32),
  constraint pending_sign_in_browser check (octet_length(browser) = 32)
);

-- Who of several processes does what only one may do, such as the relay to the bus. The fence grows with every change of
-- hands; whoever writes under a lease checks it again in the same statement.
create table lease (
  name text collate "C" not null,
  holder text collate "C" not null,
  fence bigint not null,
  until_us bigint not null,
  -- How far its holder has come, where the work has an order: the next position.
  cursor bigint not null default 0,
  constraint lease_key primary key (name),
  constraint lease_fence check (fence >= 0),
  constraint lease_cursor check (cursor >= 0)
);
