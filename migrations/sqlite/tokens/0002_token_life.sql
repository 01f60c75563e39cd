-- The life of a token: what other workers and nodes must hear of, and early revocations.

-- seq is gap-free in commit order: there is one writer at a time.
CREATE TABLE change_log (
    seq            INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    kind           INTEGER NOT NULL,
    environment_id INTEGER NOT NULL,
    id             BLOB    NOT NULL,
    until          INTEGER NOT NULL
) STRICT;

-- An epoch is the seq of its change, and must be above those given before.
INSERT INTO change_log (seq, kind, environment_id, id, until)
    SELECT max(epoch), 2, 0, x'0000000000000000', 0 FROM epoch HAVING max(epoch) > 0;

-- All changes up to seq were there at this moment; by this they are pruned.
CREATE TABLE change_mark (
    seq INTEGER NOT NULL PRIMARY KEY,
    at  INTEGER NOT NULL
) STRICT;

-- How many entries of the list there are, kept by the triggers below.
CREATE TABLE revocation_environment (
    environment_id INTEGER NOT NULL PRIMARY KEY,
    entries        INTEGER NOT NULL
) STRICT;

CREATE TABLE revocation_client (
    client_no      INTEGER NOT NULL PRIMARY KEY,
    environment_id INTEGER NOT NULL,
    client_kind    INTEGER NOT NULL,
    client_id      TEXT    NOT NULL,
    entries        INTEGER NOT NULL,
    UNIQUE (environment_id, client_kind, client_id)
) STRICT;

-- until: never is the largest integer. What ends together lies together: entries that are past go with few pages.
CREATE TABLE revocation (
    environment_id INTEGER NOT NULL,
    until          INTEGER NOT NULL,
    id             BLOB    NOT NULL,
    client_no      INTEGER NOT NULL,
    PRIMARY KEY (environment_id, until, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX revocation_id ON revocation (environment_id, id);

CREATE TRIGGER revocation_added AFTER INSERT ON revocation BEGIN
    UPDATE revocation_environment SET entries = entries + 1 WHERE environment_id = NEW.environment_id;
    UPDATE revocation_client SET entries = entries + 1 WHERE client_no = NEW.client_no;
END;
CREATE TRIGGER revocation_removed AFTER DELETE ON revocation BEGIN
    UPDATE revocation_environment SET entries = entries - 1 WHERE environment_id = OLD.environment_id;
    UPDATE revocation_client SET entries = entries - 1 WHERE client_no = OLD.client_no;
    DELETE FROM revocation_client WHERE client_no = OLD.client_no AND entries = 0;
END;
