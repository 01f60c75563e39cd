#include "store/postgres/migrate.h"

#include <stdio.h>

#include "store/postgres/db.h"

#define MIGRATION_MS (10 * 60 * 1000) /* for a step; the one that waits for it waits as long */
#define SERVER_MIN   150000

/* One number; 0 for NULL or without a row. */
static tg_err_t number(tg_pg_t *q, const char *sql, tg_str_t schema, int64_t *out) {
    tg_pgquery_t s;
    *out = 0;
    tg_pgquery_read(&s, q, sql);
    tg_pgquery_text(&s, schema);
    if (tg_pgquery_step(&s)) {
        *out = tg_pgquery_col_int(&s, 0);
    }
    return tg_pgquery_done(&s);
}

static const char server_sql[] = "SELECT current_setting('server_version_num')::bigint WHERE $1::text IS NOT NULL";
static const char encoding_sql[] = "SELECT 1::bigint WHERE current_setting('server_encoding') = $1::text";
static const char schema_sql[] = "SELECT 1::bigint FROM pg_namespace WHERE nspname = $1::text";
static const char marked_sql[] = "SELECT 1::bigint FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                                 " WHERE n.nspname = $1::text AND c.relname = 'schema_version'";
static const char used_sql[] = "SELECT 1::bigint FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                               " WHERE n.nspname = $1::text LIMIT 1";
static const char version_sql[] = "SELECT version FROM schema_version WHERE $1::text IS NOT NULL";

static tg_err_t server_check(tg_pg_t *q, tg_fault_t *fault) {
    int64_t server, utf8;
    tg_err_t err = number(q, server_sql, tg_str(q->schema.name), &server);
    if (err == TG_OK) {
        err = number(q, encoding_sql, TG_STR("UTF8"), &utf8);
    }
    if (err != TG_OK) {
        return err;
    }
    if (server < SERVER_MIN) {
        return tg_fault(fault, TG_ERR_INVALID, "store", "PostgreSQL %lld is too old, 15 is needed",
                        (long long)(server / 10000));
    }
    return utf8 != 0 ? TG_OK : tg_fault(fault, TG_ERR_INVALID, "store", "the database's encoding must be UTF8");
}

/* 0: the schema is empty or not there. */
static tg_err_t version_read(tg_pg_t *q, int64_t *version, tg_fault_t *fault) {
    const tg_str_t name = tg_str(q->schema.name);
    int64_t marked, used = 0;
    *version = 0;
    tg_err_t err = number(q, marked_sql, name, &marked);
    if (err == TG_OK && marked == 0) {
        err = number(q, used_sql, name, &used);
    }
    if (err == TG_OK && used != 0) {
        return tg_fault(fault, TG_ERR_INVALID, "store", "the schema %s holds something, but not Tollgate's",
                        q->schema.name);
    }
    if (err == TG_OK && marked != 0) {
        err = number(q, version_sql, name, version);
    }
    int newest = q->schema.steps[q->schema.n - 1].version;
    if (err == TG_OK && *version > newest) {
        return tg_fault(fault, TG_ERR_INVALID, "store",
                        "the schema %s has version %lld, this release knows versions up to %d; it was not touched",
                        q->schema.name, (long long)*version, newest);
    }
    return err;
}

/* ---- migration ---- */

/* Members of a schema's owner make its objects in the owner's name, so that the other members may change and drop them.
 */
static const char owner_sql[] =
    "DO $$DECLARE o name := (SELECT r.rolname FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner"
    " WHERE n.nspname = current_schema());"
    " BEGIN IF o <> current_user AND pg_has_role(current_user, o, 'MEMBER') THEN"
    " EXECUTE format('SET LOCAL ROLE %I', o); END IF; END$$";

tg_err_t tg_pg_become_owner(tg_pg_t *q) {
    return tg_pg_exec(q, owner_sql);
}

static tg_err_t schema_make(tg_pg_t *q) {
    int64_t there;
    tg_err_t err = number(q, schema_sql, tg_str(q->schema.name), &there);
    if (err == TG_OK && there == 0) { /* IF NOT EXISTS would want the right to make one even so */
        char sql[128];
        snprintf(sql, sizeof(sql), "CREATE SCHEMA %s", q->schema.name);
        err = tg_pg_exec(q, sql);
    }
    return err == TG_OK ? tg_pg_become_owner(q) : err;
}

static tg_err_t steps_run(tg_pg_t *q, int64_t from) {
    tg_err_t err = TG_OK;
    char sql[128];
    if (from == 0) {
        err =
            tg_pg_exec(q, "CREATE TABLE schema_version (version int NOT NULL); INSERT INTO schema_version VALUES (0)");
    }
    for (size_t i = 0; i < q->schema.n && err == TG_OK; i++) {
        if (q->schema.steps[i].version > from) {
            err = tg_pg_exec(q, q->schema.steps[i].sql);
        }
    }
    snprintf(sql, sizeof(sql), "UPDATE schema_version SET version = %d", q->schema.steps[q->schema.n - 1].version);
    return err == TG_OK ? tg_pg_exec(q, sql) : err;
}

static tg_err_t migrate_locked(tg_pg_t *q, tg_fault_t *fault) {
    int64_t version = 0;
    tg_err_t err = tg_pg_exec(q, "SELECT pg_advisory_xact_lock(" TG_PG_LOCKS ", " TG_PG_LOCK_MIGRATION ")");
    if (err == TG_OK) {
        err = version_read(q, &version, fault);
    }
    if (err != TG_OK || version == q->schema.steps[q->schema.n - 1].version) {
        return err; /* another was faster */
    }
    err = schema_make(q);
    return err == TG_OK ? steps_run(q, version) : err;
}

/* All steps in one transaction: on failure nothing is changed. */
static tg_err_t migrate(tg_pg_t *q, tg_fault_t *fault) {
    int busy_ms = q->busy_ms;
    q->busy_ms = MIGRATION_MS;
    tg_err_t err = tg_pg_exec(q, "BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL enable_seqscan = on");
    if (err == TG_OK) {
        err = migrate_locked(q, fault);
        if (err == TG_OK) {
            err = tg_pg_exec(q, "COMMIT");
        }
    }
    tg_pg_abandon(q);
    q->busy_ms = busy_ms;
    return err;
}

tg_err_t tg_pg_settle(tg_pg_t *q, bool create, tg_fault_t *fault) {
    int64_t version = 0;
    const int newest = q->schema.steps[q->schema.n - 1].version;
    tg_err_t err = server_check(q, fault);
    if (err == TG_OK) {
        err = version_read(q, &version, fault);
    }
    if (err == TG_OK && version != newest && create) {
        err = migrate(q, fault);
        version = newest;
    }
    if (err != TG_OK) {
        return err;
    }
    if (version == 0) {
        return tg_fault(fault, TG_ERR_NOTFOUND, "store", "the schema %s is not there", q->schema.name);
    }
    if (version != newest) {
        return tg_fault(fault, TG_ERR_INVALID, "store",
                        "the schema %s has version %lld, this release needs %d: the manager upgrades it",
                        q->schema.name, (long long)version, newest);
    }
    return TG_OK;
}
