-- The records of one bucket; $T is token_h_N, token_d_N, token_m_N or token_n. Only SHA-256 of tokens. A migration that changes this changes
-- the tables that are there as well, with a NNNN_name.bucket.sql.
--
-- A rowid table: rows are appended, only the small index entries land all over. WITHOUT ROWID keyed by hash was measured: each insert then dirties
-- a page of whole rows, and its inner pages hold whole rows too; half as much CPU again for a batch, look-ups equal.

CREATE TABLE $T (
    hash               BLOB    NOT NULL PRIMARY KEY,
    refresh_hash       BLOB,
    environment_id     INTEGER NOT NULL,
    client_kind        INTEGER NOT NULL,
    client_id          TEXT    NOT NULL,
    subject            TEXT    NOT NULL,
    scope              TEXT    NOT NULL,
    generation         INTEGER NOT NULL,
    epoch              INTEGER NOT NULL,
    issued_at          INTEGER NOT NULL,
    access_expires_at  INTEGER NOT NULL,
    refresh_expires_at INTEGER NOT NULL,
    refresh_left       INTEGER NOT NULL,
    refresh_used       INTEGER NOT NULL,
    family             BLOB    NOT NULL,
    ended_at           INTEGER NOT NULL,
    successor          BLOB,
    successor_class    INTEGER NOT NULL,
    successor_index    INTEGER NOT NULL,
    successor_used_at  INTEGER NOT NULL,
    predecessor        BLOB,
    predecessor_class  INTEGER NOT NULL DEFAULT 0,
    predecessor_index  INTEGER NOT NULL DEFAULT 0,
    has_scope          INTEGER,
    user_generation    INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX $T_refresh ON $T (refresh_hash) WHERE refresh_hash IS NOT NULL;
CREATE INDEX $T_family ON $T (family) WHERE refresh_hash IS NOT NULL;
