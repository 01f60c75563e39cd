/*
 * base64url without padding (RFC 4648 5, RFC 7515 2) and base64 (RFC 4648 4). Decoders are strict: no white space,
 * no other alphabet, and unused bits must be zero, so that one value has one spelling.
 */
#ifndef TG_BASE_B64_H
#define TG_BASE_B64_H

#include "base/err.h"
#include "base/str.h"

#define TG_B64URL_LEN(n)      (((n)*4 + 2) / 3)
#define TG_B64_DECODED_MAX(n) ((n) / 4 * 3 + 3)

/* Writes TG_B64URL_LEN(in.n) characters, no NUL; returns how many. */
size_t tg_b64url_encode(tg_str_t in, char *out);
/* Decodes into out[cap]; *n is the length. TG_ERR_INVALID, or TG_ERR_LIMIT if it does not fit. */
tg_err_t tg_b64url_decode(tg_str_t in, void *out, size_t cap, size_t *n) TG_MUST_CHECK;
/* base64 with padding required, for HTTP Basic (RFC 7617) and PEM-like fields. */
tg_err_t tg_b64_decode(tg_str_t in, void *out, size_t cap, size_t *n) TG_MUST_CHECK;

/* Lower-case hex. */
size_t tg_hex_encode(tg_str_t in, char *out);
tg_err_t tg_hex_decode(tg_str_t in, void *out, size_t cap, size_t *n) TG_MUST_CHECK;

#endif
