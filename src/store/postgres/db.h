/*
 * One connection to PostgreSQL and what every call on it needs: connecting, statements that stay prepared,
 * transactions, errors in our kinds, and an end to every wait. One per thread.
 */
#ifndef TG_STORE_POSTGRES_DB_H
#define TG_STORE_POSTGRES_DB_H

#include <libpq-fe.h>

#include "base/buf.h"
#include "store/postgres/migrate.h"
#include "store/rows.h"
#include "store/store.h"

#define TG_PG_STATEMENTS 96
#define TG_PG_PARAMS     32

typedef struct {
    PGconn *conn;      /* NULL: the connection was given up */
    tg_fault_t *fault; /* of the store handle */
    tg_pg_schema_t schema;
    char *uri;
    int busy_ms;
    bool sync_off;
    int64_t retry_at;                         /* monotonic ms: not connected before */
    int retry_ms;                             /* how long it was waited for that; 0: the last one came about */
    int64_t deadline;                         /* monotonic ms: of the call under way */
    unsigned lives;                           /* connections so far: what was prepared in an earlier one is gone */
    bool told;                                /* a notification came in, tg_pg_feed_fd has not said so yet */
    unsigned listens;                         /* the one of `lives` that listens */
    char sqlstate[6];                         /* of the last error */
    bool writing;                             /* between begin and commit */
    bool spoiled;                             /* a write failed in it: rollback only */
    int reading;                              /* depth of read views */
    const char *statements[TG_PG_STATEMENTS]; /* string literals, compared by address; prepared as s0, s1, ... */
} tg_pg_t;

/* Connects, and brings the schema to the newest version if options say so, as store.h says. `*fault` is where open
 * tells; later faults go to q->fault, set by the caller. */
tg_err_t tg_pg_open(tg_pg_t *q, tg_str_t uri, const tg_pg_schema_t *schema, const tg_store_options_t *options,
                    tg_fault_t *fault) TG_MUST_CHECK;
void tg_pg_close(tg_pg_t *q);

/* Connected, or again connected if the server has closed the connection meanwhile. Inside a transaction or a read view
 * whose connection is gone: UNAVAILABLE. */
tg_err_t tg_pg_ensure(tg_pg_t *q) TG_MUST_CHECK;
/* Gives the connection up; always TG_ERR_UNAVAILABLE. */
tg_err_t tg_pg_give_up(tg_pg_t *q, const char *why) TG_MUST_CHECK;
/* Takes what the server says unasked; false: the connection is gone. In no transaction. */
bool tg_pg_hear(tg_pg_t *q);
/* From now on, how long the call may take. */
void tg_pg_deadline(tg_pg_t *q, int ms);

/* One or more statements without parameters, none of which must give rows that matter. */
tg_err_t tg_pg_exec(tg_pg_t *q, const char *sql) TG_MUST_CHECK;
/* Waits for the next result within the deadline; NULL in *res: there is none. What the result says is the caller's to
 * see. */
tg_err_t tg_pg_result(tg_pg_t *q, PGresult **res) TG_MUST_CHECK;
/* A result in our kinds; UNAVAILABLE and BUG are told in q->fault, the SQLSTATE is in q->sqlstate. */
tg_err_t tg_pg_err(tg_pg_t *q, const PGresult *res);
tg_err_t tg_pg_tell(tg_pg_t *q, tg_err_t err, const char *text);

tg_err_t tg_pg_begin(tg_pg_t *q, int wait_ms) TG_MUST_CHECK; /* BUG: in a transaction or a read view already */
tg_err_t tg_pg_commit(tg_pg_t *q) TG_MUST_CHECK;
void tg_pg_rollback(tg_pg_t *q);
tg_err_t tg_pg_read_begin(tg_pg_t *q) TG_MUST_CHECK; /* nests, and inside a transaction does nothing */
void tg_pg_read_end(tg_pg_t *q);

/* Rolls back what is open on the connection, if anything is; what was told before stays told. */
void tg_pg_abandon(tg_pg_t *q);

int64_t tg_pg_now(void); /* monotonic ms */

/* On a new connection: is the schema there and of this release? Brings it to that if `create`. */
tg_err_t tg_pg_settle(tg_pg_t *q, bool create, tg_fault_t *fault) TG_MUST_CHECK;
/* For the rest of the transaction: what is made belongs to the schema's owner. */
tg_err_t tg_pg_become_owner(tg_pg_t *q) TG_MUST_CHECK;

/*
 * A statement on its way: parameters are bound in order ($1, $2, ...), the first failure sticks. Texts and blobs are
 * not copied: they must live until the query is done. Every query that was opened ends in exactly one of run, changed
 * or done. It must not move between binding and the first step.
 *
 *     tg_pgquery_t q;
 *     tg_pgquery_read(&q, db, "SELECT doc FROM t WHERE id = $1");
 *     tg_pgquery_int(&q, id);
 *     if (tg_pgquery_step(&q)) { ... tg_pgquery_col_int(&q, 0) ... }
 *     err = tg_pgquery_done(&q);
 *
 * All goes in binary: an integer parameter is a bigint, so that a column of another type or a bare constant beside it
 * wants a cast in the SQL.
 */
typedef struct {
    tg_pg_t *q;
    char name[48]; /* of the prepared statement */
    unsigned life; /* the connection that it is prepared in */
    const char *values[TG_PG_PARAMS];
    int lengths[TG_PG_PARAMS];
    char ints[TG_PG_PARAMS][8];
    int params;
    PGresult *res;
    int row;
    bool write;
    tg_err_t err;
} tg_pgquery_t;

void tg_pgquery_read(tg_pgquery_t *s, tg_pg_t *q, const char *sql);
/* BUG outside of a transaction, or in one where a write has failed. */
void tg_pgquery_write(tg_pgquery_t *s, tg_pg_t *q, const char *sql);
/* A statement that its caller has prepared. */
void tg_pgquery_use(tg_pgquery_t *s, tg_pg_t *q, const char *name);
/* Prepares sql under that name. */
tg_err_t tg_pg_prepare(tg_pg_t *q, const char *name, const char *sql) TG_MUST_CHECK;

void tg_pgquery_int(tg_pgquery_t *s, int64_t v);
void tg_pgquery_bool(tg_pgquery_t *s, bool v);
/* Must be UTF-8 without NUL: a look-up of another text finds nothing (NOTFOUND), a write of one is INVALID. */
void tg_pgquery_text(tg_pgquery_t *s, tg_str_t v);
void tg_pgquery_blob(tg_pgquery_t *s, const void *p, size_t n);

/* true: a row is there. */
bool tg_pgquery_step(tg_pgquery_t *s);
/* Notes a failure of the caller's; returns it. In a write it spoils the transaction. */
tg_err_t tg_pgquery_fail(tg_pgquery_t *s, tg_err_t err);
tg_err_t tg_pgquery_done(tg_pgquery_t *s) TG_MUST_CHECK;
/* Steps to the end and is done. */
tg_err_t tg_pgquery_run(tg_pgquery_t *s) TG_MUST_CHECK;
/* The same; NOTFOUND if no row was changed. */
tg_err_t tg_pgquery_changed(tg_pgquery_t *s) TG_MUST_CHECK;
/* Rows that it changed. */
int64_t tg_pgquery_affected(const tg_pgquery_t *s);

/* Several queries in one round trip, in order. The first that fails stops those behind it; its error is returned, and
 * stands in it; the results stay in the queries. By themselves they are one transaction. */
tg_err_t tg_pg_pipeline(tg_pg_t *q, tg_pgquery_t *const *queries, size_t n) TG_MUST_CHECK;

bool tg_pgquery_col_null(const tg_pgquery_t *s, int col);
int64_t tg_pgquery_col_int(const tg_pgquery_t *s, int col); /* smallint, int, bigint or bool; 0 for NULL */
/* Borrowed from the result: until the query is done. */
tg_str_t tg_pgquery_col(const tg_pgquery_t *s, int col);
/* Copies a column of the row into the arena; a failure sticks in s->err. */
void tg_pgquery_col_text(tg_pgquery_t *s, int col, tg_arena_t *arena, tg_str_t *out);
/* Copies a column of n bytes; another length is a broken database. NULL: false. */
bool tg_pgquery_col_bytes(tg_pgquery_t *s, int col, uint8_t *out, size_t n);
/* Zeroed room for one more row of a list; NULL, and s->err set, without memory. */
void *tg_pgquery_row(tg_pgquery_t *s, tg_rows_t *rows);

#endif
