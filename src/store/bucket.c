#include "store/token_store.h"

#define MONTH_MS  (30 * TG_DAY_MS)
#define INDEX_END ((tg_ms_t)1 << 24)

static const tg_ms_t span_of[] = {
    [TG_BUCKET_HOUR] = TG_HOUR_MS, [TG_BUCKET_DAY] = TG_DAY_MS, [TG_BUCKET_MONTH] = MONTH_MS};

tg_bucket_t tg_bucket_for(tg_ms_t now, tg_ms_t until) {
    if (until == 0) {
        return (tg_bucket_t){TG_BUCKET_NEVER, 0};
    }
    if (until < 0) {
        until = 0;
    }
    tg_bucket_class_t cls = TG_BUCKET_MONTH;
    if (until <= now || until - now <= 48 * TG_HOUR_MS) {
        cls = TG_BUCKET_HOUR;
    } else if (until - now <= 60 * TG_DAY_MS) {
        cls = TG_BUCKET_DAY;
    }
    tg_ms_t index = until / span_of[cls];
    if (index >= INDEX_END) { /* beyond any clock: it is not cleaned up rather than too early */
        return (tg_bucket_t){TG_BUCKET_NEVER, 0};
    }
    return (tg_bucket_t){cls, (uint32_t)index};
}

tg_bucket_t tg_bucket_next(tg_bucket_t b) {
    if (b.cls > TG_BUCKET_MONTH || b.index + 1 >= INDEX_END) {
        return (tg_bucket_t){TG_BUCKET_NEVER, 0};
    }
    return (tg_bucket_t){b.cls, b.index + 1};
}

tg_ms_t tg_bucket_end(tg_bucket_t b) {
    if (b.cls > TG_BUCKET_MONTH) {
        return INT64_MAX;
    }
    return ((tg_ms_t)b.index + 1) * span_of[b.cls];
}
