-- The token request log, a file of its own: nothing here keeps a token from being issued.

-- seq is given by the writer (the last one stands in request_block), and never twice. What a list can be told to look for stands first.
CREATE TABLE request (
    seq            INTEGER PRIMARY KEY,
    at             INTEGER NOT NULL,
    environment_id INTEGER NOT NULL,
    project_id     INTEGER NOT NULL,
    status         INTEGER NOT NULL,
    duration_us    INTEGER NOT NULL,
    proxy          TEXT    NOT NULL,
    client_id      TEXT    NOT NULL,
    user           TEXT    NOT NULL,
    error          TEXT    NOT NULL,
    reason         TEXT    NOT NULL,
    node           TEXT    NOT NULL,
    endpoint       TEXT    NOT NULL,
    address        TEXT    NOT NULL,
    grant_type     TEXT    NOT NULL
) STRICT;

-- Which environments are in each 1024 numbers, and their span of time. Times come nearly in order, so who looks for a span of time or
-- prunes an environment passes over nearly all other blocks. It costs a row of the log next to nothing, other than an index does.
CREATE TABLE request_block (
    block          INTEGER NOT NULL,
    environment_id INTEGER NOT NULL,
    last           INTEGER NOT NULL,
    at_from        INTEGER NOT NULL,
    at_to          INTEGER NOT NULL,
    PRIMARY KEY (block, environment_id)
) STRICT, WITHOUT ROWID;
