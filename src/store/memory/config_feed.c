#include "store/audit_chain.h"
#include "store/memory/config.h"

/* ---- change feed ---- */

#define CHANGE(v, i) TG_ROW(tg_change_t, v, TG_TABLE_CHANGE, i)

tg_err_t tg_memory_change_append(tg_config_store_t *s, tg_change_kind_t kind, int64_t environment_id, tg_str_t ref) {
    tg_version_t *v = tg_write_begin(s);
    if (v == NULL) {
        return tg_write_end(s, TG_ERR_BUG);
    }
    const tg_change_t row = {.seq = v->last_change + 1, .kind = kind, .environment_id = environment_id, .ref = ref};
    tg_err_t err = tg_table_add(&v->tables[TG_TABLE_CHANGE], &row);
    if (err == TG_OK) {
        v->last_change++;
    }
    return tg_write_end(s, err);
}

tg_err_t tg_memory_change_head(tg_config_store_t *s, int64_t *seq) {
    tg_version_t *v = tg_view_begin(s);
    *seq = v->last_change;
    tg_view_end(s, v);
    return TG_OK;
}

static tg_err_t changes(const tg_version_t *v, int64_t after, size_t limit, tg_rows_t *rows) {
    const tg_table_t *t = &v->tables[TG_TABLE_CHANGE];
    int64_t oldest = t->n > 0 ? CHANGE(v, 0)->seq : v->last_change + 1;
    if (after > v->last_change || after + 1 < oldest) {
        return TG_ERR_LIMIT;
    }
    for (size_t i = 0; i < t->n && rows->n < limit; i++) {
        if (CHANGE(v, i)->seq > after) {
            tg_change_t *row = tg_rows_add(rows);
            if (row == NULL || tg_row_give(t->type, t->rows[i], rows->arena, row) != TG_OK) {
                return TG_ERR_NOMEM;
            }
        }
    }
    return TG_OK;
}

tg_err_t tg_memory_change_read(tg_config_store_t *s, int64_t after, size_t limit, tg_arena_t *arena, tg_change_t **out,
                               size_t *n) {
    tg_rows_t rows;
    tg_rows_init(&rows, arena, sizeof(tg_change_t));
    tg_version_t *v = tg_view_begin(s);
    tg_err_t err = changes(v, after, limit, &rows);
    tg_view_end(s, v);
    *out = (tg_change_t *)(void *)rows.p;
    *n = rows.n;
    return err;
}

tg_err_t tg_memory_change_prune(tg_config_store_t *s, int64_t keep_after) {
    tg_version_t *v = tg_write_begin(s);
    if (v == NULL) {
        return tg_write_end(s, TG_ERR_BUG);
    }
    for (size_t i = v->tables[TG_TABLE_CHANGE].n; i-- > 0;) {
        if (CHANGE(v, i)->seq <= keep_after) {
            tg_table_remove(&v->tables[TG_TABLE_CHANGE], i);
        }
    }
    return tg_write_end(s, TG_OK);
}

/* ---- administrators' sessions ---- */

#define SESSION(v, i) TG_ROW(tg_session_t, v, TG_TABLE_SESSION, i)

static ptrdiff_t session_index(const tg_version_t *v, const uint8_t token_hash[32]) {
    for (size_t i = 0; i < v->tables[TG_TABLE_SESSION].n; i++) {
        if (memcmp(SESSION(v, i)->token_hash, token_hash, 32) == 0) {
            return (ptrdiff_t)i;
        }
    }
    return -1;
}

tg_err_t tg_memory_session_put(tg_config_store_t *s, const tg_session_t *session) {
    tg_version_t *v = tg_write_begin(s);
    if (v == NULL) {
        return tg_write_end(s, TG_ERR_BUG);
    }
    tg_table_t *t = &v->tables[TG_TABLE_SESSION];
    ptrdiff_t i = session_index(v, session->token_hash);
    return tg_write_end(s, i >= 0 ? tg_table_set(t, (size_t)i, session) : tg_table_add(t, session));
}

tg_err_t tg_memory_session_find(tg_config_store_t *s, const uint8_t token_hash[32], tg_ms_t now, tg_session_t *out) {
    tg_version_t *v = tg_view_begin(s);
    ptrdiff_t i = session_index(v, token_hash);
    tg_err_t err = TG_ERR_NOTFOUND;
    if (i >= 0 && SESSION(v, i)->expires_at > now) {
        *out = *SESSION(v, i);
        err = TG_OK;
    }
    tg_view_end(s, v);
    return err;
}

tg_err_t tg_memory_session_delete(tg_config_store_t *s, const uint8_t token_hash[32]) {
    tg_version_t *v = tg_write_begin(s);
    if (v == NULL) {
        return tg_write_end(s, TG_ERR_BUG);
    }
    ptrdiff_t i = session_index(v, token_hash);
    if (i >= 0) {
        tg_table_remove(&v->tables[TG_TABLE_SESSION], (size_t)i);
    }
    return tg_write_end(s, TG_OK);
}

tg_err_t tg_memory_session_purge(tg_config_store_t *s, tg_ms_t now, int64_t administrator) {
    tg_version_t *v = tg_write_begin(s);
    if (v == NULL) {
        return tg_write_end(s, TG_ERR_BUG);
    }
    for (size_t i = v->tables[TG_TABLE_SESSION].n; i-- > 0;) {
        const tg_session_t *row = SESSION(v, i);
        if (row->expires_at <= now ||
            (administrator != 0 && row->access_token == 0 && row->administrator == administrator)) {
            tg_table_remove(&v->tables[TG_TABLE_SESSION], i);
        }
    }
    return tg_write_end(s, TG_OK);
}

/* ---- audit ---- */

tg_err_t tg_memory_audit_append(tg_config_store_t *s, const tg_audit_t *a) {
    tg_version_t *v = tg_write_begin(s);
    if (v == NULL) {
        return tg_write_end(s, TG_ERR_BUG);
    }
    tg_audit_t row = *a;
    const tg_audit_t none = {.seq = 0};
    const tg_table_t *t = &v->tables[TG_TABLE_AUDIT];
    const tg_audit_t *head = t->n > 0 ? TG_ROW(tg_audit_t, v, TG_TABLE_AUDIT, t->n - 1) : &none;
    tg_err_t err = tg_audit_link(head, v->last_audit, &row);
    if (err == TG_OK) {
        err = tg_table_add(&v->tables[TG_TABLE_AUDIT], &row);
    }
    if (err == TG_OK) {
        v->last_audit = row.seq;
    }
    return tg_write_end(s, err);
}

static tg_err_t audit(const tg_version_t *v, int64_t before, size_t limit, tg_rows_t *rows) {
    const tg_table_t *t = &v->tables[TG_TABLE_AUDIT];
    for (size_t i = t->n; i-- > 0 && rows->n < limit;) {
        if (before <= 0 || TG_ROW(tg_audit_t, v, TG_TABLE_AUDIT, i)->seq < before) {
            tg_audit_t *row = tg_rows_add(rows);
            if (row == NULL || tg_row_give(t->type, t->rows[i], rows->arena, row) != TG_OK) {
                return TG_ERR_NOMEM;
            }
        }
    }
    return TG_OK;
}

tg_err_t tg_memory_audit_list(tg_config_store_t *s, int64_t before_seq, size_t limit, tg_arena_t *arena,
                              tg_audit_t **out, size_t *n) {
    tg_rows_t rows;
    tg_rows_init(&rows, arena, sizeof(tg_audit_t));
    tg_version_t *v = tg_view_begin(s);
    tg_err_t err = audit(v, before_seq, limit, &rows);
    tg_view_end(s, v);
    *out = (tg_audit_t *)(void *)rows.p;
    *n = rows.n;
    return err;
}
