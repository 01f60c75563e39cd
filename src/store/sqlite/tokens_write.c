#include <stdlib.h>

#include "store/sqlite/tokens.h"
#include "store/write.h"

#define HASH_LEN 32

/* Runs a bucket's UPDATE of one row that is known to be there. */
static tg_err_t update_run(tg_query_t *s, tg_sqlite_tokens_t *t, tg_bucket_t bucket) {
    while (tg_query_step(s)) {
    }
    if (s->err == TG_OK && sqlite3_changes(t->q.db) != 1) {
        tg_query_fail(s, TG_ERR_BUG);
    }
    return tg_bucket_done(s, t, bucket);
}

/* An UPDATE (verb) of one record by its hash. */
static tg_err_t mark(tg_sqlite_tokens_t *t, tg_bucket_verb_t verb, const tg_write_t *w) {
    tg_query_t s;
    tg_bucket_query(&s, t, w->bucket, verb);
    tg_query_int(&s, w->at);
    tg_query_blob(&s, w->hash, HASH_LEN);
    return update_run(&s, t, w->bucket);
}

/* What a write needs to know of a record. */
typedef struct {
    int64_t environment_id;
    tg_ms_t ended_at, successor_used_at;
    bool has_successor;
} state_t;

static tg_err_t state_find(tg_sqlite_tokens_t *t, const uint8_t hash[HASH_LEN], tg_bucket_t bucket, state_t *out) {
    tg_query_t s;
    tg_bucket_query(&s, t, bucket, TG_BUCKET_STATE);
    tg_query_blob(&s, hash, HASH_LEN);
    if (tg_query_step(&s)) {
        out->environment_id = sqlite3_column_int64(s.st, 0);
        out->ended_at = sqlite3_column_int64(s.st, 1);
        out->has_successor = sqlite3_column_int64(s.st, 2) != 0;
        out->successor_used_at = sqlite3_column_int64(s.st, 3);
    } else {
        tg_query_fail(&s, TG_ERR_NOTFOUND);
    }
    return tg_bucket_done(&s, t, bucket);
}

static tg_err_t ended_change(tg_sqlite_tokens_t *t, int64_t environment_id, const uint8_t hash[HASH_LEN]) {
    const tg_token_change_t row = {
        .kind = TG_TOKEN_CHANGE_ENDED, .environment_id = environment_id, .id = tg_strn(hash, HASH_LEN)};
    return tg_token_change(t, &row, NULL);
}

/* ---- one record ---- */

static tg_err_t write_put(tg_sqlite_tokens_t *t, tg_write_t *w) {
    tg_err_t err;
    if (w->epoch_from == NULL) {
        err = tg_record_insert(t, w->record);
    } else {
        tg_record_t r = *w->record;
        r.epoch = w->epoch_from->epoch;
        err = tg_record_insert(t, &r);
    }
    return err == TG_ERR_CONFLICT ? tg_write_refuse(w, err) : err;
}

static tg_err_t write_end(tg_sqlite_tokens_t *t, tg_write_t *w) {
    state_t state;
    tg_err_t err = state_find(t, w->hash, w->bucket, &state);
    if (err == TG_ERR_NOTFOUND) {
        return tg_write_refuse(w, err);
    }
    if (err != TG_OK || state.ended_at != 0) {
        return err;
    }
    err = mark(t, TG_BUCKET_END, w);
    return err != TG_OK ? err : ended_change(t, state.environment_id, w->hash);
}

static tg_err_t write_used(tg_sqlite_tokens_t *t, tg_write_t *w) {
    state_t state;
    tg_err_t err = state_find(t, w->hash, w->bucket, &state);
    if (err == TG_ERR_NOTFOUND || (err == TG_OK && !state.has_successor)) {
        return tg_write_refuse(w, TG_ERR_NOTFOUND);
    }
    return err != TG_OK || state.successor_used_at != 0 ? err : mark(t, TG_BUCKET_USED, w);
}

/* ---- refresh ---- */

static tg_err_t tombstone_make(tg_sqlite_tokens_t *t, tg_bucket_verb_t verb, const tg_record_t *old,
                               const tg_record_t *successor, tg_ms_t at) {
    tg_query_t s;
    tg_bucket_query(&s, t, old->bucket, verb);
    tg_query_int(&s, at);
    tg_query_blob(&s, successor->hash, HASH_LEN);
    tg_query_int(&s, successor->bucket.cls);
    tg_query_int(&s, successor->bucket.index);
    tg_query_blob(&s, old->hash, HASH_LEN);
    return update_run(&s, t, old->bucket);
}

/* Inserts first: if a hash is taken, nothing has changed. */
static tg_err_t rotate(tg_sqlite_tokens_t *t, tg_write_t *w, const tg_record_t *old) {
    tg_err_t err = tg_record_insert(t, w->record);
    if (err == TG_ERR_CONFLICT) {
        return tg_write_refuse(w, TG_ERR_BUG); /* CONFLICT would promise that there is a tombstone */
    }
    return err != TG_OK ? err : tombstone_make(t, TG_BUCKET_SUCCEED, old, w->record, w->at);
}

/* Rotation off: the old record lets go of the refresh hash before the successor takes it. */
static tg_err_t hand_on(tg_sqlite_tokens_t *t, tg_write_t *w, const tg_record_t *old) {
    state_t state;
    if (!tg_bucket_eq(w->record->bucket, old->bucket)) {
        return tg_write_refuse(w, TG_ERR_BUG);
    }
    tg_err_t err = state_find(t, w->record->hash, w->record->bucket, &state);
    if (err != TG_ERR_NOTFOUND) {
        return err == TG_OK ? tg_write_refuse(w, TG_ERR_BUG) : err;
    }
    err = tombstone_make(t, TG_BUCKET_HAND_ON, old, w->record, w->at);
    return err != TG_OK ? err : tg_record_insert(t, w->record);
}

static tg_err_t refuse_with(tg_write_t *w, tg_record_t *existing) {
    w->existing = existing;
    return tg_write_refuse(w, TG_ERR_CONFLICT);
}

static tg_err_t write_refresh(tg_sqlite_tokens_t *t, tg_write_t *w, tg_arena_t *arena) {
    tg_record_t *old = tg_arena_alloc(arena, sizeof(*old));
    if (old == NULL) {
        return TG_ERR_NOMEM;
    }
    tg_err_t err = tg_sqlite_record_find_refresh(&t->base, w->hash, w->bucket, arena, old);
    if (err == TG_ERR_NOTFOUND || (err == TG_OK && old->ended_at != 0 && !old->has_successor)) {
        return tg_write_refuse(w, TG_ERR_NOTFOUND);
    }
    if (err != TG_OK) {
        return err;
    }
    if (old->ended_at != 0 || !tg_record_precedes(old, w->record)) {
        return refuse_with(w, old);
    }
    err = tg_record_hands_on(old, w->record) ? hand_on(t, w, old) : rotate(t, w, old);
    return err != TG_OK || w->result != TG_OK ? err : ended_change(t, old->environment_id, old->hash);
}

/* ---- families ---- */

static tg_err_t family_end_in(tg_sqlite_tokens_t *t, tg_bucket_t bucket, tg_write_t *w) {
    tg_query_t s;
    tg_bucket_query(&s, t, bucket, TG_BUCKET_FAMILY);
    tg_query_int(&s, w->at);
    tg_query_blob(&s, w->family, TG_FAMILY_LEN);
    while (tg_query_step(&s)) { /* all rows are changed by the first step */
        if (sqlite3_column_bytes(s.st, 0) != HASH_LEN) {
            tg_query_fail(&s, TG_ERR_BUG);
            break;
        }
        tg_query_fail(&s, ended_change(t, sqlite3_column_int64(s.st, 1), sqlite3_column_blob(s.st, 0)));
        w->ended++;
    }
    return tg_bucket_done(&s, t, bucket);
}

static tg_err_t write_family(tg_sqlite_tokens_t *t, tg_write_t *w) {
    tg_bucket_t *buckets;
    size_t n;
    tg_err_t err = tg_bucket_list(t, &buckets, &n);
    for (size_t i = 0; i < n && err == TG_OK; i++) {
        if (tg_bucket_end(buckets[i]) > w->at) {
            err = family_end_in(t, buckets[i], w);
        }
    }
    free(buckets);
    return err;
}

/* ---- batches ---- */

/* Puts a refusal into w->result; what it returns is a failure of the whole batch. */
static tg_err_t write_one(tg_sqlite_tokens_t *t, tg_write_t *w, tg_arena_t *arena) {
    w->result = TG_OK;
    w->existing = NULL;
    w->ended = 0;
    switch (w->kind) {
    case TG_WRITE_PUT:
        return write_put(t, w);
    case TG_WRITE_REFRESH:
        return write_refresh(t, w, arena);
    case TG_WRITE_END:
        return write_end(t, w);
    case TG_WRITE_USED:
        return write_used(t, w);
    case TG_WRITE_FAMILY:
        return write_family(t, w);
    case TG_WRITE_EPOCH:
        return tg_epoch_write(t, w);
    case TG_WRITE_REVOCATION:
        return tg_revocation_write(t, w);
    }
    return TG_ERR_BUG;
}

tg_err_t tg_sqlite_write_many(tg_token_store_t *store, tg_write_t *writes, size_t n, tg_arena_t *arena) {
    tg_sqlite_tokens_t *t = (tg_sqlite_tokens_t *)store;
    if (n == 0) {
        return TG_OK;
    }
    tg_err_t err = tg_tokens_begin(t);
    if (err == TG_OK) {
        for (size_t i = 0; i < n && err == TG_OK; i++) {
            err = write_one(t, &writes[i], arena);
        }
        err = tg_tokens_end(t, err);
    }
    if (err != TG_OK) {
        tg_writes_failed(writes, n, err);
    }
    return err;
}
