#include "store/postgres/tokens.h"

#define NUMBERS 6
#define TEXTS   9

static tg_pg_t *db(tg_token_store_t *store) {
    return &((tg_postgres_tokens_t *)store)->q;
}

/* ---- writing ---- */

static void row_add(tg_pg_array_t a[NUMBERS - 1 + TEXTS], const tg_request_row_t *r) {
    const int64_t numbers[] = {r->at, r->environment_id, r->project_id, r->status, r->duration_us};
    const tg_str_t texts[TEXTS] = {r->proxy, r->client_id, r->user,    r->error, r->reason,
                                   r->node,  r->endpoint,  r->address, r->grant};
    for (size_t i = 0; i < NUMBERS - 1; i++) {
        tg_pg_array_int(&a[i], numbers[i]);
    }
    for (size_t i = 0; i < TEXTS; i++) {
        tg_pg_array_blob(&a[NUMBERS - 1 + i], texts[i]);
    }
}

#define COLUMNS                                                                                                        \
    "at, environment_id, project_id, status, duration_us, proxy, client_id, user_name, error, reason, node, "          \
    "endpoint, "                                                                                                       \
    "address, grant_type"

static const char insert_sql[] =
    "WITH h AS (UPDATE request_head SET seq = seq + $15 RETURNING seq - $15 AS base)"
    " INSERT INTO request (seq, " COLUMNS ") SELECT h.base + u.ord, " COLUMNS " FROM h, unnest($1::int8[], $2::int8[],"
    " $3::int8[], $4::int8[], $5::int8[], $6::bytea[], $7::bytea[], $8::bytea[], $9::bytea[], $10::bytea[],"
    " $11::bytea[], $12::bytea[], $13::bytea[], $14::bytea[]) WITH ORDINALITY u (" COLUMNS ", ord)";

/* Nobody waits for the disk here. */
tg_err_t tg_postgres_request_put(tg_token_store_t *store, const tg_request_row_t *rows, size_t n) {
    tg_pgquery_t set, insert;
    tg_pg_array_t arrays[NUMBERS - 1 + TEXTS];
    if (n == 0) {
        return TG_OK;
    }
    for (size_t i = 0; i < NUMBERS - 1 + TEXTS; i++) {
        tg_pg_array_init(&arrays[i], i < NUMBERS - 1 ? TG_PG_INT8 : TG_PG_BYTEA);
    }
    for (size_t i = 0; i < n; i++) {
        row_add(arrays, &rows[i]);
    }
    tg_pgquery_read(&set, db(store), "SELECT set_config('synchronous_commit', 'off', true)");
    tg_pgquery_read(&insert, db(store), insert_sql);
    for (size_t i = 0; i < NUMBERS - 1 + TEXTS; i++) {
        tg_pgquery_array(&insert, &arrays[i]);
    }
    tg_pgquery_int(&insert, (int64_t)n);
    tg_err_t err = tg_pg_pipeline(db(store), (tg_pgquery_t *const[]){&set, &insert}, 2);
    PQclear(set.res);
    PQclear(insert.res);
    for (size_t i = 0; i < NUMBERS - 1 + TEXTS; i++) {
        tg_pg_array_release(&arrays[i]);
    }
    return err;
}

/* ---- reading ---- */

/* What is not asked for falls away when the query is planned. */
#define FILTER                                                                                                         \
    " FROM request WHERE ($1::bigint = 0 OR seq < $1) AND ($2::bigint = 0 OR at >= $2) AND ($3::bigint = 0 OR at < "   \
    "$3)"                                                                                                              \
    " AND ($4::bigint = 0 OR environment_id = $4) AND ($5::bigint = 0 OR project_id = $5)"                             \
    " AND ($6::bigint = 0 OR status >= $6) AND ($7::bigint = 0 OR status <= $7)"                                       \
    " AND ($8::bytea = '' OR proxy = $8) AND ($9::bytea = '' OR client_id = $9)"                                       \
    " AND ($10::bytea = '' OR user_name = $10) AND ($11::bytea = '' OR error = $11)"

static const char list_sql[] = "SELECT seq, " COLUMNS FILTER " ORDER BY seq DESC LIMIT $12";

static void query_bind(tg_pgquery_t *s, const tg_request_query_t *q) {
    const int64_t numbers[] = {q->before_seq, q->from,        q->to,       q->environment_id,
                               q->project_id, q->status_from, q->status_to};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        tg_pgquery_int(s, numbers[i]);
    }
    tg_pgquery_blob(s, q->proxy.p, q->proxy.n);
    tg_pgquery_blob(s, q->client_id.p, q->client_id.n);
    tg_pgquery_blob(s, q->user.p, q->user.n);
    tg_pgquery_blob(s, q->error.p, q->error.n);
    tg_pgquery_int(s, q->limit < INT32_MAX ? (int64_t)q->limit : INT32_MAX);
}

static void row_read(tg_pgquery_t *s, tg_arena_t *arena, tg_request_row_t *r) {
    tg_str_t *const texts[TEXTS] = {&r->proxy, &r->client_id, &r->user,    &r->error, &r->reason,
                                    &r->node,  &r->endpoint,  &r->address, &r->grant};
    r->seq = tg_pgquery_col_int(s, 0);
    r->at = tg_pgquery_col_int(s, 1);
    r->environment_id = tg_pgquery_col_int(s, 2);
    r->project_id = tg_pgquery_col_int(s, 3);
    r->status = (int32_t)tg_pgquery_col_int(s, 4);
    r->duration_us = tg_pgquery_col_int(s, 5);
    for (size_t i = 0; i < TEXTS; i++) {
        tg_pgquery_col_text(s, NUMBERS + (int)i, arena, texts[i]);
    }
}

/* Which index is best follows from what is asked for: planned anew each time. */
tg_err_t tg_postgres_request_list(tg_token_store_t *store, const tg_request_query_t *query, tg_arena_t *arena,
                                  tg_request_row_t **out, size_t *n) {
    tg_pgquery_t plan, s;
    tg_rows_t rows;
    tg_rows_init(&rows, arena, sizeof(tg_request_row_t));
    tg_pgquery_read(&plan, db(store), "SELECT set_config('plan_cache_mode', 'force_custom_plan', true)");
    tg_pgquery_read(&s, db(store), list_sql);
    query_bind(&s, query);
    tg_pgquery_fail(&s, tg_pg_pipeline(db(store), (tg_pgquery_t *const[]){&plan, &s}, 2));
    PQclear(plan.res);
    while (tg_pgquery_step(&s)) {
        tg_request_row_t *row = tg_pgquery_row(&s, &rows);
        if (row != NULL) {
            row_read(&s, arena, row);
        }
    }
    *out = (tg_request_row_t *)(void *)rows.p;
    *n = rows.n;
    return tg_pgquery_done(&s);
}

/* ---- pruning ---- */

tg_err_t tg_postgres_request_prune(tg_token_store_t *store, int64_t environment_id, tg_ms_t before, size_t limit,
                                   int64_t *pruned) {
    tg_pgquery_t s;
    tg_pgquery_read(&s, db(store),
                    "DELETE FROM request WHERE seq IN (SELECT seq FROM request WHERE environment_id = $1 AND at < $2"
                    " ORDER BY at, seq LIMIT $3)");
    tg_pgquery_int(&s, environment_id);
    tg_pgquery_int(&s, before);
    tg_pgquery_int(&s, limit < INT32_MAX ? (int64_t)limit : INT32_MAX);
    while (tg_pgquery_step(&s)) {
    }
    *pruned = tg_pgquery_affected(&s);
    return tg_pgquery_done(&s);
}
