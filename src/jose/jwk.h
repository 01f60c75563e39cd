/*
 * Keys and algorithms: the algorithm table (RFC 7518 3.1, RFC 8037), public keys as JWK (RFC 7517), private keys as
 * PEM or DER. A key carries the one algorithm it may be used with; no header chooses another.
 *
 * `none` and HS* are not in the table. JWKs of kty "oct" are refused.
 */
#ifndef TG_JOSE_JWK_H
#define TG_JOSE_JWK_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

typedef enum {
    TG_ALG_NONE_SUCH = 0,
    TG_ALG_RS256,
    TG_ALG_RS384,
    TG_ALG_RS512,
    TG_ALG_PS256,
    TG_ALG_PS384,
    TG_ALG_PS512,
    TG_ALG_ES256,
    TG_ALG_ES384,
    TG_ALG_ES512,
    TG_ALG_EDDSA,
    TG_ALG_COUNT
} tg_alg_t;

/* "RS256" -> TG_ALG_RS256; exact case; TG_ALG_NONE_SUCH for all that the table does not hold. */
tg_alg_t tg_alg_parse(tg_str_t name);
const char *tg_alg_name(tg_alg_t alg);
/* Signing is cheap enough for the event loop (ES256, EdDSA); RSA belongs in a thread. */
bool tg_alg_is_cheap(tg_alg_t alg);

#define TG_KID_MAX 64
#define TG_SIG_MAX 1024 /* bytes of the longest signature: RSA up to 8192 bit */

/* An immutable key: public or with its private part. Safe to use from several threads at once. */
typedef struct tg_key tg_key_t;

void tg_key_free(tg_key_t *key); /* NULL is fine; private parts are wiped */
tg_alg_t tg_key_alg(const tg_key_t *key);
tg_str_t tg_key_kid(const tg_key_t *key);
bool tg_key_is_private(const tg_key_t *key);

/* A new private key for alg (RSA: 2048 bit). Slow for RSA; manager only. kid: RFC 7638 thumbprint (base64url, 43
 * characters). */
tg_err_t tg_key_generate(tg_alg_t alg, tg_key_t **out) TG_MUST_CHECK;
/* An unencrypted PEM private key (PKCS#8 or traditional). It must suit alg: RSA of 2048 to 8192 bit for RS and PS, the
 * right curve for ES, Ed25519 for EdDSA, its halves must belong together, and nothing else may stand in the PEM. *fault
 * says which rule was broken. kid: the thumbprint. */
tg_err_t tg_key_from_pem(tg_str_t pem, tg_alg_t alg, tg_key_t **out, tg_fault_t *fault) TG_MUST_CHECK;
/* PKCS#8 DER, as it is sealed at rest. */
tg_err_t tg_key_from_der(tg_str_t der, tg_alg_t alg, tg_key_t **out, tg_fault_t *fault) TG_MUST_CHECK;
tg_err_t tg_key_to_der(const tg_key_t *key, tg_buf_t *out) TG_MUST_CHECK;

/* One public JWK object (JSON) of at most 16 KiB. If it has `alg` it must be `alg`; if it has `use` it must be "sig";
 * `kid` is its own or the thumbprint. Pass TG_ALG_NONE_SUCH to take the algorithm from the JWK, which must then name
 * one. Private members are ignored. Numbers must be in their one proper spelling (RFC 7518 2, 6.2.1.2), the point on
 * its curve, the RSA exponent odd and from 3 to 2^31 - 1. */
tg_err_t tg_key_from_jwk(tg_str_t json, tg_alg_t alg, tg_key_t **out, tg_fault_t *fault) TG_MUST_CHECK;
/* The public JWK with kty, kid, alg, use "sig". Never writes a private member. */
tg_err_t tg_key_to_jwk(const tg_key_t *key, tg_buf_t *out) TG_MUST_CHECK;

#endif
