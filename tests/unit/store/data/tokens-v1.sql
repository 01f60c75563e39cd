-- A tokens.db of schema version 1, with a row in each table; sqlite3 .dump and the two pragmas that it leaves out.
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE epoch (
    environment_id INTEGER NOT NULL,
    client_kind    INTEGER NOT NULL,
    client_id      TEXT    NOT NULL,
    subject        TEXT    NOT NULL,
    epoch          INTEGER NOT NULL,
    PRIMARY KEY (environment_id, client_kind, client_id, subject)
) STRICT, WITHOUT ROWID;
INSERT INTO epoch VALUES(1,1,'client-1','user',1);
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
INSERT INTO node VALUES('node-1',1,'production','127.0.0.1:8080','0.1.0',1774000000000,1774000000000,1,'[{"pid":100,"revision":1,"error":""}]');
CREATE TABLE token_h_492777 (
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
    successor_used_at  INTEGER NOT NULL
) STRICT;
INSERT INTO token_h_492777 VALUES(X'0100000000000000000000000000000000000000000000000000000000000000',X'0200000000000000000000000000000000000000000000000000000000000000',1,1,'client-1','user','read',5,1,1774000000000,1774000000001,1774000000002,3,0,X'09000000000000000000000000000000',1774000000005,X'0300000000000000000000000000000000000000000000000000000000000000',1,20540,0);
CREATE TABLE token_n (
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
    successor_used_at  INTEGER NOT NULL
) STRICT;
INSERT INTO token_n VALUES(X'0500000000000000000000000000000000000000000000000000000000000000',NULL,1,1,'client-1','user','read',5,1,1774000000000,1774000000001,1774000000002,3,0,X'09000000000000000000000000000000',0,NULL,0,0,0);
CREATE TABLE token_d_20540 (
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
    successor_used_at  INTEGER NOT NULL
) STRICT;
INSERT INTO token_d_20540 VALUES(X'0300000000000000000000000000000000000000000000000000000000000000',X'0400000000000000000000000000000000000000000000000000000000000000',1,1,'client-1','user','read',5,1,1774000000000,1774000000001,1774000000002,3,0,X'09000000000000000000000000000000',0,NULL,0,0,0);
CREATE UNIQUE INDEX token_h_492777_refresh ON token_h_492777 (refresh_hash) WHERE refresh_hash IS NOT NULL;
CREATE INDEX token_h_492777_family ON token_h_492777 (family) WHERE refresh_hash IS NOT NULL;
CREATE UNIQUE INDEX token_n_refresh ON token_n (refresh_hash) WHERE refresh_hash IS NOT NULL;
CREATE INDEX token_n_family ON token_n (family) WHERE refresh_hash IS NOT NULL;
CREATE UNIQUE INDEX token_d_20540_refresh ON token_d_20540 (refresh_hash) WHERE refresh_hash IS NOT NULL;
CREATE INDEX token_d_20540_family ON token_d_20540 (family) WHERE refresh_hash IS NOT NULL;
COMMIT;
PRAGMA application_id=1413969003;
PRAGMA user_version=1;
