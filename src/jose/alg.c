#include "jose/alg.h"

#define RSA_PKCS1(bits)                                                                                                \
    { "RS" #bits, TG_FAMILY_PKCS1, "RSA", "SHA" #bits, NULL, "RSA", NULL, 0 }
#define RSA_PSS(bits)                                                                                                  \
    { "PS" #bits, TG_FAMILY_PSS, "RSA", "SHA" #bits, NULL, "RSA", NULL, 0 }

static const tg_alg_info_t algs[TG_ALG_COUNT] = {
    [TG_ALG_RS256] = RSA_PKCS1(256),
    [TG_ALG_RS384] = RSA_PKCS1(384),
    [TG_ALG_RS512] = RSA_PKCS1(512),
    [TG_ALG_PS256] = RSA_PSS(256),
    [TG_ALG_PS384] = RSA_PSS(384),
    [TG_ALG_PS512] = RSA_PSS(512),
    [TG_ALG_ES256] = {"ES256", TG_FAMILY_EC, "EC", "SHA256", "P-256", "EC", "prime256v1", 32},
    [TG_ALG_ES384] = {"ES384", TG_FAMILY_EC, "EC", "SHA384", "P-384", "EC", "secp384r1", 48},
    [TG_ALG_ES512] = {"ES512", TG_FAMILY_EC, "EC", "SHA512", "P-521", "EC", "secp521r1", 66},
    [TG_ALG_EDDSA] = {"EdDSA", TG_FAMILY_ED25519, "OKP", NULL, "Ed25519", "ED25519", NULL, 32},
};

const tg_alg_info_t *tg_alg_info(tg_alg_t alg) {
    return alg > TG_ALG_NONE_SUCH && alg < TG_ALG_COUNT ? &algs[alg] : NULL;
}

tg_alg_t tg_alg_parse(tg_str_t name) {
    for (int alg = TG_ALG_NONE_SUCH + 1; alg < TG_ALG_COUNT; alg++) {
        if (tg_str_eq(name, tg_str(algs[alg].name))) {
            return (tg_alg_t)alg;
        }
    }
    return TG_ALG_NONE_SUCH;
}

const char *tg_alg_name(tg_alg_t alg) {
    const tg_alg_info_t *info = tg_alg_info(alg);
    return info ? info->name : "";
}

/* ES384 and ES512 are left out: their curves take libcrypto about a millisecond. */
bool tg_alg_is_cheap(tg_alg_t alg) {
    return alg == TG_ALG_ES256 || alg == TG_ALG_EDDSA;
}
