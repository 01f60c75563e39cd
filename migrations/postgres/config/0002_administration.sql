-- Access tokens, a chain of the audit log, a history of deployments that does not grow for ever.

-- The access token (resource) that a session was traded for; 0: a password.
ALTER TABLE session ADD COLUMN access_token bigint NOT NULL DEFAULT 0;

-- The number that an event of the audit log was given last. A sequence would leave gaps where a transaction is given up.
ALTER TABLE head ADD COLUMN audit bigint NOT NULL DEFAULT 0;

-- Rows of before are chained as they stand, numbered from 1 without gaps; the bytes are those of tg_audit_hash.
ALTER TABLE audit RENAME TO audit_unchained;
CREATE TABLE audit (
    seq          bigint NOT NULL,
    at           bigint NOT NULL,
    who          text COLLATE "C" NOT NULL,
    what         text COLLATE "C" NOT NULL,
    project      text COLLATE "C" NOT NULL,
    state_before text COLLATE "C" NOT NULL,
    state_after  text COLLATE "C" NOT NULL,
    previous     bytea  NOT NULL,
    hash         bytea  NOT NULL
);
DO $$
DECLARE
    e      record;
    n      bigint := 0;
    before bytea;
    link   bytea := decode(repeat('00', 32), 'hex');
    named  text;
    nets   text;
BEGIN
    FOR e IN SELECT * FROM audit_unchained ORDER BY seq LOOP
        n := n + 1;
        named := coalesce(substring(e.what FROM ' /apiops/projects/([^/]*)'), '');
        SELECT string_agg(octet_length(t) || ':' || t || ',', '' ORDER BY i) INTO nets
          FROM unnest(ARRAY[n::text, e.at::text, e.who, e.what, named, e.state_before, e.state_after]) WITH ORDINALITY AS u (t, i);
        before := link;
        link := sha256(before || convert_to(nets, 'UTF8'));
        INSERT INTO audit VALUES (n, e.at, e.who, e.what, named, e.state_before, e.state_after, before, link);
    END LOOP;
    UPDATE head SET audit = n;
END $$;
DROP TABLE audit_unchained;
ALTER TABLE audit ADD CONSTRAINT audit_pkey PRIMARY KEY (seq);

CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only';
END $$;
CREATE TRIGGER audit_not_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();

DROP INDEX deployment_history_proxy;
CREATE INDEX deployment_history_proxy ON deployment_history (proxy_id, environment_id, id);
