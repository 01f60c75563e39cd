#include <stdio.h>
#include <stdlib.h>

#include "store/sqlite/tokens.h"

#define HASH_LEN 32

/* Runs a bucket's UPDATE; *changed: how many rows. */
static tg_err_t update_run(tg_query_t *s, tg_sqlite_tokens_t *t, tg_bucket_t bucket, int64_t *changed) {
    while (tg_query_step(s)) {
    }
    *changed = s->err == TG_OK ? sqlite3_changes(t->q.db) : 0;
    return tg_bucket_done(s, t, bucket);
}

/* An UPDATE (verb) of one record by its hash, as a transaction of its own. */
static tg_err_t mark(tg_sqlite_tokens_t *t, tg_bucket_verb_t verb, const uint8_t hash[HASH_LEN], tg_bucket_t bucket,
                     tg_ms_t at) {
    tg_err_t err = tg_tokens_begin(t);
    if (err != TG_OK) {
        return err;
    }
    tg_query_t s;
    int64_t changed;
    tg_bucket_query(&s, t, bucket, verb);
    tg_query_int(&s, at);
    tg_query_blob(&s, hash, HASH_LEN);
    err = update_run(&s, t, bucket, &changed);
    return tg_tokens_end(t, err);
}

/* What is there already, read without the writer lock: a record only ever moves forward (lives, ended; successor
 * unused, used), so that an answer of "done already" stays true. */
static tg_err_t look(tg_sqlite_tokens_t *t, const uint8_t hash[HASH_LEN], tg_bucket_t bucket, tg_record_t *r) {
    tg_arena_t arena;
    tg_arena_init(&arena, 16384);
    tg_err_t err = tg_sqlite_record_find(&t->base, hash, bucket, &arena, r);
    tg_arena_release(&arena);
    r->client_id = r->subject = r->scope = TG_STR_NONE;
    return err;
}

tg_err_t tg_sqlite_record_end(tg_token_store_t *store, const uint8_t hash[HASH_LEN], tg_bucket_t bucket, tg_ms_t at) {
    tg_sqlite_tokens_t *t = (tg_sqlite_tokens_t *)store;
    tg_record_t r;
    tg_err_t err = look(t, hash, bucket, &r);
    if (err != TG_OK || r.ended_at != 0) {
        return err;
    }
    return mark(t, TG_BUCKET_END, hash, bucket, at);
}

tg_err_t tg_sqlite_record_successor_used(tg_token_store_t *store, const uint8_t hash[HASH_LEN], tg_bucket_t bucket,
                                         tg_ms_t at) {
    tg_sqlite_tokens_t *t = (tg_sqlite_tokens_t *)store;
    tg_record_t r;
    tg_err_t err = look(t, hash, bucket, &r);
    if (err != TG_OK) {
        return err;
    }
    if (!r.has_successor) {
        return TG_ERR_NOTFOUND;
    }
    return r.successor_used_at != 0 ? TG_OK : mark(t, TG_BUCKET_USED, hash, bucket, at);
}

/* ---- refresh ---- */

/* TG_OK: it can be refreshed now. */
static tg_err_t refreshable(tg_sqlite_tokens_t *t, const uint8_t refresh_hash[HASH_LEN], tg_bucket_t bucket,
                            tg_arena_t *arena, tg_record_t *existing) {
    tg_err_t err = tg_sqlite_record_find_refresh(&t->base, refresh_hash, bucket, arena, existing);
    if (err != TG_OK || existing->ended_at == 0) {
        return err;
    }
    return existing->has_successor ? TG_ERR_CONFLICT : TG_ERR_NOTFOUND;
}

static tg_err_t succeed(tg_sqlite_tokens_t *t, const uint8_t refresh_hash[HASH_LEN], tg_bucket_t bucket,
                        const tg_record_t *successor, tg_ms_t at) {
    tg_query_t s;
    int64_t changed;
    tg_bucket_query(&s, t, bucket, TG_BUCKET_SUCCEED);
    tg_query_int(&s, at);
    tg_query_blob(&s, successor->hash, HASH_LEN);
    tg_query_int(&s, successor->bucket.cls);
    tg_query_int(&s, successor->bucket.index);
    tg_query_blob(&s, refresh_hash, HASH_LEN);
    tg_err_t err = update_run(&s, t, bucket, &changed);
    if (err == TG_OK && changed != 1) {
        err = TG_ERR_BUG;
    }
    if (err == TG_OK) {
        err = tg_record_insert(t, successor);
    }
    return err == TG_ERR_CONFLICT ? TG_ERR_BUG : err; /* CONFLICT would promise that *existing is a tombstone */
}

tg_err_t tg_sqlite_record_refresh(tg_token_store_t *store, const uint8_t refresh_hash[HASH_LEN], tg_bucket_t bucket,
                                  const tg_record_t *successor, tg_ms_t at, tg_arena_t *arena, tg_record_t *existing) {
    tg_sqlite_tokens_t *t = (tg_sqlite_tokens_t *)store;
    tg_err_t err = refreshable(t, refresh_hash, bucket, arena, existing);
    if (err != TG_OK) {
        return err; /* a tombstone stays one: repeats need no lock */
    }
    err = tg_tokens_begin(t);
    if (err != TG_OK) {
        return err;
    }
    err = refreshable(t, refresh_hash, bucket, arena, existing);
    if (err == TG_OK) {
        err = succeed(t, refresh_hash, bucket, successor, at);
    }
    return tg_tokens_end(t, err);
}

/* ---- families ---- */

static tg_err_t family_end_in(tg_sqlite_tokens_t *t, tg_bucket_t bucket, const uint8_t family[TG_FAMILY_LEN],
                              tg_ms_t at, int64_t *changed) {
    tg_query_t s;
    tg_bucket_query(&s, t, bucket, TG_BUCKET_FAMILY);
    tg_query_int(&s, at);
    tg_query_blob(&s, family, TG_FAMILY_LEN);
    tg_err_t err = update_run(&s, t, bucket, changed);
    return err == TG_ERR_NOTFOUND ? TG_OK : err; /* dropped meanwhile */
}

tg_err_t tg_sqlite_family_end(tg_token_store_t *store, const uint8_t family[TG_FAMILY_LEN], tg_ms_t at,
                              int64_t *ended) {
    tg_sqlite_tokens_t *t = (tg_sqlite_tokens_t *)store;
    tg_bucket_t *buckets = NULL;
    size_t n;
    int64_t sum = 0;
    *ended = 0;
    tg_err_t err = tg_tokens_begin(t);
    if (err != TG_OK) {
        return err;
    }
    err = tg_bucket_list(t, &buckets, &n);
    for (size_t i = 0; i < n && err == TG_OK; i++) {
        int64_t changed = 0;
        if (tg_bucket_end(buckets[i]) > at) {
            err = family_end_in(t, buckets[i], family, at, &changed);
        }
        sum += changed;
    }
    free(buckets);
    err = tg_tokens_end(t, err);
    *ended = err == TG_OK ? sum : 0;
    return err;
}

/* ---- partitions ---- */

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
tg_err_t tg_sqlite_buckets_drop(tg_token_store_t *store, tg_ms_t now, int64_t *dropped) {
    tg_sqlite_tokens_t *t = (tg_sqlite_tokens_t *)store;
    tg_bucket_t *buckets;
    size_t n;
    *dropped = 0;
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
