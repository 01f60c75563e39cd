-- A config.db of schema version 1, with a row in each table; sqlite3 .dump and the two pragmas that it leaves out.
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES('master-check',X'30303031303230333034303530363037303830393061306230633064306530663130313131323133313431353136313731383139316131623163316431653166');
CREATE TABLE resource (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    kind       INTEGER NOT NULL,
    parent     INTEGER REFERENCES resource (id),
    name       TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    doc        TEXT    NOT NULL
) STRICT;
INSERT INTO resource VALUES(1,2,NULL,'production',1,1774000000000,1774000000000,'{"name":"production"}');
INSERT INTO resource VALUES(2,1,NULL,'shop',1,1774000000000,1774000000000,'{"name":"shop"}');
INSERT INTO resource VALUES(3,3,2,'orders',1,1774000000000,1774000000000,'{"apiProxyName":"orders"}');
INSERT INTO resource VALUES(4,4,3,'auth',1,1774000000000,1774000000000,'{}');
CREATE TABLE client (
    key_id      INTEGER PRIMARY KEY AUTOINCREMENT,
    kind        INTEGER NOT NULL,
    owner       INTEGER NOT NULL,
    client_id   TEXT    NOT NULL,
    enabled     INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    generation  INTEGER NOT NULL,
    secret_kind INTEGER NOT NULL,
    secret      BLOB    NOT NULL,
    UNIQUE (kind, client_id)
) STRICT;
INSERT INTO client VALUES(1,1,3,'client-1',1,0,-81985529216486896,1,X'3031323334353637383961626364656630313233343536373839616263646566');
CREATE TABLE client_turn (
    key_id         INTEGER NOT NULL REFERENCES client (key_id) ON DELETE CASCADE,
    environment_id INTEGER NOT NULL REFERENCES resource (id) ON DELETE CASCADE,
    nonce          INTEGER NOT NULL,
    PRIMARY KEY (key_id, environment_id)
) STRICT, WITHOUT ROWID;
INSERT INTO client_turn VALUES(1,1,1229782938247303441);
CREATE TABLE signing_key (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    environment_id INTEGER NOT NULL REFERENCES resource (id) ON DELETE CASCADE,
    kid            TEXT    NOT NULL,
    doc            TEXT    NOT NULL,
    UNIQUE (environment_id, kid)
) STRICT;
INSERT INTO signing_key VALUES(1,1,'kid-1','{"kid":"kid-1"}');
CREATE TABLE revision (
    environment_id INTEGER PRIMARY KEY REFERENCES resource (id) ON DELETE CASCADE,
    last           INTEGER NOT NULL
) STRICT;
INSERT INTO revision VALUES(1,1);
CREATE TABLE deployment_history (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    environment_id INTEGER NOT NULL REFERENCES resource (id) ON DELETE CASCADE,
    proxy_id       INTEGER NOT NULL REFERENCES resource (id) ON DELETE CASCADE,
    revision       INTEGER NOT NULL,
    at             INTEGER NOT NULL,
    author         TEXT    NOT NULL,
    description    TEXT    NOT NULL,
    undeploy       INTEGER NOT NULL,
    doc            TEXT    NOT NULL
) STRICT;
INSERT INTO deployment_history VALUES(1,1,3,1,1774000000000,'admin','first',0,'{"id":3}');
CREATE TABLE deployment (
    environment_id INTEGER NOT NULL REFERENCES resource (id) ON DELETE CASCADE,
    proxy_id       INTEGER NOT NULL REFERENCES resource (id) ON DELETE CASCADE,
    history_id     INTEGER NOT NULL REFERENCES deployment_history (id) ON DELETE CASCADE,
    PRIMARY KEY (environment_id, proxy_id)
) STRICT, WITHOUT ROWID;
INSERT INTO deployment VALUES(1,3,1);
CREATE TABLE snapshot (
    environment_id INTEGER PRIMARY KEY REFERENCES resource (id) ON DELETE CASCADE,
    revision       INTEGER NOT NULL,
    document       BLOB    NOT NULL
) STRICT;
INSERT INTO snapshot VALUES(1,1,X'7b22666f726d6174223a22746f6c6c676174652d736e617073686f742f31227d');
CREATE TABLE change_log (
    seq            INTEGER PRIMARY KEY AUTOINCREMENT,
    kind           INTEGER NOT NULL,
    environment_id INTEGER NOT NULL,
    ref            TEXT    NOT NULL
) STRICT;
INSERT INTO change_log VALUES(1,1,1,'1');
CREATE TABLE session (
    token_hash    BLOB    NOT NULL PRIMARY KEY,
    administrator INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO session VALUES(X'0700000000000000000000000000000000000000000000000000000000000000',1,1774000001000);
CREATE TABLE audit (
    seq    INTEGER PRIMARY KEY AUTOINCREMENT,
    at     INTEGER NOT NULL,
    who    TEXT    NOT NULL,
    what   TEXT    NOT NULL,
    state_before TEXT NOT NULL,
    state_after  TEXT NOT NULL
) STRICT;
INSERT INTO audit VALUES(1,1774000000000,'admin','POST /apiops/projects/','','{}');
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('resource',4);
INSERT INTO sqlite_sequence VALUES('client',1);
INSERT INTO sqlite_sequence VALUES('signing_key',1);
INSERT INTO sqlite_sequence VALUES('deployment_history',1);
INSERT INTO sqlite_sequence VALUES('change_log',1);
INSERT INTO sqlite_sequence VALUES('audit',1);
CREATE UNIQUE INDEX resource_name ON resource (kind, ifnull(parent, 0), name);
CREATE INDEX resource_parent ON resource (parent) WHERE parent IS NOT NULL;
CREATE INDEX client_owner ON client (owner);
CREATE INDEX client_turn_environment ON client_turn (environment_id);
CREATE INDEX deployment_history_proxy ON deployment_history (proxy_id);
CREATE INDEX deployment_history_environment ON deployment_history (environment_id);
CREATE INDEX deployment_proxy ON deployment (proxy_id);
CREATE INDEX deployment_row ON deployment (history_id);
COMMIT;
PRAGMA application_id=1413964646;
PRAGMA user_version=1;
