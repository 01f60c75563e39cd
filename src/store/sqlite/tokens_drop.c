#include <stdio.h>
#include <stdlib.h>

#include "store/sqlite/tokens.h"
#include "store/write.h"

static tg_err_t drop(tg_sqlite_tokens_t *t, tg_bucket_t bucket) {
    char name[TG_BUCKET_NAME_MAX], sql[64];
    tg_bucket_name(bucket, name);
    snprintf(sql, sizeof(sql), "DROP TABLE IF EXISTS %s", name);
    tg_bucket_forget(t, bucket); /* SQLite refuses while a statement of this handle is on it */
    tg_err_t err = tg_tokens_begin(t);
    if (err != TG_OK) {
        return err;
    }
    err = tg_sqlite_err(&t->q, sqlite3_exec(t->q.db, sql, NULL, NULL, NULL));
    return tg_tokens_end(t, err);
}

/* One table a transaction: writers that wait come in between. */
static tg_err_t tables_drop(tg_sqlite_tokens_t *t, tg_ms_t now, int64_t *dropped) {
    tg_bucket_t *buckets;
    size_t n;
    tg_err_t err = tg_bucket_list(t, &buckets, &n);
    for (size_t i = 0; i < n && err == TG_OK; i++) {
        if (tg_bucket_end(buckets[i]) <= now) {
            err = drop(t, buckets[i]);
            *dropped += err == TG_OK;
        }
    }
    free(buckets);
    return err;
}

/* Used, and not past; one that goes meanwhile is past. */
static tg_err_t wants_next(tg_sqlite_tokens_t *t, tg_bucket_t bucket, tg_ms_t now, bool *wants) {
    *wants = false;
    if (tg_bucket_end(bucket) <= now || tg_bucket_next(bucket).cls == TG_BUCKET_NEVER) {
        return TG_OK;
    }
    tg_err_t err = tg_bucket_used(t, bucket, wants);
    return err == TG_ERR_NOTFOUND ? TG_OK : err;
}

static tg_err_t make(tg_sqlite_tokens_t *t, tg_bucket_t bucket, int64_t *made) {
    bool ours;
    tg_err_t err = tg_tokens_begin(t);
    if (err != TG_OK) {
        return err;
    }
    err = tg_tokens_end(t, tg_bucket_ensure(t, bucket, &ours));
    *made += err == TG_OK && ours;
    return err;
}

static bool listed(const tg_bucket_t *buckets, size_t n, tg_bucket_t bucket) {
    for (size_t i = 0; i < n; i++) {
        if (tg_bucket_eq(buckets[i], bucket)) {
            return true;
        }
    }
    return false;
}

tg_err_t tg_sqlite_buckets_make(tg_token_store_t *store, tg_ms_t now, int64_t *made) {
    tg_sqlite_tokens_t *t = (tg_sqlite_tokens_t *)store;
    tg_bucket_t *buckets;
    size_t n;
    *made = 0;
    tg_err_t err = tg_bucket_list(t, &buckets, &n);
    for (size_t i = 0; i < n && err == TG_OK; i++) {
        const tg_bucket_t next = tg_bucket_next(buckets[i]);
        bool wants = false;
        if (!listed(buckets, n, next)) {
            err = wants_next(t, buckets[i], now, &wants);
        }
        if (err == TG_OK && wants) {
            err = make(t, next, made);
        }
    }
    free(buckets);
    return err;
}

tg_err_t tg_sqlite_buckets_drop(tg_token_store_t *store, tg_ms_t now, int64_t *dropped) {
    tg_sqlite_tokens_t *t = (tg_sqlite_tokens_t *)store;
    *dropped = 0;
    tg_err_t err = tables_drop(t, now, dropped);
    if (err == TG_OK) {
        err = tg_revocation_tidy(t, now);
    }
    return err == TG_OK ? tg_feed_tidy(t, now) : err;
}
