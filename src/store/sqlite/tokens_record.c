#include "store/sqlite/tokens.h"

#define HASH_LEN 32

/* ---- one row ---- */

static void row_bind(tg_query_t *s, const tg_record_t *r) {
    tg_query_blob(s, r->hash, HASH_LEN);
    if (r->has_refresh) {
        tg_query_blob(s, r->refresh_hash, HASH_LEN);
    } else {
        tg_query_null(s);
    }
    tg_query_int(s, r->environment_id);
    tg_query_int(s, r->client_kind);
    tg_query_text(s, r->client_id);
    tg_query_text(s, r->subject);
    tg_query_text(s, r->scope);
    tg_query_int(s, (int64_t)r->generation);
    tg_query_int(s, r->epoch);
    tg_query_int(s, r->issued_at);
    tg_query_int(s, r->access_expires_at);
    tg_query_int(s, r->refresh_expires_at);
    tg_query_int(s, r->refresh_left);
    tg_query_int(s, r->refresh_used);
    tg_query_blob(s, r->family, TG_FAMILY_LEN);
    tg_query_int(s, r->ended_at);
    if (r->has_successor) {
        tg_query_blob(s, r->successor, HASH_LEN);
    } else {
        tg_query_null(s);
    }
    tg_query_int(s, r->successor_bucket.cls);
    tg_query_int(s, r->successor_bucket.index);
    tg_query_int(s, r->successor_used_at);
    if (r->has_predecessor) {
        tg_query_blob(s, r->predecessor, HASH_LEN);
    } else {
        tg_query_null(s);
    }
    tg_query_int(s, r->predecessor_bucket.cls);
    tg_query_int(s, r->predecessor_bucket.index);
    tg_query_int(s, r->has_scope);
    tg_query_int(s, (int64_t)r->user_generation);
}

/* Copies a column of n bytes; another length is a broken database. NULL: false. */
static bool bytes_read(tg_query_t *s, int col, uint8_t *out, size_t n) {
    const void *p = sqlite3_column_blob(s->st, col);
    if (p == NULL) {
        return false;
    }
    if ((size_t)sqlite3_column_bytes(s->st, col) != n) {
        tg_query_fail(s, TG_ERR_BUG);
        return false;
    }
    memcpy(out, p, n);
    return true;
}

static void row_read(tg_query_t *s, tg_bucket_t bucket, tg_arena_t *arena, tg_record_t *r) {
    *r = (tg_record_t){.bucket = bucket};
    bytes_read(s, 0, r->hash, HASH_LEN);
    r->has_refresh = bytes_read(s, 1, r->refresh_hash, HASH_LEN);
    r->environment_id = sqlite3_column_int64(s->st, 2);
    r->client_kind = (tg_client_kind_t)sqlite3_column_int64(s->st, 3);
    tg_query_col_text(s, 4, arena, &r->client_id);
    tg_query_col_text(s, 5, arena, &r->subject);
    tg_query_col_text(s, 6, arena, &r->scope);
    r->generation = (uint64_t)sqlite3_column_int64(s->st, 7);
    r->epoch = sqlite3_column_int64(s->st, 8);
    r->issued_at = sqlite3_column_int64(s->st, 9);
    r->access_expires_at = sqlite3_column_int64(s->st, 10);
    r->refresh_expires_at = sqlite3_column_int64(s->st, 11);
    r->refresh_left = (int32_t)sqlite3_column_int64(s->st, 12);
    r->refresh_used = (int32_t)sqlite3_column_int64(s->st, 13);
    bytes_read(s, 14, r->family, TG_FAMILY_LEN);
    r->ended_at = sqlite3_column_int64(s->st, 15);
    r->has_successor = bytes_read(s, 16, r->successor, HASH_LEN);
    r->successor_bucket.cls = (tg_bucket_class_t)sqlite3_column_int64(s->st, 17);
    r->successor_bucket.index = (uint32_t)sqlite3_column_int64(s->st, 18);
    r->successor_used_at = sqlite3_column_int64(s->st, 19);
    r->has_predecessor = bytes_read(s, 20, r->predecessor, HASH_LEN);
    r->predecessor_bucket.cls = (tg_bucket_class_t)sqlite3_column_int64(s->st, 21);
    r->predecessor_bucket.index = (uint32_t)sqlite3_column_int64(s->st, 22);
    bool told = sqlite3_column_type(s->st, 23) != SQLITE_NULL; /* not by releases before schema version 3 */
    r->has_scope = told ? sqlite3_column_int64(s->st, 23) != 0 : r->scope.n > 0;
    r->user_generation = (uint64_t)sqlite3_column_int64(s->st, 24);
}

/* ---- look-ups ---- */

static tg_err_t find_by(tg_token_store_t *store, tg_bucket_verb_t verb, const uint8_t hash[HASH_LEN],
                        tg_bucket_t bucket, tg_arena_t *arena, tg_record_t *out) {
    tg_sqlite_tokens_t *t = (tg_sqlite_tokens_t *)store;
    tg_query_t s;
    tg_bucket_query(&s, t, bucket, verb);
    tg_query_blob(&s, hash, HASH_LEN);
    if (tg_query_step(&s)) {
        row_read(&s, bucket, arena, out);
    } else {
        tg_query_fail(&s, TG_ERR_NOTFOUND);
    }
    return tg_bucket_done(&s, t, bucket);
}

tg_err_t tg_sqlite_record_find(tg_token_store_t *store, const uint8_t hash[HASH_LEN], tg_bucket_t bucket,
                               tg_arena_t *arena, tg_record_t *out) {
    return find_by(store, TG_BUCKET_FIND, hash, bucket, arena, out);
}

tg_err_t tg_sqlite_record_find_refresh(tg_token_store_t *store, const uint8_t hash[HASH_LEN], tg_bucket_t bucket,
                                       tg_arena_t *arena, tg_record_t *out) {
    return find_by(store, TG_BUCKET_FIND_REFRESH, hash, bucket, arena, out);
}

/* ---- writing ---- */

static tg_err_t insert_once(tg_sqlite_tokens_t *t, const tg_record_t *r) {
    tg_query_t s;
    tg_bucket_query(&s, t, r->bucket, TG_BUCKET_PUT);
    row_bind(&s, r);
    while (tg_query_step(&s)) {
    }
    if (s.err == TG_OK && sqlite3_changes(t->q.db) == 0) {
        tg_query_fail(&s, TG_ERR_CONFLICT);
    }
    return tg_bucket_done(&s, t, r->bucket);
}

tg_err_t tg_record_insert(tg_sqlite_tokens_t *t, const tg_record_t *r) {
    if (r->bucket.cls > TG_BUCKET_NEVER) {
        return TG_ERR_BUG;
    }
    tg_err_t err = insert_once(t, r);
    if (err != TG_ERR_NOTFOUND) {
        return err;
    }
    err = tg_bucket_make(t, r->bucket);
    return err != TG_OK ? err : insert_once(t, r);
}
