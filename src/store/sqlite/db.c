#include "store/sqlite/db.h"

#include <errno.h>

static tg_err_t kind_of(int rc) {
    switch (rc) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return TG_OK;
    case SQLITE_IOERR_NOMEM:
        return TG_ERR_NOMEM;
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
        return TG_ERR_CONFLICT;
    case SQLITE_CONSTRAINT_FOREIGNKEY:
        return TG_ERR_NOTFOUND;
    }
    switch (rc & 0xff) {
    case SQLITE_NOMEM:
        return TG_ERR_NOMEM;
    case SQLITE_TOOBIG:
        return TG_ERR_LIMIT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_PROTOCOL:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_NOLFS:
        return TG_ERR_UNAVAILABLE;
    default:
        return TG_ERR_BUG;
    }
}

tg_err_t tg_sqlite_fault(sqlite3 *db, int rc, tg_fault_t *fault) {
    tg_err_t err = kind_of(rc);
    if (err == TG_ERR_UNAVAILABLE || err == TG_ERR_BUG) {
        bool io = (rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CANTOPEN;
        int os = io && db != NULL ? sqlite3_system_errno(db) : 0;
        return tg_fault(fault, err, "store", "%s (%d)%s%s", db != NULL ? sqlite3_errmsg(db) : sqlite3_errstr(rc), rc,
                        os != 0 ? ": " : "", os != 0 ? strerrordesc_np(os) : "");
    }
    return err;
}

tg_err_t tg_sqlite_err(tg_sqlite_t *q, int rc) {
    tg_err_t err = kind_of(rc);
    if (err != TG_OK && q->fault != NULL) {
        *q->fault = (tg_fault_t){.field = ""};
        tg_sqlite_fault(q->db, rc, q->fault);
    }
    return err;
}

static tg_err_t tell(tg_sqlite_t *q, tg_err_t err, const char *text) {
    if (q->fault != NULL) {
        *q->fault = (tg_fault_t){.field = ""};
    }
    return tg_fault(q->fault, err, "store", "%s", text);
}

/* ---- statements ---- */

static tg_err_t statement(tg_sqlite_t *q, const char *sql, sqlite3_stmt **out) {
    for (size_t i = 0; i < TG_SQLITE_STATEMENTS; i++) {
        if (q->statements[i].sql == sql) {
            *out = q->statements[i].st;
            return TG_OK;
        }
        if (q->statements[i].sql == NULL) {
            int rc = sqlite3_prepare_v3(q->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
            if (rc != SQLITE_OK) {
                return tg_sqlite_err(q, rc);
            }
            q->statements[i].sql = sql;
            q->statements[i].st = *out;
            return TG_OK;
        }
    }
    return tell(q, TG_ERR_BUG, "more statements than TG_SQLITE_STATEMENTS");
}

void tg_query_use(tg_query_t *s, tg_sqlite_t *q, sqlite3_stmt *st) {
    *s = (tg_query_t){.q = q, .st = st};
}

void tg_query_read(tg_query_t *s, tg_sqlite_t *q, const char *sql) {
    tg_query_use(s, q, NULL);
    s->err = statement(q, sql, &s->st);
}

void tg_query_write(tg_query_t *s, tg_sqlite_t *q, const char *sql) {
    tg_query_use(s, q, NULL);
    s->write = true;
    if (!q->writing || q->spoiled) {
        s->err = tell(q, TG_ERR_BUG, q->writing ? "a write after one that failed" : "a write outside of a transaction");
    } else {
        s->err = statement(q, sql, &s->st);
    }
}

static void bound(tg_query_t *s, int rc) {
    if (rc != SQLITE_OK) {
        s->err = tg_sqlite_err(s->q, rc);
    }
}

void tg_query_int(tg_query_t *s, int64_t v) {
    s->params++;
    if (s->err == TG_OK) {
        bound(s, sqlite3_bind_int64(s->st, s->params, v));
    }
}

void tg_query_text(tg_query_t *s, tg_str_t v) {
    s->params++;
    if (s->err == TG_OK) {
        bound(s, sqlite3_bind_text64(s->st, s->params, v.p != NULL ? v.p : "", v.n, SQLITE_STATIC, SQLITE_UTF8));
    }
}

void tg_query_blob(tg_query_t *s, const void *p, size_t n) {
    s->params++;
    if (s->err == TG_OK) {
        bound(s, sqlite3_bind_blob64(s->st, s->params, p != NULL ? p : "", n, SQLITE_STATIC));
    }
}

void tg_query_null(tg_query_t *s) {
    s->params++;
    if (s->err == TG_OK) {
        bound(s, sqlite3_bind_null(s->st, s->params));
    }
}

bool tg_query_step(tg_query_t *s) {
    if (s->err != TG_OK) {
        return false;
    }
    int rc = sqlite3_step(s->st);
    s->err = tg_sqlite_err(s->q, rc);
    return rc == SQLITE_ROW;
}

tg_err_t tg_query_fail(tg_query_t *s, tg_err_t err) {
    if (s->err == TG_OK) {
        s->err = err;
    }
    return s->err;
}

tg_err_t tg_query_done(tg_query_t *s) {
    if (s->st != NULL) {
        sqlite3_reset(s->st); /* tells the error of the step once more */
    }
    if (s->write && s->err != TG_OK) {
        s->q->spoiled = true;
    }
    return s->err;
}

tg_err_t tg_query_run(tg_query_t *s) {
    while (tg_query_step(s)) {
    }
    return tg_query_done(s);
}

tg_err_t tg_query_changed(tg_query_t *s) {
    while (tg_query_step(s)) {
    }
    if (s->err == TG_OK && sqlite3_changes(s->q->db) == 0) {
        tg_query_fail(s, TG_ERR_NOTFOUND);
    }
    return tg_query_done(s);
}

void tg_query_col_text(tg_query_t *s, int col, tg_arena_t *arena, tg_str_t *out) {
    const char *p = sqlite3_column_blob(s->st, col); /* as it is: no conversion, no terminator needed */
    if (!tg_arena_str(arena, tg_strn(p, (size_t)sqlite3_column_bytes(s->st, col)), out)) {
        tg_query_fail(s, TG_ERR_NOMEM);
    }
}

void *tg_query_row(tg_query_t *s, tg_rows_t *rows) {
    void *row = tg_rows_add(rows);
    if (row == NULL) {
        tg_query_fail(s, TG_ERR_NOMEM);
    }
    return row;
}

/* ---- transactions ---- */

static tg_err_t exec(tg_sqlite_t *q, const char *sql) {
    tg_query_t s;
    tg_query_read(&s, q, sql);
    return tg_query_run(&s);
}

static tg_err_t lock(tg_sqlite_t *q, int wait_ms) {
    tg_err_t err = tg_filelock_take(&q->lock, wait_ms);
    if (err == TG_ERR_AGAIN) {
        return tell(q, TG_ERR_UNAVAILABLE, "another writer holds the lock");
    }
    return err == TG_OK ? TG_OK : tell(q, err, strerrordesc_np(errno));
}

tg_err_t tg_sqlite_begin(tg_sqlite_t *q, int wait_ms) {
    if (q->writing || q->reading > 0) {
        return tell(q, TG_ERR_BUG, "a transaction inside another, or inside a read view");
    }
    tg_err_t err = lock(q, wait_ms);
    if (err != TG_OK) {
        return err;
    }
    err = exec(q, "BEGIN IMMEDIATE");
    if (err != TG_OK) {
        tg_filelock_drop(&q->lock);
        return err;
    }
    q->writing = true;
    q->spoiled = false;
    return TG_OK;
}

void tg_sqlite_rollback(tg_sqlite_t *q) {
    if (!q->writing) {
        return;
    }
    if (!sqlite3_get_autocommit(q->db)) { /* a full disk rolls back by itself */
        sqlite3_exec(q->db, "ROLLBACK", NULL, NULL, NULL);
    }
    q->writing = false;
    tg_filelock_drop(&q->lock);
}

tg_err_t tg_sqlite_commit(tg_sqlite_t *q) {
    tg_err_t err;
    if (!q->writing || q->spoiled) {
        err = tell(q, TG_ERR_BUG,
                   q->writing ? "a commit after a write that failed" : "a commit outside of a transaction");
    } else {
        err = exec(q, "COMMIT");
    }
    if (err != TG_OK) {
        tg_sqlite_rollback(q);
        return err;
    }
    q->writing = false;
    tg_filelock_drop(&q->lock);
    return TG_OK;
}

tg_err_t tg_sqlite_read_begin(tg_sqlite_t *q) {
    if (!q->writing && q->reading == 0) {
        tg_err_t err = exec(q, "BEGIN");
        if (err != TG_OK) {
            return err;
        }
    }
    q->reading++;
    return TG_OK;
}

void tg_sqlite_read_end(tg_sqlite_t *q) {
    if (q->reading > 0 && --q->reading == 0 && !q->writing) {
        sqlite3_exec(q->db, "COMMIT", NULL, NULL, NULL);
    }
}
