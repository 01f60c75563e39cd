#include "identity/database/wide.h"

#define REPLACEMENT 0xfffd

/* Takes one character off the front. */
static uint32_t take_char(tg_str_t *s) {
    static const uint8_t first_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    size_t n = tg_utf8_len(s->p, s->n);
    uint32_t c = n > 0 ? (unsigned char)s->p[0] & first_bits[n] : REPLACEMENT;
    for (size_t i = 1; i < n; i++) {
        c = c << 6 | ((unsigned char)s->p[i] & 0x3f);
    }
    n = n > 0 ? n : 1;
    *s = tg_strn(s->p + n, s->n - n);
    return c;
}

bool tg_wide(tg_arena_t *a, tg_str_t s, tg_wide_t *out) {
    SQLWCHAR *p = tg_arena_array(a, s.n + 1, sizeof(*p)); /* never more units than bytes */
    *out = (tg_wide_t){p, 0};
    while (p != NULL && s.n > 0) {
        uint32_t c = take_char(&s);
        if (c >= 0x10000) {
            p[out->n++] = (SQLWCHAR)(0xd800 + ((c - 0x10000) >> 10));
            c = 0xdc00 + ((c - 0x10000) & 0x3ff);
        }
        p[out->n++] = (SQLWCHAR)c;
    }
    return p != NULL;
}

static void put_char(tg_buf_t *out, uint32_t c) {
    char s[4];
    size_t n = 0;
    if (c < 0x80) {
        s[n++] = (char)c;
    } else if (c < 0x800) {
        s[n++] = (char)(0xc0 | c >> 6);
    } else if (c < 0x10000) {
        s[n++] = (char)(0xe0 | c >> 12);
        s[n++] = (char)(0x80 | (c >> 6 & 0x3f));
    } else {
        s[n++] = (char)(0xf0 | c >> 18);
        s[n++] = (char)(0x80 | (c >> 12 & 0x3f));
        s[n++] = (char)(0x80 | (c >> 6 & 0x3f));
    }
    if (c >= 0x80) {
        s[n++] = (char)(0x80 | (c & 0x3f));
    }
    tg_buf_put(out, tg_strn(s, n));
}

void tg_buf_put_wide(tg_buf_t *out, const SQLWCHAR *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        uint32_t c = p[i];
        bool high = c >= 0xd800 && c < 0xdc00, low = c >= 0xdc00 && c < 0xe000;
        if (high && i + 1 < n && p[i + 1] >= 0xdc00 && p[i + 1] < 0xe000) {
            c = 0x10000 + ((c - 0xd800) << 10) + (p[++i] - 0xdc00u);
        } else if (high || low) {
            c = REPLACEMENT;
        }
        put_char(out, c);
    }
}
