/*
 * The inside of a tg_key_t, and raw signatures with it. Internal to the jose room.
 */
#ifndef TG_JOSE_KEY_H
#define TG_JOSE_KEY_H

#include <openssl/evp.h>

#include "jose/alg.h"

#define TG_KEY_TEXT_MAX 16384 /* bytes of a JWK, PEM or DER that we look at; an 8192 bit RSA key takes about 6500 */

/* `sign` and `verify` are templates: initialised once with key, digest and padding, never used themselves, only
 * copied. A copy costs 0.1 us where a fresh initialisation looks the algorithm up by name, and copying changes nothing
 * but atomic reference counts, so that threads share a key without a lock. */
struct tg_key {
    tg_alg_t alg;
    const tg_alg_info_t *info;
    EVP_PKEY *pkey;
    EVP_MD_CTX *verify;
    EVP_MD_CTX *sign; /* NULL: a public key */
    size_t sig_len;   /* every signature has exactly this length */
    char kid[TG_KID_MAX];
    size_t kid_n;
};

/* A key around pkey, which it owns from now on, also on failure. Checks that pkey suits alg (type, size, curve, a point
 * on the curve) and, if it is private, that its halves belong together. An empty kid stands for the thumbprint. */
tg_err_t tg_key_adopt(EVP_PKEY *pkey, tg_alg_t alg, bool is_private, tg_str_t kid, tg_key_t **out,
                      tg_fault_t *fault) TG_MUST_CHECK;

/* The JOSE form of a signature over input: RFC 7518 3.3 to 3.5, RFC 8037 3.1. Thread-safe. */
tg_err_t tg_key_sign(const tg_key_t *key, tg_str_t input, uint8_t sig[TG_SIG_MAX], size_t *n) TG_MUST_CHECK;
tg_err_t tg_key_verify(const tg_key_t *key, tg_str_t input, tg_str_t sig) TG_MUST_CHECK;

/* RFC 7638 with SHA-256, as base64url: TG_THUMBPRINT_LEN characters, no NUL. */
#define TG_THUMBPRINT_LEN 43
tg_err_t tg_key_thumbprint(const tg_key_t *key, char out[TG_THUMBPRINT_LEN]) TG_MUST_CHECK;

/* libcrypto's error queue belongs to the thread, not to us: nginx reports what it finds there as its own TLS errors. So
 * whoever calls libcrypto sets a mark first (ERR_set_mark) and ends with this, which takes everything above the mark
 * away and tells lack of memory (TG_ERR_NOMEM) from all else (`otherwise`). */
tg_err_t tg_crypto_err(tg_err_t otherwise) TG_MUST_CHECK;
/* The same after a success. */
void tg_crypto_ok(void);

#endif
