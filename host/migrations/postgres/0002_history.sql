-- The revision counter as one row of its own: taking the next number and locking out other writers are one statement.
CREATE TABLE counter (
    number   BIGINT NOT NULL,
    previous BIGINT NOT NULL
);
INSERT INTO counter (number, previous) SELECT coalesce(max(number), 0), coalesce(max(number), 0) FROM revisions;
-- What the store held before its latest revision was not kept: that cannot be shown, nor returned to.
DELETE FROM revisions WHERE number < (SELECT number FROM counter);

-- Documents as they were: valid from `revision` until the change `until` replaced or removed them. Secrets are not kept.
CREATE TABLE past (
    realm       TEXT COLLATE "C" NOT NULL,
    kind        TEXT COLLATE "C" NOT NULL,
    key         TEXT COLLATE "C" NOT NULL,
    name_key    TEXT COLLATE "C" NOT NULL,
    name        TEXT COLLATE "C" NOT NULL,
    owner       TEXT COLLATE "C" NOT NULL,
    body        TEXT   NOT NULL,
    created_by  TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    modified_by TEXT   NOT NULL,
    modified_at BIGINT NOT NULL,
    revision    BIGINT NOT NULL,
    until       BIGINT NOT NULL,
    PRIMARY KEY (realm, kind, key, until)
);
CREATE INDEX past_by_end ON past (until);
CREATE INDEX past_by_beginning ON past (revision);
CREATE INDEX objects_by_revision ON objects (revision);
CREATE INDEX sessions_by_use ON sessions (last_used);
