#include "store/faulty.h"

#include <stdlib.h>

#include "store/faulty_plan.h"
#include "store/write.h"

typedef struct {
    tg_token_store_t base;
    tg_token_store_t *inner;
    tg_fault_plan_t *plan;
} faulty_token_t;

static tg_token_store_t *token_inner(tg_token_store_t *s) {
    return ((faulty_token_t *)s)->inner;
}

/* Runs the verb unless its turn to fail has come. */
#define TOKEN(verb, ...) FAULTY(s, faulty_token_t, token_inner(s)->ops->verb(__VA_ARGS__))

static tg_err_t token_record_put(tg_token_store_t *s, const tg_record_t *const *records, size_t n, tg_err_t *results) {
    return TOKEN(record_put, token_inner(s), records, n, results);
}

static tg_err_t token_record_find(tg_token_store_t *s, const uint8_t hash[32], tg_bucket_t bucket, tg_arena_t *arena,
                                  tg_record_t *out) {
    return TOKEN(record_find, token_inner(s), hash, bucket, arena, out);
}

static tg_err_t token_record_find_refresh(tg_token_store_t *s, const uint8_t refresh_hash[32], tg_bucket_t bucket,
                                          tg_arena_t *arena, tg_record_t *out) {
    return TOKEN(record_find_refresh, token_inner(s), refresh_hash, bucket, arena, out);
}

static tg_err_t token_record_end(tg_token_store_t *s, const uint8_t hash[32], tg_bucket_t bucket, tg_ms_t at) {
    return TOKEN(record_end, token_inner(s), hash, bucket, at);
}

static tg_err_t token_record_refresh(tg_token_store_t *s, const uint8_t refresh_hash[32], tg_bucket_t bucket,
                                     const tg_record_t *successor, tg_ms_t at, tg_arena_t *arena,
                                     tg_record_t *existing) {
    return TOKEN(record_refresh, token_inner(s), refresh_hash, bucket, successor, at, arena, existing);
}

static tg_err_t token_record_successor_used(tg_token_store_t *s, const uint8_t hash[32], tg_bucket_t bucket,
                                            tg_ms_t at) {
    return TOKEN(record_successor_used, token_inner(s), hash, bucket, at);
}

static tg_err_t token_family_end(tg_token_store_t *s, const uint8_t family[TG_FAMILY_LEN], tg_ms_t at, int64_t *ended) {
    return TOKEN(family_end, token_inner(s), family, at, ended);
}

static tg_err_t token_epoch_raise(tg_token_store_t *s, int64_t environment_id, tg_client_kind_t kind,
                                  tg_str_t client_id, tg_str_t subject, int64_t *epoch) {
    return TOKEN(epoch_raise, token_inner(s), environment_id, kind, client_id, subject, epoch);
}

static tg_err_t token_epoch_get(tg_token_store_t *s, int64_t environment_id, tg_client_kind_t kind, tg_str_t client_id,
                                tg_str_t subject, int64_t *epoch) {
    return TOKEN(epoch_get, token_inner(s), environment_id, kind, client_id, subject, epoch);
}

/* As a store does it when the batch fails. */
static tg_err_t token_write_many(tg_token_store_t *s, tg_write_t *writes, size_t n, tg_arena_t *arena) {
    tg_err_t err = TOKEN(write_many, token_inner(s), writes, n, arena);
    if (err != TG_OK) {
        tg_writes_failed(writes, n, err);
    }
    return err;
}

static tg_err_t token_change_head(tg_token_store_t *s, int64_t *seq) {
    return TOKEN(change_head, token_inner(s), seq);
}

static tg_err_t token_change_read(tg_token_store_t *s, int64_t after, size_t limit, tg_arena_t *arena,
                                  tg_token_change_t **rows, size_t *n) {
    return TOKEN(change_read, token_inner(s), after, limit, arena, rows, n);
}

static int token_change_fd(tg_token_store_t *s, bool *told) {
    *told = false;
    return token_inner(s)->ops->change_fd != NULL ? token_inner(s)->ops->change_fd(token_inner(s), told) : -1;
}

static tg_err_t token_revocation_list(tg_token_store_t *s, int64_t environment_id, tg_ms_t now, tg_arena_t *arena,
                                      tg_revocation_t **rows, size_t *n, int64_t *seq) {
    return TOKEN(revocation_list, token_inner(s), environment_id, now, arena, rows, n, seq);
}

static tg_err_t token_buckets_make(tg_token_store_t *s, tg_ms_t now, int64_t *made) {
    return TOKEN(buckets_make, token_inner(s), now, made);
}

static tg_err_t token_buckets_drop(tg_token_store_t *s, tg_ms_t now, int64_t *dropped) {
    return TOKEN(buckets_drop, token_inner(s), now, dropped);
}

static tg_err_t token_request_put(tg_token_store_t *s, const tg_request_row_t *rows, size_t n) {
    return TOKEN(request_put, token_inner(s), rows, n);
}

static tg_err_t token_request_list(tg_token_store_t *s, const tg_request_query_t *query, tg_arena_t *arena,
                                   tg_request_row_t **rows, size_t *n) {
    return TOKEN(request_list, token_inner(s), query, arena, rows, n);
}

static tg_err_t token_request_prune(tg_token_store_t *s, int64_t environment_id, tg_ms_t before, size_t limit,
                                    int64_t *pruned) {
    return TOKEN(request_prune, token_inner(s), environment_id, before, limit, pruned);
}

static tg_err_t token_node_put(tg_token_store_t *s, const tg_node_t *node) {
    return TOKEN(node_put, token_inner(s), node);
}

static tg_err_t token_node_remove(tg_token_store_t *s, tg_str_t node_id, tg_ms_t started_at) {
    return TOKEN(node_remove, token_inner(s), node_id, started_at);
}

static tg_err_t token_node_drain(tg_token_store_t *s, int64_t environment_id, tg_str_t node_id, bool drain) {
    return TOKEN(node_drain, token_inner(s), environment_id, node_id, drain);
}

static tg_err_t token_node_list(tg_token_store_t *s, int64_t environment_id, tg_ms_t since, tg_arena_t *arena,
                                tg_node_t **rows, size_t *n) {
    return TOKEN(node_list, token_inner(s), environment_id, since, arena, rows, n);
}

static void token_close(tg_token_store_t *s) {
    token_inner(s)->ops->close(token_inner(s));
    free(s);
}

static const tg_token_ops_t token_ops = {
    .name = "faulty",
    .close = token_close,
    .record_put = token_record_put,
    .record_find = token_record_find,
    .record_find_refresh = token_record_find_refresh,
    .record_end = token_record_end,
    .record_refresh = token_record_refresh,
    .record_successor_used = token_record_successor_used,
    .family_end = token_family_end,
    .epoch_raise = token_epoch_raise,
    .epoch_get = token_epoch_get,
    .write_many = token_write_many,
    .change_head = token_change_head,
    .change_read = token_change_read,
    .change_fd = token_change_fd,
    .revocation_list = token_revocation_list,
    .buckets_make = token_buckets_make,
    .buckets_drop = token_buckets_drop,
    .request_put = token_request_put,
    .request_list = token_request_list,
    .request_prune = token_request_prune,
    .node_put = token_node_put,
    .node_remove = token_node_remove,
    .node_drain = token_node_drain,
    .node_list = token_node_list,
};

tg_token_store_t *tg_token_faulty(tg_token_store_t *inner, tg_fault_plan_t *plan) {
    faulty_token_t *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return NULL;
    }
    s->base.ops = &token_ops;
    s->inner = inner;
    s->plan = plan;
    return &s->base;
}
