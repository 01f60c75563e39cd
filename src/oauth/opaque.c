#include "oauth/opaque.h"

#include "base/b64.h"

#define PREFIX_LEN 4
#define RAW_LEN    (4 + TG_OPAQUE_RANDOM)
#define VERSION    1

_Static_assert(PREFIX_LEN + TG_B64URL_LEN(RAW_LEN) == TG_OPAQUE_LEN, "layout of opaque tokens");

void tg_opaque_write(tg_opaque_kind_t kind, tg_bucket_t bucket, const uint8_t random[TG_OPAQUE_RANDOM],
                     char out[TG_OPAQUE_LEN]) {
    uint8_t raw[RAW_LEN] = {(uint8_t)(VERSION << 4 | bucket.cls), (uint8_t)(bucket.index >> 16),
                            (uint8_t)(bucket.index >> 8), (uint8_t)bucket.index};
    memcpy(raw + 4, random, TG_OPAQUE_RANDOM);
    memcpy(out, kind == TG_OPAQUE_REFRESH ? "tgr_" : "tga_", PREFIX_LEN);
    tg_b64url_encode(tg_strn(raw, sizeof(raw)), out + PREFIX_LEN);
    tg_wipe(raw, sizeof(raw));
}

static bool kind_find(tg_str_t token, tg_opaque_kind_t *kind) {
    if (tg_str_starts(token, TG_STR("tga_"))) {
        *kind = TG_OPAQUE_ACCESS;
        return true;
    }
    if (tg_str_starts(token, TG_STR("tgr_"))) {
        *kind = TG_OPAQUE_REFRESH;
        return true;
    }
    return false;
}

bool tg_bucket_is_open(tg_bucket_t b, tg_ms_t now) {
    if (b.cls == TG_BUCKET_NEVER) {
        return b.index == 0;
    }
    tg_ms_t start = b.index == 0 ? 0 : tg_bucket_end((tg_bucket_t){b.cls, b.index - 1});
    return tg_bucket_end(b) > now && start <= now + TG_OPAQUE_AHEAD_MAX;
}

tg_err_t tg_opaque_parse(tg_str_t token, tg_ms_t now, tg_opaque_kind_t *kind, tg_bucket_t *bucket) {
    uint8_t raw[RAW_LEN];
    size_t n;
    if (token.n != TG_OPAQUE_LEN || !kind_find(token, kind) ||
        tg_b64url_decode(tg_strn(token.p + PREFIX_LEN, token.n - PREFIX_LEN), raw, sizeof(raw), &n) != TG_OK ||
        n != sizeof(raw) || raw[0] >> 4 != VERSION || (raw[0] & 15) > TG_BUCKET_NEVER) {
        return TG_ERR_INVALID;
    }
    bucket->cls = (tg_bucket_class_t)(raw[0] & 15);
    bucket->index = (uint32_t)raw[1] << 16 | (uint32_t)raw[2] << 8 | raw[3];
    return tg_bucket_is_open(*bucket, now) ? TG_OK : TG_ERR_INVALID;
}

bool tg_opaque_has_prefix(tg_str_t token) {
    tg_opaque_kind_t kind;
    return kind_find(token, &kind);
}
