/*
 * What every token store's write_many has in common. For backends only.
 */
#ifndef TG_STORE_WRITE_H
#define TG_STORE_WRITE_H

#include "store/token_store.h"

/* The single writes, as a write_many of their own: backends put these into their table. */
tg_err_t tg_single_put(tg_token_store_t *, const tg_record_t *const *records, size_t n, tg_err_t *results);
tg_err_t tg_single_end(tg_token_store_t *, const uint8_t hash[32], tg_bucket_t, tg_ms_t at);
tg_err_t tg_single_refresh(tg_token_store_t *, const uint8_t refresh_hash[32], tg_bucket_t,
                           const tg_record_t *successor, tg_ms_t at, tg_arena_t *, tg_record_t *existing);
tg_err_t tg_single_used(tg_token_store_t *, const uint8_t hash[32], tg_bucket_t, tg_ms_t at);
tg_err_t tg_single_family(tg_token_store_t *, const uint8_t family[TG_FAMILY_LEN], tg_ms_t at, int64_t *ended);
tg_err_t tg_single_epoch(tg_token_store_t *, int64_t environment_id, tg_client_kind_t, tg_str_t client_id,
                         tg_str_t subject, int64_t *epoch);

/* The batch has failed as a whole: so has each of its writes. */
void tg_writes_failed(tg_write_t *writes, size_t n, tg_err_t err);

/* A refusal of one write: the batch goes on. */
static inline tg_err_t tg_write_refuse(tg_write_t *w, tg_err_t result) {
    w->result = result;
    return TG_OK;
}

static inline bool tg_bucket_eq(tg_bucket_t a, tg_bucket_t b) {
    return a.cls == b.cls && a.index == b.index;
}

/* Whether the successor was planned on this record, as far as it says. */
static inline bool tg_record_precedes(const tg_record_t *old, const tg_record_t *successor) {
    return !successor->has_predecessor || (memcmp(successor->predecessor, old->hash, sizeof(old->hash)) == 0 &&
                                           tg_bucket_eq(successor->predecessor_bucket, old->bucket));
}

/* Rotation off: the refresh token goes over to the successor. */
static inline bool tg_record_hands_on(const tg_record_t *old, const tg_record_t *successor) {
    return successor->has_refresh && memcmp(successor->refresh_hash, old->refresh_hash, sizeof(old->refresh_hash)) == 0;
}

/* When a revocation no longer matters, as a moment that can be compared. */
static inline tg_ms_t tg_write_until(const tg_write_t *w) {
    return w->until == 0 ? INT64_MAX : w->until;
}

/* How many entries of the early revocation list one client may have. */
static inline int64_t tg_write_client_capacity(const tg_write_t *w) {
    return w->capacity > 0 && w->capacity < 10 ? 1 : w->capacity / 10;
}

#endif
