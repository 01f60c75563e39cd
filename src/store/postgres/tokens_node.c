#include "store/node.h"
#include "store/postgres/tokens.h"

static tg_pg_t *db(tg_token_store_t *store) {
    return &((tg_postgres_tokens_t *)store)->q;
}

/* ---- epochs ---- */

tg_err_t tg_postgres_epoch_get(tg_token_store_t *store, int64_t environment_id, tg_client_kind_t kind,
                               tg_str_t client_id, tg_str_t subject, int64_t *epoch) {
    tg_pgquery_t s;
    tg_pgquery_read(
        &s, db(store),
        "SELECT epoch FROM epoch WHERE environment_id = $1 AND client_kind = $2 AND client_id = $3 AND subject = $4");
    tg_pgquery_int(&s, environment_id);
    tg_pgquery_int(&s, kind);
    tg_pgquery_blob(&s, client_id.p, client_id.n);
    tg_pgquery_blob(&s, subject.p, subject.n);
    *epoch = tg_pgquery_step(&s) ? tg_pgquery_col_int(&s, 0) : 0;
    return tg_pgquery_done(&s);
}

/* ---- nodes ---- */

static tg_err_t node_write(tg_pg_t *q, const tg_node_t *n, tg_str_t workers) {
    tg_pgquery_t s;
    tg_pgquery_read(&s, q,
                    "INSERT INTO node (node_id, environment_id, environment, address, version, started_at, seen_at,"
                    " wanted, workers, draining, requests) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
                    " ON CONFLICT (node_id) DO UPDATE SET drain = node.drain AND node.started_at = excluded.started_at,"
                    " environment_id = excluded.environment_id, environment = excluded.environment,"
                    " address = excluded.address, version = excluded.version, started_at = excluded.started_at,"
                    " seen_at = excluded.seen_at, wanted = excluded.wanted, workers = excluded.workers,"
                    " draining = excluded.draining, requests = excluded.requests");
    tg_pgquery_text(&s, n->node_id);
    tg_pgquery_int(&s, n->environment_id);
    tg_pgquery_text(&s, n->environment);
    tg_pgquery_text(&s, n->address);
    tg_pgquery_text(&s, n->version);
    tg_pgquery_int(&s, n->started_at);
    tg_pgquery_int(&s, n->seen_at);
    tg_pgquery_int(&s, n->wanted);
    tg_pgquery_text(&s, workers);
    tg_pgquery_bool(&s, n->draining);
    tg_pgquery_int(&s, n->requests);
    return tg_pgquery_run(&s);
}

tg_err_t tg_postgres_node_put(tg_token_store_t *store, const tg_node_t *n) {
    tg_buf_t workers;
    tg_buf_init(&workers, TG_NODE_WORKERS_MAX);
    tg_node_workers_write(n, &workers);
    tg_err_t err = workers.err;
    if (err == TG_OK) {
        err = node_write(db(store), n, tg_buf_str(&workers));
    }
    tg_buf_release(&workers);
    return err;
}

tg_err_t tg_postgres_node_remove(tg_token_store_t *store, tg_str_t node_id, tg_ms_t started_at) {
    tg_pgquery_t s;
    tg_pgquery_read(&s, db(store), "DELETE FROM node WHERE node_id = $1 AND started_at = $2");
    tg_pgquery_text(&s, node_id);
    tg_pgquery_int(&s, started_at);
    return tg_pgquery_changed(&s);
}

tg_err_t tg_postgres_node_drain(tg_token_store_t *store, int64_t environment_id, tg_str_t node_id, bool drain) {
    tg_pgquery_t s;
    tg_pgquery_read(&s, db(store), "UPDATE node SET drain = $1 WHERE node_id = $2 AND environment_id = $3");
    tg_pgquery_bool(&s, drain);
    tg_pgquery_text(&s, node_id);
    tg_pgquery_int(&s, environment_id);
    return tg_pgquery_changed(&s);
}

static void node_read(tg_pgquery_t *s, tg_arena_t *arena, tg_node_t *out) {
    tg_pgquery_col_text(s, 0, arena, &out->node_id);
    out->environment_id = tg_pgquery_col_int(s, 1);
    tg_pgquery_col_text(s, 2, arena, &out->environment);
    tg_pgquery_col_text(s, 3, arena, &out->address);
    tg_pgquery_col_text(s, 4, arena, &out->version);
    out->started_at = tg_pgquery_col_int(s, 5);
    out->seen_at = tg_pgquery_col_int(s, 6);
    out->wanted = tg_pgquery_col_int(s, 7);
    out->draining = tg_pgquery_col_int(s, 9) != 0;
    out->requests = tg_pgquery_col_int(s, 10);
    out->drain = tg_pgquery_col_int(s, 11) != 0;
    tg_pgquery_fail(s, tg_node_workers_read(tg_pgquery_col(s, 8), arena, out));
}

tg_err_t tg_postgres_node_list(tg_token_store_t *store, int64_t environment_id, tg_ms_t since, tg_arena_t *arena,
                               tg_node_t **out, size_t *n) {
    tg_pgquery_t s;
    tg_rows_t rows;
    tg_rows_init(&rows, arena, sizeof(tg_node_t));
    tg_pgquery_read(
        &s, db(store),
        "SELECT node_id, environment_id, environment, address, version, started_at, seen_at, wanted, workers, draining,"
        " requests, drain FROM node WHERE ($1::bigint = 0 OR environment_id = $1) AND seen_at >= $2 ORDER BY node_id");
    tg_pgquery_int(&s, environment_id);
    tg_pgquery_int(&s, since);
    while (tg_pgquery_step(&s)) {
        tg_node_t *row = tg_pgquery_row(&s, &rows);
        if (row != NULL) {
            node_read(&s, arena, row);
        }
    }
    *out = (tg_node_t *)(void *)rows.p;
    *n = rows.n;
    return tg_pgquery_done(&s);
}
