#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/b64.h"

#define FIRST_CAP 256

void tg_buf_init(tg_buf_t *b, size_t max) {
    *b = (tg_buf_t){.max = max};
}

void tg_buf_init_fixed(tg_buf_t *b, void *mem, size_t cap) {
    *b = (tg_buf_t){.p = mem, .cap = cap, .max = cap, .fixed = true};
}

void tg_buf_reset(tg_buf_t *b) {
    b->n = 0;
    b->err = TG_OK;
}

void tg_buf_release(tg_buf_t *b) {
    if (b->p != NULL) {
        tg_wipe(b->p, b->cap);
    }
    if (!b->fixed) {
        free(b->p);
    }
    *b = (tg_buf_t){.max = b->fixed ? 0 : b->max, .fixed = b->fixed};
}

/* Not realloc: the old block may hold a secret and must be wiped before it is given back. */
static tg_err_t move_to(tg_buf_t *b, size_t cap) {
    char *p = malloc(cap);
    if (p == NULL) {
        return TG_ERR_NOMEM;
    }
    if (b->p != NULL) {
        memcpy(p, b->p, b->n);
        tg_wipe(b->p, b->cap);
        free(b->p);
    }
    b->p = p;
    b->cap = cap;
    return TG_OK;
}

static tg_err_t grow(tg_buf_t *b, size_t need) {
    size_t cap = b->cap < FIRST_CAP ? FIRST_CAP : b->cap;
    while (cap < need) {
        cap = cap > b->max / 2 ? b->max : cap * 2;
    }
    return move_to(b, cap < b->max ? cap : b->max);
}

char *tg_buf_reserve(tg_buf_t *b, size_t n) {
    if (b->err) {
        return NULL;
    }
    if (n > b->max - b->n) {
        b->err = TG_ERR_LIMIT;
        return NULL;
    }
    if (b->n + n > b->cap || b->p == NULL) {
        b->err = b->fixed ? TG_ERR_LIMIT : grow(b, b->n + n);
    }
    return b->err ? NULL : b->p + b->n;
}

void tg_buf_expect(tg_buf_t *b, size_t n) {
    if (!b->err && !b->fixed && n <= b->max - b->n && b->n + n > b->cap) {
        b->err = move_to(b, b->n + n);
    }
}

void tg_buf_advance(tg_buf_t *b, size_t n) {
    if (!b->err) {
        b->n += n;
    }
}

void tg_buf_put(tg_buf_t *b, tg_str_t s) {
    char *p = s.n > 0 ? tg_buf_reserve(b, s.n) : NULL;
    if (p != NULL) {
        memcpy(p, s.p, s.n);
        b->n += s.n;
    }
}

void tg_buf_putc(tg_buf_t *b, char c) {
    tg_buf_put(b, tg_strn(&c, 1));
}

void tg_buf_putf(tg_buf_t *b, const char *fmt, ...) {
    char small[256];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(small, sizeof(small), fmt, args);
    va_end(args);
    if (len < 0) {
        b->err = b->err ? b->err : TG_ERR_INVALID;
        return;
    }
    if ((size_t)len < sizeof(small)) {
        tg_buf_put(b, tg_strn(small, (size_t)len));
        tg_wipe(small, (size_t)len);
        return;
    }
    tg_wipe(small, sizeof(small));
    /* vsnprintf writes a NUL behind the text, for which a full buffer has no room. */
    char *whole = b->err ? NULL : malloc((size_t)len + 1);
    if (whole == NULL) {
        b->err = b->err ? b->err : TG_ERR_NOMEM;
        return;
    }
    va_start(args, fmt);
    vsnprintf(whole, (size_t)len + 1, fmt, args);
    va_end(args);
    tg_buf_put(b, tg_strn(whole, (size_t)len));
    tg_wipe(whole, (size_t)len);
    free(whole);
}

void tg_buf_put_int(tg_buf_t *b, int64_t value) {
    char text[20]; /* as many as the least one takes */
    size_t at = sizeof(text);
    uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;
    do {
        text[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (value < 0) {
        text[--at] = '-';
    }
    tg_buf_put(b, tg_strn(text + at, sizeof(text) - at));
}

static void put_json_escape(tg_buf_t *b, unsigned char c) {
    static const char short_form[] = "\bb\ff\nn\rr\tt\"\"\\\\";
    for (size_t i = 0; i + 1 < sizeof(short_form); i += 2) {
        if ((unsigned char)short_form[i] == c) {
            tg_buf_putc(b, '\\');
            tg_buf_putc(b, short_form[i + 1]);
            return;
        }
    }
    tg_buf_putf(b, "\\u%04x", c);
}

#define EACH_BYTE(c) (0x0101010101010101ULL * (c))

/* Whether one of the eight bytes is below n, which is at most 0x80; bytes from 0x80 up may count as well. */
static bool has_less(uint64_t w, uint64_t n) {
    return ((w - EACH_BYTE(n)) & EACH_BYTE(0x80)) != 0;
}

/* DEL is legal in JSON but escaped too: these texts end up in logs and headers. */
static bool json_plain(unsigned char c) {
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* Eight at once; tokens are long. */
static bool json_plain_8(const char *p) {
    uint64_t w;
    memcpy(&w, p, sizeof(w));
    return (w & EACH_BYTE(0x80)) == 0 && !has_less(w, 0x20) && !has_less(w ^ EACH_BYTE('"'), 1) &&
           !has_less(w ^ EACH_BYTE('\\'), 1) && !has_less(w ^ EACH_BYTE(0x7f), 1);
}

static size_t json_plain_run(const char *p, size_t n) {
    size_t run = 0;
    while (n - run >= 8 && json_plain_8(p + run)) {
        run += 8;
    }
    while (run < n && json_plain((unsigned char)p[run])) {
        run++;
    }
    return run;
}

void tg_buf_put_json(tg_buf_t *b, tg_str_t s) {
    tg_buf_putc(b, '"');
    for (size_t i = 0; i < s.n;) {
        size_t run = json_plain_run(s.p + i, s.n - i);
        tg_buf_put(b, tg_strn(s.p + i, run));
        i += run;
        if (i == s.n) {
            break;
        }
        size_t len = tg_utf8_len(s.p + i, s.n - i);
        if (len == 0) {
            tg_buf_put(b, TG_STR("\xEF\xBF\xBD"));
            i++;
        } else if (len == 1) {
            put_json_escape(b, (unsigned char)s.p[i++]);
        } else {
            tg_buf_put(b, tg_strn(s.p + i, len));
            i += len;
        }
    }
    tg_buf_putc(b, '"');
}

static bool is_unreserved(unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

void tg_buf_put_percent(tg_buf_t *b, tg_str_t s) {
    static const char hex[] = "0123456789ABCDEF"; /* upper case: RFC 3986 2.1 */
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (is_unreserved(c)) {
            tg_buf_putc(b, (char)c);
        } else {
            char escape[3] = {'%', hex[c >> 4], hex[c & 15]};
            tg_buf_put(b, tg_strn(escape, 3));
        }
    }
}

void tg_buf_put_b64url(tg_buf_t *b, tg_str_t bytes) {
    if (bytes.n > b->max) {
        b->err = b->err ? b->err : TG_ERR_LIMIT;
        return;
    }
    char *p = tg_buf_reserve(b, TG_B64URL_LEN(bytes.n));
    if (p != NULL) {
        b->n += tg_b64url_encode(bytes, p);
    }
}

void tg_buf_put_hex(tg_buf_t *b, tg_str_t bytes) {
    if (bytes.n > b->max) {
        b->err = b->err ? b->err : TG_ERR_LIMIT;
        return;
    }
    char *p = tg_buf_reserve(b, bytes.n * 2);
    if (p != NULL) {
        b->n += tg_hex_encode(bytes, p);
    }
}
