/*
 * One SQLite connection and what every call on it needs: opening, statements that stay prepared, transactions under the
 * writer lock, errors in our kinds. One per thread.
 */
#ifndef TG_STORE_SQLITE_DB_H
#define TG_STORE_SQLITE_DB_H

#include <sqlite3.h>

#include "store/rows.h"
#include "store/sqlite/lock.h"
#include "store/sqlite/migrate.h"
#include "store/store.h"

#define TG_SQLITE_STATEMENTS 64

typedef struct {
    sqlite3 *db;
    tg_filelock_t lock;
    tg_fault_t *fault; /* of the store handle */
    int busy_ms;
    bool writing; /* between begin and commit */
    bool spoiled; /* a write failed in it: rollback only */
    int reading;  /* depth of read views */
    struct {
        const char *sql; /* a string literal: compared by address */
        sqlite3_stmt *st;
    } statements[TG_SQLITE_STATEMENTS];
} tg_sqlite_t;

/* DIR/<what>.db and DIR/<what>.lock, as store.h says. `*fault` is where open tells; later faults go to q->fault, set by
 * the caller. */
tg_err_t tg_sqlite_open(tg_sqlite_t *q, tg_str_t dir, const tg_sqlite_schema_t *schema,
                        const tg_store_options_t *options, tg_fault_t *fault) TG_MUST_CHECK;
void tg_sqlite_close(tg_sqlite_t *q);

/* A result code of SQLite in our kinds; UNAVAILABLE and BUG are told in *fault. */
tg_err_t tg_sqlite_fault(sqlite3 *db, int rc, tg_fault_t *fault);
/* The same, into q->fault (what was there is forgotten). */
tg_err_t tg_sqlite_err(tg_sqlite_t *q, int rc);

tg_err_t tg_sqlite_begin(tg_sqlite_t *q, int wait_ms) TG_MUST_CHECK; /* BUG: in a transaction or a read view already */
tg_err_t tg_sqlite_commit(tg_sqlite_t *q) TG_MUST_CHECK;
void tg_sqlite_rollback(tg_sqlite_t *q);
tg_err_t tg_sqlite_read_begin(tg_sqlite_t *q) TG_MUST_CHECK; /* nests, and inside a transaction does nothing */
void tg_sqlite_read_end(tg_sqlite_t *q);

/*
 * A statement on its way: parameters are bound in order, the first failure sticks. Texts and blobs are not copied: they
 * must live until the query is done. Every query that was opened ends in exactly one of run, changed or done.
 *
 *     tg_query_t q;
 *     tg_query_read(&q, db, "SELECT doc FROM t WHERE id = ?");
 *     tg_query_int(&q, id);
 *     if (tg_query_step(&q)) { ... sqlite3_column_...(q.st, 0) ... }
 *     err = tg_query_done(&q);
 */
typedef struct {
    tg_sqlite_t *q;
    sqlite3_stmt *st;
    int params;
    bool write;
    tg_err_t err;
} tg_query_t;

void tg_query_read(tg_query_t *s, tg_sqlite_t *q, const char *sql);
/* BUG outside of a transaction, or in one where a write has failed. */
void tg_query_write(tg_query_t *s, tg_sqlite_t *q, const char *sql);
/* A statement that is kept elsewhere. */
void tg_query_use(tg_query_t *s, tg_sqlite_t *q, sqlite3_stmt *st);

void tg_query_int(tg_query_t *s, int64_t v);
void tg_query_text(tg_query_t *s, tg_str_t v);
void tg_query_blob(tg_query_t *s, const void *p, size_t n);
void tg_query_null(tg_query_t *s);

/* true: a row is there. */
bool tg_query_step(tg_query_t *s);
/* Notes a failure of the caller's; returns it. In a write it spoils the transaction. */
tg_err_t tg_query_fail(tg_query_t *s, tg_err_t err);
tg_err_t tg_query_done(tg_query_t *s) TG_MUST_CHECK;
/* Steps to the end and is done. */
tg_err_t tg_query_run(tg_query_t *s) TG_MUST_CHECK;
/* The same; NOTFOUND if no row was changed. */
tg_err_t tg_query_changed(tg_query_t *s) TG_MUST_CHECK;

/* Copies a column of the row into the arena; a failure sticks in s->err. */
void tg_query_col_text(tg_query_t *s, int col, tg_arena_t *arena, tg_str_t *out);
/* Zeroed room for one more row of a list; NULL, and s->err set, without memory. */
void *tg_query_row(tg_query_t *s, tg_rows_t *rows);

#endif
