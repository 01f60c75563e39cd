/*
 * Token records for the contract suite, and the writes and changes around them.
 */
#ifndef TG_TEST_CONTRACT_RECORDS_H
#define TG_TEST_CONTRACT_RECORDS_H

#include "fixture.h"

static const tg_bucket_t hour = {TG_BUCKET_HOUR, 492777}, next_hour = {TG_BUCKET_HOUR, 492778},
                         day = {TG_BUCKET_DAY, 20540}, month = {TG_BUCKET_MONTH, 690}, never = {TG_BUCKET_NEVER, 0};

/* A record whose hashes follow from its number. */
static inline tg_record_t record_of(unsigned number, tg_bucket_t bucket) {
    tg_record_t r = {
        .has_refresh = true,
        .bucket = bucket,
        .environment_id = 3,
        .client_kind = TG_CLIENT_CREDENTIAL,
        .client_id = TG_STR("api-user"),
        .subject = TG_STR("s\xc3\xbc"
                          "bject"),
        .scope = TG_STR("read write"),
        .has_scope = true,
        .generation = 0xfedcba9876543210u,
        .user_generation = 0x8000000000000001u,
        .epoch = 4,
        .issued_at = NOW,
        .access_expires_at = NOW + 1,
        .refresh_expires_at = NOW + 2,
        .refresh_left = 3,
        .refresh_used = -1,
    };
    memcpy(r.hash, &number, sizeof(number));
    r.hash[31] = 'a';
    memcpy(r.refresh_hash, &number, sizeof(number));
    r.refresh_hash[31] = 'r';
    memset(r.family, 'f', sizeof(r.family));
    return r;
}

static inline tg_err_t put(tg_token_store_t *s, const tg_record_t *r) {
    tg_err_t result = TG_ERR_BUG;
    tg_err_t err = s->ops->record_put(s, &r, 1, &result);
    return err != TG_OK ? err : result;
}

static inline tg_record_t get(fixture_t *f, const uint8_t hash[32], tg_bucket_t bucket) {
    tg_record_t r;
    assert_ok(f->tokens->ops->record_find(f->tokens, hash, bucket, &f->arena, &r));
    return r;
}

static inline void same(const tg_record_t *a, const tg_record_t *b) {
    assert_memory_equal(a->hash, b->hash, 32);
    assert_int_equal(a->has_refresh, b->has_refresh);
    if (a->has_refresh) {
        assert_memory_equal(a->refresh_hash, b->refresh_hash, 32);
    }
    assert_int_equal(a->bucket.cls, b->bucket.cls);
    assert_int_equal(a->bucket.index, b->bucket.index);
    assert_int_equal(a->environment_id, b->environment_id);
    assert_int_equal(a->client_kind, b->client_kind);
    assert_true(tg_str_eq(a->client_id, b->client_id));
    assert_true(tg_str_eq(a->subject, b->subject));
    assert_true(tg_str_eq(a->scope, b->scope));
    assert_int_equal(a->has_scope, b->has_scope);
    assert_true(a->generation == b->generation);
    assert_true(a->user_generation == b->user_generation);
    assert_int_equal(a->epoch, b->epoch);
    assert_int_equal(a->issued_at, b->issued_at);
    assert_int_equal(a->access_expires_at, b->access_expires_at);
    assert_int_equal(a->refresh_expires_at, b->refresh_expires_at);
    assert_int_equal(a->refresh_left, b->refresh_left);
    assert_int_equal(a->refresh_used, b->refresh_used);
    assert_memory_equal(a->family, b->family, TG_FAMILY_LEN);
    assert_int_equal(a->ended_at, b->ended_at);
    assert_int_equal(a->has_successor, b->has_successor);
    if (a->has_successor) {
        assert_memory_equal(a->successor, b->successor, 32);
        assert_int_equal(a->successor_bucket.cls, b->successor_bucket.cls);
        assert_int_equal(a->successor_bucket.index, b->successor_bucket.index);
    }
    assert_int_equal(a->successor_used_at, b->successor_used_at);
    assert_int_equal(a->has_predecessor, b->has_predecessor);
    if (a->has_predecessor) {
        assert_memory_equal(a->predecessor, b->predecessor, 32);
        assert_int_equal(a->predecessor_bucket.cls, b->predecessor_bucket.cls);
        assert_int_equal(a->predecessor_bucket.index, b->predecessor_bucket.index);
    }
}

/* The successor of a record, as a refresh plans it. */
static inline tg_record_t successor_of(const tg_record_t *old, unsigned number, tg_bucket_t bucket) {
    tg_record_t r = record_of(number, bucket);
    r.has_predecessor = true;
    memcpy(r.predecessor, old->hash, 32);
    r.predecessor_bucket = old->bucket;
    r.refresh_left = old->refresh_left - 1;
    r.refresh_used = old->refresh_used + 1;
    return r;
}

/* The same with rotation off: the refresh token, and so its bucket, stay. */
static inline tg_record_t next_of(const tg_record_t *old, unsigned number) {
    tg_record_t r = successor_of(old, number, old->bucket);
    memcpy(r.refresh_hash, old->refresh_hash, 32);
    return r;
}

static inline void tombstone_of(tg_record_t *r, const tg_record_t *successor, tg_ms_t at) {
    r->ended_at = at;
    r->has_successor = true;
    memcpy(r->successor, successor->hash, 32);
    r->successor_bucket = successor->bucket;
}

/* ---- writes ---- */

static inline tg_write_t write_put(const tg_record_t *r) {
    return (tg_write_t){.kind = TG_WRITE_PUT, .record = r, .result = TG_ERR_BUG};
}

static inline tg_write_t write_on(tg_write_kind_t kind, const uint8_t hash[32], tg_bucket_t bucket, tg_ms_t at) {
    tg_write_t w = {.kind = kind, .bucket = bucket, .at = at, .result = TG_ERR_BUG};
    memcpy(w.hash, hash, 32);
    return w;
}

static inline tg_write_t write_refresh(const tg_record_t *old, const tg_record_t *successor, tg_ms_t at) {
    tg_write_t w = write_on(TG_WRITE_REFRESH, old->refresh_hash, old->bucket, at);
    w.record = successor;
    return w;
}

static inline tg_write_t write_family(const uint8_t family[TG_FAMILY_LEN], tg_ms_t at) {
    tg_write_t w = {.kind = TG_WRITE_FAMILY, .at = at, .result = TG_ERR_BUG};
    memcpy(w.family, family, TG_FAMILY_LEN);
    return w;
}

static inline tg_write_t write_epoch(int64_t environment_id, const char *client_id, const char *subject) {
    return (tg_write_t){.kind = TG_WRITE_EPOCH,
                        .environment_id = environment_id,
                        .client_kind = TG_CLIENT_CREDENTIAL,
                        .client_id = tg_str(client_id),
                        .subject = tg_str(subject),
                        .result = TG_ERR_BUG};
}

static inline tg_write_t write_revocation(int64_t environment_id, const char *client_id, unsigned number, tg_ms_t until,
                                          int64_t capacity, tg_ms_t at) {
    tg_write_t w = {.kind = TG_WRITE_REVOCATION,
                    .environment_id = environment_id,
                    .client_kind = TG_CLIENT_APPLICATION,
                    .client_id = tg_str(client_id),
                    .until = until,
                    .capacity = capacity,
                    .at = at,
                    .result = TG_ERR_BUG};
    memcpy(w.revocation, &number, sizeof(number));
    w.revocation[15] = 'j';
    return w;
}

/* One write, as a batch. */
static inline tg_err_t write_one(fixture_t *f, tg_write_t w) {
    tg_err_t err = f->tokens->ops->write_many(f->tokens, &w, 1, &f->arena);
    return err != TG_OK ? err : w.result;
}

/* ---- changes ---- */

static inline int64_t change_head(fixture_t *f) {
    int64_t seq = -1;
    assert_ok(f->tokens->ops->change_head(f->tokens, &seq));
    return seq;
}

/* All of them after `after`, which must be `n`, without a gap. */
static inline const tg_token_change_t *changes_after(fixture_t *f, int64_t after, size_t n) {
    tg_token_change_t *rows;
    size_t found;
    assert_ok(f->tokens->ops->change_read(f->tokens, after, n + 10, &f->arena, &rows, &found));
    assert_int_equal(found, n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(rows[i].seq, after + 1 + (int64_t)i);
    }
    assert_int_equal(change_head(f), after + (int64_t)n);
    return rows;
}

static inline void change_is(const tg_token_change_t *row, tg_token_change_kind_t kind, int64_t environment_id,
                             const void *id, size_t n, tg_ms_t until) {
    assert_int_equal(row->kind, kind);
    assert_int_equal(row->environment_id, environment_id);
    assert_int_equal(row->id.n, n);
    assert_memory_equal(row->id.p, id, n);
    assert_int_equal(row->until, until);
}

static inline void ended_is(const tg_token_change_t *row, const tg_record_t *r) {
    change_is(row, TG_TOKEN_CHANGE_ENDED, r->environment_id, r->hash, 32, 0);
}

#endif
