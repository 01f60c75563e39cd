#include "store/memory/tokens.h"

const tg_row_type_t tg_memory_request_type = {
    sizeof(tg_request_row_t),
    9,
    {offsetof(tg_request_row_t, node), offsetof(tg_request_row_t, endpoint), offsetof(tg_request_row_t, client_id),
     offsetof(tg_request_row_t, proxy), offsetof(tg_request_row_t, user), offsetof(tg_request_row_t, address),
     offsetof(tg_request_row_t, grant), offsetof(tg_request_row_t, error), offsetof(tg_request_row_t, reason)},
};

static const tg_request_row_t *row_at(const tg_table_t *t, size_t i) {
    return t->rows[i];
}

tg_err_t tg_memory_request_put(tg_token_store_t *s, const tg_request_row_t *rows, size_t n) {
    tg_memory_tokens_db_t *db = tg_memory_of(s);
    tg_table_t *t = &db->requests;
    tg_err_t err = TG_OK;
    pthread_mutex_lock(&db->mutex);
    size_t before = t->n;
    for (size_t i = 0; i < n && err == TG_OK; i++) {
        tg_request_row_t row = rows[i];
        row.seq = db->last_request + 1 + (int64_t)i;
        err = tg_table_add(t, &row);
    }
    if (err == TG_OK) {
        db->last_request += (int64_t)n;
    } else {
        tg_table_cut(t, before, t->n - before);
    }
    pthread_mutex_unlock(&db->mutex);
    return err;
}

static bool is(tg_str_t wanted, tg_str_t text) {
    return wanted.n == 0 || tg_str_eq(wanted, text);
}

static bool matches(const tg_request_row_t *r, const tg_request_query_t *q) {
    return (q->before_seq == 0 || r->seq < q->before_seq) && (q->from == 0 || r->at >= q->from) &&
           (q->to == 0 || r->at < q->to) && (q->environment_id == 0 || r->environment_id == q->environment_id) &&
           (q->project_id == 0 || r->project_id == q->project_id) &&
           (q->status_from == 0 || r->status >= q->status_from) && (q->status_to == 0 || r->status <= q->status_to) &&
           is(q->proxy, r->proxy) && is(q->client_id, r->client_id) && is(q->user, r->user) && is(q->error, r->error);
}

tg_err_t tg_memory_request_list(tg_token_store_t *s, const tg_request_query_t *query, tg_arena_t *arena,
                                tg_request_row_t **out, size_t *n) {
    tg_memory_tokens_db_t *db = tg_memory_of(s);
    const tg_table_t *t = &db->requests;
    tg_rows_t rows;
    tg_err_t err = TG_OK;
    tg_rows_init(&rows, arena, sizeof(tg_request_row_t));
    pthread_mutex_lock(&db->mutex);
    for (size_t i = t->n; i-- > 0 && rows.n < query->limit && err == TG_OK;) {
        if (matches(row_at(t, i), query)) {
            tg_request_row_t *row = tg_rows_add(&rows);
            err = row == NULL ? TG_ERR_NOMEM : tg_row_give(t->type, t->rows[i], arena, row);
        }
    }
    pthread_mutex_unlock(&db->mutex);
    *out = (tg_request_row_t *)(void *)rows.p;
    *n = rows.n;
    return err;
}

static bool is_past(const tg_request_row_t *r, int64_t environment_id, tg_ms_t before) {
    return r->environment_id == environment_id && r->at < before;
}

tg_err_t tg_memory_request_prune(tg_token_store_t *s, int64_t environment_id, tg_ms_t before, size_t limit,
                                 int64_t *pruned) {
    tg_memory_tokens_db_t *db = tg_memory_of(s);
    tg_table_t *t = &db->requests;
    *pruned = 0;
    pthread_mutex_lock(&db->mutex);
    for (size_t i = 0; i < t->n && limit > 0; i++) {
        size_t old = 0; /* how many lie together: often all of them */
        while (i + old < t->n && old < limit && is_past(row_at(t, i + old), environment_id, before)) {
            old++;
        }
        tg_table_cut(t, i, old);
        limit -= old;
        *pruned += (int64_t)old;
    }
    pthread_mutex_unlock(&db->mutex);
    return TG_OK;
}
