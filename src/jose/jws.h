/*
 * JSON Web Signature, compact serialization only (RFC 7515 7.1), as RFC 8725 wants it used: the verifier's key names
 * the algorithm; `jwk`, `jku`, `x5u`, `x5c` are ignored; any `crit` is refused, since we understand no extension;
 * `b64` with it.
 */
#ifndef TG_JOSE_JWS_H
#define TG_JOSE_JWS_H

#include "base/arena.h"
#include "base/json.h"
#include "jose/jwk.h"

#define TG_JWS_MAX 8192 /* bytes of a compact JWS that we look at */

/* Taken apart, nothing verified. Views borrow from the input and from the arena. */
typedef struct {
    tg_str_t signing_input; /* header.payload as received */
    tg_str_t alg;           /* as the header says; trusted by nobody */
    tg_str_t kid;           /* "" if absent */
    tg_str_t typ;           /* "" if absent */
    tg_str_t payload;       /* decoded bytes */
    tg_str_t signature;     /* decoded bytes */
} tg_jws_t;

/* TG_ERR_INVALID: not three parts of strict base64url, header no JSON object of bounded depth, alg no string, typ or
 * kid of the wrong type, crit or b64 present, duplicate header names. TG_ERR_LIMIT: longer than TG_JWS_MAX. */
tg_err_t tg_jws_parse(tg_str_t compact, tg_arena_t *a, tg_jws_t *out) TG_MUST_CHECK;

/* TG_OK only if the header's alg is exactly the key's and the signature is right (ES: the raw R||S form of RFC 7518
 * 3.4 with its exact length). Anything else, wrong keys included, is TG_ERR_INVALID; TG_ERR_NOMEM stays apart. */
tg_err_t tg_jws_verify(const tg_jws_t *jws, const tg_key_t *key) TG_MUST_CHECK;

/* Appends the compact form of header {"alg","typ","kid"} and payload. `typ` like "at+jwt"; left out if empty. On
 * failure out keeps what it held: TG_ERR_INVALID: the key is public; TG_ERR_LIMIT: longer than TG_JWS_MAX, which nobody
 * would verify, or than the buffer may grow. Thread-safe. */
tg_err_t tg_jws_sign(const tg_key_t *key, tg_str_t typ, tg_str_t payload, tg_buf_t *out) TG_MUST_CHECK;

#endif
