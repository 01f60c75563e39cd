#include "store/memory/tokens.h"

#include <stdlib.h>

#include "store/memory/memory.h"

#define HASH_LEN 32

/* ---- records ---- */

static bool taken(const tg_partition_t *p, const tg_record_t *r) {
    return tg_partition_record(p, r->hash) != NULL ||
           (r->has_refresh && tg_partition_refresh(p, r->refresh_hash) != NULL);
}

/* All memory first, so that nothing can fail once the first record is in. */
static tg_err_t copies_make(tg_memory_tokens_db_t *db, const tg_record_t *const *records, size_t n,
                            tg_memory_record_t **copies) {
    for (size_t i = 0; i < n; i++) {
        if (records[i]->bucket.cls > TG_BUCKET_NEVER) {
            return TG_ERR_BUG;
        }
        copies[i] = tg_record_new(records[i]);
        if (copies[i] == NULL || tg_partition_get(db, records[i]->bucket, n) == NULL) {
            return TG_ERR_NOMEM;
        }
    }
    return TG_OK;
}

static void copies_put(tg_memory_tokens_db_t *db, tg_memory_record_t **copies, size_t n, tg_err_t *results) {
    for (size_t i = 0; i < n; i++) {
        tg_partition_t *p = tg_partition_find(db, copies[i]->r.bucket);
        results[i] = taken(p, &copies[i]->r) ? TG_ERR_CONFLICT : TG_OK;
        if (results[i] == TG_OK) {
            tg_partition_put(p, copies[i]);
            copies[i] = NULL;
        }
    }
}

static tg_err_t record_put(tg_token_store_t *s, const tg_record_t *const *records, size_t n, tg_err_t *results) {
    tg_memory_tokens_db_t *db = tg_memory_of(s);
    tg_memory_record_t **copies = calloc(n > 0 ? n : 1, sizeof(*copies));
    if (copies == NULL) {
        return TG_ERR_NOMEM;
    }
    pthread_mutex_lock(&db->mutex);
    tg_err_t err = copies_make(db, records, n, copies);
    if (err == TG_OK) {
        copies_put(db, copies, n, results);
    }
    pthread_mutex_unlock(&db->mutex);
    for (size_t i = 0; i < n; i++) {
        tg_record_free(copies[i]);
    }
    free(copies);
    return err;
}

typedef tg_memory_record_t *(*find_fn)(const tg_partition_t *, const uint8_t hash[HASH_LEN]);

/* Under the mutex; NULL: not there. */
static tg_memory_record_t *record_at(tg_memory_tokens_db_t *db, find_fn find, const uint8_t hash[HASH_LEN],
                                     tg_bucket_t bucket) {
    tg_partition_t *p = tg_partition_find(db, bucket);
    return p == NULL ? NULL : find(p, hash);
}

static tg_err_t find_by(tg_token_store_t *s, find_fn find, const uint8_t hash[HASH_LEN], tg_bucket_t bucket,
                        tg_arena_t *arena, tg_record_t *out) {
    tg_memory_tokens_db_t *db = tg_memory_of(s);
    pthread_mutex_lock(&db->mutex);
    tg_memory_record_t *m = record_at(db, find, hash, bucket);
    tg_err_t err = m == NULL ? TG_ERR_NOTFOUND : tg_record_give(&m->r, arena, out);
    pthread_mutex_unlock(&db->mutex);
    return err;
}

static tg_err_t record_find(tg_token_store_t *s, const uint8_t hash[HASH_LEN], tg_bucket_t bucket, tg_arena_t *arena,
                            tg_record_t *out) {
    return find_by(s, tg_partition_record, hash, bucket, arena, out);
}

static tg_err_t record_find_refresh(tg_token_store_t *s, const uint8_t hash[HASH_LEN], tg_bucket_t bucket,
                                    tg_arena_t *arena, tg_record_t *out) {
    return find_by(s, tg_partition_refresh, hash, bucket, arena, out);
}

static tg_err_t record_end(tg_token_store_t *s, const uint8_t hash[HASH_LEN], tg_bucket_t bucket, tg_ms_t at) {
    tg_memory_tokens_db_t *db = tg_memory_of(s);
    pthread_mutex_lock(&db->mutex);
    tg_memory_record_t *m = record_at(db, tg_partition_record, hash, bucket);
    if (m != NULL && m->r.ended_at == 0) {
        m->r.ended_at = at;
    }
    pthread_mutex_unlock(&db->mutex);
    return m == NULL ? TG_ERR_NOTFOUND : TG_OK;
}

static tg_err_t record_successor_used(tg_token_store_t *s, const uint8_t hash[HASH_LEN], tg_bucket_t bucket,
                                      tg_ms_t at) {
    tg_memory_tokens_db_t *db = tg_memory_of(s);
    tg_err_t err = TG_ERR_NOTFOUND;
    pthread_mutex_lock(&db->mutex);
    tg_memory_record_t *m = record_at(db, tg_partition_record, hash, bucket);
    if (m != NULL && m->r.has_successor) {
        err = TG_OK;
        if (m->r.successor_used_at == 0) {
            m->r.successor_used_at = at;
        }
    }
    pthread_mutex_unlock(&db->mutex);
    return err;
}

/* Under the mutex. Making the successor's partition may move other partitions, never a record. */
static tg_err_t succeed(tg_memory_tokens_db_t *db, tg_memory_record_t *m, const tg_record_t *successor, tg_ms_t at) {
    tg_memory_record_t *copy = NULL;
    tg_err_t err = copies_make(db, &successor, 1, &copy);
    if (err == TG_OK && taken(tg_partition_find(db, successor->bucket), successor)) {
        err = TG_ERR_BUG;
    }
    if (err != TG_OK) {
        tg_record_free(copy);
        return err;
    }
    tg_partition_put(tg_partition_find(db, successor->bucket), copy);
    m->r.ended_at = at;
    m->r.has_successor = true;
    memcpy(m->r.successor, successor->hash, HASH_LEN);
    m->r.successor_bucket = successor->bucket;
    return TG_OK;
}

static tg_err_t refresh(tg_memory_tokens_db_t *db, tg_memory_record_t *m, const tg_record_t *successor, tg_ms_t at,
                        tg_arena_t *arena, tg_record_t *existing) {
    if (m == NULL || (m->r.ended_at != 0 && !m->r.has_successor)) {
        return TG_ERR_NOTFOUND;
    }
    tg_err_t err = tg_record_give(&m->r, arena, existing);
    if (err != TG_OK || m->r.ended_at != 0) {
        return err != TG_OK ? err : TG_ERR_CONFLICT;
    }
    return succeed(db, m, successor, at);
}

static tg_err_t record_refresh(tg_token_store_t *s, const uint8_t refresh_hash[HASH_LEN], tg_bucket_t bucket,
                               const tg_record_t *successor, tg_ms_t at, tg_arena_t *arena, tg_record_t *existing) {
    tg_memory_tokens_db_t *db = tg_memory_of(s);
    pthread_mutex_lock(&db->mutex);
    tg_memory_record_t *m = record_at(db, tg_partition_refresh, refresh_hash, bucket);
    tg_err_t err = refresh(db, m, successor, at, arena, existing);
    pthread_mutex_unlock(&db->mutex);
    return err;
}

static int64_t family_end_in(const tg_partition_t *p, const uint8_t family[TG_FAMILY_LEN], tg_ms_t at) {
    int64_t ended = 0;
    for (size_t i = 0; i < p->slots; i++) {
        for (tg_memory_record_t *m = p->by_refresh[i]; m != NULL; m = m->next_refresh) {
            if (m->r.ended_at == 0 && memcmp(m->r.family, family, TG_FAMILY_LEN) == 0) {
                m->r.ended_at = at;
                ended++;
            }
        }
    }
    return ended;
}

static tg_err_t family_end(tg_token_store_t *s, const uint8_t family[TG_FAMILY_LEN], tg_ms_t at, int64_t *ended) {
    tg_memory_tokens_db_t *db = tg_memory_of(s);
    *ended = 0;
    pthread_mutex_lock(&db->mutex);
    for (size_t i = 0; i < db->n; i++) {
        if (tg_bucket_end(db->partitions[i].bucket) > at) {
            *ended += family_end_in(&db->partitions[i], family, at);
        }
    }
    pthread_mutex_unlock(&db->mutex);
    return TG_OK;
}

static tg_err_t buckets_drop(tg_token_store_t *s, tg_ms_t now, int64_t *dropped) {
    tg_memory_tokens_db_t *db = tg_memory_of(s);
    *dropped = 0;
    pthread_mutex_lock(&db->mutex);
    for (size_t i = db->n; i-- > 0;) {
        if (tg_bucket_end(db->partitions[i].bucket) <= now) {
            tg_partition_drop(db, i);
            ++*dropped;
        }
    }
    pthread_mutex_unlock(&db->mutex);
    return TG_OK;
}

/* ---- databases by name ---- */

static pthread_mutex_t names_mutex = PTHREAD_MUTEX_INITIALIZER;
static tg_memory_tokens_db_t *names;

static tg_memory_tokens_db_t *db_new(tg_str_t name) {
    tg_memory_tokens_db_t *db = calloc(1, sizeof(*db));
    if (db == NULL) {
        return NULL;
    }
    db->name = calloc(1, name.n + 1);
    if (db->name == NULL) {
        free(db);
        return NULL;
    }
    memcpy(db->name, name.p, name.n);
    pthread_mutex_init(&db->mutex, NULL);
    db->epochs.type = &tg_memory_epoch_type;
    db->nodes.type = &tg_memory_node_type;
    db->workers.type = &tg_memory_worker_type;
    return db;
}

static void db_free(tg_memory_tokens_db_t *db) {
    while (db->n > 0) {
        tg_partition_drop(db, db->n - 1);
    }
    tg_table_release(&db->epochs);
    tg_table_release(&db->nodes);
    tg_table_release(&db->workers);
    pthread_mutex_destroy(&db->mutex);
    free(db->partitions);
    free(db->name);
    free(db);
}

/* Under names_mutex. */
static tg_err_t db_find(tg_str_t name, bool create, tg_memory_tokens_db_t **out, tg_fault_t *fault) {
    for (tg_memory_tokens_db_t *db = names; db != NULL; db = db->next) {
        if (tg_str_eq(tg_str(db->name), name)) {
            *out = db;
            return TG_OK;
        }
    }
    if (!create) {
        return tg_fault(fault, TG_ERR_NOTFOUND, "store", "no store of this name is open in this process");
    }
    *out = db_new(name);
    if (*out == NULL) {
        return TG_ERR_NOMEM;
    }
    (*out)->next = names;
    names = *out;
    return TG_OK;
}

static void tokens_close(tg_token_store_t *s) {
    tg_memory_tokens_db_t *db = tg_memory_of(s);
    pthread_mutex_lock(&names_mutex);
    if (--db->handles == 0) {
        tg_memory_tokens_db_t **at = &names;
        while (*at != db) {
            at = &(*at)->next;
        }
        *at = db->next;
        db_free(db);
    }
    pthread_mutex_unlock(&names_mutex);
    free(s);
}

static const tg_token_ops_t ops = {
    .name = "memory",
    .close = tokens_close,
    .record_put = record_put,
    .record_find = record_find,
    .record_find_refresh = record_find_refresh,
    .record_end = record_end,
    .record_refresh = record_refresh,
    .record_successor_used = record_successor_used,
    .family_end = family_end,
    .epoch_raise = tg_memory_epoch_raise,
    .epoch_get = tg_memory_epoch_get,
    .buckets_drop = buckets_drop,
    .node_put = tg_memory_node_put,
    .node_remove = tg_memory_node_remove,
    .node_list = tg_memory_node_list,
};

tg_err_t tg_memory_tokens_open(tg_str_t name, const tg_store_options_t *options, tg_token_store_t **out,
                               tg_fault_t *fault) {
    tg_memory_tokens_t *m = calloc(1, sizeof(*m));
    if (m == NULL) {
        return TG_ERR_NOMEM;
    }
    pthread_mutex_lock(&names_mutex);
    tg_err_t err = db_find(name, options->create, &m->db, fault);
    if (err == TG_OK) {
        m->db->handles++;
    }
    pthread_mutex_unlock(&names_mutex);
    if (err != TG_OK) {
        free(m);
        return err;
    }
    m->base.ops = &ops;
    *out = &m->base;
    return TG_OK;
}
