/*
 * The layout of opaque tokens (docs/decisions/0002-tokens.md):
 *
 *     "tga_" or "tgr_", then base64url of 36 bytes (48 characters):
 *       byte 0      version (high 4 bits, 1) and bucket class (low 4 bits)
 *       bytes 1-3   bucket index, big endian
 *       bytes 4-35  256 random bits
 */
#ifndef TG_OAUTH_OPAQUE_H
#define TG_OAUTH_OPAQUE_H

#include "base/err.h"
#include "base/str.h"
#include "store/token_store.h"

#define TG_OPAQUE_LEN    52
#define TG_OPAQUE_RANDOM 32

/* No token of ours ends later than this, but for those that never end. */
#define TG_OPAQUE_AHEAD_MAX (100 * 365 * TG_DAY_MS)

typedef enum { TG_OPAQUE_ACCESS = 1, TG_OPAQUE_REFRESH = 2 } tg_opaque_kind_t;

void tg_opaque_write(tg_opaque_kind_t, tg_bucket_t, const uint8_t random[TG_OPAQUE_RANDOM], char out[TG_OPAQUE_LEN]);
/* TG_ERR_INVALID: not of this form, unknown version or class, bucket past at `now`, or farther than 100 years ahead: an
 * unknown token, without a query. */
tg_err_t tg_opaque_parse(tg_str_t token, tg_ms_t now, tg_opaque_kind_t *kind, tg_bucket_t *bucket) TG_MUST_CHECK;
/* Whether a record in this bucket can matter at `now`. */
bool tg_bucket_is_open(tg_bucket_t b, tg_ms_t now);
/* Looks like one of ours (prefix): it is never tried as a JWT. */
bool tg_opaque_has_prefix(tg_str_t token);

#endif
