#include "store/token_store.h"

#define FNV_BASIS 14695981039346656037u
#define FNV_PRIME 1099511628211u

static uint64_t fnv1a(uint64_t h, const void *p, size_t n) {
    const uint8_t *bytes = p;
    for (size_t i = 0; i < n; i++) {
        h = (h ^ bytes[i]) * FNV_PRIME;
    }
    return h;
}

uint64_t tg_epoch_id(tg_client_kind_t kind, tg_str_t client_id, tg_str_t subject) {
    const uint8_t first = (uint8_t)kind, between = 0;
    uint64_t h = fnv1a(FNV_BASIS, &first, 1);
    h = fnv1a(h, client_id.p, client_id.n);
    h = fnv1a(h, &between, 1);
    return fnv1a(h, subject.p, subject.n);
}

void tg_epoch_id_put(uint64_t id, uint8_t out[8]) {
    for (size_t i = 0; i < 8; i++) {
        out[i] = (uint8_t)(id >> (8 * i));
    }
}

uint64_t tg_epoch_id_get(tg_str_t bytes) {
    uint64_t id = 0;
    for (size_t i = 0; i < 8 && bytes.n == 8; i++) {
        id |= (uint64_t)(uint8_t)bytes.p[i] << (8 * i);
    }
    return id;
}
