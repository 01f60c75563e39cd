#include "store/memory/tokens.h"

#include <stdlib.h>

#include "store/memory/memory.h"
#include "store/write.h"

#define HASH_LEN 32

/* ---- records ---- */

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

static tg_err_t buckets_make(tg_token_store_t *s, tg_ms_t now, int64_t *made) {
    (void)s, (void)now;
    *made = 0;
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
    tg_err_t err = tg_memory_feed_tidy(db, now);
    pthread_mutex_unlock(&db->mutex);
    return err;
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
    db->revocations.type = &tg_memory_revocation_type;
    db->changes.type = &tg_memory_token_change_type;
    db->marks.type = &tg_memory_mark_type;
    db->requests.type = &tg_memory_request_type;
    return db;
}

static void db_free(tg_memory_tokens_db_t *db) {
    while (db->n > 0) {
        tg_partition_drop(db, db->n - 1);
    }
    tg_table_release(&db->epochs);
    tg_table_release(&db->nodes);
    tg_table_release(&db->workers);
    tg_table_release(&db->revocations);
    tg_table_release(&db->changes);
    tg_table_release(&db->marks);
    tg_table_release(&db->requests);
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
    .record_put = tg_single_put,
    .record_find = record_find,
    .record_find_refresh = record_find_refresh,
    .record_end = tg_single_end,
    .record_refresh = tg_single_refresh,
    .record_successor_used = tg_single_used,
    .family_end = tg_single_family,
    .epoch_raise = tg_single_epoch,
    .epoch_get = tg_memory_epoch_get,
    .write_many = tg_memory_write_many,
    .change_head = tg_memory_token_change_head,
    .change_read = tg_memory_token_change_read,
    .revocation_list = tg_memory_revocation_list,
    .buckets_make = buckets_make,
    .buckets_drop = buckets_drop,
    .request_put = tg_memory_request_put,
    .request_list = tg_memory_request_list,
    .request_prune = tg_memory_request_prune,
    .node_put = tg_memory_node_put,
    .node_remove = tg_memory_node_remove,
    .node_drain = tg_memory_node_drain,
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
