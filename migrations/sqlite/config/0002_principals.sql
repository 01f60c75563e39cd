-- Credentials: details, secrets of one environment, access lists; and a version of all that is kept of a client.

-- details stands last: what a check needs is read without it, however long it is.
ALTER TABLE client ADD COLUMN project_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE client ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE client ADD COLUMN details TEXT NOT NULL DEFAULT '';

-- Until now each client was the application key of a proxy.
UPDATE client SET project_id = ifnull((SELECT parent FROM resource WHERE id = owner), 0);

-- In place of the general secret.
CREATE TABLE client_secret (
    key_id         INTEGER NOT NULL REFERENCES client (key_id) ON DELETE CASCADE,
    environment_id INTEGER NOT NULL REFERENCES resource (id) ON DELETE CASCADE,
    generation     INTEGER NOT NULL,
    secret_kind    INTEGER NOT NULL,
    secret         BLOB    NOT NULL,
    PRIMARY KEY (key_id, environment_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX client_secret_environment ON client_secret (environment_id);

CREATE TABLE client_access (
    key_id INTEGER NOT NULL REFERENCES client (key_id) ON DELETE CASCADE,
    target INTEGER NOT NULL REFERENCES resource (id) ON DELETE CASCADE,
    doc    TEXT    NOT NULL,
    PRIMARY KEY (key_id, target)
) STRICT, WITHOUT ROWID;
CREATE INDEX client_access_target ON client_access (target);

-- The version rises with whatever hangs on a client, also when a row goes with its environment or target.
CREATE TRIGGER client_turn_added AFTER INSERT ON client_turn BEGIN
    UPDATE client SET version = version + 1 WHERE key_id = NEW.key_id;
END;
CREATE TRIGGER client_turn_changed AFTER UPDATE ON client_turn BEGIN
    UPDATE client SET version = version + 1 WHERE key_id = NEW.key_id;
END;
CREATE TRIGGER client_secret_added AFTER INSERT ON client_secret BEGIN
    UPDATE client SET version = version + 1 WHERE key_id = NEW.key_id;
END;
CREATE TRIGGER client_secret_changed AFTER UPDATE ON client_secret BEGIN
    UPDATE client SET version = version + 1 WHERE key_id = NEW.key_id;
END;
CREATE TRIGGER client_secret_removed AFTER DELETE ON client_secret BEGIN
    UPDATE client SET version = version + 1 WHERE key_id = OLD.key_id;
END;
CREATE TRIGGER client_access_added AFTER INSERT ON client_access BEGIN
    UPDATE client SET version = version + 1 WHERE key_id = NEW.key_id;
END;
CREATE TRIGGER client_access_changed AFTER UPDATE ON client_access BEGIN
    UPDATE client SET version = version + 1 WHERE key_id = NEW.key_id;
END;
CREATE TRIGGER client_access_removed AFTER DELETE ON client_access BEGIN
    UPDATE client SET version = version + 1 WHERE key_id = OLD.key_id;
END;
