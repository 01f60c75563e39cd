/*
 * The token store in memory: one database a name, one mutex; a partition per bucket with its records hashed by both
 * hashes.
 */
#ifndef TG_STORE_MEMORY_TOKENS_H
#define TG_STORE_MEMORY_TOKENS_H

#include <pthread.h>

#include "store/memory/table.h"
#include "store/rows.h"
#include "store/token_store.h"

typedef struct tg_memory_record {
    struct tg_memory_record *next;         /* in the chain of its hash */
    struct tg_memory_record *next_refresh; /* in the chain of its refresh hash */
    tg_record_t r;                         /* its texts lie behind it, in the same allocation */
} tg_memory_record_t;

typedef struct {
    tg_bucket_t bucket;
    size_t n, slots; /* slots: a power of two */
    tg_memory_record_t **by_hash, **by_refresh;
} tg_partition_t;

typedef struct {
    int64_t environment_id;
    tg_client_kind_t kind;
    tg_str_t client_id, subject;
    int64_t epoch;
} tg_epoch_row_t;

/* A node without its workers; they are rows of their own. */
typedef struct {
    tg_str_t node_id;
    tg_node_worker_t worker;
} tg_worker_row_t;

typedef struct {
    int64_t environment_id;
    tg_client_kind_t kind;
    tg_str_t client_id;
    uint8_t id[TG_REVOCATION_LEN];
    tg_ms_t until; /* INT64_MAX: never */
} tg_revocation_row_t;

/* All changes up to seq were there at this moment; by this they are pruned. */
typedef struct {
    int64_t seq;
    tg_ms_t at;
} tg_mark_row_t;

typedef struct tg_memory_tokens_db tg_memory_tokens_db_t;

struct tg_memory_tokens_db {
    tg_memory_tokens_db_t *next;
    char *name;
    size_t handles;
    pthread_mutex_t mutex;
    tg_partition_t *partitions;
    size_t n, cap;
    tg_table_t epochs, nodes, workers, revocations, changes, marks, requests;
    int64_t last_change, last_request;
};

typedef struct {
    tg_token_store_t base;
    tg_memory_tokens_db_t *db;
} tg_memory_tokens_t;

static inline tg_memory_tokens_db_t *tg_memory_of(tg_token_store_t *s) {
    return ((tg_memory_tokens_t *)s)->db;
}

/* ---- partition.c; under the mutex ---- */

/* NULL: no such partition. Borrowed until one is made or dropped. */
tg_partition_t *tg_partition_find(tg_memory_tokens_db_t *db, tg_bucket_t bucket);
/* Finds or makes it, with room for `more` records; NULL: out of memory (what was there is as before). */
tg_partition_t *tg_partition_get(tg_memory_tokens_db_t *db, tg_bucket_t bucket, size_t more);
void tg_partition_drop(tg_memory_tokens_db_t *db, size_t i);
tg_memory_record_t *tg_partition_record(const tg_partition_t *p, const uint8_t hash[32]);
tg_memory_record_t *tg_partition_refresh(const tg_partition_t *p, const uint8_t refresh_hash[32]);
/* Takes over the record; room was made before. */
void tg_partition_put(tg_partition_t *p, tg_memory_record_t *record);
/* Takes it out and frees it. */
void tg_partition_remove(tg_partition_t *p, tg_memory_record_t *record);
/* Gives a record its refresh hash, or takes it away. */
void tg_partition_refresh_set(tg_partition_t *p, tg_memory_record_t *record, bool has_refresh);
/* A copy in one allocation (tg_wipe and free with tg_record_free); NULL: out of memory. */
tg_memory_record_t *tg_record_new(const tg_record_t *from);
void tg_record_free(tg_memory_record_t *record);
tg_err_t tg_record_give(const tg_record_t *r, tg_arena_t *arena, tg_record_t *out) TG_MUST_CHECK;

/* ---- tokens_write.c ---- */

tg_err_t tg_memory_write_many(tg_token_store_t *, tg_write_t *writes, size_t n, tg_arena_t *);

/* ---- tokens_feed.c ---- */

extern const tg_row_type_t tg_memory_token_change_type, tg_memory_revocation_type, tg_memory_mark_type;

/* Under the mutex. seq is given to the row. */
tg_err_t tg_memory_change_add(tg_memory_tokens_db_t *db, const tg_token_change_t *row) TG_MUST_CHECK;
/* Under the mutex: an entry for a TG_WRITE_REVOCATION. *changed: it is new or stays longer. LIMIT: no room. */
tg_err_t tg_memory_revocation_add(tg_memory_tokens_db_t *db, const tg_write_t *w, bool *changed) TG_MUST_CHECK;
tg_err_t tg_memory_token_change_head(tg_token_store_t *, int64_t *seq);
tg_err_t tg_memory_token_change_read(tg_token_store_t *, int64_t after, size_t limit, tg_arena_t *,
                                     tg_token_change_t **, size_t *);
tg_err_t tg_memory_revocation_list(tg_token_store_t *, int64_t environment_id, tg_ms_t now, tg_arena_t *,
                                   tg_revocation_t **, size_t *, int64_t *seq);
/* Under the mutex: removes past revocations and prunes the feed. */
tg_err_t tg_memory_feed_tidy(tg_memory_tokens_db_t *db, tg_ms_t now) TG_MUST_CHECK;

/* ---- tokens_request.c ---- */

extern const tg_row_type_t tg_memory_request_type;

tg_err_t tg_memory_request_put(tg_token_store_t *, const tg_request_row_t *rows, size_t n);
tg_err_t tg_memory_request_list(tg_token_store_t *, const tg_request_query_t *, tg_arena_t *, tg_request_row_t **,
                                size_t *);
tg_err_t tg_memory_request_prune(tg_token_store_t *, int64_t environment_id, tg_ms_t before, size_t limit,
                                 int64_t *pruned);

/* ---- tokens_node.c ---- */

extern const tg_row_type_t tg_memory_epoch_type, tg_memory_node_type, tg_memory_worker_type;

/* Under the mutex: the epoch of a TG_WRITE_EPOCH becomes w->epoch. */
tg_err_t tg_memory_epoch_set(tg_memory_tokens_db_t *db, const tg_write_t *w) TG_MUST_CHECK;
tg_err_t tg_memory_epoch_get(tg_token_store_t *, int64_t environment_id, tg_client_kind_t, tg_str_t client_id,
                             tg_str_t subject, int64_t *epoch);
tg_err_t tg_memory_node_put(tg_token_store_t *, const tg_node_t *);
tg_err_t tg_memory_node_remove(tg_token_store_t *, tg_str_t node_id, tg_ms_t started_at);
tg_err_t tg_memory_node_drain(tg_token_store_t *store, int64_t environment_id, tg_str_t node_id, bool drain);
tg_err_t tg_memory_node_list(tg_token_store_t *, int64_t environment_id, tg_ms_t since, tg_arena_t *, tg_node_t **,
                             size_t *);

#endif
