-- What administrators describe; in the schema tollgate. Times are milliseconds since 1970; ids are never used twice (sequences).
--
-- Names compare by bytes (COLLATE "C"). What clients send may be any bytes, and so stands as bytea.

CREATE TABLE meta (
    key   bytea NOT NULL PRIMARY KEY,
    value bytea NOT NULL
);

-- One row. Who writes holds its lock until the commit, so the order of seq in change_log is the order of commits, and there is no gap.
CREATE TABLE head (
    one bool   NOT NULL PRIMARY KEY DEFAULT true CHECK (one),
    seq bigint NOT NULL
);
INSERT INTO head (seq) VALUES (0);

CREATE TABLE resource (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind       bigint NOT NULL,
    parent     bigint REFERENCES resource (id),
    name       text COLLATE "C" NOT NULL,
    version    bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    doc        text COLLATE "C" NOT NULL
);
CREATE UNIQUE INDEX resource_name ON resource (kind, coalesce(parent, 0), name);
CREATE INDEX resource_parent ON resource (parent) WHERE parent IS NOT NULL;

-- Application keys and credentials. Only hashes of secrets. version is of all that is kept of a client, its access list included.
CREATE TABLE client (
    key_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind        bigint NOT NULL,
    owner       bigint NOT NULL,
    client_id   bytea  NOT NULL,
    enabled     bool   NOT NULL,
    expires_at  bigint NOT NULL,
    generation  bigint NOT NULL,
    secret_kind bigint NOT NULL,
    secret      bytea  NOT NULL,
    project_id  bigint NOT NULL,
    version     bigint NOT NULL DEFAULT 1,
    details     text COLLATE "C" NOT NULL,
    UNIQUE (kind, client_id)
);
CREATE INDEX client_owner ON client (owner);

-- XORed into the generation of a client in one environment: an undeploy ends its tokens there.
CREATE TABLE client_turn (
    key_id         bigint NOT NULL REFERENCES client (key_id) ON DELETE CASCADE,
    environment_id bigint NOT NULL REFERENCES resource (id) ON DELETE CASCADE,
    nonce          bigint NOT NULL,
    PRIMARY KEY (key_id, environment_id)
);
CREATE INDEX client_turn_environment ON client_turn (environment_id);

-- In place of the general secret.
CREATE TABLE client_secret (
    key_id         bigint NOT NULL REFERENCES client (key_id) ON DELETE CASCADE,
    environment_id bigint NOT NULL REFERENCES resource (id) ON DELETE CASCADE,
    generation     bigint NOT NULL,
    secret_kind    bigint NOT NULL,
    secret         bytea  NOT NULL,
    PRIMARY KEY (key_id, environment_id)
);
CREATE INDEX client_secret_environment ON client_secret (environment_id);

CREATE TABLE client_access (
    key_id bigint NOT NULL REFERENCES client (key_id) ON DELETE CASCADE,
    target bigint NOT NULL REFERENCES resource (id) ON DELETE CASCADE,
    doc    text COLLATE "C" NOT NULL,
    PRIMARY KEY (key_id, target)
);
CREATE INDEX client_access_target ON client_access (target);

-- The version rises with whatever hangs on a client, also when a row goes with its environment or target.
CREATE FUNCTION client_raise() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE client SET version = version + 1 WHERE key_id = OLD.key_id;
    ELSE
        UPDATE client SET version = version + 1 WHERE key_id = NEW.key_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER client_turn_changed AFTER INSERT OR UPDATE ON client_turn FOR EACH ROW EXECUTE FUNCTION client_raise();
CREATE TRIGGER client_secret_changed AFTER INSERT OR UPDATE OR DELETE ON client_secret FOR EACH ROW EXECUTE FUNCTION client_raise();
CREATE TRIGGER client_access_changed AFTER INSERT OR UPDATE OR DELETE ON client_access FOR EACH ROW EXECUTE FUNCTION client_raise();

-- The private half in doc is encrypted under the master key.
CREATE TABLE signing_key (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    environment_id bigint NOT NULL REFERENCES resource (id) ON DELETE CASCADE,
    kid            text COLLATE "C" NOT NULL,
    doc            text COLLATE "C" NOT NULL,
    UNIQUE (environment_id, kid)
);

CREATE TABLE revision (
    environment_id bigint NOT NULL PRIMARY KEY REFERENCES resource (id) ON DELETE CASCADE,
    last           bigint NOT NULL
);

CREATE TABLE deployment_history (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    environment_id bigint NOT NULL REFERENCES resource (id) ON DELETE CASCADE,
    proxy_id       bigint NOT NULL REFERENCES resource (id) ON DELETE CASCADE,
    revision       bigint NOT NULL,
    at             bigint NOT NULL,
    author         text COLLATE "C" NOT NULL,
    description    text COLLATE "C" NOT NULL,
    undeploy       bool   NOT NULL,
    doc            text COLLATE "C" NOT NULL
);
CREATE INDEX deployment_history_proxy ON deployment_history (proxy_id);
CREATE INDEX deployment_history_environment ON deployment_history (environment_id);

-- Which row of the history is deployed now.
CREATE TABLE deployment (
    environment_id bigint NOT NULL REFERENCES resource (id) ON DELETE CASCADE,
    proxy_id       bigint NOT NULL REFERENCES resource (id) ON DELETE CASCADE,
    history_id     bigint NOT NULL REFERENCES deployment_history (id) ON DELETE CASCADE,
    PRIMARY KEY (environment_id, proxy_id)
);
CREATE INDEX deployment_proxy ON deployment (proxy_id);
CREATE INDEX deployment_row ON deployment (history_id);

CREATE TABLE snapshot (
    environment_id bigint NOT NULL PRIMARY KEY REFERENCES resource (id) ON DELETE CASCADE,
    revision       bigint NOT NULL,
    document       bytea  NOT NULL
);

CREATE TABLE change_log (
    seq            bigint NOT NULL PRIMARY KEY,
    kind           bigint NOT NULL,
    environment_id bigint NOT NULL,
    ref            bytea  NOT NULL
);

CREATE TABLE session (
    token_hash    bytea  NOT NULL PRIMARY KEY,
    administrator bigint NOT NULL,
    expires_at    bigint NOT NULL
);

CREATE TABLE audit (
    seq          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at           bigint NOT NULL,
    who          text COLLATE "C" NOT NULL,
    what         text COLLATE "C" NOT NULL,
    state_before text COLLATE "C" NOT NULL,
    state_after  text COLLATE "C" NOT NULL
);
