#include "store/sqlite/migrate.h"

#include <stdio.h>

#include "store/audit_chain.h"
#include "store/sqlite/db.h"

#define BUCKET_SQL_MAX (16u << 20) /* thousands of tables */

/* The first column of the first row of a statement of ours, as a number; 0 without a row. */
static tg_err_t number(sqlite3 *db, const char *sql, int64_t *out, tg_fault_t *fault) {
    sqlite3_stmt *st;
    *out = 0;
    int rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);
    if (rc != SQLITE_OK) {
        return tg_sqlite_fault(db, rc, fault);
    }
    rc = sqlite3_step(st);
    if (rc == SQLITE_ROW) {
        *out = sqlite3_column_int64(st, 0);
        rc = SQLITE_DONE;
    }
    sqlite3_finalize(st);
    return rc == SQLITE_DONE ? TG_OK : tg_sqlite_fault(db, rc, fault);
}

static tg_err_t run(sqlite3 *db, const char *sql, tg_fault_t *fault) {
    int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? TG_OK : tg_sqlite_fault(db, rc, fault);
}

tg_err_t tg_sqlite_version(sqlite3 *db, const tg_sqlite_schema_t *schema, int *version, tg_fault_t *fault) {
    int64_t found, app, tables;
    tg_err_t err = number(db, "PRAGMA user_version", &found, fault);
    if (err == TG_OK) {
        err = number(db, "PRAGMA application_id", &app, fault);
    }
    if (err == TG_OK) {
        err = number(db, "SELECT count(*) FROM sqlite_schema", &tables, fault);
    }
    if (err != TG_OK) {
        return err;
    }
    if (app != schema->application_id && (app != 0 || tables > 0 || found != 0)) {
        return tg_fault(fault, TG_ERR_INVALID, "store", "%s.db is not a %s database of Tollgate", schema->what,
                        schema->what);
    }
    int newest = schema->steps[schema->n - 1].version;
    if (found > newest) {
        return tg_fault(fault, TG_ERR_INVALID, "store",
                        "%s.db has schema version %lld, this release knows versions up to %d; it was not touched",
                        schema->what, (long long)found, newest);
    }
    *version = (int)found;
    return TG_OK;
}

/* What can only be said of an empty file, outside of a transaction. */
static tg_err_t format_set(sqlite3 *db, const tg_sqlite_schema_t *schema, tg_fault_t *fault) {
    char sql[128];
    snprintf(sql, sizeof(sql), "PRAGMA page_size=%d; PRAGMA auto_vacuum=0; PRAGMA journal_mode=WAL", schema->page_size);
    return run(db, sql, fault);
}

/* ---- what steps may call ---- */

static void audit_text(sqlite3_value *v, tg_str_t *out) {
    const char *p = (const char *)sqlite3_value_text(v);
    *out = tg_strn(p != NULL ? p : "", (size_t)sqlite3_value_bytes(v));
}

/* audit_hash(previous, seq, at, who, what, project, before, after) */
static void audit_hash(sqlite3_context *context, int n, sqlite3_value **v) {
    tg_audit_t row = {.seq = sqlite3_value_int64(v[1]), .at = sqlite3_value_int64(v[2])};
    const void *previous = sqlite3_value_blob(v[0]);
    (void)n;
    if (previous == NULL || sqlite3_value_bytes(v[0]) != TG_AUDIT_HASH_LEN) {
        sqlite3_result_error(context, "audit_hash: the hash before has 32 bytes", -1);
        return;
    }
    memcpy(row.previous, previous, TG_AUDIT_HASH_LEN);
    audit_text(v[3], &row.who);
    audit_text(v[4], &row.what);
    audit_text(v[5], &row.project);
    audit_text(v[6], &row.before);
    audit_text(v[7], &row.after);
    if (tg_audit_hash(&row, row.hash) != TG_OK) {
        sqlite3_result_error_nomem(context);
        return;
    }
    sqlite3_result_blob(context, row.hash, TG_AUDIT_HASH_LEN, SQLITE_TRANSIENT);
}

static tg_err_t functions_add(sqlite3 *db, tg_fault_t *fault) {
    int rc = sqlite3_create_function(db, "audit_hash", 8, SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, NULL,
                                     audit_hash, NULL, NULL);
    return rc == SQLITE_OK ? TG_OK : tg_sqlite_fault(db, rc, fault);
}

/* ---- steps ---- */

void tg_sqlite_table_sql(tg_buf_t *out, const char *sql, const char *table) {
    for (const char *p = sql; *p != '\0'; p++) {
        if (p[0] == '$' && p[1] == 'T') {
            tg_buf_put(out, tg_str(table));
            p++;
        } else {
            tg_buf_putc(out, *p);
        }
    }
    tg_buf_putc(out, '\0');
}

/* What a step does to all tables of token records, as one text: the list is read before the first is altered. */
static tg_err_t bucket_sql(sqlite3 *db, const char *sql, tg_buf_t *out, tg_fault_t *fault) {
    sqlite3_stmt *st;
    int rc = sqlite3_prepare_v2(db, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB 'token_*'", -1,
                                &st, NULL);
    if (rc != SQLITE_OK) {
        return tg_sqlite_fault(db, rc, fault);
    }
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(st, 0);
        if (name == NULL) {
            rc = SQLITE_NOMEM;
            break;
        }
        if (out->n > 0) {
            out->n--; /* the NUL behind the last one */
        }
        tg_sqlite_table_sql(out, sql, name);
    }
    sqlite3_finalize(st);
    return rc == SQLITE_DONE ? out->err : tg_sqlite_fault(db, rc, fault);
}

static tg_err_t step_run(sqlite3 *db, const tg_sqlite_step_t *step, tg_fault_t *fault) {
    tg_err_t err = run(db, step->sql, fault);
    if (err != TG_OK || step->bucket_sql == NULL) {
        return err;
    }
    tg_buf_t sql;
    tg_buf_init(&sql, BUCKET_SQL_MAX);
    err = bucket_sql(db, step->bucket_sql, &sql, fault);
    if (err == TG_OK && sql.n > 0) {
        err = run(db, sql.p, fault);
    }
    tg_buf_release(&sql);
    return err;
}

static tg_err_t steps_run(sqlite3 *db, const tg_sqlite_schema_t *schema, int from, tg_fault_t *fault) {
    char sql[96];
    tg_err_t err = TG_OK;
    for (size_t i = 0; i < schema->n && err == TG_OK; i++) {
        if (schema->steps[i].version > from) {
            err = step_run(db, &schema->steps[i], fault);
        }
    }
    if (err != TG_OK) {
        return err;
    }
    int64_t broken;
    err = number(db, "SELECT count(*) FROM pragma_foreign_key_check", &broken, fault);
    if (err == TG_OK && broken > 0) {
        err = tg_fault(fault, TG_ERR_BUG, "store", "%s.db: a migration leaves %lld references broken", schema->what,
                       (long long)broken);
    }
    if (err != TG_OK) {
        return err;
    }
    snprintf(sql, sizeof(sql), "PRAGMA application_id=%d; PRAGMA user_version=%d", (int)schema->application_id,
             schema->steps[schema->n - 1].version);
    return run(db, sql, fault);
}

tg_err_t tg_sqlite_migrate(sqlite3 *db, const tg_sqlite_schema_t *schema, tg_fault_t *fault) {
    int version;
    tg_err_t err = tg_sqlite_version(db, schema, &version, fault);
    if (err != TG_OK || version == schema->steps[schema->n - 1].version) {
        return err;
    }
    if (version == 0) {
        err = format_set(db, schema, fault);
    }
    if (err == TG_OK) {
        err = functions_add(db, fault);
    }
    /* Off, so that a step may build a table anew; it is a no-op inside a transaction. */
    if (err == TG_OK) {
        err = run(db, "PRAGMA foreign_keys=OFF; BEGIN IMMEDIATE", fault);
    }
    if (err != TG_OK) {
        return err;
    }
    err = steps_run(db, schema, version, fault);
    if (err == TG_OK) {
        err = run(db, "COMMIT", fault);
    }
    if (!sqlite3_get_autocommit(db)) {
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    }
    tg_err_t back = run(db, "PRAGMA foreign_keys=ON", fault);
    return err != TG_OK ? err : back;
}
