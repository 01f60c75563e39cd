/*
 * The token store on SQLite: handle, the statements of each bucket's table, and the verbs by what they are about;
 * tokens.c puts them into the table.
 */
#ifndef TG_STORE_SQLITE_TOKENS_H
#define TG_STORE_SQLITE_TOKENS_H

#include "store/sqlite/db.h"

#define TG_BUCKET_NAME_MAX 24
#define TG_BUCKETS_OPEN    128 /* buckets whose statements stay prepared: all that can have living tokens at once */

/* Frames of 4 KiB. The larger the log, the more often a page is copied once for several writes, and the longer one
 * copying takes. It is done inside COMMIT, while the writer's lock is held: releases of SQLite before 3.51.3 can lose a
 * commit that starts the log anew beside a second copying ("WAL-reset bug"). */
#define TG_CHECKPOINT_PRAGMA "PRAGMA wal_autocheckpoint=4000; "

typedef enum {
    TG_BUCKET_PUT = 0,
    TG_BUCKET_FIND,
    TG_BUCKET_FIND_REFRESH,
    TG_BUCKET_STATE,
    TG_BUCKET_END,
    TG_BUCKET_SUCCEED, /* makes a tombstone */
    TG_BUCKET_HAND_ON, /* the same; the refresh token goes over to the successor */
    TG_BUCKET_USED,
    TG_BUCKET_FAMILY,
    TG_BUCKET_VERBS
} tg_bucket_verb_t;

typedef struct {
    bool open;
    tg_bucket_t bucket;
    uint64_t used_at; /* tick of the last use */
    sqlite3_stmt *st[TG_BUCKET_VERBS];
} tg_bucket_statements_t;

typedef struct {
    tg_token_store_t base;
    tg_sqlite_t q;
    tg_sqlite_t log; /* requests.db, from its first use on */
    bool log_open;
    tg_store_options_t options;
    char dir[PATH_MAX];
    uint64_t tick;
    bool made_table; /* in the running transaction */
    tg_bucket_statements_t buckets[TG_BUCKETS_OPEN];
} tg_sqlite_tokens_t;

/* ---- tokens_bucket.c ---- */

/* A query on the table of a bucket. NOTFOUND in s->err: there is no such table. */
void tg_bucket_query(tg_query_t *s, tg_sqlite_tokens_t *t, tg_bucket_t bucket, tg_bucket_verb_t verb);
/* Ends a bucket query that failed: if the table has gone meanwhile, its statements are forgotten and the error is
 * NOTFOUND. */
tg_err_t tg_bucket_done(tg_query_t *s, tg_sqlite_tokens_t *t, tg_bucket_t bucket) TG_MUST_CHECK;
/* Makes the table unless it is there. In a transaction. */
tg_err_t tg_bucket_ensure(tg_sqlite_tokens_t *t, tg_bucket_t bucket, bool *made) TG_MUST_CHECK;
/* *used: its table has a row. */
tg_err_t tg_bucket_used(tg_sqlite_tokens_t *t, tg_bucket_t bucket, bool *used) TG_MUST_CHECK;
/* Makes the table. In a transaction. */
tg_err_t tg_bucket_make(tg_sqlite_tokens_t *t, tg_bucket_t bucket) TG_MUST_CHECK;
/* Forgets the prepared statements of one bucket, or of all. */
void tg_bucket_forget(tg_sqlite_tokens_t *t, tg_bucket_t bucket);
void tg_bucket_forget_all(tg_sqlite_tokens_t *t);
/* The buckets that have a table, in any order; free(*out). */
tg_err_t tg_bucket_list(tg_sqlite_tokens_t *t, tg_bucket_t **out, size_t *n) TG_MUST_CHECK;
void tg_bucket_name(tg_bucket_t bucket, char out[TG_BUCKET_NAME_MAX]);

/* ---- transactions of the token store: each verb is one ---- */

tg_err_t tg_tokens_begin(tg_sqlite_tokens_t *t) TG_MUST_CHECK;
/* Commits if err is TG_OK, else rolls back; returns what came of it. */
tg_err_t tg_tokens_end(tg_sqlite_tokens_t *t, tg_err_t err) TG_MUST_CHECK;

/* ---- tokens_record.c ---- */

tg_err_t tg_sqlite_record_find(tg_token_store_t *, const uint8_t hash[32], tg_bucket_t, tg_arena_t *, tg_record_t *);
tg_err_t tg_sqlite_record_find_refresh(tg_token_store_t *, const uint8_t hash[32], tg_bucket_t, tg_arena_t *,
                                       tg_record_t *);
/* One row into its table, made if need be; inside a transaction. CONFLICT: a hash is taken. */
tg_err_t tg_record_insert(tg_sqlite_tokens_t *t, const tg_record_t *r) TG_MUST_CHECK;

/* ---- tokens_write.c ---- */

tg_err_t tg_sqlite_write_many(tg_token_store_t *, tg_write_t *writes, size_t n, tg_arena_t *);

/* ---- tokens_feed.c ---- */

/* In a transaction. *seq, if asked for: of the row. */
tg_err_t tg_token_change(tg_sqlite_tokens_t *t, const tg_token_change_t *row, int64_t *seq) TG_MUST_CHECK;
tg_err_t tg_sqlite_token_change_head(tg_token_store_t *, int64_t *seq);
tg_err_t tg_sqlite_token_change_read(tg_token_store_t *, int64_t after, size_t limit, tg_arena_t *,
                                     tg_token_change_t **, size_t *);
/* Prunes in chunks. */
tg_err_t tg_feed_tidy(tg_sqlite_tokens_t *t, tg_ms_t now) TG_MUST_CHECK;

/* ---- tokens_revocation.c ---- */

/* A TG_WRITE_REVOCATION; in a transaction. */
tg_err_t tg_revocation_write(tg_sqlite_tokens_t *t, tg_write_t *w) TG_MUST_CHECK;
tg_err_t tg_sqlite_revocation_list(tg_token_store_t *, int64_t environment_id, tg_ms_t now, tg_arena_t *,
                                   tg_revocation_t **, size_t *, int64_t *seq);
/* Removes what is past, in chunks. */
tg_err_t tg_revocation_tidy(tg_sqlite_tokens_t *t, tg_ms_t now) TG_MUST_CHECK;

/* ---- tokens_drop.c ---- */

tg_err_t tg_sqlite_buckets_make(tg_token_store_t *, tg_ms_t now, int64_t *made);
tg_err_t tg_sqlite_buckets_drop(tg_token_store_t *, tg_ms_t now, int64_t *dropped);

/* ---- tokens_request.c ---- */

/* t->log, from now on. NOTFOUND: there is none, and !create. */
tg_err_t tg_requests_open(tg_sqlite_tokens_t *t, bool create) TG_MUST_CHECK;

tg_err_t tg_sqlite_request_put(tg_token_store_t *, const tg_request_row_t *rows, size_t n);
tg_err_t tg_sqlite_request_list(tg_token_store_t *, const tg_request_query_t *, tg_arena_t *, tg_request_row_t **,
                                size_t *);
tg_err_t tg_sqlite_request_prune(tg_token_store_t *, int64_t environment_id, tg_ms_t before, size_t limit,
                                 int64_t *pruned);

/* ---- tokens_node.c: nodes and epochs ---- */

/* A TG_WRITE_EPOCH; in a transaction. */
tg_err_t tg_epoch_write(tg_sqlite_tokens_t *t, tg_write_t *w) TG_MUST_CHECK;
tg_err_t tg_sqlite_epoch_get(tg_token_store_t *, int64_t environment_id, tg_client_kind_t, tg_str_t client_id,
                             tg_str_t subject, int64_t *epoch);
tg_err_t tg_sqlite_node_put(tg_token_store_t *, const tg_node_t *);
tg_err_t tg_sqlite_node_remove(tg_token_store_t *, tg_str_t node_id, tg_ms_t started_at);
tg_err_t tg_sqlite_node_drain(tg_token_store_t *store, int64_t environment_id, tg_str_t node_id, bool drain);
tg_err_t tg_sqlite_node_list(tg_token_store_t *, int64_t environment_id, tg_ms_t since, tg_arena_t *, tg_node_t **,
                             size_t *);

#endif
