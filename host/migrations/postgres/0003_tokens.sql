-- What the token service keeps beside its documents: none of it is part of the revision history, all of it ends.

-- The number of the latest revocation, as one row: taking the next one and locking out other revocations are one
-- statement.
CREATE TABLE token_state (
    revocations BIGINT NOT NULL
);
INSERT INTO token_state (revocations) VALUES (0);

-- Issued access tokens, by the `jti` claim, until they have expired. `client` is who asked for it, `realm` and `user_key`
-- whom it stands for (both empty for a client itself), `family` the refresh tokens it belongs to (or empty).
-- `revoked` is the number of the revocation.
CREATE TABLE access_tokens (
    jti      TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    client   TEXT COLLATE "C" NOT NULL,
    realm    TEXT COLLATE "C" NOT NULL,
    user_key TEXT COLLATE "C" NOT NULL,
    family   TEXT COLLATE "C" NOT NULL,
    issued   BIGINT NOT NULL,
    expires  BIGINT NOT NULL,
    body     TEXT COLLATE "C" NOT NULL,
    revoked  BIGINT
);
CREATE INDEX access_tokens_by_client ON access_tokens (client);
CREATE INDEX access_tokens_by_user ON access_tokens (realm, user_key);
CREATE INDEX access_tokens_by_family ON access_tokens (family);
CREATE INDEX access_tokens_by_end ON access_tokens (expires);
CREATE INDEX access_tokens_by_revocation ON access_tokens (revoked);

-- Refresh tokens, by the SHA-256 of the token. `used` is the instant at which it was redeemed, `successor` what it was
-- redeemed for, sealed so that only who holds the token can read it.
CREATE TABLE refresh_tokens (
    hash     TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    client   TEXT COLLATE "C" NOT NULL,
    realm    TEXT COLLATE "C" NOT NULL,
    user_key TEXT COLLATE "C" NOT NULL,
    family   TEXT COLLATE "C" NOT NULL,
    issued   BIGINT NOT NULL,
    expires  BIGINT NOT NULL,
    body     TEXT COLLATE "C" NOT NULL,
    used     BIGINT,
    successor TEXT COLLATE "C",
    revoked  BIGINT
);
CREATE INDEX refresh_tokens_by_client ON refresh_tokens (client);
CREATE INDEX refresh_tokens_by_user ON refresh_tokens (realm, user_key);
CREATE INDEX refresh_tokens_by_family ON refresh_tokens (family);
CREATE INDEX refresh_tokens_by_end ON refresh_tokens (expires);

-- Client assertions that were used, by client and `jti`, until they have expired: each is good once.
CREATE TABLE spent_assertions (
    client  TEXT COLLATE "C" NOT NULL,
    jti     TEXT COLLATE "C" NOT NULL,
    expires BIGINT NOT NULL,
    PRIMARY KEY (client, jti)
);
CREATE INDEX spent_assertions_by_end ON spent_assertions (expires);
