-- What administrators describe. Times are milliseconds since 1970; ids are never used twice (AUTOINCREMENT).

CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

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
CREATE UNIQUE INDEX resource_name ON resource (kind, ifnull(parent, 0), name);
CREATE INDEX resource_parent ON resource (parent) WHERE parent IS NOT NULL;

-- Application keys and credentials. Only hashes of secrets.
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
CREATE INDEX client_owner ON client (owner);

-- XORed into the generation of a client in one environment: an undeploy ends its tokens there.
CREATE TABLE client_turn (
    key_id         INTEGER NOT NULL REFERENCES client (key_id) ON DELETE CASCADE,
    environment_id INTEGER NOT NULL REFERENCES resource (id) ON DELETE CASCADE,
    nonce          INTEGER NOT NULL,
    PRIMARY KEY (key_id, environment_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX client_turn_environment ON client_turn (environment_id);

-- The private half in doc is encrypted under the master key.
CREATE TABLE signing_key (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    environment_id INTEGER NOT NULL REFERENCES resource (id) ON DELETE CASCADE,
    kid            TEXT    NOT NULL,
    doc            TEXT    NOT NULL,
    UNIQUE (environment_id, kid)
) STRICT;

CREATE TABLE revision (
    environment_id INTEGER PRIMARY KEY REFERENCES resource (id) ON DELETE CASCADE,
    last           INTEGER NOT NULL
) STRICT;

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
CREATE INDEX deployment_history_proxy ON deployment_history (proxy_id);
CREATE INDEX deployment_history_environment ON deployment_history (environment_id);

-- Which row of the history is deployed now.
CREATE TABLE deployment (
    environment_id INTEGER NOT NULL REFERENCES resource (id) ON DELETE CASCADE,
    proxy_id       INTEGER NOT NULL REFERENCES resource (id) ON DELETE CASCADE,
    history_id     INTEGER NOT NULL REFERENCES deployment_history (id) ON DELETE CASCADE,
    PRIMARY KEY (environment_id, proxy_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX deployment_proxy ON deployment (proxy_id);
CREATE INDEX deployment_row ON deployment (history_id);

CREATE TABLE snapshot (
    environment_id INTEGER PRIMARY KEY REFERENCES resource (id) ON DELETE CASCADE,
    revision       INTEGER NOT NULL,
    document       BLOB    NOT NULL
) STRICT;

-- The change feed. SQLite has one writer at a time, so the order of seq is the order of commits; a rolled back insert gives its number
-- back.
CREATE TABLE change_log (
    seq            INTEGER PRIMARY KEY AUTOINCREMENT,
    kind           INTEGER NOT NULL,
    environment_id INTEGER NOT NULL,
    ref            TEXT    NOT NULL
) STRICT;

CREATE TABLE session (
    token_hash    BLOB    NOT NULL PRIMARY KEY,
    administrator INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    seq    INTEGER PRIMARY KEY AUTOINCREMENT,
    at     INTEGER NOT NULL,
    who    TEXT    NOT NULL,
    what   TEXT    NOT NULL,
    state_before TEXT NOT NULL,
    state_after  TEXT NOT NULL
) STRICT;
