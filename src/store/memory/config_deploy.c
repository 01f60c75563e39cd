#include <stdlib.h>

#include "model/snapshot.h"
#include "store/memory/config.h"

/* ---- signing keys ---- */

tg_err_t tg_memory_signing_key_put(tg_config_store_t *s, int64_t environment_id, tg_str_t kid, tg_str_t doc) {
    tg_version_t *v = tg_write_begin(s);
    if (v == NULL) {
        return tg_write_end(s, TG_ERR_BUG);
    }
    if (tg_version_resource(v, environment_id) < 0) {
        return tg_write_end(s, TG_ERR_NOTFOUND);
    }
    const tg_key_row_t row = {environment_id, kid, doc};
    tg_table_t *t = &v->tables[TG_TABLE_KEY];
    for (size_t i = 0; i < t->n; i++) {
        const tg_key_row_t *key = TG_ROW(tg_key_row_t, v, TG_TABLE_KEY, i);
        if (key->environment_id == environment_id && tg_str_eq(key->kid, kid)) {
            return tg_write_end(s, tg_table_set(t, i, &row));
        }
    }
    return tg_write_end(s, tg_table_add(t, &row));
}

tg_err_t tg_memory_signing_key_list(tg_config_store_t *s, int64_t environment_id, tg_arena_t *arena, tg_str_t **docs,
                                    size_t *n) {
    tg_rows_t rows;
    tg_rows_init(&rows, arena, sizeof(tg_str_t));
    tg_version_t *v = tg_view_begin(s);
    tg_err_t err = TG_OK;
    for (size_t i = 0; i < v->tables[TG_TABLE_KEY].n && err == TG_OK; i++) {
        const tg_key_row_t *key = TG_ROW(tg_key_row_t, v, TG_TABLE_KEY, i);
        if (key->environment_id == environment_id) {
            tg_str_t *doc = tg_rows_add(&rows);
            err = doc != NULL && tg_arena_str(arena, key->doc, doc) ? TG_OK : TG_ERR_NOMEM;
        }
    }
    tg_view_end(s, v);
    *docs = (tg_str_t *)(void *)rows.p;
    *n = rows.n;
    return err;
}

/* ---- revisions ---- */

tg_err_t tg_memory_revision_next(tg_config_store_t *s, int64_t environment_id, int64_t *revision) {
    tg_version_t *v = tg_write_begin(s);
    if (v == NULL) {
        return tg_write_end(s, TG_ERR_BUG);
    }
    if (tg_version_resource(v, environment_id) < 0) {
        return tg_write_end(s, TG_ERR_NOTFOUND);
    }
    tg_revision_row_t row = {environment_id, 1};
    tg_table_t *t = &v->tables[TG_TABLE_REVISION];
    size_t i = 0;
    while (i < t->n && TG_ROW(tg_revision_row_t, v, TG_TABLE_REVISION, i)->environment_id != environment_id) {
        i++;
    }
    if (i < t->n) {
        row.last = TG_ROW(tg_revision_row_t, v, TG_TABLE_REVISION, i)->last + 1;
    }
    *revision = row.last;
    return tg_write_end(s, i < t->n ? tg_table_set(t, i, &row) : tg_table_add(t, &row));
}

/* ---- deployments ---- */

static ptrdiff_t deployed_index(const tg_version_t *v, int64_t environment_id, int64_t proxy_id) {
    for (size_t i = 0; i < v->tables[TG_TABLE_DEPLOYED].n; i++) {
        const tg_deployment_t *d = TG_ROW(tg_deployment_t, v, TG_TABLE_DEPLOYED, i);
        if (d->environment_id == environment_id && d->proxy_id == proxy_id) {
            return (ptrdiff_t)i;
        }
    }
    return -1;
}

#define HISTORY(v, i) TG_ROW(tg_deployment_t, v, TG_TABLE_HISTORY, i)

static bool is_at(const tg_deployment_t *row, int64_t environment_id, int64_t proxy_id) {
    return row->environment_id == environment_id && row->proxy_id == proxy_id;
}

static tg_err_t history_add(tg_version_t *v, const tg_deployment_t *d) {
    tg_table_t *t = &v->tables[TG_TABLE_HISTORY];
    tg_err_t err = tg_table_add(t, d);
    size_t seen = 0;
    for (size_t i = t->n; i-- > 0;) {
        if (is_at(HISTORY(v, i), d->environment_id, d->proxy_id) && ++seen > TG_HISTORY_KEPT) {
            tg_table_remove(t, i);
        }
    }
    return err;
}

tg_err_t tg_memory_deployment_put(tg_config_store_t *s, const tg_deployment_t *d) {
    tg_version_t *v = tg_write_begin(s);
    if (v == NULL) {
        return tg_write_end(s, TG_ERR_BUG);
    }
    if (tg_version_resource(v, d->environment_id) < 0 || tg_version_resource(v, d->proxy_id) < 0) {
        return tg_write_end(s, TG_ERR_NOTFOUND);
    }
    tg_err_t err = history_add(v, d);
    if (err != TG_OK) {
        return tg_write_end(s, err);
    }
    tg_table_t *t = &v->tables[TG_TABLE_DEPLOYED];
    ptrdiff_t i = deployed_index(v, d->environment_id, d->proxy_id);
    if (d->undeploy) {
        if (i >= 0) {
            tg_table_remove(t, (size_t)i);
        }
        return tg_write_end(s, TG_OK);
    }
    return tg_write_end(s, i >= 0 ? tg_table_set(t, (size_t)i, d) : tg_table_add(t, d));
}

static tg_err_t give(tg_rows_t *rows, const tg_table_t *t, size_t i) {
    tg_deployment_t *row = tg_rows_add(rows);
    return row == NULL ? TG_ERR_NOMEM : tg_row_give(t->type, t->rows[i], rows->arena, row);
}

static int by_proxy(const void *a, const void *b) {
    const tg_deployment_t *x = a, *y = b;
    return (x->proxy_id > y->proxy_id) - (x->proxy_id < y->proxy_id);
}

tg_err_t tg_memory_deployment_list(tg_config_store_t *s, int64_t environment_id, tg_arena_t *arena,
                                   tg_deployment_t **out, size_t *n) {
    tg_rows_t rows;
    tg_rows_init(&rows, arena, sizeof(tg_deployment_t));
    tg_version_t *v = tg_view_begin(s);
    const tg_table_t *t = &v->tables[TG_TABLE_DEPLOYED];
    tg_err_t err = TG_OK;
    for (size_t i = 0; i < t->n && err == TG_OK; i++) {
        if (TG_ROW(tg_deployment_t, v, TG_TABLE_DEPLOYED, i)->environment_id == environment_id) {
            err = give(&rows, t, i);
        }
    }
    tg_view_end(s, v);
    if (rows.n > 0) {
        qsort(rows.p, rows.n, sizeof(tg_deployment_t), by_proxy);
    }
    *out = (tg_deployment_t *)(void *)rows.p;
    *n = rows.n;
    return err;
}

tg_err_t tg_memory_deployment_find(tg_config_store_t *s, int64_t environment_id, int64_t proxy_id, tg_arena_t *arena,
                                   tg_deployment_t *out) {
    tg_version_t *v = tg_view_begin(s);
    const tg_table_t *t = &v->tables[TG_TABLE_DEPLOYED];
    ptrdiff_t i = deployed_index(v, environment_id, proxy_id);
    tg_err_t err = i < 0 ? TG_ERR_NOTFOUND : tg_row_give(t->type, t->rows[i], arena, out);
    tg_view_end(s, v);
    return err;
}

static tg_err_t give_undocumented(tg_rows_t *rows, const tg_row_type_t *type, const tg_deployment_t *from) {
    tg_deployment_t bare = *from, *row = tg_rows_add(rows);
    bare.doc = TG_STR_NONE;
    return row == NULL ? TG_ERR_NOMEM : tg_row_give(type, &bare, rows->arena, row);
}

tg_err_t tg_memory_deployment_history(tg_config_store_t *s, int64_t proxy_id, tg_arena_t *arena, tg_deployment_t **out,
                                      size_t *n) {
    tg_rows_t rows;
    tg_rows_init(&rows, arena, sizeof(tg_deployment_t));
    tg_version_t *v = tg_view_begin(s);
    const tg_table_t *t = &v->tables[TG_TABLE_HISTORY];
    tg_err_t err = TG_OK;
    for (size_t i = t->n; i-- > 0 && err == TG_OK;) {
        if (HISTORY(v, i)->proxy_id == proxy_id) {
            err = give_undocumented(&rows, t->type, HISTORY(v, i));
        }
    }
    tg_view_end(s, v);
    *out = (tg_deployment_t *)(void *)rows.p;
    *n = rows.n;
    return err;
}

tg_err_t tg_memory_deployment_as_of(tg_config_store_t *s, int64_t environment_id, int64_t proxy_id, int64_t revision,
                                    tg_arena_t *arena, tg_deployment_t *out) {
    tg_version_t *v = tg_view_begin(s);
    const tg_table_t *t = &v->tables[TG_TABLE_HISTORY];
    tg_err_t err = TG_ERR_NOTFOUND;
    for (size_t i = t->n; i-- > 0 && err == TG_ERR_NOTFOUND;) {
        if (is_at(HISTORY(v, i), environment_id, proxy_id) && HISTORY(v, i)->revision <= revision) {
            err = tg_row_give(t->type, t->rows[i], arena, out);
        }
    }
    tg_view_end(s, v);
    return err;
}

/* ---- snapshots ---- */

static ptrdiff_t snapshot_index(const tg_version_t *v, int64_t environment_id) {
    for (size_t i = 0; i < v->tables[TG_TABLE_SNAPSHOT].n; i++) {
        if (TG_ROW(tg_snapshot_row_t, v, TG_TABLE_SNAPSHOT, i)->environment_id == environment_id) {
            return (ptrdiff_t)i;
        }
    }
    return -1;
}

tg_err_t tg_memory_snapshot_put(tg_config_store_t *s, int64_t environment_id, int64_t revision, tg_str_t document) {
    tg_version_t *v = tg_write_begin(s);
    if (v == NULL) {
        return tg_write_end(s, TG_ERR_BUG);
    }
    if (document.n > TG_SNAPSHOT_MAX) {
        return tg_write_end(s, TG_ERR_LIMIT);
    }
    if (tg_version_resource(v, environment_id) < 0) {
        return tg_write_end(s, TG_ERR_NOTFOUND);
    }
    const tg_snapshot_row_t row = {environment_id, revision, document};
    tg_table_t *t = &v->tables[TG_TABLE_SNAPSHOT];
    ptrdiff_t i = snapshot_index(v, environment_id);
    return tg_write_end(s, i >= 0 ? tg_table_set(t, (size_t)i, &row) : tg_table_add(t, &row));
}

static const tg_snapshot_row_t *snapshot_of(const tg_version_t *v, tg_str_t environment) {
    for (size_t i = 0; i < v->tables[TG_TABLE_RESOURCE].n; i++) {
        const tg_resource_t *r = TG_ROW(tg_resource_t, v, TG_TABLE_RESOURCE, i);
        if (r->kind == TG_RES_ENVIRONMENT && r->parent == 0 && tg_str_eq(r->name, environment)) {
            ptrdiff_t k = snapshot_index(v, r->id);
            return k < 0 ? NULL : TG_ROW(tg_snapshot_row_t, v, TG_TABLE_SNAPSHOT, k);
        }
    }
    return NULL;
}

tg_err_t tg_memory_snapshot_get(tg_config_store_t *s, tg_str_t environment, int64_t *environment_id, int64_t *revision,
                                tg_buf_t *out) {
    tg_version_t *v = tg_view_begin(s);
    const tg_snapshot_row_t *row = snapshot_of(v, environment);
    tg_err_t err = TG_ERR_NOTFOUND;
    if (row != NULL) {
        *environment_id = row->environment_id;
        *revision = row->revision;
        tg_buf_put(out, row->document);
        err = out->err;
    }
    tg_view_end(s, v);
    return err;
}
