#include "manager/throttle.h"

#define PROBES 8

void tg_throttle_init(tg_throttle_t *t, uint64_t seed) {
    memset(t, 0, sizeof(*t));
    t->seed = seed;
    pthread_mutex_init(&t->lock, NULL);
}

void tg_throttle_release(tg_throttle_t *t) {
    pthread_mutex_destroy(&t->lock);
}

/* FNV-1a over a random start, so that nobody can aim at another's row. Never 0. */
static uint64_t key_of(const tg_throttle_t *t, tg_str_t name, tg_str_t address) {
    uint64_t h = 0xcbf29ce484222325u ^ t->seed;
    for (size_t i = 0; i < address.n; i++) {
        h = (h ^ (uint8_t)address.p[i]) * 0x100000001b3u;
    }
    h = (h ^ 0xff) * 0x100000001b3u;
    for (size_t i = 0; i < name.n; i++) {
        h = (h ^ (uint8_t)name.p[i]) * 0x100000001b3u;
    }
    h ^= h >> 29;
    return h ? h : 1;
}

static tg_throttle_row_t *find(tg_throttle_t *t, uint64_t key) {
    for (size_t i = 0; i < PROBES; i++) {
        tg_throttle_row_t *row = &t->rows[(key + i) % TG_THROTTLE_ROWS];
        if (row->key == key) {
            return row;
        }
    }
    return NULL;
}

/* A row for this key: its own, a free one, or the one among the probes that was idle longest. */
static tg_throttle_row_t *claim(tg_throttle_t *t, uint64_t key) {
    tg_throttle_row_t *row = find(t, key);
    if (row != NULL) {
        return row;
    }
    row = &t->rows[key % TG_THROTTLE_ROWS];
    for (size_t i = 0; i < PROBES && row->key != 0; i++) {
        tg_throttle_row_t *other = &t->rows[(key + i) % TG_THROTTLE_ROWS];
        if (other->key == 0 || other->last < row->last) {
            row = other;
        }
    }
    *row = (tg_throttle_row_t){.key = key};
    return row;
}

static tg_ms_t row_wait(const tg_throttle_row_t *row, uint32_t allowed, tg_ms_t now) {
    if (row == NULL || row->failures < allowed || now - row->last > TG_THROTTLE_FORGET_MS) {
        return 0;
    }
    tg_ms_t wait = TG_THROTTLE_WAIT_MS;
    for (uint32_t i = allowed; i < row->failures && wait < TG_THROTTLE_WAIT_MAX_MS; i++) {
        wait *= 2;
    }
    wait = wait < TG_THROTTLE_WAIT_MAX_MS ? wait : TG_THROTTLE_WAIT_MAX_MS;
    tg_ms_t left = row->last + wait - now;
    return left > 0 ? left : 0;
}

tg_ms_t tg_throttle_wait(tg_throttle_t *t, tg_str_t name, tg_str_t address, tg_ms_t now) {
    pthread_mutex_lock(&t->lock);
    tg_ms_t by_name = row_wait(find(t, key_of(t, name, address)), TG_THROTTLE_NAME_FAILURES, now);
    tg_ms_t by_address = row_wait(find(t, key_of(t, TG_STR_NONE, address)), TG_THROTTLE_ADDRESS_FAILURES, now);
    pthread_mutex_unlock(&t->lock);
    return by_name > by_address ? by_name : by_address;
}

static void note(tg_throttle_row_t *row, tg_ms_t now) {
    if (now - row->last > TG_THROTTLE_FORGET_MS) {
        row->failures = 0;
    }
    row->failures++;
    row->last = now;
}

void tg_throttle_failed(tg_throttle_t *t, tg_str_t name, tg_str_t address, tg_ms_t now) {
    pthread_mutex_lock(&t->lock);
    note(claim(t, key_of(t, name, address)), now);
    note(claim(t, key_of(t, TG_STR_NONE, address)), now);
    pthread_mutex_unlock(&t->lock);
}

void tg_throttle_passed(tg_throttle_t *t, tg_str_t name, tg_str_t address) {
    pthread_mutex_lock(&t->lock);
    tg_throttle_row_t *row = find(t, key_of(t, name, address));
    if (row != NULL) {
        *row = (tg_throttle_row_t){0};
    }
    pthread_mutex_unlock(&t->lock);
}
