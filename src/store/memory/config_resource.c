#include <stdlib.h>

#include "store/memory/config.h"

#define RESOURCE(v, i) TG_ROW(tg_resource_t, v, TG_TABLE_RESOURCE, i)

ptrdiff_t tg_version_resource(const tg_version_t *v, int64_t id) {
    for (size_t i = 0; i < v->tables[TG_TABLE_RESOURCE].n; i++) {
        if (RESOURCE(v, i)->id == id) {
            return (ptrdiff_t)i;
        }
    }
    return -1;
}

void tg_version_purge(tg_version_t *v, tg_table_id_t table, size_t offset, int64_t id) {
    tg_table_t *t = &v->tables[table];
    for (size_t i = t->n; i-- > 0;) {
        int64_t value;
        memcpy(&value, (const char *)t->rows[i] + offset, sizeof(value));
        if (value == id) {
            tg_table_remove(t, i);
        }
    }
}

tg_err_t tg_version_purge_raise(tg_version_t *v, tg_table_id_t table, size_t offset, int64_t id) {
    tg_err_t err = TG_OK;
    for (size_t i = 0; i < v->tables[table].n && err == TG_OK; i++) {
        int64_t key_id, value;
        memcpy(&key_id, v->tables[table].rows[i], sizeof(key_id));
        memcpy(&value, (const char *)v->tables[table].rows[i] + offset, sizeof(value));
        if (value == id) {
            err = tg_version_raise(v, key_id);
        }
    }
    tg_version_purge(v, table, offset, id);
    return err;
}

static ptrdiff_t find(const tg_version_t *v, tg_resource_kind_t kind, int64_t parent, tg_str_t name) {
    for (size_t i = 0; i < v->tables[TG_TABLE_RESOURCE].n; i++) {
        const tg_resource_t *r = RESOURCE(v, i);
        if (r->kind == kind && r->parent == parent && tg_str_eq(r->name, name)) {
            return (ptrdiff_t)i;
        }
    }
    return -1;
}

tg_err_t tg_memory_resource_create(tg_config_store_t *s, tg_resource_kind_t kind, int64_t parent, tg_str_t name,
                                   tg_str_t doc, tg_ms_t now, int64_t *id) {
    tg_version_t *v = tg_write_begin(s);
    *id = 0;
    if (v == NULL) {
        return tg_write_end(s, TG_ERR_BUG);
    }
    if (find(v, kind, parent, name) >= 0) {
        return tg_write_end(s, TG_ERR_CONFLICT);
    }
    if (parent != 0 && tg_version_resource(v, parent) < 0) {
        return tg_write_end(s, TG_ERR_NOTFOUND);
    }
    const tg_resource_t row = {
        .id = v->last_resource + 1,
        .kind = kind,
        .parent = parent,
        .name = name,
        .version = 1,
        .created_at = now,
        .updated_at = now,
        .doc = doc,
    };
    tg_err_t err = tg_table_add(&v->tables[TG_TABLE_RESOURCE], &row);
    if (err == TG_OK) {
        *id = ++v->last_resource;
    }
    return tg_write_end(s, err);
}

static tg_err_t give(const tg_version_t *v, ptrdiff_t i, tg_arena_t *arena, tg_resource_t *out) {
    const tg_table_t *t = &v->tables[TG_TABLE_RESOURCE];
    return i < 0 ? TG_ERR_NOTFOUND : tg_row_give(t->type, t->rows[i], arena, out);
}

tg_err_t tg_memory_resource_find(tg_config_store_t *s, tg_resource_kind_t kind, int64_t parent, tg_str_t name,
                                 tg_arena_t *arena, tg_resource_t *out) {
    tg_version_t *v = tg_view_begin(s);
    tg_err_t err = give(v, find(v, kind, parent, name), arena, out);
    tg_view_end(s, v);
    return err;
}

tg_err_t tg_memory_resource_get(tg_config_store_t *s, int64_t id, tg_arena_t *arena, tg_resource_t *out) {
    tg_version_t *v = tg_view_begin(s);
    tg_err_t err = give(v, tg_version_resource(v, id), arena, out);
    tg_view_end(s, v);
    return err;
}

tg_err_t tg_memory_resource_replace(tg_config_store_t *s, int64_t id, int64_t expected, tg_str_t doc, tg_ms_t now,
                                    int64_t *version) {
    tg_version_t *v = tg_write_begin(s);
    if (v == NULL) {
        return tg_write_end(s, TG_ERR_BUG);
    }
    ptrdiff_t i = tg_version_resource(v, id);
    if (i < 0) {
        return tg_write_end(s, TG_ERR_NOTFOUND);
    }
    tg_resource_t row = *RESOURCE(v, i);
    if (expected != 0 && row.version != expected) {
        return tg_write_end(s, TG_ERR_CONFLICT);
    }
    row.doc = doc;
    row.updated_at = now;
    row.version++;
    tg_err_t err = tg_table_set(&v->tables[TG_TABLE_RESOURCE], (size_t)i, &row);
    if (err == TG_OK) {
        *version = row.version;
    }
    return tg_write_end(s, err);
}

static bool is_parent(const tg_version_t *v, int64_t id) {
    for (size_t i = 0; i < v->tables[TG_TABLE_RESOURCE].n; i++) {
        if (RESOURCE(v, i)->parent == id) {
            return true;
        }
    }
    return false;
}

tg_err_t tg_memory_resource_delete(tg_config_store_t *s, int64_t id) {
    tg_version_t *v = tg_write_begin(s);
    if (v == NULL) {
        return tg_write_end(s, TG_ERR_BUG);
    }
    ptrdiff_t i = tg_version_resource(v, id);
    if (i < 0) {
        return tg_write_end(s, TG_ERR_NOTFOUND);
    }
    if (is_parent(v, id)) {
        return tg_write_end(s, TG_ERR_CONFLICT);
    }
    tg_table_remove(&v->tables[TG_TABLE_RESOURCE], (size_t)i);
    tg_err_t err = tg_version_purge_raise(v, TG_TABLE_SECRET, offsetof(tg_client_secret_t, environment_id), id);
    if (err == TG_OK) {
        err = tg_version_purge_raise(v, TG_TABLE_ACCESS, offsetof(tg_access_entry_t, target), id);
    }
    tg_version_purge(v, TG_TABLE_TURN, offsetof(tg_turn_row_t, environment_id), id);
    tg_version_purge(v, TG_TABLE_KEY, offsetof(tg_key_row_t, environment_id), id);
    tg_version_purge(v, TG_TABLE_REVISION, offsetof(tg_revision_row_t, environment_id), id);
    tg_version_purge(v, TG_TABLE_SNAPSHOT, offsetof(tg_snapshot_row_t, environment_id), id);
    static const tg_table_id_t deployments[] = {TG_TABLE_DEPLOYED, TG_TABLE_HISTORY};
    for (size_t k = 0; k < 2; k++) {
        tg_version_purge(v, deployments[k], offsetof(tg_deployment_t, environment_id), id);
        tg_version_purge(v, deployments[k], offsetof(tg_deployment_t, proxy_id), id);
    }
    return tg_write_end(s, err);
}

/* ---- lists ---- */

static bool contains_ci(tg_str_t s, tg_str_t part) {
    for (size_t i = 0; i + part.n <= s.n; i++) {
        if (tg_str_eq_ci(tg_strn(s.p + i, part.n), part)) {
            return true;
        }
    }
    return false;
}

static bool matches(const tg_resource_t *r, const tg_resource_query_t *query) {
    return r->kind == query->kind && (query->parent == 0 || r->parent == query->parent) &&
           contains_ci(r->name, query->q);
}

static int by_name(const void *a, const void *b) {
    const tg_resource_t *x = *(const tg_resource_t *const *)a, *y = *(const tg_resource_t *const *)b;
    int order = memcmp(x->name.p, y->name.p, x->name.n < y->name.n ? x->name.n : y->name.n);
    if (order == 0) {
        order = (x->name.n > y->name.n) - (x->name.n < y->name.n);
    }
    return order != 0 ? order : (x->id > y->id) - (x->id < y->id);
}

static tg_err_t page(const tg_version_t *v, const tg_resource_query_t *query, tg_arena_t *arena, tg_rows_t *rows,
                     int64_t *total) {
    const tg_table_t *t = &v->tables[TG_TABLE_RESOURCE];
    const tg_resource_t **found = tg_arena_array(arena, t->n > 0 ? t->n : 1, sizeof(*found));
    size_t n = 0;
    if (found == NULL) {
        return TG_ERR_NOMEM;
    }
    for (size_t i = 0; i < t->n; i++) {
        if (matches(t->rows[i], query)) {
            found[n++] = t->rows[i];
        }
    }
    qsort(found, n, sizeof(*found), by_name);
    *total = (int64_t)n;
    size_t limit = query->limit > 0 ? (size_t)query->limit : SIZE_MAX;
    for (size_t i = query->offset > 0 ? (size_t)query->offset : 0; i < n && rows->n < limit; i++) {
        tg_resource_t *row = tg_rows_add(rows);
        if (row == NULL || tg_row_give(t->type, found[query->descending ? n - 1 - i : i], arena, row) != TG_OK) {
            return TG_ERR_NOMEM;
        }
    }
    return TG_OK;
}

tg_err_t tg_memory_resource_list(tg_config_store_t *s, const tg_resource_query_t *query, tg_arena_t *arena,
                                 tg_resource_t **out, size_t *n, int64_t *total) {
    tg_rows_t rows;
    tg_rows_init(&rows, arena, sizeof(tg_resource_t));
    tg_version_t *v = tg_view_begin(s);
    tg_err_t err = page(v, query, arena, &rows, total);
    tg_view_end(s, v);
    *out = (tg_resource_t *)(void *)rows.p;
    *n = rows.n;
    return err;
}
