/*
 * A batch of writes on its way to the server. It is done in waves: runs of writes none of which names a record that
 * another one of them names, so that each kind of write of a wave and bucket is one statement. What a wave must know is
 * read in one round trip; what it changes goes with the next one, the last time with the feed and the commit.
 */
#ifndef TG_STORE_POSTGRES_BATCH_H
#define TG_STORE_POSTGRES_BATCH_H

#include "store/postgres/tokens.h"

#define TG_PG_NO_PART SIZE_MAX

/* What comes of one write. */
typedef enum { TG_PG_DO_NOTHING = 0, TG_PG_DO_PUT, TG_PG_DO_END, TG_PG_DO_USED, TG_PG_DO_SUCCEED } tg_pg_action_t;

typedef struct {
    size_t source; /* part of the record that it names; TG_PG_NO_PART: its bucket has no table */
    size_t target; /* part of its new record */
    tg_pg_action_t action;
    bool found; /* END, USED: the record, with this state */
    int64_t environment_id;
    tg_ms_t ended_at, successor_used_at;
    bool has_successor;
    tg_record_t *old; /* REFRESH: the record, in the arena; NULL: none */
    bool taken;       /* REFRESH: a hash of the successor is there already */
    bool tried;       /* REVOCATION: it was put, with this outcome of revocation_put */
    int64_t outcome;
    int64_t epoch; /* of the new record */
} tg_pg_job_t;

/* A bucket that the batch touches. */
typedef struct {
    tg_bucket_t bucket;
    size_t slot; /* SIZE_MAX: no table */
} tg_pg_part_t;

/* Which write of a wave names a hash. */
typedef struct {
    const uint8_t *key;
    size_t write;
} tg_pg_key_t;

/* A query that waits to be sent, with the memory of its parameters. */
typedef struct tg_pg_queued {
    struct tg_pg_queued *next;
    tg_pgquery_t q;
    size_t part;
    tg_pg_verb_t verb;
    size_t n_arrays;
    tg_pg_array_t arrays[];
} tg_pg_queued_t;

typedef struct {
    tg_postgres_tokens_t *t;
    tg_write_t *writes;
    size_t n;
    tg_arena_t *arena;
    tg_pg_job_t *jobs;
    tg_pg_part_t *parts;
    size_t n_parts;
    tg_pg_key_t *keys; /* open addressing; a power of two, four times as many as there can be */
    size_t n_keys;
    int64_t head, seq; /* of the feed: as it was, and the last one given */
    tg_pg_array_t changes[5];
    tg_pg_array_t epochs[5];
    tg_pg_queued_t *queued, **queue_end;
    size_t n_queued;
} tg_pg_batch_t;

/* ---- batch.c ---- */

/* Memory, and the parts: tables that new records need are made. */
tg_err_t tg_pg_batch_init(tg_pg_batch_t *b, tg_postgres_tokens_t *t, tg_write_t *writes, size_t n,
                          tg_arena_t *arena) TG_MUST_CHECK;
void tg_pg_batch_release(tg_pg_batch_t *b);

/* The write of this wave that names the hash; SIZE_MAX: none. */
size_t tg_pg_key_find(const tg_pg_batch_t *b, const uint8_t key[32]);
/* false: another one does. */
bool tg_pg_key_add(tg_pg_batch_t *b, const uint8_t key[32], size_t write);
void tg_pg_keys_clear(tg_pg_batch_t *b);

/* A query to be filled in and sent with the next flush, with so many arrays (blobs unless told); NULL: no memory. */
tg_pg_queued_t *tg_pg_queue(tg_pg_batch_t *b, const char *sql, size_t n_arrays);
tg_pg_queued_t *tg_pg_queue_part(tg_pg_batch_t *b, size_t part, tg_pg_verb_t verb, size_t n_arrays);
/* Sends what is queued, in one round trip, and gives each result to `take` (NULL: to nobody). */
tg_err_t tg_pg_flush(tg_pg_batch_t *b, tg_err_t (*take)(tg_pg_batch_t *b, tg_pg_queued_t *e)) TG_MUST_CHECK;

/* A row of the feed; returns its seq. */
int64_t tg_pg_change_add(tg_pg_batch_t *b, const tg_token_change_t *row);

#endif
