-- The records of one bucket; $T is token_h_N, token_d_N, token_m_N or token_n. Only SHA-256 of tokens. A migration that changes this changes
-- the tables that are there as well, with a NNNN_name.bucket.sql.
--
-- Wide columns first: no bytes are lost to alignment. Tombstones are updates in place (fillfactor leaves them room), and no index names what
-- they change, but for a refresh token that is handed on.

CREATE TABLE IF NOT EXISTS $T (
    environment_id     bigint   NOT NULL,
    generation         bigint   NOT NULL,
    user_generation    bigint   NOT NULL,
    epoch              bigint   NOT NULL,
    issued_at          bigint   NOT NULL,
    access_expires_at  bigint   NOT NULL,
    refresh_expires_at bigint   NOT NULL,
    ended_at           bigint   NOT NULL,
    successor_used_at  bigint   NOT NULL,
    refresh_left       int      NOT NULL,
    refresh_used       int      NOT NULL,
    successor_index    int      NOT NULL,
    predecessor_index  int      NOT NULL,
    successor_class    smallint NOT NULL,
    predecessor_class  smallint NOT NULL,
    client_kind        smallint NOT NULL,
    has_scope          smallint NOT NULL,
    hash               bytea    NOT NULL,
    refresh_hash       bytea,
    family             bytea    NOT NULL,
    client_id          bytea    NOT NULL,
    subject            bytea    NOT NULL,
    scope              bytea    NOT NULL,
    successor          bytea,
    predecessor        bytea
) WITH (fillfactor = 85);
CREATE UNIQUE INDEX IF NOT EXISTS $T_hash ON $T (hash);
CREATE UNIQUE INDEX IF NOT EXISTS $T_refresh ON $T (refresh_hash) WHERE refresh_hash IS NOT NULL;
CREATE INDEX IF NOT EXISTS $T_family ON $T (family) WHERE refresh_hash IS NOT NULL;
