-- Access tokens, a chain of the audit log, a history of deployments that does not grow for ever.

-- The access token (resource) that a session was traded for; 0: a password.
ALTER TABLE session ADD COLUMN access_token INTEGER NOT NULL DEFAULT 0;

-- audit_hash is tg_audit_hash. Rows of before are chained as they stand, numbered from 1 without gaps.
ALTER TABLE audit RENAME TO audit_unchained;
CREATE TABLE audit (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    at           INTEGER NOT NULL,
    who          TEXT    NOT NULL,
    what         TEXT    NOT NULL,
    project      TEXT    NOT NULL,
    state_before TEXT    NOT NULL,
    state_after  TEXT    NOT NULL,
    previous     BLOB    NOT NULL,
    hash         BLOB    NOT NULL
) STRICT;
INSERT INTO audit
    SELECT row_number() OVER (ORDER BY seq), at, who, what,
           CASE WHEN instr(what, ' /apiops/projects/') > 0
                THEN substr(substr(what, instr(what, ' /apiops/projects/') + 18), 1,
                            instr(substr(what, instr(what, ' /apiops/projects/') + 18) || '/', '/') - 1)
                ELSE '' END,
           state_before, state_after, x'', x''
    FROM audit_unchained;
DROP TABLE audit_unchained;
WITH RECURSIVE chain (seq, previous, hash) AS (
    SELECT 0, zeroblob(32), zeroblob(32)
    UNION ALL
    SELECT a.seq, c.hash, audit_hash(c.hash, a.seq, a.at, a.who, a.what, a.project, a.state_before, a.state_after)
    FROM chain c JOIN audit a ON a.seq = c.seq + 1
)
UPDATE audit SET previous = chain.previous, hash = chain.hash FROM chain WHERE audit.seq = chain.seq;

CREATE TRIGGER audit_not_changed BEFORE UPDATE ON audit BEGIN
    SELECT raise(ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER audit_not_removed BEFORE DELETE ON audit BEGIN
    SELECT raise(ABORT, 'the audit log is append-only');
END;

DROP INDEX deployment_history_proxy;
CREATE INDEX deployment_history_proxy ON deployment_history (proxy_id, environment_id);
