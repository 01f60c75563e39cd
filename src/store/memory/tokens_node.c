#include "store/memory/tokens.h"

const tg_row_type_t tg_memory_epoch_type = {
    sizeof(tg_epoch_row_t), 2, {offsetof(tg_epoch_row_t, client_id), offsetof(tg_epoch_row_t, subject)}};
const tg_row_type_t tg_memory_node_type = {
    sizeof(tg_node_t),
    4,
    {offsetof(tg_node_t, node_id), offsetof(tg_node_t, environment), offsetof(tg_node_t, address),
     offsetof(tg_node_t, version)},
};
const tg_row_type_t tg_memory_worker_type = {
    sizeof(tg_worker_row_t), 2, {offsetof(tg_worker_row_t, node_id), offsetof(tg_worker_row_t, worker.error)}};

/* ---- epochs ---- */

static ptrdiff_t epoch_index(const tg_table_t *t, const tg_epoch_row_t *key) {
    for (size_t i = 0; i < t->n; i++) {
        const tg_epoch_row_t *row = t->rows[i];
        if (row->environment_id == key->environment_id && row->kind == key->kind &&
            tg_str_eq(row->client_id, key->client_id) && tg_str_eq(row->subject, key->subject)) {
            return (ptrdiff_t)i;
        }
    }
    return -1;
}

static int64_t epoch_at(const tg_table_t *t, ptrdiff_t i) {
    return i < 0 ? 0 : ((const tg_epoch_row_t *)t->rows[i])->epoch;
}

tg_err_t tg_memory_epoch_set(tg_memory_tokens_db_t *db, const tg_write_t *w) {
    const tg_epoch_row_t row = {w->environment_id, w->client_kind, w->client_id, w->subject, w->epoch};
    ptrdiff_t i = epoch_index(&db->epochs, &row);
    return i < 0 ? tg_table_add(&db->epochs, &row) : tg_table_set(&db->epochs, (size_t)i, &row);
}

tg_err_t tg_memory_epoch_get(tg_token_store_t *s, int64_t environment_id, tg_client_kind_t kind, tg_str_t client_id,
                             tg_str_t subject, int64_t *epoch) {
    tg_memory_tokens_db_t *db = tg_memory_of(s);
    const tg_epoch_row_t key = {environment_id, kind, client_id, subject, 0};
    pthread_mutex_lock(&db->mutex);
    *epoch = epoch_at(&db->epochs, epoch_index(&db->epochs, &key));
    pthread_mutex_unlock(&db->mutex);
    return TG_OK;
}

/* ---- nodes ---- */

static ptrdiff_t node_index(const tg_table_t *nodes, tg_str_t node_id) {
    for (size_t i = 0; i < nodes->n; i++) {
        if (tg_str_eq(((const tg_node_t *)nodes->rows[i])->node_id, node_id)) {
            return (ptrdiff_t)i;
        }
    }
    return -1;
}

static bool is_of_start(const tg_table_t *nodes, tg_str_t node_id, tg_ms_t started_at) {
    ptrdiff_t i = node_index(nodes, node_id);
    return i >= 0 && ((const tg_node_t *)nodes->rows[i])->started_at == started_at;
}

static bool forget(tg_table_t *nodes, tg_table_t *workers, tg_str_t node_id) {
    bool found = false;
    for (size_t i = workers->n; i-- > 0;) {
        if (tg_str_eq(((const tg_worker_row_t *)workers->rows[i])->node_id, node_id)) {
            tg_table_remove(workers, i);
        }
    }
    for (size_t i = nodes->n; i-- > 0;) {
        if (tg_str_eq(((const tg_node_t *)nodes->rows[i])->node_id, node_id)) {
            tg_table_remove(nodes, i);
            found = true;
        }
    }
    return found;
}

static void swap(tg_table_t *a, tg_table_t *b) {
    tg_table_t t = *a;
    *a = *b;
    *b = t;
}

static tg_err_t node_add(tg_table_t *nodes, tg_table_t *workers, const tg_node_t *n, bool drain) {
    tg_node_t row = *n;
    row.workers = NULL;
    row.drain = drain;
    tg_err_t err = tg_table_add(nodes, &row);
    for (size_t i = 0; i < n->n_workers && err == TG_OK; i++) {
        const tg_worker_row_t worker = {n->node_id, n->workers[i]};
        err = tg_table_add(workers, &worker);
    }
    return err;
}

/* Works on copies of both tables, which take their place once all went well. */
tg_err_t tg_memory_node_put(tg_token_store_t *s, const tg_node_t *n) {
    tg_memory_tokens_db_t *db = tg_memory_of(s);
    tg_table_t nodes, workers = {.type = &tg_memory_worker_type};
    pthread_mutex_lock(&db->mutex);
    tg_err_t err = tg_table_copy(&nodes, &db->nodes);
    if (err == TG_OK) {
        err = tg_table_copy(&workers, &db->workers);
    }
    if (err == TG_OK) {
        ptrdiff_t i = node_index(&nodes, n->node_id);
        const tg_node_t *old = i < 0 ? NULL : nodes.rows[i];
        bool drain = old != NULL && old->drain && old->started_at == n->started_at;
        forget(&nodes, &workers, n->node_id);
        err = node_add(&nodes, &workers, n, drain);
    }
    if (err == TG_OK) {
        swap(&nodes, &db->nodes);
        swap(&workers, &db->workers);
    }
    tg_table_release(&nodes);
    tg_table_release(&workers);
    pthread_mutex_unlock(&db->mutex);
    return err;
}

tg_err_t tg_memory_node_remove(tg_token_store_t *s, tg_str_t node_id, tg_ms_t started_at) {
    tg_memory_tokens_db_t *db = tg_memory_of(s);
    pthread_mutex_lock(&db->mutex);
    bool found = is_of_start(&db->nodes, node_id, started_at) && forget(&db->nodes, &db->workers, node_id);
    pthread_mutex_unlock(&db->mutex);
    return found ? TG_OK : TG_ERR_NOTFOUND;
}

tg_err_t tg_memory_node_drain(tg_token_store_t *s, int64_t environment_id, tg_str_t node_id, bool drain) {
    tg_memory_tokens_db_t *db = tg_memory_of(s);
    pthread_mutex_lock(&db->mutex);
    ptrdiff_t i = node_index(&db->nodes, node_id);
    tg_node_t *row = i < 0 ? NULL : db->nodes.rows[i];
    bool found = row != NULL && row->environment_id == environment_id;
    if (found) {
        row->drain = drain;
    }
    pthread_mutex_unlock(&db->mutex);
    return found ? TG_OK : TG_ERR_NOTFOUND;
}

static tg_err_t workers_give(const tg_table_t *t, tg_arena_t *arena, tg_node_t *out) {
    size_t n = 0;
    out->workers = tg_arena_array(arena, out->n_workers > 0 ? out->n_workers : 1, sizeof(tg_node_worker_t));
    if (out->workers == NULL) {
        return TG_ERR_NOMEM;
    }
    for (size_t i = 0; i < t->n && n < out->n_workers; i++) {
        const tg_worker_row_t *row = t->rows[i];
        if (tg_str_eq(row->node_id, out->node_id)) {
            out->workers[n] = row->worker;
            if (!tg_arena_str(arena, row->worker.error, &out->workers[n].error)) {
                return TG_ERR_NOMEM;
            }
            n++;
        }
    }
    return TG_OK;
}

/* Inserts the row in the order of node_id. */
static tg_err_t node_give(const tg_memory_tokens_db_t *db, const tg_node_t *row, tg_rows_t *rows) {
    tg_node_t *list = tg_rows_add(rows);
    if (list == NULL) {
        return TG_ERR_NOMEM;
    }
    list = (tg_node_t *)(void *)rows->p;
    size_t at = rows->n - 1;
    while (at > 0) {
        const tg_str_t a = list[at - 1].node_id, b = row->node_id;
        int order = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
        if (order < 0 || (order == 0 && a.n < b.n)) {
            break;
        }
        list[at] = list[at - 1];
        at--;
    }
    tg_err_t err = tg_row_give(&tg_memory_node_type, row, rows->arena, &list[at]);
    return err != TG_OK ? err : workers_give(&db->workers, rows->arena, &list[at]);
}

tg_err_t tg_memory_node_list(tg_token_store_t *s, int64_t environment_id, tg_ms_t since, tg_arena_t *arena,
                             tg_node_t **out, size_t *n) {
    tg_memory_tokens_db_t *db = tg_memory_of(s);
    tg_err_t err = TG_OK;
    tg_rows_t rows;
    tg_rows_init(&rows, arena, sizeof(tg_node_t));
    pthread_mutex_lock(&db->mutex);
    for (size_t i = 0; i < db->nodes.n && err == TG_OK; i++) {
        const tg_node_t *row = db->nodes.rows[i];
        if ((environment_id == 0 || row->environment_id == environment_id) && row->seen_at >= since) {
            err = node_give(db, row, &rows);
        }
    }
    pthread_mutex_unlock(&db->mutex);
    *out = (tg_node_t *)(void *)rows.p;
    *n = rows.n;
    return err;
}
