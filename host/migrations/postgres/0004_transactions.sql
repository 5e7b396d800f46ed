-- Transactions that policies asked for, until they are used or their time is over. Nothing of it is part of the revision
-- history. `session` is the handle of the session that must confirm, `realm` and `user_key` whose it is; `policy_realm`,
-- `policy_set` and `resource` say what a confirmation opens, `strategy` and `specifier` how it is confirmed.
CREATE TABLE transactions (
    id           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    session      TEXT COLLATE "C" NOT NULL,
    realm        TEXT COLLATE "C" NOT NULL,
    user_key     TEXT COLLATE "C" NOT NULL,
    policy_realm TEXT COLLATE "C" NOT NULL,
    policy_set   TEXT COLLATE "C" NOT NULL,
    resource     TEXT COLLATE "C" NOT NULL,
    strategy     TEXT COLLATE "C" NOT NULL,
    specifier    TEXT COLLATE "C" NOT NULL,
    expires      BIGINT NOT NULL,
    confirmed    BIGINT NOT NULL
);
CREATE INDEX transactions_by_session ON transactions (session, expires);
CREATE INDEX transactions_by_end ON transactions (expires);
