/*
 * application/x-www-form-urlencoded (WHATWG URL 5.1; RFC 6749 appendix B) and Basic credentials (RFC 7617,
 * RFC 6749 2.3.1). Parsers are bounded and allocate only from the arena given.
 */
#ifndef TG_BASE_FORM_H
#define TG_BASE_FORM_H

#include "base/arena.h"

typedef struct {
    tg_str_t name;
    tg_str_t value;
} tg_form_pair_t;

typedef struct {
    tg_form_pair_t *pairs;
    size_t n;
} tg_form_t;

/* Splits on '&', decodes '+' and %xx in both parts into the arena. At most max_pairs. TG_ERR_INVALID: a broken %xx, a
 * NUL, or bytes that are not UTF-8; TG_ERR_LIMIT: too many pairs; TG_ERR_NOMEM. An empty body is an empty form. */
tg_err_t tg_form_parse(tg_str_t body, size_t max_pairs, tg_arena_t *a, tg_form_t *out) TG_MUST_CHECK;
/* How many pairs have this name; *value is the first one's (untouched if none). */
size_t tg_form_find(const tg_form_t *f, tg_str_t name, tg_str_t *value);
/* A pair that stands twice, or NULL. RFC 6749 3.1, 3.2: parameters MUST NOT be included more than once. */
const tg_form_pair_t *tg_form_repeated(const tg_form_t *f);
/* Decodes %xx, and '+' as a space if plus_is_space. */
tg_err_t tg_form_decode(tg_str_t in, bool plus_is_space, tg_arena_t *a, tg_str_t *out) TG_MUST_CHECK;

/* `credentials` is what stands behind "Basic ". Decodes base64, splits at the first colon and form-decodes both
 * parts (RFC 6749 2.3.1). TG_ERR_INVALID: bad base64, no colon, broken %xx, control bytes. The arena copy of the secret
 * is wiped when the arena is released. */
tg_err_t tg_basic_parse(tg_str_t credentials, tg_arena_t *a, tg_str_t *id, tg_str_t *secret) TG_MUST_CHECK;

#endif
