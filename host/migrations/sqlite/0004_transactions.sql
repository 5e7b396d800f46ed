-- Transactions that policies asked for, until they are used or their time is over. Nothing of it is part of the revision
-- history. `session` is the handle of the session that must confirm, `realm` and `user_key` whose it is; `policy_realm`,
-- `policy_set` and `resource` say what a confirmation opens, `strategy` and `specifier` how it is confirmed.
CREATE TABLE transactions (
    id           TEXT NOT NULL PRIMARY KEY,
    session      TEXT NOT NULL,
    realm        TEXT NOT NULL,
    user_key     TEXT NOT NULL,
    policy_realm TEXT NOT NULL,
    policy_set   TEXT NOT NULL,
    resource     TEXT NOT NULL,
    strategy     TEXT NOT NULL,
    specifier    TEXT NOT NULL,
    expires      BIGINT NOT NULL,
    confirmed    BIGINT NOT NULL
);
CREATE INDEX transactions_by_session ON transactions (session, expires);
CREATE INDEX transactions_by_end ON transactions (expires);
