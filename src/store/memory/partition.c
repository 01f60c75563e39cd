#include <stdlib.h>

#include "store/memory/tokens.h"

/* ---- records ---- */

tg_memory_record_t *tg_record_new(const tg_record_t *from) {
    size_t texts = from->client_id.n + from->subject.n + from->scope.n;
    tg_memory_record_t *m = malloc(sizeof(*m) + texts);
    if (m == NULL) {
        return NULL;
    }
    *m = (tg_memory_record_t){.r = *from};
    char *end = (char *)(m + 1);
    tg_str_t *all[] = {&m->r.client_id, &m->r.subject, &m->r.scope};
    for (size_t i = 0; i < 3; i++) {
        if (all[i]->n > 0) {
            memcpy(end, all[i]->p, all[i]->n);
        }
        all[i]->p = end;
        end += all[i]->n;
    }
    return m;
}

void tg_record_free(tg_memory_record_t *record) {
    free(record);
}

tg_err_t tg_record_give(const tg_record_t *r, tg_arena_t *arena, tg_record_t *out) {
    *out = *r;
    bool ok = tg_arena_str(arena, r->client_id, &out->client_id) && tg_arena_str(arena, r->subject, &out->subject) &&
              tg_arena_str(arena, r->scope, &out->scope);
    return ok ? TG_OK : TG_ERR_NOMEM;
}

/* ---- partitions ---- */

/* The hash is SHA-256: any part of it is spread evenly. */
static size_t slot_of(const tg_partition_t *p, const uint8_t hash[32]) {
    size_t h;
    memcpy(&h, hash, sizeof(h));
    return h & (p->slots - 1);
}

static void link_refresh(tg_partition_t *p, tg_memory_record_t *m) {
    size_t slot = slot_of(p, m->r.refresh_hash);
    m->next_refresh = p->by_refresh[slot];
    p->by_refresh[slot] = m;
}

static void unlink_refresh(tg_partition_t *p, tg_memory_record_t *m) {
    tg_memory_record_t **at = &p->by_refresh[slot_of(p, m->r.refresh_hash)];
    while (*at != m) {
        at = &(*at)->next_refresh;
    }
    *at = m->next_refresh;
}

static void link_in(tg_partition_t *p, tg_memory_record_t *m) {
    size_t slot = slot_of(p, m->r.hash);
    m->next = p->by_hash[slot];
    p->by_hash[slot] = m;
    if (m->r.has_refresh) {
        link_refresh(p, m);
    }
}

static bool resize(tg_partition_t *p, size_t slots) {
    tg_partition_t bigger = {.bucket = p->bucket, .n = p->n, .slots = slots};
    bigger.by_hash = calloc(slots, sizeof(*bigger.by_hash));
    bigger.by_refresh = calloc(slots, sizeof(*bigger.by_refresh));
    if (bigger.by_hash == NULL || bigger.by_refresh == NULL) {
        free(bigger.by_hash);
        free(bigger.by_refresh);
        return false;
    }
    for (size_t i = 0; i < p->slots; i++) {
        // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the tables of *p were replaced below, not only freed
        for (tg_memory_record_t *m = p->by_hash[i], *next; m != NULL; m = next) {
            next = m->next;
            link_in(&bigger, m);
        }
    }
    free(p->by_hash);
    free(p->by_refresh);
    *p = bigger;
    return true;
}

tg_partition_t *tg_partition_find(tg_memory_tokens_db_t *db, tg_bucket_t bucket) {
    for (size_t i = 0; i < db->n; i++) {
        if (db->partitions[i].bucket.cls == bucket.cls && db->partitions[i].bucket.index == bucket.index) {
            return &db->partitions[i];
        }
    }
    return NULL;
}

static tg_partition_t *make(tg_memory_tokens_db_t *db, tg_bucket_t bucket) {
    if (db->n == db->cap) {
        size_t cap = db->cap > 0 ? db->cap * 2 : 8;
        tg_partition_t *grown = realloc(db->partitions, cap * sizeof(*grown));
        if (grown == NULL) {
            return NULL;
        }
        db->partitions = grown;
        db->cap = cap;
    }
    tg_partition_t *p = &db->partitions[db->n];
    *p = (tg_partition_t){.bucket = bucket};
    if (!resize(p, 64)) {
        return NULL;
    }
    db->n++;
    return p;
}

tg_partition_t *tg_partition_get(tg_memory_tokens_db_t *db, tg_bucket_t bucket, size_t more) {
    tg_partition_t *p = tg_partition_find(db, bucket);
    if (p == NULL) {
        p = make(db, bucket);
    }
    if (p == NULL) {
        return NULL;
    }
    size_t slots = p->slots;
    while (slots < p->n + more) {
        slots *= 2;
    }
    return slots == p->slots || resize(p, slots) ? p : NULL;
}

void tg_partition_drop(tg_memory_tokens_db_t *db, size_t i) {
    tg_partition_t *p = &db->partitions[i];
    for (size_t k = 0; k < p->slots; k++) {
        for (tg_memory_record_t *m = p->by_hash[k], *next; m != NULL; m = next) {
            next = m->next;
            tg_record_free(m);
        }
    }
    free(p->by_hash);
    free(p->by_refresh);
    *p = db->partitions[--db->n];
}

tg_memory_record_t *tg_partition_record(const tg_partition_t *p, const uint8_t hash[32]) {
    for (tg_memory_record_t *m = p->by_hash[slot_of(p, hash)]; m != NULL; m = m->next) {
        if (memcmp(m->r.hash, hash, 32) == 0) {
            return m;
        }
    }
    return NULL;
}

tg_memory_record_t *tg_partition_refresh(const tg_partition_t *p, const uint8_t refresh_hash[32]) {
    for (tg_memory_record_t *m = p->by_refresh[slot_of(p, refresh_hash)]; m != NULL; m = m->next_refresh) {
        if (memcmp(m->r.refresh_hash, refresh_hash, 32) == 0) {
            return m;
        }
    }
    return NULL;
}

void tg_partition_put(tg_partition_t *p, tg_memory_record_t *record) {
    link_in(p, record);
    p->n++;
}

void tg_partition_remove(tg_partition_t *p, tg_memory_record_t *record) {
    tg_memory_record_t **at = &p->by_hash[slot_of(p, record->r.hash)];
    while (*at != record) {
        at = &(*at)->next;
    }
    *at = record->next;
    if (record->r.has_refresh) {
        unlink_refresh(p, record);
    }
    p->n--;
    tg_record_free(record);
}

void tg_partition_refresh_set(tg_partition_t *p, tg_memory_record_t *record, bool has_refresh) {
    if (has_refresh && !record->r.has_refresh) {
        link_refresh(p, record);
    } else if (!has_refresh && record->r.has_refresh) {
        unlink_refresh(p, record);
    }
    record->r.has_refresh = has_refresh;
}
