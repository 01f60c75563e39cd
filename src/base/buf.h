/*
 * A bounded, growing byte buffer. It never grows past `max`; the first failure (bound or memory) sticks in `err`
 * and every later append is a no-op, so that a builder appends freely and checks once at the end.
 *
 *     tg_buf_t b;
 *     tg_buf_init(&b, 4096);
 *     tg_buf_put(&b, TG_STR("{")); ...
 *     if (b.err) ...
 *     tg_buf_release(&b);
 */
#ifndef TG_BASE_BUF_H
#define TG_BASE_BUF_H

#include "base/err.h"
#include "base/str.h"

typedef struct {
    char *p;
    size_t n;     /* used */
    size_t cap;   /* allocated, or the size of the fixed memory */
    size_t max;   /* never grows past this */
    tg_err_t err; /* TG_OK, TG_ERR_LIMIT or TG_ERR_NOMEM */
    bool fixed;   /* memory is the caller's: never grown, never freed */
} tg_buf_t;

void tg_buf_init(tg_buf_t *b, size_t max);
/* Uses the caller's memory, which must outlive the buffer. */
void tg_buf_init_fixed(tg_buf_t *b, void *mem, size_t cap);
void tg_buf_reset(tg_buf_t *b); /* n = 0, err = TG_OK; memory is kept */
/* Wipes and frees. */
void tg_buf_release(tg_buf_t *b);

void tg_buf_put(tg_buf_t *b, tg_str_t s);
void tg_buf_putc(tg_buf_t *b, char c);
void tg_buf_putf(tg_buf_t *b, const char *fmt, ...) TG_PRINTF(2, 3);
void tg_buf_put_int(tg_buf_t *b, int64_t value);
/* Room for n more bytes; returns where to write them, NULL on failure. Follow with tg_buf_advance. */
char *tg_buf_reserve(tg_buf_t *b, size_t n);
void tg_buf_advance(tg_buf_t *b, size_t n);
/* Takes memory for n more bytes in one piece instead of growing again and again. That the bound is lower is found by
 * the append that needs more. */
void tg_buf_expect(tg_buf_t *b, size_t n);
/* s as a JSON string with quotes (RFC 8259 7); bytes that are not UTF-8 become U+FFFD. */
void tg_buf_put_json(tg_buf_t *b, tg_str_t s);
/* Percent-escapes all but unreserved characters (RFC 3986 2.3). */
void tg_buf_put_percent(tg_buf_t *b, tg_str_t s);
/* base64url without padding (RFC 4648 5). */
void tg_buf_put_b64url(tg_buf_t *b, tg_str_t bytes);
void tg_buf_put_hex(tg_buf_t *b, tg_str_t bytes);

static inline tg_str_t tg_buf_str(const tg_buf_t *b) {
    return (tg_str_t){b->p, b->n};
}

#endif
