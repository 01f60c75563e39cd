/*
 * What the algorithm table knows of each algorithm (RFC 7518 3.1, RFC 8037 3.1). Internal to the jose room; the
 * names and their order are public in jwk.h.
 */
#ifndef TG_JOSE_ALG_H
#define TG_JOSE_ALG_H

#include "jose/jwk.h"

typedef enum { TG_FAMILY_PKCS1, TG_FAMILY_PSS, TG_FAMILY_EC, TG_FAMILY_ED25519 } tg_alg_family_t;

typedef struct {
    const char *name;
    tg_alg_family_t family;
    const char *kty;    /* RFC 7518 6.1, RFC 8037 2 */
    const char *digest; /* libcrypto's name; NULL for Ed25519, which hashes by itself */
    const char *crv;    /* the JWK's name of the curve; NULL for RSA */
    const char *type;   /* libcrypto's key type */
    const char *group;  /* libcrypto's name of the curve; NULL for RSA and Ed25519 */
    size_t coord;       /* bytes of one coordinate, and of R and of S; 0 for RSA */
} tg_alg_info_t;

/* NULL if the table does not hold it. */
const tg_alg_info_t *tg_alg_info(tg_alg_t alg);

#endif
