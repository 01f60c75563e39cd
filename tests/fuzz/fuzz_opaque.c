/* Opaque tokens: what is accepted has this one spelling, and its bucket is open. */
#include <stdlib.h>

#include "oauth/opaque.h"

#include "base/b64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW ((tg_ms_t)1790000000 * 1000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tg_str_t token = tg_strn(data, size);
    tg_opaque_kind_t kind;
    tg_bucket_t bucket;
    uint8_t raw[4 + TG_OPAQUE_RANDOM];
    char again[TG_OPAQUE_LEN];
    size_t n;
    if (tg_opaque_parse(token, NOW, &kind, &bucket) != TG_OK) {
        return 0;
    }
    if (!tg_opaque_has_prefix(token) || tg_bucket_end(bucket) <= NOW ||
        tg_b64url_decode(tg_strn(token.p + 4, token.n - 4), raw, sizeof(raw), &n) != TG_OK) {
        abort();
    }
    tg_opaque_write(kind, bucket, raw + 4, again);
    if (!tg_str_eq(token, tg_strn(again, sizeof(again)))) {
        abort();
    }
    return 0;
}
