#include "store/write.h"

#include <stdlib.h>

tg_err_t tg_single_put(tg_token_store_t *s, const tg_record_t *const *records, size_t n, tg_err_t *results) {
    if (n == 0) {
        return TG_OK;
    }
    tg_write_t *writes = calloc(n, sizeof(*writes));
    if (writes == NULL) {
        return TG_ERR_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        writes[i].kind = TG_WRITE_PUT;
        writes[i].record = records[i];
    }
    tg_err_t err = s->ops->write_many(s, writes, n, NULL);
    for (size_t i = 0; i < n; i++) {
        results[i] = writes[i].result;
    }
    free(writes);
    return err;
}

void tg_writes_failed(tg_write_t *writes, size_t n, tg_err_t err) {
    for (size_t i = 0; i < n; i++) {
        writes[i].result = err;
        writes[i].existing = NULL;
        writes[i].epoch = 0;
        writes[i].ended = 0;
    }
}

static tg_err_t single(tg_token_store_t *s, tg_write_t *w, tg_arena_t *arena) {
    tg_err_t err = s->ops->write_many(s, w, 1, arena);
    return err != TG_OK ? err : w->result;
}

static tg_write_t write_of(tg_write_kind_t kind, const uint8_t hash[32], tg_bucket_t bucket, tg_ms_t at) {
    tg_write_t w = {.kind = kind, .bucket = bucket, .at = at};
    memcpy(w.hash, hash, sizeof(w.hash));
    return w;
}

tg_err_t tg_single_end(tg_token_store_t *s, const uint8_t hash[32], tg_bucket_t bucket, tg_ms_t at) {
    tg_write_t w = write_of(TG_WRITE_END, hash, bucket, at);
    return single(s, &w, NULL);
}

tg_err_t tg_single_refresh(tg_token_store_t *s, const uint8_t refresh_hash[32], tg_bucket_t bucket,
                           const tg_record_t *successor, tg_ms_t at, tg_arena_t *arena, tg_record_t *existing) {
    tg_write_t w = write_of(TG_WRITE_REFRESH, refresh_hash, bucket, at);
    w.record = successor;
    tg_err_t err = single(s, &w, arena);
    if (w.existing != NULL) {
        *existing = *w.existing;
    }
    return err;
}

tg_err_t tg_single_used(tg_token_store_t *s, const uint8_t hash[32], tg_bucket_t bucket, tg_ms_t at) {
    tg_write_t w = write_of(TG_WRITE_USED, hash, bucket, at);
    return single(s, &w, NULL);
}

tg_err_t tg_single_family(tg_token_store_t *s, const uint8_t family[TG_FAMILY_LEN], tg_ms_t at, int64_t *ended) {
    tg_write_t w = {.kind = TG_WRITE_FAMILY, .at = at};
    memcpy(w.family, family, TG_FAMILY_LEN);
    tg_err_t err = single(s, &w, NULL);
    *ended = err == TG_OK ? w.ended : 0;
    return err;
}

tg_err_t tg_single_epoch(tg_token_store_t *s, int64_t environment_id, tg_client_kind_t kind, tg_str_t client_id,
                         tg_str_t subject, int64_t *epoch) {
    tg_write_t w = {.kind = TG_WRITE_EPOCH,
                    .environment_id = environment_id,
                    .client_kind = kind,
                    .client_id = client_id,
                    .subject = subject};
    tg_err_t err = single(s, &w, NULL);
    if (err == TG_OK) {
        *epoch = w.epoch;
    }
    return err;
}
