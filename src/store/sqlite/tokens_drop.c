#include <stdio.h>
#include <stdlib.h>

#include "store/sqlite/tokens.h"

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

tg_err_t tg_sqlite_buckets_drop(tg_token_store_t *store, tg_ms_t now, int64_t *dropped) {
    tg_sqlite_tokens_t *t = (tg_sqlite_tokens_t *)store;
    *dropped = 0;
    tg_err_t err = tables_drop(t, now, dropped);
    if (err == TG_OK) {
        err = tg_revocation_tidy(t, now);
    }
    return err == TG_OK ? tg_feed_tidy(t, now) : err;
}
