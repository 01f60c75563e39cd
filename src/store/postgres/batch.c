#include "store/postgres/batch.h"

#include <stdlib.h>

#include "store/write.h"

#define HASH_LEN 32

/* ---- parts ---- */

/* The part of a bucket; it is there already or `room` is left for it. */
static tg_err_t part_of(tg_pg_batch_t *b, tg_bucket_t bucket, bool make, size_t *out) {
    size_t i = 0;
    while (i < b->n_parts && !tg_bucket_eq(b->parts[i].bucket, bucket)) {
        i++;
    }
    *out = i;
    if (i < b->n_parts && (b->parts[i].slot != SIZE_MAX || !make)) {
        return TG_OK;
    }
    tg_pg_part_t part = {.bucket = bucket, .slot = SIZE_MAX};
    tg_err_t err = make ? tg_pg_bucket_make(b->t, bucket, &part.slot) : tg_pg_bucket_find(b->t, bucket, &part.slot);
    if (err == TG_OK || err == TG_ERR_NOTFOUND) {
        b->parts[i] = part;
        b->n_parts += i == b->n_parts;
        err = TG_OK;
    }
    return err;
}

static tg_err_t parts_find(tg_pg_batch_t *b) {
    tg_err_t err = TG_OK;
    for (size_t i = 0; i < b->n && err == TG_OK; i++) { /* first, so that no bucket is looked for and then made */
        const tg_write_t *w = &b->writes[i];
        if (w->kind != TG_WRITE_PUT && w->kind != TG_WRITE_REFRESH) {
            continue;
        }
        err = w->record->bucket.cls > TG_BUCKET_NEVER ? TG_ERR_BUG
                                                      : part_of(b, w->record->bucket, true, &b->jobs[i].target);
    }
    for (size_t i = 0; i < b->n && err == TG_OK; i++) {
        const tg_write_t *w = &b->writes[i];
        if (w->kind == TG_WRITE_END || w->kind == TG_WRITE_USED || w->kind == TG_WRITE_REFRESH) {
            err = part_of(b, w->bucket, false, &b->jobs[i].source);
        } else if (w->kind < TG_WRITE_PUT || w->kind > TG_WRITE_REVOCATION) {
            err = TG_ERR_BUG;
        }
    }
    return err;
}

/* ---- memory ---- */

tg_err_t tg_pg_batch_init(tg_pg_batch_t *b, tg_postgres_tokens_t *t, tg_write_t *writes, size_t n, tg_arena_t *arena) {
    *b = (tg_pg_batch_t){.t = t, .writes = writes, .n = n, .arena = arena, .n_keys = 64};
    b->queue_end = &b->queued;
    for (size_t i = 0; i < 5; i++) {
        tg_pg_array_init(&b->changes[i], i == 3 ? TG_PG_BYTEA : TG_PG_INT8);
        tg_pg_array_init(&b->epochs[i], i == 2 || i == 3 ? TG_PG_BYTEA : TG_PG_INT8);
    }
    while (b->n_keys < 16 * n) {
        b->n_keys *= 2;
    }
    b->jobs = calloc(n, sizeof(*b->jobs));
    b->parts = calloc(2 * n, sizeof(*b->parts));
    b->keys = calloc(b->n_keys, sizeof(*b->keys));
    if (b->jobs == NULL || b->parts == NULL || b->keys == NULL) {
        return TG_ERR_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        b->jobs[i].source = b->jobs[i].target = TG_PG_NO_PART;
        writes[i].result = TG_OK;
        writes[i].existing = NULL;
        writes[i].ended = 0;
    }
    return parts_find(b);
}

static void queue_drop(tg_pg_batch_t *b) {
    while (b->queued != NULL) {
        tg_pg_queued_t *e = b->queued;
        b->queued = e->next;
        for (size_t i = 0; i < e->n_arrays; i++) {
            tg_pg_array_release(&e->arrays[i]);
        }
        PQclear(e->q.res);
        free(e);
    }
    b->queue_end = &b->queued;
    b->n_queued = 0;
}

void tg_pg_batch_release(tg_pg_batch_t *b) {
    queue_drop(b);
    for (size_t i = 0; i < 5; i++) {
        tg_pg_array_release(&b->changes[i]);
        tg_pg_array_release(&b->epochs[i]);
    }
    free(b->jobs);
    free(b->parts);
    free(b->keys);
}

/* ---- which write names a hash ---- */

static tg_pg_key_t *key_slot(const tg_pg_batch_t *b, const uint8_t key[HASH_LEN]) {
    uint64_t h;
    memcpy(&h, key, sizeof(h));
    size_t i = (h * 0x9E3779B97F4A7C15u >> 32) & (b->n_keys - 1);
    while (b->keys[i].key != NULL && memcmp(b->keys[i].key, key, HASH_LEN) != 0) {
        i = (i + 1) & (b->n_keys - 1);
    }
    return &b->keys[i];
}

size_t tg_pg_key_find(const tg_pg_batch_t *b, const uint8_t key[HASH_LEN]) {
    const tg_pg_key_t *k = key_slot(b, key);
    return k->key != NULL ? k->write : SIZE_MAX;
}

bool tg_pg_key_add(tg_pg_batch_t *b, const uint8_t key[HASH_LEN], size_t write) {
    tg_pg_key_t *k = key_slot(b, key);
    if (k->key == NULL) {
        *k = (tg_pg_key_t){.key = key, .write = write};
    }
    return k->write == write;
}

void tg_pg_keys_clear(tg_pg_batch_t *b) {
    memset(b->keys, 0, b->n_keys * sizeof(*b->keys));
}

/* ---- the queue ---- */

static tg_pg_queued_t *queued_new(tg_pg_batch_t *b, size_t n_arrays) {
    tg_pg_queued_t *e = calloc(1, sizeof(*e) + n_arrays * sizeof(tg_pg_array_t));
    if (e == NULL) {
        return NULL;
    }
    e->n_arrays = n_arrays;
    e->part = TG_PG_NO_PART;
    for (size_t i = 0; i < n_arrays; i++) {
        tg_pg_array_init(&e->arrays[i], TG_PG_BYTEA);
    }
    *b->queue_end = e;
    b->queue_end = &e->next;
    b->n_queued++;
    return e;
}

tg_pg_queued_t *tg_pg_queue(tg_pg_batch_t *b, const char *sql, size_t n_arrays) {
    tg_pg_queued_t *e = queued_new(b, n_arrays);
    if (e != NULL) {
        tg_pgquery_read(&e->q, &b->t->q, sql);
    }
    return e;
}

tg_pg_queued_t *tg_pg_queue_part(tg_pg_batch_t *b, size_t part, tg_pg_verb_t verb, size_t n_arrays) {
    tg_pg_queued_t *e = queued_new(b, n_arrays);
    if (e != NULL) {
        e->part = part;
        e->verb = verb;
        tg_pg_bucket_query(&e->q, b->t, b->parts[part].slot, verb);
    }
    return e;
}

tg_err_t tg_pg_flush(tg_pg_batch_t *b, tg_err_t (*take)(tg_pg_batch_t *b, tg_pg_queued_t *e)) {
    tg_pgquery_t **list = calloc(b->n_queued + 1, sizeof(tg_pgquery_t *));
    size_t n = 0;
    if (list == NULL) {
        return TG_ERR_NOMEM;
    }
    for (tg_pg_queued_t *e = b->queued; e != NULL; e = e->next) {
        for (size_t i = 0; i < e->n_arrays; i++) {
            tg_pgquery_array(&e->q, &e->arrays[i]);
        }
        list[n++] = &e->q;
    }
    tg_err_t err = tg_pg_pipeline(&b->t->q, list, n);
    free(list);
    for (tg_pg_queued_t *e = b->queued; e != NULL && err == TG_OK && take != NULL; e = e->next) {
        err = take(b, e);
    }
    queue_drop(b);
    return err;
}

/* ---- the feed ---- */

int64_t tg_pg_change_add(tg_pg_batch_t *b, const tg_token_change_t *row) {
    tg_pg_array_int(&b->changes[0], ++b->seq);
    tg_pg_array_int(&b->changes[1], row->kind);
    tg_pg_array_int(&b->changes[2], row->environment_id);
    tg_pg_array_blob(&b->changes[3], row->id);
    tg_pg_array_int(&b->changes[4], row->until);
    return b->seq;
}
