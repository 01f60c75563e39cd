#include "store/memory/config.h"

#define ACCESS(v, i) TG_ROW(tg_access_entry_t, v, TG_TABLE_ACCESS, i)

/* Where this row is, or would be. */
static size_t place_of(const tg_version_t *v, int64_t key_id, int64_t target) {
    size_t from = 0, to = v->tables[TG_TABLE_ACCESS].n;
    while (from < to) {
        size_t i = from + (to - from) / 2;
        const tg_access_entry_t *row = ACCESS(v, i);
        if (row->key_id < key_id || (row->key_id == key_id && row->target < target)) {
            from = i + 1;
        } else {
            to = i;
        }
    }
    return from;
}

static bool is_at(const tg_version_t *v, size_t i, int64_t key_id, int64_t target) {
    return i < v->tables[TG_TABLE_ACCESS].n && ACCESS(v, i)->key_id == key_id && ACCESS(v, i)->target == target;
}

tg_err_t tg_memory_access_put(tg_config_store_t *s, const tg_access_entry_t *entry) {
    tg_version_t *v = tg_write_begin(s);
    if (v == NULL) {
        return tg_write_end(s, TG_ERR_BUG);
    }
    tg_table_t *t = &v->tables[TG_TABLE_ACCESS];
    size_t i = place_of(v, entry->key_id, entry->target);
    tg_err_t err = tg_version_resource(v, entry->target) < 0 ? TG_ERR_NOTFOUND : tg_version_raise(v, entry->key_id);
    if (err == TG_OK) {
        err = is_at(v, i, entry->key_id, entry->target) ? tg_table_set(t, i, entry) : tg_table_insert(t, i, entry);
    }
    return tg_write_end(s, err);
}

tg_err_t tg_memory_access_delete(tg_config_store_t *s, int64_t key_id, int64_t target) {
    tg_version_t *v = tg_write_begin(s);
    if (v == NULL) {
        return tg_write_end(s, TG_ERR_BUG);
    }
    size_t i = place_of(v, key_id, target);
    if (!is_at(v, i, key_id, target)) {
        return tg_write_end(s, TG_ERR_NOTFOUND);
    }
    tg_table_remove(&v->tables[TG_TABLE_ACCESS], i);
    return tg_write_end(s, tg_version_raise(v, key_id));
}

static tg_err_t give(const tg_version_t *v, size_t i, tg_arena_t *arena, tg_access_entry_t *out) {
    const tg_table_t *t = &v->tables[TG_TABLE_ACCESS];
    return tg_row_give(t->type, t->rows[i], arena, out);
}

tg_err_t tg_memory_access_list(tg_config_store_t *s, int64_t key_id, tg_arena_t *arena, tg_access_entry_t **out,
                               size_t *n) {
    tg_rows_t rows;
    tg_rows_init(&rows, arena, sizeof(tg_access_entry_t));
    tg_version_t *v = tg_view_begin(s);
    tg_err_t err = TG_OK;
    for (size_t i = place_of(v, key_id, 0); err == TG_OK && i < v->tables[TG_TABLE_ACCESS].n; i++) {
        if (ACCESS(v, i)->key_id != key_id) {
            break;
        }
        tg_access_entry_t *row = tg_rows_add(&rows);
        err = row == NULL ? TG_ERR_NOMEM : give(v, i, arena, row);
    }
    tg_view_end(s, v);
    *out = (tg_access_entry_t *)(void *)rows.p;
    *n = rows.n;
    return err;
}

tg_err_t tg_memory_access_find(tg_config_store_t *s, int64_t key_id, const int64_t *targets, size_t n,
                               tg_arena_t *arena, tg_access_entry_t *out, int64_t *version) {
    tg_version_t *v = tg_view_begin(s);
    tg_err_t err = TG_ERR_NOTFOUND;
    const tg_client_t *c = tg_version_client(v, key_id);
    *version = c != NULL ? c->version : 0;
    for (size_t k = 0; k < n && err == TG_ERR_NOTFOUND; k++) {
        size_t i = place_of(v, key_id, targets[k]);
        if (is_at(v, i, key_id, targets[k])) {
            err = give(v, i, arena, out);
        }
    }
    tg_view_end(s, v);
    return err;
}

static tg_err_t client_id_add(const tg_version_t *v, int64_t key_id, tg_rows_t *rows) {
    const tg_client_t *c = tg_version_client(v, key_id);
    tg_str_t *row = tg_rows_add(rows);
    return row != NULL && tg_arena_str(rows->arena, c->client_id, row) ? TG_OK : TG_ERR_NOMEM;
}

tg_err_t tg_memory_access_clients(tg_config_store_t *s, int64_t target, tg_arena_t *arena, tg_str_t **client_ids,
                                  size_t *n) {
    tg_rows_t rows;
    tg_rows_init(&rows, arena, sizeof(tg_str_t));
    tg_version_t *v = tg_view_begin(s);
    tg_err_t err = TG_OK;
    for (size_t i = 0; i < v->tables[TG_TABLE_ACCESS].n && err == TG_OK; i++) {
        if (ACCESS(v, i)->target == target) {
            err = client_id_add(v, ACCESS(v, i)->key_id, &rows);
        }
    }
    tg_view_end(s, v);
    *client_ids = (tg_str_t *)(void *)rows.p;
    *n = rows.n;
    return err;
}
