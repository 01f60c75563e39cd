/*
 * A batch works on what is there and keeps a journal: if it fails, the journal is played backwards.
 */
#include <stdlib.h>

#include "store/memory/tokens.h"
#include "store/write.h"

#define HASH_LEN 32

typedef struct {
    tg_memory_record_t *m;
    bool is_new;
    tg_record_t before; /* !is_new */
} undo_t;

typedef struct {
    tg_memory_tokens_db_t *db;
    undo_t *undo;
    size_t n, cap;
    size_t changes; /* rows of the feed, and its last seq, at the start */
    int64_t last_change;
    bool copied; /* the tables below, before the first write to either */
    tg_table_t epochs, revocations;
} batch_t;

/* ---- the journal ---- */

static undo_t *undo_add(batch_t *b, tg_memory_record_t *m) {
    if (b->n == b->cap) {
        size_t cap = b->cap > 0 ? b->cap * 2 : 16;
        undo_t *grown = realloc(b->undo, cap * sizeof(*grown));
        if (grown == NULL) {
            return NULL;
        }
        b->undo = grown;
        b->cap = cap;
    }
    undo_t *u = &b->undo[b->n++];
    *u = (undo_t){.m = m, .before = m->r};
    return u;
}

static tg_err_t tables_copy(batch_t *b) {
    if (b->copied) {
        return TG_OK;
    }
    tg_err_t err = tg_table_copy(&b->epochs, &b->db->epochs);
    if (err != TG_OK) {
        return err;
    }
    err = tg_table_copy(&b->revocations, &b->db->revocations);
    if (err != TG_OK) {
        tg_table_release(&b->epochs);
        return err;
    }
    b->copied = true;
    return TG_OK;
}

static void undo(batch_t *b) {
    for (size_t i = b->n; i-- > 0;) {
        undo_t *u = &b->undo[i];
        tg_partition_t *p = tg_partition_find(b->db, u->m->r.bucket);
        if (u->is_new) {
            tg_partition_remove(p, u->m);
        } else {
            tg_partition_refresh_set(p, u->m, u->before.has_refresh);
            u->m->r = u->before;
        }
    }
    tg_table_cut(&b->db->changes, b->changes, b->db->changes.n - b->changes);
    b->db->last_change = b->last_change;
    if (b->copied) {
        tg_table_t epochs = b->db->epochs, revocations = b->db->revocations;
        b->db->epochs = b->epochs;
        b->db->revocations = b->revocations;
        b->epochs = epochs;
        b->revocations = revocations;
    }
}

static void batch_release(batch_t *b) {
    if (b->copied) {
        tg_table_release(&b->epochs);
        tg_table_release(&b->revocations);
    }
    free(b->undo);
}

/* ---- one record ---- */

typedef tg_memory_record_t *(*find_fn)(const tg_partition_t *, const uint8_t hash[HASH_LEN]);

static tg_memory_record_t *record_at(const batch_t *b, find_fn find, const tg_write_t *w) {
    tg_partition_t *p = tg_partition_find(b->db, w->bucket);
    return p == NULL ? NULL : find(p, w->hash);
}

/* CONFLICT: a hash is taken. Making a partition may move other partitions, never a record. */
static tg_err_t record_add(batch_t *b, const tg_record_t *r) {
    if (r->bucket.cls > TG_BUCKET_NEVER) {
        return TG_ERR_BUG;
    }
    tg_partition_t *p = tg_partition_get(b->db, r->bucket, 1);
    if (p == NULL) {
        return TG_ERR_NOMEM;
    }
    if (tg_partition_record(p, r->hash) != NULL ||
        (r->has_refresh && tg_partition_refresh(p, r->refresh_hash) != NULL)) {
        return TG_ERR_CONFLICT;
    }
    tg_memory_record_t *m = tg_record_new(r);
    undo_t *u = m != NULL ? undo_add(b, m) : NULL;
    if (u == NULL) {
        tg_record_free(m);
        return TG_ERR_NOMEM;
    }
    u->is_new = true;
    tg_partition_put(p, m);
    return TG_OK;
}

static tg_err_t record_end(batch_t *b, tg_memory_record_t *m, tg_ms_t at) {
    if (undo_add(b, m) == NULL) {
        return TG_ERR_NOMEM;
    }
    m->r.ended_at = at;
    const tg_token_change_t row = {
        .kind = TG_TOKEN_CHANGE_ENDED, .environment_id = m->r.environment_id, .id = tg_strn(m->r.hash, HASH_LEN)};
    return tg_memory_change_add(b->db, &row);
}

static tg_err_t write_put(batch_t *b, tg_write_t *w) {
    tg_record_t r = *w->record;
    if (w->epoch_from != NULL) {
        r.epoch = w->epoch_from->epoch;
    }
    tg_err_t err = record_add(b, &r);
    return err == TG_ERR_CONFLICT ? tg_write_refuse(w, err) : err;
}

static tg_err_t write_end(batch_t *b, tg_write_t *w) {
    tg_memory_record_t *m = record_at(b, tg_partition_record, w);
    if (m == NULL) {
        return tg_write_refuse(w, TG_ERR_NOTFOUND);
    }
    return m->r.ended_at == 0 ? record_end(b, m, w->at) : TG_OK;
}

static tg_err_t write_used(batch_t *b, tg_write_t *w) {
    tg_memory_record_t *m = record_at(b, tg_partition_record, w);
    if (m == NULL || !m->r.has_successor) {
        return tg_write_refuse(w, TG_ERR_NOTFOUND);
    }
    if (m->r.successor_used_at != 0) {
        return TG_OK;
    }
    if (undo_add(b, m) == NULL) {
        return TG_ERR_NOMEM;
    }
    m->r.successor_used_at = w->at;
    return TG_OK;
}

/* ---- refresh ---- */

static tg_err_t refuse_with(tg_write_t *w, const tg_record_t *r, tg_arena_t *arena) {
    w->existing = tg_arena_alloc(arena, sizeof(*w->existing));
    if (w->existing == NULL) {
        return TG_ERR_NOMEM;
    }
    tg_err_t err = tg_record_give(r, arena, w->existing);
    return err != TG_OK ? err : tg_write_refuse(w, TG_ERR_CONFLICT);
}

/* Whether the hashes of a successor are free, but for the refresh hash that it takes over from `old`. */
static bool successor_fits(const batch_t *b, const tg_record_t *old, const tg_record_t *successor) {
    bool hands_on = tg_record_hands_on(old, successor);
    if (hands_on && !tg_bucket_eq(old->bucket, successor->bucket)) {
        return false;
    }
    const tg_partition_t *p = tg_partition_find(b->db, successor->bucket);
    if (p == NULL) {
        return true;
    }
    return tg_partition_record(p, successor->hash) == NULL &&
           (hands_on || !successor->has_refresh || tg_partition_refresh(p, successor->refresh_hash) == NULL);
}

static tg_err_t succeed(batch_t *b, tg_memory_record_t *m, const tg_record_t *successor, tg_ms_t at) {
    tg_err_t err = record_end(b, m, at);
    if (err != TG_OK) {
        return err;
    }
    m->r.has_successor = true;
    memcpy(m->r.successor, successor->hash, HASH_LEN);
    m->r.successor_bucket = successor->bucket;
    if (tg_record_hands_on(&m->r, successor)) {
        tg_partition_refresh_set(tg_partition_find(b->db, m->r.bucket), m, false);
    }
    return record_add(b, successor);
}

static tg_err_t write_refresh(batch_t *b, tg_write_t *w, tg_arena_t *arena) {
    tg_memory_record_t *m = record_at(b, tg_partition_refresh, w);
    if (m == NULL || (m->r.ended_at != 0 && !m->r.has_successor)) {
        return tg_write_refuse(w, TG_ERR_NOTFOUND);
    }
    if (m->r.ended_at != 0 || !tg_record_precedes(&m->r, w->record)) {
        return refuse_with(w, &m->r, arena);
    }
    if (!successor_fits(b, &m->r, w->record)) {
        return tg_write_refuse(w, TG_ERR_BUG);
    }
    return succeed(b, m, w->record, w->at);
}

/* ---- families ---- */

static tg_err_t family_end_in(batch_t *b, const tg_partition_t *p, tg_write_t *w) {
    for (size_t i = 0; i < p->slots; i++) {
        for (tg_memory_record_t *m = p->by_refresh[i]; m != NULL; m = m->next_refresh) {
            if (m->r.ended_at != 0 || memcmp(m->r.family, w->family, TG_FAMILY_LEN) != 0) {
                continue;
            }
            tg_err_t err = record_end(b, m, w->at);
            if (err != TG_OK) {
                return err;
            }
            w->ended++;
        }
    }
    return TG_OK;
}

static tg_err_t write_family(batch_t *b, tg_write_t *w) {
    tg_err_t err = TG_OK;
    for (size_t i = 0; i < b->db->n && err == TG_OK; i++) {
        if (tg_bucket_end(b->db->partitions[i].bucket) > w->at) {
            err = family_end_in(b, &b->db->partitions[i], w);
        }
    }
    return err;
}

/* ---- epochs, revocations ---- */

/* The epoch is the seq of its change: above all that were given before, whoever they were for. */
static tg_err_t write_epoch(batch_t *b, tg_write_t *w) {
    uint8_t id[8];
    tg_epoch_id_put(tg_epoch_id(w->client_kind, w->client_id, w->subject), id);
    const tg_token_change_t row = {
        .kind = TG_TOKEN_CHANGE_EPOCH, .environment_id = w->environment_id, .id = tg_strn(id, sizeof(id))};
    tg_err_t err = tables_copy(b);
    if (err == TG_OK) {
        err = tg_memory_change_add(b->db, &row);
    }
    w->epoch = b->db->last_change;
    return err == TG_OK ? tg_memory_epoch_set(b->db, w) : err;
}

static tg_err_t write_revocation(batch_t *b, tg_write_t *w) {
    bool changed;
    tg_err_t err = tables_copy(b);
    if (err != TG_OK) {
        return err;
    }
    err = tg_memory_revocation_add(b->db, w, &changed);
    if (err == TG_ERR_LIMIT) {
        return tg_write_refuse(w, err);
    }
    if (err != TG_OK || !changed) {
        return err;
    }
    const tg_token_change_t row = {.kind = TG_TOKEN_CHANGE_REVOCATION,
                                   .environment_id = w->environment_id,
                                   .id = tg_strn(w->revocation, TG_REVOCATION_LEN),
                                   .until = w->until};
    return tg_memory_change_add(b->db, &row);
}

/* ---- batches ---- */

/* Puts a refusal into w->result; what it returns is a failure of the whole batch. */
static tg_err_t write_one(batch_t *b, tg_write_t *w, tg_arena_t *arena) {
    w->result = TG_OK;
    w->existing = NULL;
    w->ended = 0;
    switch (w->kind) {
    case TG_WRITE_PUT:
        return write_put(b, w);
    case TG_WRITE_REFRESH:
        return write_refresh(b, w, arena);
    case TG_WRITE_END:
        return write_end(b, w);
    case TG_WRITE_USED:
        return write_used(b, w);
    case TG_WRITE_FAMILY:
        return write_family(b, w);
    case TG_WRITE_EPOCH:
        return write_epoch(b, w);
    case TG_WRITE_REVOCATION:
        return write_revocation(b, w);
    }
    return TG_ERR_BUG;
}

tg_err_t tg_memory_write_many(tg_token_store_t *s, tg_write_t *writes, size_t n, tg_arena_t *arena) {
    tg_memory_tokens_db_t *db = tg_memory_of(s);
    tg_err_t err = TG_OK;
    pthread_mutex_lock(&db->mutex);
    batch_t b = {.db = db, .changes = db->changes.n, .last_change = db->last_change};
    for (size_t i = 0; i < n && err == TG_OK; i++) {
        err = write_one(&b, &writes[i], arena);
    }
    if (err != TG_OK) {
        undo(&b);
        tg_writes_failed(writes, n, err);
    }
    pthread_mutex_unlock(&db->mutex);
    batch_release(&b);
    return err;
}
