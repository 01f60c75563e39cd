-- What gateways write, besides token records: those lie in one table per bucket, made on demand from bucket.sql.

CREATE TABLE epoch (
    environment_id INTEGER NOT NULL,
    client_kind    INTEGER NOT NULL,
    client_id      TEXT    NOT NULL,
    subject        TEXT    NOT NULL,
    epoch          INTEGER NOT NULL,
    PRIMARY KEY (environment_id, client_kind, client_id, subject)
) STRICT, WITHOUT ROWID;

CREATE TABLE node (
    node_id        TEXT    NOT NULL PRIMARY KEY,
    environment_id INTEGER NOT NULL,
    environment    TEXT    NOT NULL,
    address        TEXT    NOT NULL,
    version        TEXT    NOT NULL,
    started_at     INTEGER NOT NULL,
    seen_at        INTEGER NOT NULL,
    wanted         INTEGER NOT NULL,
    workers        TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
