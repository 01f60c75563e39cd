-- What gateways write, besides token records: those lie in one table per bucket, made on demand from bucket.sql. In the schema tollgate_tokens.

-- One row. Who writes changes holds its lock until the commit, so the order of seq in change_log is the order of commits, and there is no gap.
-- What only adds records takes no part in it.
CREATE TABLE head (
    one bool   NOT NULL PRIMARY KEY DEFAULT true CHECK (one),
    seq bigint NOT NULL
);
INSERT INTO head (seq) VALUES (0);

CREATE TABLE change_log (
    seq            bigint NOT NULL PRIMARY KEY,
    kind           bigint NOT NULL,
    environment_id bigint NOT NULL,
    id             bytea  NOT NULL,
    until          bigint NOT NULL
);

-- All changes up to seq were there at this moment; by this they are pruned.
CREATE TABLE change_mark (
    seq bigint NOT NULL PRIMARY KEY,
    at  bigint NOT NULL
);

CREATE TABLE epoch (
    environment_id bigint NOT NULL,
    client_kind    bigint NOT NULL,
    client_id      bytea  NOT NULL,
    subject        bytea  NOT NULL,
    epoch          bigint NOT NULL,
    PRIMARY KEY (environment_id, client_kind, client_id, subject)
);

CREATE TABLE node (
    node_id        text COLLATE "C" NOT NULL PRIMARY KEY,
    environment_id bigint NOT NULL,
    environment    text COLLATE "C" NOT NULL,
    address        text COLLATE "C" NOT NULL,
    version        text COLLATE "C" NOT NULL,
    started_at     bigint NOT NULL,
    seen_at        bigint NOT NULL,
    wanted         bigint NOT NULL,
    workers        text COLLATE "C" NOT NULL
) WITH (fillfactor = 50);

-- How many entries of the early revocation list there are: whether there is room is seen without counting.
CREATE TABLE revocation_environment (
    environment_id bigint NOT NULL PRIMARY KEY,
    entries        bigint NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE revocation_client (
    client_no      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    environment_id bigint NOT NULL,
    client_kind    bigint NOT NULL,
    client_id      bytea  NOT NULL,
    entries        bigint NOT NULL,
    UNIQUE (environment_id, client_kind, client_id)
) WITH (fillfactor = 50);

-- until: never is the largest integer.
CREATE TABLE revocation (
    environment_id bigint NOT NULL,
    until          bigint NOT NULL,
    id             bytea  NOT NULL,
    client_no      bigint NOT NULL,
    PRIMARY KEY (environment_id, id)
);
CREATE INDEX revocation_until ON revocation (environment_id, until);

-- Removes at most `most` entries of an environment that are past, and counts them off; how many there were.
CREATE FUNCTION revocation_tidy(env bigint, now_ms bigint, most bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    gone bigint;
BEGIN
    WITH past AS (
        DELETE FROM revocation WHERE environment_id = env AND id IN
            (SELECT r.id FROM revocation r WHERE r.environment_id = env AND r.until <= now_ms ORDER BY r.until LIMIT most)
        RETURNING client_no
    ), counted AS (
        SELECT client_no, count(*) AS n FROM past GROUP BY client_no
    ), less AS (
        UPDATE revocation_client c SET entries = c.entries - counted.n FROM counted WHERE c.client_no = counted.client_no
    )
    SELECT coalesce(sum(n), 0) INTO gone FROM counted;
    IF gone > 0 THEN
        UPDATE revocation_environment SET entries = entries - gone WHERE environment_id = env;
        DELETE FROM revocation_client WHERE environment_id = env AND entries = 0;
    END IF;
    RETURN gone;
END $$;
CREATE INDEX revocation_client_empty ON revocation_client (environment_id) WHERE entries = 0;

-- One entry of the list: 0 nothing to do, 1 it is new or stays longer, 2 there is no room. Entries that are past are removed when their place
-- is needed.
CREATE FUNCTION revocation_put(env bigint, kind bigint, client bytea, entry bytea, ends bigint, now_ms bigint, capacity bigint,
                               of_client bigint) RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
    there bigint;
    whose bigint;
    every bigint;
    own   bigint;
BEGIN
    IF ends <= now_ms THEN
        RETURN 0;
    END IF;
    SELECT until, client_no INTO there, whose FROM revocation WHERE environment_id = env AND id = entry;
    IF there >= ends THEN
        RETURN 0;
    END IF;
    IF there > now_ms THEN
        UPDATE revocation SET until = ends WHERE environment_id = env AND id = entry;
        RETURN 1;
    END IF;
    IF there IS NOT NULL THEN
        DELETE FROM revocation WHERE environment_id = env AND id = entry;
        UPDATE revocation_client SET entries = entries - 1 WHERE client_no = whose;
        UPDATE revocation_environment SET entries = entries - 1 WHERE environment_id = env;
    END IF;
    LOOP
        SELECT coalesce((SELECT e.entries FROM revocation_environment e WHERE e.environment_id = env), 0),
               coalesce((SELECT c.entries FROM revocation_client c
                         WHERE c.environment_id = env AND c.client_kind = kind AND c.client_id = client), 0)
          INTO every, own;
        EXIT WHEN every < capacity AND own < of_client;
        IF revocation_tidy(env, now_ms, 250) = 0 THEN
            RETURN 2;
        END IF;
    END LOOP;
    INSERT INTO revocation_environment (environment_id, entries) VALUES (env, 1)
        ON CONFLICT (environment_id) DO UPDATE SET entries = revocation_environment.entries + 1;
    INSERT INTO revocation_client (environment_id, client_kind, client_id, entries) VALUES (env, kind, client, 1)
        ON CONFLICT (environment_id, client_kind, client_id) DO UPDATE SET entries = revocation_client.entries + 1
        RETURNING client_no INTO whose;
    INSERT INTO revocation (environment_id, until, id, client_no) VALUES (env, ends, entry, whose);
    RETURN 1;
END $$;

-- Several, one after the other; a row each.
CREATE FUNCTION revocations_put(env bigint[], kind bigint[], client bytea[], entry bytea[], ends bigint[], now_ms bigint[], capacity bigint[],
                                of_client bigint[]) RETURNS SETOF smallint LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. cardinality(env) LOOP
        RETURN NEXT revocation_put(env[i], kind[i], client[i], entry[i], ends[i], now_ms[i], capacity[i], of_client[i]);
    END LOOP;
END $$;

-- Ends the living records of a family in every bucket that is not past. A table that goes meanwhile is past.
CREATE FUNCTION family_end(whose bytea, now_ms bigint) RETURNS TABLE (environment_id bigint, hash bytea) LANGUAGE plpgsql AS $$
DECLARE
    part text;
BEGIN
    FOR part IN
        SELECT c.relname::text FROM pg_class c
        WHERE c.relnamespace = 'tollgate_tokens'::regnamespace AND c.relkind = 'r' AND c.relname ~ '^token_(n|[hdm]_[0-9]+)$'
          AND (c.relname = 'token_n' OR (split_part(c.relname, '_', 3)::bigint + 1)
               * CASE split_part(c.relname, '_', 2) WHEN 'h' THEN 3600000 WHEN 'd' THEN 86400000 ELSE 2592000000 END > now_ms)
    LOOP
        BEGIN
            RETURN QUERY EXECUTE format(
                'UPDATE %I t SET ended_at = $1 WHERE t.family = $2 AND t.refresh_hash IS NOT NULL AND t.ended_at = 0'
                ' RETURNING t.environment_id, t.hash', part) USING now_ms, whose;
        EXCEPTION WHEN undefined_table THEN
            NULL;
        END;
    END LOOP;
END $$;

-- The token request log. Its numbers come from a row of its own: those of one batch stand together, and what is behind a number stays behind it.
CREATE TABLE request_head (
    one bool   NOT NULL PRIMARY KEY DEFAULT true CHECK (one),
    seq bigint NOT NULL
) WITH (fillfactor = 50);
INSERT INTO request_head (seq) VALUES (0);

CREATE TABLE request (
    seq            bigint NOT NULL PRIMARY KEY,
    at             bigint NOT NULL,
    environment_id bigint NOT NULL,
    project_id     bigint NOT NULL,
    status         bigint NOT NULL,
    duration_us    bigint NOT NULL,
    proxy          bytea  NOT NULL,
    client_id      bytea  NOT NULL,
    user_name      bytea  NOT NULL,
    error          bytea  NOT NULL,
    reason         bytea  NOT NULL,
    node           bytea  NOT NULL,
    endpoint       bytea  NOT NULL,
    address        bytea  NOT NULL,
    grant_type     bytea  NOT NULL
);
-- Times come nearly in order: a small index of ranges for a span of time, and one per environment for what is oldest.
CREATE INDEX request_at ON request USING brin (at) WITH (pages_per_range = 16);
CREATE INDEX request_environment ON request (environment_id, at);
