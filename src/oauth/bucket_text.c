#include "oauth/bucket_text.h"

#define INDEX_MAX ((1u << 24) - 1)

static const char letters[] = {
    [TG_BUCKET_HOUR] = 'h', [TG_BUCKET_DAY] = 'd', [TG_BUCKET_MONTH] = 'm', [TG_BUCKET_NEVER] = 'n'};

void tg_bucket_text_write(tg_bucket_t b, tg_buf_t *out) {
    tg_buf_putf(out, "%c:%u", letters[b.cls], (unsigned)b.index);
}

bool tg_bucket_text_parse(tg_str_t text, tg_bucket_t *out) {
    uint64_t index;
    const char *letter = text.n > 2 ? memchr(letters, text.p[0], sizeof(letters)) : NULL;
    if (letter == NULL || text.p[1] != ':' || !tg_str_to_u64(tg_strn(text.p + 2, text.n - 2), INDEX_MAX, &index)) {
        return false;
    }
    *out = (tg_bucket_t){(tg_bucket_class_t)(letter - letters), (uint32_t)index};
    return true;
}
