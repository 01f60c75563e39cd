#include "store/node.h"
#include "store/sqlite/tokens.h"

/* ---- epochs ---- */

static void key_bind(tg_query_t *s, int64_t environment_id, tg_client_kind_t kind, tg_str_t client_id,
                     tg_str_t subject) {
    tg_query_int(s, environment_id);
    tg_query_int(s, kind);
    tg_query_text(s, client_id);
    tg_query_text(s, subject);
}

/* The epoch is the seq of its change: above all that were given before, whoever they were for. */
tg_err_t tg_epoch_write(tg_sqlite_tokens_t *t, tg_write_t *w) {
    uint8_t id[8];
    tg_epoch_id_put(tg_epoch_id(w->client_kind, w->client_id, w->subject), id);
    const tg_token_change_t row = {
        .kind = TG_TOKEN_CHANGE_EPOCH, .environment_id = w->environment_id, .id = tg_strn(id, sizeof(id))};
    tg_err_t err = tg_token_change(t, &row, &w->epoch);
    if (err != TG_OK) {
        return err;
    }
    tg_query_t s;
    tg_query_write(&s, &t->q,
                   "INSERT INTO epoch (environment_id, client_kind, client_id, subject, epoch) VALUES (?, ?, ?, ?, ?)"
                   " ON CONFLICT DO UPDATE SET epoch = excluded.epoch");
    key_bind(&s, w->environment_id, w->client_kind, w->client_id, w->subject);
    tg_query_int(&s, w->epoch);
    return tg_query_run(&s);
}

tg_err_t tg_sqlite_epoch_get(tg_token_store_t *store, int64_t environment_id, tg_client_kind_t kind, tg_str_t client_id,
                             tg_str_t subject, int64_t *epoch) {
    tg_sqlite_tokens_t *t = (tg_sqlite_tokens_t *)store;
    tg_query_t s;
    *epoch = 0;
    tg_query_read(
        &s, &t->q,
        "SELECT epoch FROM epoch WHERE environment_id = ? AND client_kind = ? AND client_id = ? AND subject = ?");
    key_bind(&s, environment_id, kind, client_id, subject);
    if (tg_query_step(&s)) {
        *epoch = sqlite3_column_int64(s.st, 0);
    }
    return tg_query_done(&s);
}

/* ---- nodes ---- */

static tg_err_t node_write(tg_sqlite_tokens_t *t, const tg_node_t *n, tg_str_t workers) {
    tg_query_t s;
    tg_query_write(&s, &t->q,
                   "INSERT INTO node (node_id, environment_id, environment, address, version, started_at, seen_at,"
                   " wanted, workers, draining, requests) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                   " ON CONFLICT DO UPDATE SET environment_id = excluded.environment_id,"
                   " environment = excluded.environment, address = excluded.address, version = excluded.version,"
                   " drain = drain AND started_at = excluded.started_at, started_at = excluded.started_at,"
                   " seen_at = excluded.seen_at, wanted = excluded.wanted, workers = excluded.workers,"
                   " draining = excluded.draining, requests = excluded.requests");
    tg_query_text(&s, n->node_id);
    tg_query_int(&s, n->environment_id);
    tg_query_text(&s, n->environment);
    tg_query_text(&s, n->address);
    tg_query_text(&s, n->version);
    tg_query_int(&s, n->started_at);
    tg_query_int(&s, n->seen_at);
    tg_query_int(&s, n->wanted);
    tg_query_text(&s, workers);
    tg_query_int(&s, n->draining);
    tg_query_int(&s, n->requests);
    return tg_query_run(&s);
}

tg_err_t tg_sqlite_node_put(tg_token_store_t *store, const tg_node_t *n) {
    tg_sqlite_tokens_t *t = (tg_sqlite_tokens_t *)store;
    tg_buf_t workers;
    tg_buf_init(&workers, TG_NODE_WORKERS_MAX);
    tg_node_workers_write(n, &workers);
    tg_err_t err = workers.err;
    if (err == TG_OK) {
        err = tg_tokens_begin(t);
    }
    if (err == TG_OK) {
        err = node_write(t, n, tg_buf_str(&workers));
        err = tg_tokens_end(t, err);
    }
    tg_buf_release(&workers);
    return err;
}

tg_err_t tg_sqlite_node_remove(tg_token_store_t *store, tg_str_t node_id, tg_ms_t started_at) {
    tg_sqlite_tokens_t *t = (tg_sqlite_tokens_t *)store;
    tg_query_t s;
    tg_err_t err = tg_tokens_begin(t);
    if (err != TG_OK) {
        return err;
    }
    tg_query_write(&s, &t->q, "DELETE FROM node WHERE node_id = ? AND started_at = ?");
    tg_query_text(&s, node_id);
    tg_query_int(&s, started_at);
    err = tg_query_changed(&s);
    return tg_tokens_end(t, err);
}

tg_err_t tg_sqlite_node_drain(tg_token_store_t *store, int64_t environment_id, tg_str_t node_id, bool drain) {
    tg_sqlite_tokens_t *t = (tg_sqlite_tokens_t *)store;
    tg_query_t s;
    tg_err_t err = tg_tokens_begin(t);
    if (err != TG_OK) {
        return err;
    }
    tg_query_write(&s, &t->q, "UPDATE node SET drain = ? WHERE node_id = ? AND environment_id = ?");
    tg_query_int(&s, drain);
    tg_query_text(&s, node_id);
    tg_query_int(&s, environment_id);
    err = tg_query_changed(&s);
    return tg_tokens_end(t, err);
}

static void node_read(tg_query_t *s, tg_arena_t *arena, tg_node_t *out) {
    tg_query_col_text(s, 0, arena, &out->node_id);
    out->environment_id = sqlite3_column_int64(s->st, 1);
    tg_query_col_text(s, 2, arena, &out->environment);
    tg_query_col_text(s, 3, arena, &out->address);
    tg_query_col_text(s, 4, arena, &out->version);
    out->started_at = sqlite3_column_int64(s->st, 5);
    out->seen_at = sqlite3_column_int64(s->st, 6);
    out->wanted = sqlite3_column_int64(s->st, 7);
    const char *workers = sqlite3_column_blob(s->st, 8);
    out->draining = sqlite3_column_int64(s->st, 9) != 0;
    out->requests = sqlite3_column_int64(s->st, 10);
    out->drain = sqlite3_column_int64(s->st, 11) != 0;
    tg_query_fail(s, tg_node_workers_read(tg_strn(workers, (size_t)sqlite3_column_bytes(s->st, 8)), arena, out));
}

tg_err_t tg_sqlite_node_list(tg_token_store_t *store, int64_t environment_id, tg_ms_t since, tg_arena_t *arena,
                             tg_node_t **out, size_t *n) {
    tg_sqlite_tokens_t *t = (tg_sqlite_tokens_t *)store;
    tg_query_t s;
    tg_rows_t rows;
    tg_rows_init(&rows, arena, sizeof(tg_node_t));
    tg_query_read(
        &s, &t->q,
        "SELECT node_id, environment_id, environment, address, version, started_at, seen_at, wanted, workers, draining,"
        " requests, drain FROM node WHERE (?1 = 0 OR environment_id = ?1) AND seen_at >= ?2 ORDER BY node_id");
    tg_query_int(&s, environment_id);
    tg_query_int(&s, since);
    while (tg_query_step(&s)) {
        tg_node_t *row = tg_query_row(&s, &rows);
        if (row != NULL) {
            node_read(&s, arena, row);
        }
    }
    *out = (tg_node_t *)(void *)rows.p;
    *n = rows.n;
    return tg_query_done(&s);
}
