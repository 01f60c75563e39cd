#include "store/postgres/db.h"

#include <endian.h>
#include <poll.h>
#include <stdio.h>

/* ---- errors ---- */

/* By SQLSTATE, the longest prefix first. */
static const struct {
    const char *state;
    tg_err_t err;
} kinds[] = {
    {"23505", TG_ERR_CONFLICT},    /* unique_violation */
    {"23503", TG_ERR_NOTFOUND},    /* foreign_key_violation */
    {"22021", TG_ERR_INVALID},     /* character_not_in_repertoire */
    {"42501", TG_ERR_UNAVAILABLE}, /* insufficient_privilege */
    {"25006", TG_ERR_UNAVAILABLE}, /* read_only_sql_transaction */
    {"25P03", TG_ERR_UNAVAILABLE}, /* idle_in_transaction_session_timeout */
    {"08", TG_ERR_UNAVAILABLE},    /* connection */
    {"28", TG_ERR_UNAVAILABLE},    /* authorization */
    {"40", TG_ERR_UNAVAILABLE},    /* deadlock, serialization */
    {"53", TG_ERR_UNAVAILABLE},    /* insufficient resources: disk full, too many connections */
    {"54", TG_ERR_LIMIT},          /* program limit exceeded */
    {"55", TG_ERR_UNAVAILABLE},    /* lock not available, object in use */
    {"57", TG_ERR_UNAVAILABLE},    /* canceled, shut down */
    {"58", TG_ERR_UNAVAILABLE},    /* system error */
    {"XX", TG_ERR_UNAVAILABLE},    /* internal: data corrupted */
};

static tg_err_t kind_of(const char *state) {
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strncmp(state, kinds[i].state, strlen(kinds[i].state)) == 0) {
            return kinds[i].err;
        }
    }
    return TG_ERR_BUG;
}

tg_err_t tg_pg_tell(tg_pg_t *q, tg_err_t err, const char *text) {
    if (q->fault != NULL) {
        *q->fault = (tg_fault_t){.field = ""};
    }
    return tg_fault(q->fault, err, "store", "%s", text);
}

tg_err_t tg_pg_err(tg_pg_t *q, const PGresult *res) {
    switch (PQresultStatus(res)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
        return TG_OK;
    case PGRES_PIPELINE_ABORTED: /* one before it has told */
        return TG_ERR_BUG;
    default:
        break;
    }
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    snprintf(q->sqlstate, sizeof(q->sqlstate), "%s", state != NULL ? state : "08006");
    tg_err_t err = kind_of(q->sqlstate);
    if (err == TG_ERR_UNAVAILABLE || err == TG_ERR_BUG) {
        char told[200];
        snprintf(told, sizeof(told), "%.180s (%s)", text != NULL ? text : PQresultErrorMessage(res), q->sqlstate);
        told[strcspn(told, "\n")] = '\0';
        tg_pg_tell(q, err, told);
    }
    return err;
}

/* ---- waiting ---- */

tg_err_t tg_pg_result(tg_pg_t *q, PGresult **res) {
    *res = NULL;
    for (;;) {
        int unsent = PQflush(q->conn);
        if (unsent < 0) {
            return tg_pg_give_up(q, PQerrorMessage(q->conn));
        }
        if (unsent == 0 && !PQisBusy(q->conn)) {
            *res = PQgetResult(q->conn);
            return TG_OK;
        }
        int64_t left = q->deadline - tg_pg_now();
        struct pollfd p = {.fd = PQsocket(q->conn), .events = (short)(POLLIN | (unsent > 0 ? POLLOUT : 0))};
        if (left <= 0 || poll(&p, 1, (int)left) == 0) {
            return tg_pg_give_up(q, "the server did not answer in time");
        }
        if ((p.revents & ~POLLOUT) != 0 && !PQconsumeInput(q->conn)) {
            return tg_pg_give_up(q, PQerrorMessage(q->conn));
        }
    }
}

/* The last result of what was sent, or the first that failed; none is left behind. */
static tg_err_t last_result(tg_pg_t *q, PGresult **out) {
    PGresult *res;
    tg_err_t err = TG_OK;
    *out = NULL;
    for (;;) {
        tg_err_t waited = tg_pg_result(q, &res);
        if (waited != TG_OK) {
            PQclear(*out);
            *out = NULL;
            return waited;
        }
        if (res == NULL) {
            break;
        }
        if (err == TG_OK) {
            PQclear(*out);
            *out = res;
            err = tg_pg_err(q, res);
        } else {
            PQclear(res);
        }
    }
    if (*out == NULL) {
        return tg_pg_give_up(q, PQerrorMessage(q->conn));
    }
    if (PQstatus(q->conn) != CONNECTION_OK) {
        char text[200];
        snprintf(text, sizeof(text), "%s", PQresultErrorMessage(*out));
        PQclear(*out);
        *out = NULL;
        return tg_pg_give_up(q, text);
    }
    return err;
}

tg_err_t tg_pg_exec(tg_pg_t *q, const char *sql) {
    PGresult *res;
    tg_pg_deadline(q, q->busy_ms);
    if (!PQsendQuery(q->conn, sql)) {
        return tg_pg_give_up(q, PQerrorMessage(q->conn));
    }
    tg_err_t err = last_result(q, &res);
    PQclear(res);
    return err;
}

/* ---- statements ---- */

tg_err_t tg_pg_prepare(tg_pg_t *q, const char *name, const char *sql) {
    PGresult *res;
    tg_pg_deadline(q, q->busy_ms);
    if (!PQsendPrepare(q->conn, name, sql, 0, NULL)) {
        return tg_pg_give_up(q, PQerrorMessage(q->conn));
    }
    tg_err_t err = last_result(q, &res);
    PQclear(res);
    return err;
}

static tg_err_t statement(tg_pg_t *q, const char *sql, char *name, size_t cap) {
    tg_err_t err = tg_pg_ensure(q);
    for (size_t i = 0; i < TG_PG_STATEMENTS && err == TG_OK; i++) {
        if (q->statements[i] != NULL && q->statements[i] != sql) {
            continue;
        }
        snprintf(name, cap, "s%zu", i);
        if (q->statements[i] == NULL) {
            err = tg_pg_prepare(q, name, sql);
            q->statements[i] = err == TG_OK ? sql : NULL;
        }
        return err;
    }
    return err != TG_OK ? err : tg_pg_tell(q, TG_ERR_BUG, "more statements than TG_PG_STATEMENTS");
}

static void query_init(tg_pgquery_t *s, tg_pg_t *q) {
    s->q = q;
    s->name[0] = '\0';
    s->life = q->lives;
    s->params = 0;
    s->res = NULL;
    s->row = -1;
    s->write = false;
    s->err = TG_OK;
}

void tg_pgquery_use(tg_pgquery_t *s, tg_pg_t *q, const char *name) {
    query_init(s, q);
    snprintf(s->name, sizeof(s->name), "%s", name);
}

void tg_pgquery_read(tg_pgquery_t *s, tg_pg_t *q, const char *sql) {
    query_init(s, q);
    s->err = statement(q, sql, s->name, sizeof(s->name));
    s->life = q->lives;
}

void tg_pgquery_write(tg_pgquery_t *s, tg_pg_t *q, const char *sql) {
    query_init(s, q);
    s->write = true;
    if (!q->writing || q->spoiled) {
        s->err = tg_pg_tell(q, TG_ERR_BUG,
                            q->writing ? "a write after one that failed" : "a write outside of a transaction");
    } else {
        s->err = statement(q, sql, s->name, sizeof(s->name));
    }
}

static void bind(tg_pgquery_t *s, const void *p, size_t n) {
    if (s->params == TG_PG_PARAMS) {
        tg_pgquery_fail(s, TG_ERR_BUG);
    } else if (n > INT32_MAX) {
        tg_pgquery_fail(s, TG_ERR_LIMIT);
    } else {
        s->values[s->params] = p;
        s->lengths[s->params++] = (int)n;
    }
}

void tg_pgquery_int(tg_pgquery_t *s, int64_t v) {
    if (s->params < TG_PG_PARAMS) {
        const uint64_t wire = htobe64((uint64_t)v);
        memcpy(s->ints[s->params], &wire, sizeof(wire));
        bind(s, s->ints[s->params], sizeof(wire));
    }
}

void tg_pgquery_bool(tg_pgquery_t *s, bool v) {
    bind(s, v ? "\1" : "\0", 1);
}

void tg_pgquery_text(tg_pgquery_t *s, tg_str_t v) {
    if (!tg_str_is_utf8(v)) {
        tg_pgquery_fail(s, s->write ? TG_ERR_INVALID : TG_ERR_NOTFOUND);
    }
    bind(s, v.p != NULL ? v.p : "", v.n);
}

void tg_pgquery_blob(tg_pgquery_t *s, const void *p, size_t n) {
    bind(s, p != NULL ? p : "", n);
}

static const int binary[TG_PG_PARAMS] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                                         1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

static bool query_send(tg_pgquery_t *s) {
    return PQsendQueryPrepared(s->q->conn, s->name, s->params, s->values, s->lengths, binary, 1) != 0;
}

/* A statement lives in the connection that it was prepared in. */
static tg_err_t query_check(const tg_pgquery_t *s) {
    if (s->err != TG_OK) {
        return s->err;
    }
    return s->q->conn != NULL && s->life == s->q->lives
               ? TG_OK
               : tg_pg_tell(s->q, TG_ERR_UNAVAILABLE, "the connection was lost");
}

static void query_execute(tg_pgquery_t *s) {
    s->err = query_check(s);
    if (s->err != TG_OK) {
        return;
    }
    tg_pg_deadline(s->q, s->q->busy_ms);
    s->err = query_send(s) ? last_result(s->q, &s->res) : tg_pg_give_up(s->q, PQerrorMessage(s->q->conn));
}

bool tg_pgquery_step(tg_pgquery_t *s) {
    if (s->err == TG_OK && s->res == NULL) {
        query_execute(s);
    }
    return s->err == TG_OK && ++s->row < PQntuples(s->res);
}

tg_err_t tg_pgquery_fail(tg_pgquery_t *s, tg_err_t err) {
    if (s->err == TG_OK) {
        s->err = err;
    }
    return s->err;
}

tg_err_t tg_pgquery_done(tg_pgquery_t *s) {
    PQclear(s->res);
    s->res = NULL;
    if (s->write && s->err != TG_OK) {
        s->q->spoiled = true;
    }
    return s->err;
}

tg_err_t tg_pgquery_run(tg_pgquery_t *s) {
    while (tg_pgquery_step(s)) {
    }
    return tg_pgquery_done(s);
}

int64_t tg_pgquery_affected(const tg_pgquery_t *s) {
    uint64_t n = 0;
    return s->res != NULL && tg_str_to_u64(tg_str(PQcmdTuples(s->res)), INT64_MAX, &n) ? (int64_t)n : 0;
}

tg_err_t tg_pgquery_changed(tg_pgquery_t *s) {
    while (tg_pgquery_step(s)) {
    }
    if (s->err == TG_OK && tg_pgquery_affected(s) == 0) {
        tg_pgquery_fail(s, TG_ERR_NOTFOUND);
    }
    return tg_pgquery_done(s);
}

/* ---- columns ---- */

bool tg_pgquery_col_null(const tg_pgquery_t *s, int col) {
    return PQgetisnull(s->res, s->row, col) != 0;
}

int64_t tg_pgquery_col_int(const tg_pgquery_t *s, int col) {
    const char *p = PQgetvalue(s->res, s->row, col);
    int n = PQgetlength(s->res, s->row, col);
    uint64_t v = n > 1 && (p[0] & 0x80) != 0 ? UINT64_MAX : 0;
    for (int i = 0; i < n && n <= 8; i++) {
        v = v << 8 | (uint8_t)p[i];
    }
    return (int64_t)v;
}

tg_str_t tg_pgquery_col(const tg_pgquery_t *s, int col) {
    return tg_strn(PQgetvalue(s->res, s->row, col), (size_t)PQgetlength(s->res, s->row, col));
}

void tg_pgquery_col_text(tg_pgquery_t *s, int col, tg_arena_t *arena, tg_str_t *out) {
    if (!tg_arena_str(arena, tg_pgquery_col(s, col), out)) {
        tg_pgquery_fail(s, TG_ERR_NOMEM);
    }
}

bool tg_pgquery_col_bytes(tg_pgquery_t *s, int col, uint8_t *out, size_t n) {
    if (tg_pgquery_col_null(s, col)) {
        return false;
    }
    const tg_str_t v = tg_pgquery_col(s, col);
    if (v.n != n) {
        tg_pgquery_fail(s, TG_ERR_BUG);
        return false;
    }
    memcpy(out, v.p, n);
    return true;
}

void *tg_pgquery_row(tg_pgquery_t *s, tg_rows_t *rows) {
    void *row = tg_rows_add(rows);
    if (row == NULL) {
        tg_pgquery_fail(s, TG_ERR_NOMEM);
    }
    return row;
}

/* ---- several at once ---- */

/* The result of the next query of a pipeline, and the NULL behind it. */
static tg_err_t pipeline_take(tg_pg_t *q, tg_pgquery_t *s) {
    PGresult *res;
    tg_err_t err = tg_pg_result(q, &res);
    if (err != TG_OK) {
        return err;
    }
    s->err = tg_pg_err(q, res);
    s->res = res;
    err = tg_pg_result(q, &res);
    PQclear(res);
    return err;
}

/* To behind the sync, where the connection is ready for anything again. */
static tg_err_t pipeline_end(tg_pg_t *q) {
    PGresult *res;
    tg_err_t err = tg_pg_result(q, &res);
    bool synced = err == TG_OK && PQresultStatus(res) == PGRES_PIPELINE_SYNC;
    PQclear(res);
    if (err != TG_OK) {
        return err;
    }
    return synced && PQexitPipelineMode(q->conn) ? TG_OK : tg_pg_give_up(q, PQerrorMessage(q->conn));
}

static tg_err_t pipeline_send(tg_pg_t *q, tg_pgquery_t *const *queries, size_t n) {
    bool sent = PQenterPipelineMode(q->conn) != 0;
    for (size_t i = 0; i < n && sent; i++) {
        sent = query_send(queries[i]);
    }
    return sent && PQpipelineSync(q->conn) ? TG_OK : tg_pg_give_up(q, PQerrorMessage(q->conn));
}

tg_err_t tg_pg_pipeline(tg_pg_t *q, tg_pgquery_t *const *queries, size_t n) {
    tg_err_t err = TG_OK;
    for (size_t i = 0; i < n && err == TG_OK; i++) {
        err = query_check(queries[i]);
    }
    if (err != TG_OK) {
        return err;
    }
    tg_pg_deadline(q, q->busy_ms);
    err = pipeline_send(q, queries, n);
    tg_err_t first = TG_OK;
    for (size_t i = 0; i < n && err == TG_OK; i++) {
        err = pipeline_take(q, queries[i]);
        first = first == TG_OK ? queries[i]->err : first;
    }
    if (err == TG_OK) {
        err = pipeline_end(q);
    }
    return err != TG_OK ? err : first;
}

/* ---- transactions ---- */

/* As a statement of its own: prepared at most once. */
static tg_err_t exec(tg_pg_t *q, const char *sql) {
    tg_pgquery_t s;
    tg_pgquery_read(&s, q, sql);
    return tg_pgquery_run(&s);
}

static const char begin_sql[] = "BEGIN ISOLATION LEVEL READ COMMITTED";
static const char commit_sql[] = "COMMIT";

/* Milliseconds as a setting of this transaction. */
static const char timeouts_sql[] = "SELECT set_config('lock_timeout', $1::bigint::text, true), "
                                   "set_config('statement_timeout', $2::bigint::text, true)";

static tg_err_t lock(tg_pg_t *q, int wait_ms) {
    tg_pgquery_t s[4];
    const int wait = wait_ms > 0 ? wait_ms : 1; /* 0 would wait for ever */
    tg_pgquery_read(&s[0], q, begin_sql);
    tg_pgquery_read(&s[1], q, timeouts_sql);
    tg_pgquery_int(&s[1], wait);
    tg_pgquery_int(&s[1], wait + q->busy_ms);
    tg_pgquery_read(&s[2], q, "SELECT seq FROM head FOR UPDATE");
    tg_pgquery_read(&s[3], q, timeouts_sql);
    tg_pgquery_int(&s[3], q->busy_ms);
    tg_pgquery_int(&s[3], q->busy_ms);
    int busy_ms = q->busy_ms;
    q->busy_ms += wait;
    tg_err_t err = tg_pg_pipeline(q, (tg_pgquery_t *const[]){&s[0], &s[1], &s[2], &s[3]}, 4);
    q->busy_ms = busy_ms;
    for (size_t i = 0; i < 4; i++) {
        PQclear(s[i].res);
    }
    return err;
}

tg_err_t tg_pg_begin(tg_pg_t *q, int wait_ms) {
    if (q->writing || q->reading > 0) {
        return tg_pg_tell(q, TG_ERR_BUG, "a transaction inside another, or inside a read view");
    }
    q->sqlstate[0] = '\0';
    tg_err_t err = lock(q, wait_ms);
    q->writing = true;
    q->spoiled = false;
    if (err != TG_OK) {
        bool held = strcmp(q->sqlstate, "55P03") == 0;
        tg_pg_rollback(q);
        return held ? tg_pg_tell(q, TG_ERR_UNAVAILABLE, "another writer holds the lock") : err;
    }
    return TG_OK;
}

void tg_pg_abandon(tg_pg_t *q) {
    tg_fault_t kept = q->fault != NULL ? *q->fault : (tg_fault_t){.field = ""};
    if (q->conn != NULL && PQtransactionStatus(q->conn) != PQTRANS_IDLE && tg_pg_exec(q, "ROLLBACK") != TG_OK &&
        q->conn != NULL) {
        (void)!tg_pg_give_up(q, "");
    }
    if (q->fault != NULL) {
        *q->fault = kept;
    }
}

void tg_pg_rollback(tg_pg_t *q) {
    if (q->writing) {
        tg_pg_abandon(q);
        q->writing = false;
    }
}

tg_err_t tg_pg_commit(tg_pg_t *q) {
    tg_err_t err;
    if (q->conn != NULL && PQtransactionStatus(q->conn) == PQTRANS_INERROR) {
        q->spoiled = true; /* a look-up failed in it: the server would answer COMMIT with ROLLBACK */
    }
    if (!q->writing || q->spoiled) {
        err = tg_pg_tell(q, q->conn == NULL ? TG_ERR_UNAVAILABLE : TG_ERR_BUG,
                         q->writing ? "a commit after a write that failed" : "a commit outside of a transaction");
    } else {
        err = exec(q, commit_sql);
    }
    if (err != TG_OK) {
        tg_pg_rollback(q);
        return err;
    }
    q->writing = false;
    return TG_OK;
}

tg_err_t tg_pg_read_begin(tg_pg_t *q) {
    if (!q->writing && q->reading == 0) {
        tg_err_t err = exec(q, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
        if (err != TG_OK) {
            return err;
        }
    }
    q->reading++;
    return TG_OK;
}

void tg_pg_read_end(tg_pg_t *q) {
    if (q->reading > 0 && --q->reading == 0 && !q->writing) {
        tg_pg_abandon(q);
    }
}
