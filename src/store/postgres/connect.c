#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "store/postgres/db.h"

#define BUSY_DEFAULT_MS 5000
#define MARGIN_MS       500 /* that a server has to tell of its own timeout */
#define RETRY_MS        100 /* after a first failure; then twice as long each time */
#define RETRY_MAX_MS    1000
#define KEYWORDS_MAX    64

int64_t tg_pg_now(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void tg_pg_deadline(tg_pg_t *q, int ms) {
    q->deadline = tg_pg_now() + ms + MARGIN_MS;
}

/* ---- the connection URI ---- */

/* What the URI does not say. connect_timeout is per host; a peer that is gone is noticed within seconds. A client
 * certificate is one that the URI names: libpq would look for it in the home of whoever started us, and fail where that
 * is closed to the user that we are now. */
static const char *const defaults[][2] = {
    {"connect_timeout", "2"},     {"keepalives_idle", "5"},  {"keepalives_interval", "2"}, {"keepalives_count", "3"},
    {"tcp_user_timeout", "5000"}, {"gssencmode", "disable"}, {"sslcert", "/nonexistent"},
};

static void quiet(void *arg, const char *message) {
    (void)arg, (void)message;
}

/* libpq's words of a URI that it cannot read may show the password in it. */
static tg_err_t uri_refuse(const char *uri, const char *why, tg_fault_t *fault) {
    bool secret = strchr(uri, '@') != NULL || strstr(uri, "password") != NULL;
    size_t n = why != NULL && !secret ? strcspn(why, "\n") : 0;
    return tg_fault(fault, TG_ERR_INVALID, "store", "not a connection URI of PostgreSQL%s%.*s", n > 0 ? ": " : "",
                    (int)n, why != NULL ? why : "");
}

static PGconn *start(const PQconninfoOption *given) {
    const char *keywords[KEYWORDS_MAX], *values[KEYWORDS_MAX];
    size_t n = 0;
    for (const PQconninfoOption *o = given; o->keyword != NULL && n < KEYWORDS_MAX - 4; o++) {
        const char *value = o->val;
        for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]) && value == NULL; i++) {
            value = strcmp(o->keyword, defaults[i][0]) == 0 ? defaults[i][1] : NULL;
        }
        if (value != NULL && strcmp(o->keyword, "client_encoding") != 0) {
            keywords[n] = o->keyword;
            values[n++] = value;
        }
    }
    keywords[n] = "client_encoding";
    values[n++] = "UTF8";
    keywords[n] = "fallback_application_name";
    values[n++] = "tollgate";
    keywords[n] = values[n] = NULL;
    return PQconnectdbParams(keywords, values, 0);
}

static tg_err_t dial(tg_pg_t *q, tg_fault_t *fault) {
    char *why = NULL;
    PQconninfoOption *given = PQconninfoParse(q->uri, &why);
    if (given == NULL) {
        tg_err_t err = uri_refuse(q->uri, why, fault);
        PQfreemem(why);
        return err;
    }
    q->conn = start(given);
    PQconninfoFree(given);
    if (q->conn == NULL) {
        return TG_ERR_NOMEM;
    }
    if (PQstatus(q->conn) != CONNECTION_OK || PQsetnonblocking(q->conn, 1) != 0) {
        const char *text = PQerrorMessage(q->conn);
        return tg_fault(fault, TG_ERR_UNAVAILABLE, "store", "%.*s", (int)strcspn(text, "\n"), text);
    }
    PQsetNoticeProcessor(q->conn, quiet, NULL);
    return TG_OK;
}

/* ---- a session ---- */

/* Plans are made once and must stay good while a table that was empty grows: so never a scan of the whole. A client
 * that stands still inside a transaction holds up the others; it loses its connection. */
static const char session[] =
    "SET search_path = %s, pg_temp; SET statement_timeout = %d; SET idle_in_transaction_session_timeout = %d;"
    " SET default_transaction_isolation = 'read committed'; SET default_transaction_read_only = off;"
    " SET client_min_messages = warning; SET standard_conforming_strings = on; SET bytea_output = hex;"
    " SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET jit = off;"
    " SELECT set_config('synchronous_commit', CASE WHEN %s THEN 'off' WHEN current_setting('synchronous_commit') = "
    "'off'"
    " THEN 'on' ELSE current_setting('synchronous_commit') END, false)";

static tg_err_t session_set(tg_pg_t *q) {
    char sql[1024];
    int idle_ms = q->busy_ms > 2500 ? q->busy_ms * 2 : 5000;
    snprintf(sql, sizeof(sql), session, q->schema.name, q->busy_ms, idle_ms, q->sync_off ? "true" : "false");
    return tg_pg_exec(q, sql);
}

static tg_err_t connect_to(tg_pg_t *q, bool create, tg_fault_t *fault) {
    tg_fault_t *told = q->fault;
    memset(q->statements, 0, sizeof(q->statements));
    q->lives++;
    tg_err_t err = dial(q, fault);
    if (err == TG_OK) {
        q->fault = fault;
        err = session_set(q);
        if (err == TG_OK) {
            err = tg_pg_settle(q, create, fault);
        }
        q->fault = told;
    }
    if (err != TG_OK) {
        PQfinish(q->conn);
        q->conn = NULL;
        q->retry_ms = q->retry_ms == 0 ? RETRY_MS : q->retry_ms < RETRY_MAX_MS / 2 ? q->retry_ms * 2 : RETRY_MAX_MS;
        q->retry_at = tg_pg_now() + q->retry_ms;
        return err;
    }
    q->retry_ms = 0;
    return TG_OK;
}

tg_err_t tg_pg_give_up(tg_pg_t *q, const char *why) {
    char text[200];
    snprintf(text, sizeof(text), "%.*s", (int)strcspn(why, "\n"), why); /* it may be the connection's own */
    PQfinish(q->conn);
    q->conn = NULL;
    return tg_pg_tell(q, TG_ERR_UNAVAILABLE, text[0] != '\0' ? text : "the connection was lost");
}

static void notes_take(tg_pg_t *q) {
    PGnotify *note;
    while ((note = PQnotifies(q->conn)) != NULL) {
        PQfreemem(note);
        q->told = true;
    }
}

bool tg_pg_hear(tg_pg_t *q) {
    struct pollfd p = {.fd = PQsocket(q->conn), .events = POLLIN};
    bool alive = true;
    notes_take(q); /* one may have come with an answer */
    while (alive && poll(&p, 1, 0) > 0) {
        alive = PQconsumeInput(q->conn) != 0;
        notes_take(q);
    }
    return alive && PQstatus(q->conn) == CONNECTION_OK;
}

/* What a server says on a connection that is idle and does not listen is most often that it goes: its last words, then
 * the end. Noticed here, it costs no call. */
static bool idle_alive(tg_pg_t *q) {
    if (PQtransactionStatus(q->conn) != PQTRANS_IDLE || PQpipelineStatus(q->conn) != PQ_PIPELINE_OFF) {
        return true;
    }
    return tg_pg_hear(q);
}

tg_err_t tg_pg_ensure(tg_pg_t *q) {
    tg_fault_t fault = {.field = ""};
    if (q->conn != NULL && !idle_alive(q)) {
        PQfinish(q->conn);
        q->conn = NULL;
    }
    if (q->conn != NULL) {
        return TG_OK;
    }
    if (q->writing || q->reading > 0) {
        return tg_pg_tell(q, TG_ERR_UNAVAILABLE, "the connection was lost inside a transaction");
    }
    if (tg_pg_now() < q->retry_at) {
        return tg_pg_tell(q, TG_ERR_UNAVAILABLE, "the server could not be reached a moment ago");
    }
    tg_err_t err = connect_to(q, false, &fault);
    if (err != TG_OK && err != TG_ERR_NOMEM) {
        err = tg_pg_tell(q, TG_ERR_UNAVAILABLE, fault.text);
    }
    return err;
}

tg_err_t tg_pg_open(tg_pg_t *q, tg_str_t uri, const tg_pg_schema_t *schema, const tg_store_options_t *options,
                    tg_fault_t *fault) {
    tg_fault_t own = {.field = ""};
    *q = (tg_pg_t){.schema = *schema,
                   .busy_ms = options->busy_ms > 0 ? options->busy_ms : BUSY_DEFAULT_MS,
                   .sync_off = options->batch_sync_off};
    if (memchr(uri.p, 0, uri.n) != NULL) {
        return tg_fault(fault, TG_ERR_INVALID, "store", "a NUL in the connection URI");
    }
    size_t n = sizeof("postgresql:") + uri.n;
    q->uri = malloc(n);
    if (q->uri == NULL) {
        return TG_ERR_NOMEM;
    }
    snprintf(q->uri, n, "postgresql:%.*s", TG_STR_ARGS(uri));
    tg_err_t err = connect_to(q, options->create, fault != NULL ? fault : &own);
    if (err != TG_OK) {
        tg_pg_close(q);
    }
    return err;
}

void tg_pg_close(tg_pg_t *q) {
    PQfinish(q->conn); /* the server rolls back what is open; NULL is fine */
    if (q->uri != NULL) {
        tg_wipe(q->uri, strlen(q->uri));
        free(q->uri);
    }
    *q = (tg_pg_t){.conn = NULL};
}
