/*
 * String views. A tg_str_t borrows bytes: it owns nothing, is not NUL-terminated, and lives as long as what it
 * points into. Passed by value. {NULL, 0} is the empty (absent) string.
 */
#ifndef TG_BASE_STR_H
#define TG_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    const char *p;
    size_t n;
} tg_str_t;

#define TG_STR(lit) ((tg_str_t){(lit), sizeof(lit) - 1})
#define TG_STR_NONE ((tg_str_t){NULL, 0})
/* For printf("%.*s", TG_STR_ARGS(s)) */
#define TG_STR_ARGS(s) (int)(s).n, ((s).p ? (s).p : "")

static inline tg_str_t tg_str(const char *cstr) {
    return (tg_str_t){cstr, cstr ? strlen(cstr) : 0};
}
static inline tg_str_t tg_strn(const void *p, size_t n) {
    return (tg_str_t){(const char *)p, n};
}
static inline bool tg_str_eq(tg_str_t a, tg_str_t b) {
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* ASCII case-insensitive equality. */
bool tg_str_eq_ci(tg_str_t a, tg_str_t b);
bool tg_str_starts(tg_str_t s, tg_str_t prefix);
bool tg_str_ends(tg_str_t s, tg_str_t suffix);
/* Index of the first c, or -1. */
ptrdiff_t tg_str_find_char(tg_str_t s, char c);
/* Removes ASCII blanks and tabs (SP, HTAB) at both ends. */
tg_str_t tg_str_trim(tg_str_t s);
/* The part before the first `sep` is returned and taken off *rest with the separator; at the end *rest is
 * TG_STR_NONE. */
tg_str_t tg_str_take(tg_str_t *rest, char sep);
/* All of s as an unsigned decimal of at most `max`; false when it is not one. */
bool tg_str_to_u64(tg_str_t s, uint64_t max, uint64_t *out);
/* Well-formed UTF-8 (RFC 3629), no NUL. */
bool tg_str_is_utf8(tg_str_t s);
/* Bytes of the well-formed UTF-8 sequence at p (1..4, NUL counts as one), or 0 if there is none within n. */
size_t tg_utf8_len(const char *p, size_t n);

/* Compares secrets: time depends on n alone, not on the content. */
bool tg_secret_eq(const void *a, const void *b, size_t n);
/* Overwrites; not optimised away. */
void tg_wipe(void *p, size_t n);

#endif
