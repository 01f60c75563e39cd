/*
 * The token store on PostgreSQL: handle, the statements of each bucket's table, and the verbs by what they are about;
 * tokens.c puts them into the table.
 */
#ifndef TG_STORE_POSTGRES_TOKENS_H
#define TG_STORE_POSTGRES_TOKENS_H

#include "store/postgres/array.h"
#include "store/postgres/db.h"

#define TG_BUCKET_NAME_MAX 24

typedef enum {
    TG_PG_PUT = 0,      /* rows; one whose hash is taken is left out. The hashes of the others come back */
    TG_PG_PUT_NEW,      /* the same; a hash that is taken is an error */
    TG_PG_FIND,         /* by hash */
    TG_PG_FIND_REFRESH, /* by refresh hash */
    TG_PG_FIND_MANY,    /* by refresh hashes */
    TG_PG_STATES,       /* by hashes, what END and USED want to know */
    TG_PG_END,
    TG_PG_SUCCEED, /* makes tombstones */
    TG_PG_USED,
    TG_PG_VERBS
} tg_pg_verb_t;

/* A bucket that has a table, as far as this connection knows, and which of its statements are prepared. */
typedef struct {
    tg_bucket_t bucket;
    uint32_t prepared; /* bit: verb */
} tg_pg_bucket_t;

typedef struct {
    tg_token_store_t base;
    tg_pg_t q;
    unsigned lives; /* of the connection that these are about */
    tg_pg_bucket_t *buckets;
    size_t n_buckets, cap_buckets;
} tg_postgres_tokens_t;

/* ---- tokens_bucket.c ---- */

/* To be called before a verb touches buckets, outside of a transaction: what is known is forgotten if it is too much,
 * or of another connection. */
tg_err_t tg_pg_buckets_ready(tg_postgres_tokens_t *t) TG_MUST_CHECK;
/* *slot, for tg_pg_bucket_query, while nothing is forgotten. NOTFOUND: the bucket has no table. */
tg_err_t tg_pg_bucket_find(tg_postgres_tokens_t *t, tg_bucket_t bucket, size_t *slot) TG_MUST_CHECK;
/* The same, and makes the table; outside of a transaction. */
tg_err_t tg_pg_bucket_make(tg_postgres_tokens_t *t, tg_bucket_t bucket, size_t *slot) TG_MUST_CHECK;
/* A failure may come of a table that has gone: forgets which there are. */
void tg_pg_buckets_forget(tg_postgres_tokens_t *t);
/* A query on the table of a bucket. */
void tg_pg_bucket_query(tg_pgquery_t *s, tg_postgres_tokens_t *t, size_t slot, tg_pg_verb_t verb);
/* The last failure was that of a table that is not there. */
bool tg_pg_bucket_gone(const tg_postgres_tokens_t *t);

/* ---- tokens_record.c ---- */

#define TG_PG_RECORD_ARRAYS 25

tg_err_t tg_postgres_record_find(tg_token_store_t *, const uint8_t hash[32], tg_bucket_t, tg_arena_t *, tg_record_t *);
tg_err_t tg_postgres_record_find_refresh(tg_token_store_t *, const uint8_t hash[32], tg_bucket_t, tg_arena_t *,
                                         tg_record_t *);
/* A row of TG_PG_FIND, _FIND_REFRESH, _FIND_MANY. */
void tg_pg_record_read(tg_pgquery_t *s, tg_bucket_t bucket, tg_arena_t *arena, tg_record_t *r);
/* The arrays of TG_PG_PUT and _PUT_NEW, and a row more of them. */
void tg_pg_record_arrays(tg_pg_array_t arrays[TG_PG_RECORD_ARRAYS]);
void tg_pg_record_add(tg_pg_array_t arrays[TG_PG_RECORD_ARRAYS], const tg_record_t *r, int64_t epoch);

/* ---- tokens_write.c ---- */

tg_err_t tg_postgres_write_many(tg_token_store_t *, tg_write_t *writes, size_t n, tg_arena_t *);

/* ---- tokens_feed.c ---- */

tg_err_t tg_postgres_token_change_head(tg_token_store_t *, int64_t *seq);
int tg_postgres_token_change_fd(tg_token_store_t *, bool *told);
tg_err_t tg_postgres_token_change_read(tg_token_store_t *, int64_t after, size_t limit, tg_arena_t *,
                                       tg_token_change_t **, size_t *);
tg_err_t tg_postgres_revocation_list(tg_token_store_t *, int64_t environment_id, tg_ms_t now, tg_arena_t *,
                                     tg_revocation_t **, size_t *, int64_t *seq);

/* ---- tokens_tidy.c ---- */

tg_err_t tg_postgres_buckets_make(tg_token_store_t *, tg_ms_t now, int64_t *made);
tg_err_t tg_postgres_buckets_drop(tg_token_store_t *, tg_ms_t now, int64_t *dropped);

/* ---- tokens_node.c: nodes and epochs ---- */

tg_err_t tg_postgres_epoch_get(tg_token_store_t *, int64_t environment_id, tg_client_kind_t, tg_str_t client_id,
                               tg_str_t subject, int64_t *epoch);
tg_err_t tg_postgres_node_put(tg_token_store_t *, const tg_node_t *);
tg_err_t tg_postgres_node_remove(tg_token_store_t *, tg_str_t node_id, tg_ms_t started_at);
tg_err_t tg_postgres_node_drain(tg_token_store_t *store, int64_t environment_id, tg_str_t node_id, bool drain);
tg_err_t tg_postgres_node_list(tg_token_store_t *, int64_t environment_id, tg_ms_t since, tg_arena_t *, tg_node_t **,
                               size_t *);

/* ---- tokens_request.c ---- */

tg_err_t tg_postgres_request_put(tg_token_store_t *, const tg_request_row_t *rows, size_t n);
tg_err_t tg_postgres_request_list(tg_token_store_t *, const tg_request_query_t *, tg_arena_t *, tg_request_row_t **,
                                  size_t *);
tg_err_t tg_postgres_request_prune(tg_token_store_t *, int64_t environment_id, tg_ms_t before, size_t limit,
                                   int64_t *pruned);

#endif
