#include "store/postgres/tokens.h"

#define HASH_LEN 32
#define NUMBERS  17 /* the columns that come first */

/* ---- one row; the order of columns is that of tokens_bucket.c ---- */

void tg_pg_record_arrays(tg_pg_array_t arrays[TG_PG_RECORD_ARRAYS]) {
    for (size_t i = 0; i < TG_PG_RECORD_ARRAYS; i++) {
        tg_pg_array_init(&arrays[i], i < NUMBERS ? TG_PG_INT8 : TG_PG_BYTEA);
    }
}

static void hash_add(tg_pg_array_t *a, bool there, const uint8_t hash[HASH_LEN]) {
    if (there) {
        tg_pg_array_blob(a, tg_strn(hash, HASH_LEN));
    } else {
        tg_pg_array_null(a);
    }
}

void tg_pg_record_add(tg_pg_array_t arrays[TG_PG_RECORD_ARRAYS], const tg_record_t *r, int64_t epoch) {
    const int64_t numbers[NUMBERS] = {r->environment_id,
                                      (int64_t)r->generation,
                                      (int64_t)r->user_generation,
                                      epoch,
                                      r->issued_at,
                                      r->access_expires_at,
                                      r->refresh_expires_at,
                                      r->ended_at,
                                      r->successor_used_at,
                                      r->refresh_left,
                                      r->refresh_used,
                                      r->successor_bucket.index,
                                      r->predecessor_bucket.index,
                                      r->successor_bucket.cls,
                                      r->predecessor_bucket.cls,
                                      r->client_kind,
                                      r->has_scope};
    for (size_t i = 0; i < NUMBERS; i++) {
        tg_pg_array_int(&arrays[i], numbers[i]);
    }
    hash_add(&arrays[17], true, r->hash);
    hash_add(&arrays[18], r->has_refresh, r->refresh_hash);
    tg_pg_array_blob(&arrays[19], tg_strn(r->family, TG_FAMILY_LEN));
    tg_pg_array_blob(&arrays[20], r->client_id);
    tg_pg_array_blob(&arrays[21], r->subject);
    tg_pg_array_blob(&arrays[22], r->scope);
    hash_add(&arrays[23], r->has_successor, r->successor);
    hash_add(&arrays[24], r->has_predecessor, r->predecessor);
}

void tg_pg_record_read(tg_pgquery_t *s, tg_bucket_t bucket, tg_arena_t *arena, tg_record_t *r) {
    *r = (tg_record_t){.bucket = bucket};
    r->environment_id = tg_pgquery_col_int(s, 0);
    r->generation = (uint64_t)tg_pgquery_col_int(s, 1);
    r->user_generation = (uint64_t)tg_pgquery_col_int(s, 2);
    r->epoch = tg_pgquery_col_int(s, 3);
    r->issued_at = tg_pgquery_col_int(s, 4);
    r->access_expires_at = tg_pgquery_col_int(s, 5);
    r->refresh_expires_at = tg_pgquery_col_int(s, 6);
    r->ended_at = tg_pgquery_col_int(s, 7);
    r->successor_used_at = tg_pgquery_col_int(s, 8);
    r->refresh_left = (int32_t)tg_pgquery_col_int(s, 9);
    r->refresh_used = (int32_t)tg_pgquery_col_int(s, 10);
    r->successor_bucket.index = (uint32_t)tg_pgquery_col_int(s, 11);
    r->predecessor_bucket.index = (uint32_t)tg_pgquery_col_int(s, 12);
    r->successor_bucket.cls = (tg_bucket_class_t)tg_pgquery_col_int(s, 13);
    r->predecessor_bucket.cls = (tg_bucket_class_t)tg_pgquery_col_int(s, 14);
    r->client_kind = (tg_client_kind_t)tg_pgquery_col_int(s, 15);
    r->has_scope = tg_pgquery_col_int(s, 16) != 0;
    tg_pgquery_col_bytes(s, 17, r->hash, HASH_LEN);
    r->has_refresh = tg_pgquery_col_bytes(s, 18, r->refresh_hash, HASH_LEN);
    tg_pgquery_col_bytes(s, 19, r->family, TG_FAMILY_LEN);
    tg_pgquery_col_text(s, 20, arena, &r->client_id);
    tg_pgquery_col_text(s, 21, arena, &r->subject);
    tg_pgquery_col_text(s, 22, arena, &r->scope);
    r->has_successor = tg_pgquery_col_bytes(s, 23, r->successor, HASH_LEN);
    r->has_predecessor = tg_pgquery_col_bytes(s, 24, r->predecessor, HASH_LEN);
}

/* ---- look-ups ---- */

static tg_err_t find_in(tg_postgres_tokens_t *t, size_t slot, tg_pg_verb_t verb, const uint8_t hash[HASH_LEN],
                        tg_arena_t *arena, tg_record_t *out) {
    tg_pgquery_t s;
    const tg_bucket_t bucket = t->buckets[slot].bucket;
    tg_pg_bucket_query(&s, t, slot, verb);
    tg_pgquery_blob(&s, hash, HASH_LEN);
    if (tg_pgquery_step(&s)) {
        tg_pg_record_read(&s, bucket, arena, out);
    } else {
        tg_pgquery_fail(&s, TG_ERR_NOTFOUND);
    }
    return tg_pgquery_done(&s);
}

static tg_err_t find_by(tg_token_store_t *store, tg_pg_verb_t verb, const uint8_t hash[HASH_LEN], tg_bucket_t bucket,
                        tg_arena_t *arena, tg_record_t *out) {
    tg_postgres_tokens_t *t = (tg_postgres_tokens_t *)store;
    size_t slot;
    tg_err_t err = tg_pg_buckets_ready(t);
    if (err == TG_OK) {
        err = tg_pg_bucket_find(t, bucket, &slot);
    }
    if (err == TG_OK) {
        err = find_in(t, slot, verb, hash, arena, out);
    }
    if (err == TG_ERR_BUG && tg_pg_bucket_gone(t)) {
        tg_pg_buckets_forget(t); /* dropped since we saw it */
        err = TG_ERR_NOTFOUND;
    }
    return err;
}

tg_err_t tg_postgres_record_find(tg_token_store_t *store, const uint8_t hash[HASH_LEN], tg_bucket_t bucket,
                                 tg_arena_t *arena, tg_record_t *out) {
    return find_by(store, TG_PG_FIND, hash, bucket, arena, out);
}

tg_err_t tg_postgres_record_find_refresh(tg_token_store_t *store, const uint8_t hash[HASH_LEN], tg_bucket_t bucket,
                                         tg_arena_t *arena, tg_record_t *out) {
    return find_by(store, TG_PG_FIND_REFRESH, hash, bucket, arena, out);
}
