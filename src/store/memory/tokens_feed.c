#include "store/memory/tokens.h"
#include "store/write.h"

#define KEEP_MS TG_HOUR_MS
#define MARK_MS (60 * TG_SECOND_MS) /* at most one mark in this time */

const tg_row_type_t tg_memory_token_change_type = {sizeof(tg_token_change_t), 1, {offsetof(tg_token_change_t, id)}};
const tg_row_type_t tg_memory_revocation_type = {
    sizeof(tg_revocation_row_t), 1, {offsetof(tg_revocation_row_t, client_id)}};
const tg_row_type_t tg_memory_mark_type = {sizeof(tg_mark_row_t), 0, {0}};

/* ---- change feed ---- */

static const tg_token_change_t *change_at(const tg_memory_tokens_db_t *db, size_t i) {
    return db->changes.rows[i];
}

tg_err_t tg_memory_change_add(tg_memory_tokens_db_t *db, const tg_token_change_t *row) {
    tg_token_change_t copy = *row;
    copy.seq = db->last_change + 1;
    tg_err_t err = tg_table_add(&db->changes, &copy);
    if (err == TG_OK) {
        db->last_change++;
    }
    return err;
}

tg_err_t tg_memory_token_change_head(tg_token_store_t *s, int64_t *seq) {
    tg_memory_tokens_db_t *db = tg_memory_of(s);
    pthread_mutex_lock(&db->mutex);
    *seq = db->last_change;
    pthread_mutex_unlock(&db->mutex);
    return TG_OK;
}

static tg_err_t changes(const tg_memory_tokens_db_t *db, int64_t after, size_t limit, tg_rows_t *rows) {
    const int64_t pruned = db->last_change - (int64_t)db->changes.n;
    if (after > db->last_change || after < pruned) {
        return TG_ERR_LIMIT;
    }
    for (size_t i = (size_t)(after - pruned); i < db->changes.n && rows->n < limit; i++) {
        tg_token_change_t *row = tg_rows_add(rows);
        if (row == NULL || tg_row_give(db->changes.type, db->changes.rows[i], rows->arena, row) != TG_OK) {
            return TG_ERR_NOMEM;
        }
    }
    return TG_OK;
}

tg_err_t tg_memory_token_change_read(tg_token_store_t *s, int64_t after, size_t limit, tg_arena_t *arena,
                                     tg_token_change_t **out, size_t *n) {
    tg_memory_tokens_db_t *db = tg_memory_of(s);
    tg_rows_t rows;
    tg_rows_init(&rows, arena, sizeof(tg_token_change_t));
    pthread_mutex_lock(&db->mutex);
    tg_err_t err = changes(db, after, limit, &rows);
    pthread_mutex_unlock(&db->mutex);
    *out = (tg_token_change_t *)(void *)rows.p;
    *n = rows.n;
    return err;
}

/* ---- early revocations ---- */

static ptrdiff_t revocation_index(const tg_table_t *t, const tg_write_t *w) {
    for (size_t i = 0; i < t->n; i++) {
        const tg_revocation_row_t *row = t->rows[i];
        if (row->environment_id == w->environment_id && memcmp(row->id, w->revocation, TG_REVOCATION_LEN) == 0) {
            return (ptrdiff_t)i;
        }
    }
    return -1;
}

/* Of those that matter. */
static bool has_room(const tg_table_t *t, const tg_write_t *w) {
    int64_t all = 0, own = 0;
    for (size_t i = 0; i < t->n; i++) {
        const tg_revocation_row_t *row = t->rows[i];
        if (row->environment_id == w->environment_id && row->until > w->at) {
            all++;
            own += row->kind == w->client_kind && tg_str_eq(row->client_id, w->client_id);
        }
    }
    return all < w->capacity && own < tg_write_client_capacity(w);
}

tg_err_t tg_memory_revocation_add(tg_memory_tokens_db_t *db, const tg_write_t *w, bool *changed) {
    tg_table_t *t = &db->revocations;
    tg_revocation_row_t row = {.environment_id = w->environment_id,
                               .kind = w->client_kind,
                               .client_id = w->client_id,
                               .until = tg_write_until(w)};
    memcpy(row.id, w->revocation, TG_REVOCATION_LEN);
    ptrdiff_t i = revocation_index(t, w);
    const tg_revocation_row_t *there = i >= 0 ? t->rows[i] : NULL;
    *changed = row.until > w->at && (there == NULL || there->until < row.until);
    if (!*changed) {
        return TG_OK;
    }
    if (there != NULL && there->until > w->at) {
        row.kind = there->kind; /* it stays on the account of whom it was first on */
        row.client_id = there->client_id;
        return tg_table_set(t, (size_t)i, &row);
    }
    if (!has_room(t, w)) {
        return TG_ERR_LIMIT;
    }
    return there != NULL ? tg_table_set(t, (size_t)i, &row) : tg_table_add(t, &row);
}

static tg_err_t revocations(const tg_memory_tokens_db_t *db, int64_t environment_id, tg_ms_t now, tg_rows_t *rows) {
    for (size_t i = 0; i < db->revocations.n; i++) {
        const tg_revocation_row_t *from = db->revocations.rows[i];
        if (from->environment_id == environment_id && from->until > now) {
            tg_revocation_t *row = tg_rows_add(rows);
            if (row == NULL) {
                return TG_ERR_NOMEM;
            }
            memcpy(row->id, from->id, TG_REVOCATION_LEN);
            row->until = from->until == INT64_MAX ? 0 : from->until;
        }
    }
    return TG_OK;
}

tg_err_t tg_memory_revocation_list(tg_token_store_t *s, int64_t environment_id, tg_ms_t now, tg_arena_t *arena,
                                   tg_revocation_t **out, size_t *n, int64_t *seq) {
    tg_memory_tokens_db_t *db = tg_memory_of(s);
    tg_rows_t rows;
    tg_rows_init(&rows, arena, sizeof(tg_revocation_t));
    pthread_mutex_lock(&db->mutex);
    tg_err_t err = revocations(db, environment_id, now, &rows);
    *seq = db->last_change;
    pthread_mutex_unlock(&db->mutex);
    *out = (tg_revocation_t *)(void *)rows.p;
    *n = rows.n;
    return err;
}

/* ---- tidying up ---- */

static void revocations_tidy(tg_table_t *t, tg_ms_t now) {
    for (size_t i = t->n; i-- > 0;) {
        if (((const tg_revocation_row_t *)t->rows[i])->until <= now) {
            tg_table_remove(t, i);
        }
    }
}

/* Removes what the marks say is old, with the marks that say it. *fresh: a mark is recent. */
static void feed_prune(tg_memory_tokens_db_t *db, tg_ms_t now, bool *fresh) {
    int64_t keep_after = 0;
    *fresh = false;
    for (size_t i = 0; i < db->marks.n; i++) {
        const tg_mark_row_t *mark = db->marks.rows[i];
        keep_after = mark->at <= now - KEEP_MS && mark->seq > keep_after ? mark->seq : keep_after;
        *fresh = *fresh || (mark->at >= now - MARK_MS && mark->at <= now);
    }
    size_t old = 0;
    while (old < db->changes.n && change_at(db, old)->seq <= keep_after) {
        old++;
    }
    tg_table_cut(&db->changes, 0, old);
    for (size_t i = db->marks.n; i-- > 0;) {
        if (((const tg_mark_row_t *)db->marks.rows[i])->seq <= keep_after) {
            tg_table_remove(&db->marks, i);
        }
    }
}

tg_err_t tg_memory_feed_tidy(tg_memory_tokens_db_t *db, tg_ms_t now) {
    bool fresh;
    revocations_tidy(&db->revocations, now);
    feed_prune(db, now, &fresh);
    const tg_table_t *t = &db->marks;
    bool marked = t->n > 0 && ((const tg_mark_row_t *)t->rows[t->n - 1])->seq == db->last_change;
    if (fresh || marked || db->changes.n == 0) {
        return TG_OK;
    }
    return tg_table_add(&db->marks, &(tg_mark_row_t){.seq = db->last_change, .at = now});
}
