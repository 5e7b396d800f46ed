-- The same tables as in `migrations/sqlite`. Keys and names are ordered by their bytes, as SQLite orders them, whatever
-- collation the database has.
-- What is administered, as documents: realms, resource types, policy sets, policies, scripts, users and groups.
-- `key` is what an object is found by (lower case), `name_key` a second unique name (resource types have both),
-- `owner` the policy set of a policy. `revision` is the store's revision at the object's last change.
CREATE TABLE objects (
    realm       TEXT COLLATE "C" NOT NULL,
    kind        TEXT COLLATE "C" NOT NULL,
    key         TEXT COLLATE "C" NOT NULL,
    name_key    TEXT COLLATE "C" NOT NULL,
    name        TEXT COLLATE "C" NOT NULL,
    owner       TEXT COLLATE "C" NOT NULL,
    body        TEXT   NOT NULL,
    secret      TEXT,
    created_by  TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    modified_by TEXT   NOT NULL,
    modified_at BIGINT NOT NULL,
    revision    BIGINT NOT NULL,
    PRIMARY KEY (realm, kind, key)
);
CREATE UNIQUE INDEX objects_by_name ON objects (realm, kind, name_key);
CREATE INDEX objects_by_owner ON objects (realm, kind, owner);

-- Who belongs to a group: keys of users.
CREATE TABLE members (
    realm     TEXT COLLATE "C" NOT NULL,
    group_key TEXT COLLATE "C" NOT NULL,
    member    TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (realm, group_key, member)
);
CREATE INDEX members_by_member ON members (realm, member);

-- Every change of the store: one counter, who made it, when, and what it was.
CREATE TABLE revisions (
    number  BIGINT NOT NULL PRIMARY KEY,
    at      BIGINT NOT NULL,
    author  TEXT   NOT NULL,
    summary TEXT   NOT NULL
);

-- Sessions, found by the SHA-256 of their token.
CREATE TABLE sessions (
    hash      TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    realm     TEXT COLLATE "C" NOT NULL,
    user_key  TEXT COLLATE "C" NOT NULL,
    created   BIGINT NOT NULL,
    last_used BIGINT NOT NULL,
    body      TEXT   NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (realm, user_key, last_used);

-- What the store keeps about itself, such as its signing keys.
CREATE TABLE settings (
    name  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);
