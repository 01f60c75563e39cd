#include "jose/key.h"

#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "jose/ecdsa.h"

#define RSA_BITS_MIN   2048 /* RFC 7518 3.3, 3.5 */
#define RSA_BITS_MAX   8192
#define RSA_BITS_NEW   2048
#define RSA_E_BITS_MAX 31 /* a longer exponent makes each verification slower, and nobody makes such keys */

tg_err_t tg_crypto_err(tg_err_t otherwise) {
    bool nomem = ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_MALLOC_FAILURE;
    ERR_pop_to_mark();
    return nomem ? TG_ERR_NOMEM : otherwise;
}

void tg_crypto_ok(void) {
    ERR_pop_to_mark();
}

static bool is_rsa(const tg_alg_info_t *info) {
    return info->family == TG_FAMILY_PKCS1 || info->family == TG_FAMILY_PSS;
}

/* --- does a key suit an algorithm? --- */

static tg_err_t rsa_check(const EVP_PKEY *pkey, tg_fault_t *fault) {
    BIGNUM *n = NULL, *e = NULL;
    tg_err_t err = TG_ERR_INVALID;

    if (!EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &n) ||
        !EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e)) {
        err = TG_ERR_NOMEM;
    } else if (BN_num_bits(n) < RSA_BITS_MIN || BN_num_bits(n) > RSA_BITS_MAX) {
        tg_fault(fault, err, "n", "the RSA modulus must have %d to %d bits", RSA_BITS_MIN, RSA_BITS_MAX);
    } else if (!BN_is_odd(n)) {
        tg_fault(fault, err, "n", "the RSA modulus must be odd");
    } else if (!BN_is_odd(e) || BN_is_one(e) || BN_num_bits(e) > RSA_E_BITS_MAX) {
        tg_fault(fault, err, "e", "the RSA exponent must be odd, at least 3 and below 2^31");
    } else {
        err = TG_OK;
    }
    BN_free(n);
    BN_free(e);
    return err;
}

static tg_err_t ec_check(EVP_PKEY *pkey, const tg_alg_info_t *info, tg_fault_t *fault) {
    char group[64] = "";
    int is_explicit = 0;

    /* A curve that spells out its own parameters is refused even where they match: CVE-2020-0601. */
    (void)EVP_PKEY_get_int_param(pkey, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &is_explicit);
    if (!EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) || strcmp(group, info->group) != 0 || is_explicit) {
        return tg_fault(fault, TG_ERR_INVALID, "crv", "%s needs a key on the named curve %s", info->name, info->crv);
    }
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    if (!ctx) {
        return TG_ERR_NOMEM;
    }
    bool valid = EVP_PKEY_public_check(ctx) == 1;
    EVP_PKEY_CTX_free(ctx);
    return valid ? TG_OK : tg_fault(fault, TG_ERR_INVALID, "x", "the public key is not a point of the curve");
}

static tg_err_t key_suits(EVP_PKEY *pkey, const tg_alg_info_t *info, tg_fault_t *fault) {
    if (!EVP_PKEY_is_a(pkey, info->type)) {
        return tg_fault(fault, TG_ERR_INVALID, "kty", "%s needs a key of type %s%s%s", info->name, info->kty,
                        info->crv ? ", curve " : "", info->crv ? info->crv : "");
    }
    if (is_rsa(info)) {
        return rsa_check(pkey, fault);
    }
    return info->family == TG_FAMILY_EC ? ec_check(pkey, info, fault) : TG_OK;
}

/* --- templates --- */

static tg_err_t template_new(const tg_key_t *key, bool sign, EVP_MD_CTX **out) {
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL; /* belongs to ctx */
    if (!ctx) {
        return TG_ERR_NOMEM;
    }
    int ok = sign ? EVP_DigestSignInit_ex(ctx, &pctx, key->info->digest, NULL, NULL, key->pkey, NULL)
                  : EVP_DigestVerifyInit_ex(ctx, &pctx, key->info->digest, NULL, NULL, key->pkey, NULL);
    /* RFC 7518 3.5: the salt is as long as the digest, MGF1 uses the same hash (libcrypto's default). */
    if (ok == 1 && key->info->family == TG_FAMILY_PSS) {
        ok = EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) == 1 &&
             EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST) == 1;
    }
    if (ok != 1) {
        EVP_MD_CTX_free(ctx);
        return TG_ERR_INVALID;
    }
    *out = ctx;
    return TG_OK;
}

static EVP_MD_CTX *template_copy(const EVP_MD_CTX *template) {
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (ctx && EVP_MD_CTX_copy_ex(ctx, template) != 1) {
        EVP_MD_CTX_free(ctx);
        ctx = NULL;
    }
    return ctx;
}

/* --- a key --- */

/* A private key whose halves do not belong together would sign tokens that nobody accepts. One signature tells; the
 * checks that libcrypto offers take 35 ms for RSA, too long for a snapshot with many keys. */
static tg_err_t halves_match(const tg_key_t *key, tg_fault_t *fault) {
    static const char probe[] = "tollgate key check";
    uint8_t sig[TG_SIG_MAX];
    size_t n;

    tg_err_t err = tg_key_sign(key, TG_STR(probe), sig, &n);
    if (!err) {
        err = tg_key_verify(key, TG_STR(probe), tg_strn(sig, n));
    }
    if (err && err != TG_ERR_NOMEM) {
        err = tg_fault(fault, TG_ERR_INVALID, "", "the private key does not belong to its public key");
    }
    return err;
}

static tg_err_t key_fill(tg_key_t *key, bool is_private, tg_str_t kid, tg_fault_t *fault) {
    tg_err_t err = key_suits(key->pkey, key->info, fault);
    if (!err) {
        err = template_new(key, false, &key->verify);
    }
    if (!err && is_private) {
        err = template_new(key, true, &key->sign);
    }
    if (err) {
        return err;
    }
    key->sig_len = key->info->coord ? 2 * key->info->coord : (size_t)EVP_PKEY_get_size(key->pkey);
    if (is_private && (err = halves_match(key, fault))) {
        return err;
    }
    if (kid.n > TG_KID_MAX) {
        return tg_fault(fault, TG_ERR_INVALID, "kid", "must have at most %d characters", TG_KID_MAX);
    }
    if (kid.n == 0) {
        key->kid_n = TG_THUMBPRINT_LEN;
        return tg_key_thumbprint(key, key->kid);
    }
    memcpy(key->kid, kid.p, kid.n);
    key->kid_n = kid.n;
    return TG_OK;
}

tg_err_t tg_key_adopt(EVP_PKEY *pkey, tg_alg_t alg, bool is_private, tg_str_t kid, tg_key_t **out, tg_fault_t *fault) {
    tg_key_t *key = calloc(1, sizeof(*key));
    if (!key) {
        EVP_PKEY_free(pkey);
        return TG_ERR_NOMEM;
    }
    key->alg = alg;
    key->info = tg_alg_info(alg);
    key->pkey = pkey;

    ERR_set_mark();
    tg_err_t err = key->info ? key_fill(key, is_private, kid, fault) : TG_ERR_INVALID;
    if (err) {
        err = tg_crypto_err(err);
        tg_key_free(key);
        return err;
    }
    tg_crypto_ok();
    *out = key;
    return TG_OK;
}

tg_err_t tg_key_generate(tg_alg_t alg, tg_key_t **out) {
    const tg_alg_info_t *info = tg_alg_info(alg);
    if (!info) {
        return TG_ERR_INVALID;
    }
    ERR_set_mark();
    EVP_PKEY *pkey = is_rsa(info)          ? EVP_RSA_gen(RSA_BITS_NEW)
                     : info->group != NULL ? EVP_EC_gen(info->group)
                                           : EVP_PKEY_Q_keygen(NULL, NULL, info->type);
    if (!pkey) {
        return tg_crypto_err(TG_ERR_UNAVAILABLE);
    }
    tg_crypto_ok();
    return tg_key_adopt(pkey, alg, true, TG_STR_NONE, out, NULL);
}

void tg_key_free(tg_key_t *key) {
    if (!key) {
        return;
    }
    EVP_MD_CTX_free(key->verify);
    EVP_MD_CTX_free(key->sign);
    EVP_PKEY_free(key->pkey); /* wipes the private numbers with the last reference */
    free(key);
}

tg_alg_t tg_key_alg(const tg_key_t *key) {
    return key->alg;
}

tg_str_t tg_key_kid(const tg_key_t *key) {
    return tg_strn(key->kid, key->kid_n);
}

bool tg_key_is_private(const tg_key_t *key) {
    return key->sign != NULL;
}

/* --- raw signatures --- */

static tg_err_t sign_into(const tg_key_t *key, EVP_MD_CTX *ctx, tg_str_t input, uint8_t sig[TG_SIG_MAX], size_t *n) {
    *n = TG_SIG_MAX;
    if (EVP_DigestSign(ctx, sig, n, (const uint8_t *)input.p, input.n) != 1) {
        return TG_ERR_INVALID;
    }
    if (key->info->family == TG_FAMILY_EC) {
        uint8_t der[TG_ECDSA_DER_MAX];
        if (*n > sizeof(der)) {
            return TG_ERR_BUG;
        }
        memcpy(der, sig, *n);
        tg_err_t err = tg_ecdsa_from_der(tg_strn(der, *n), key->info->coord, sig);
        *n = key->sig_len;
        return err;
    }
    return *n == key->sig_len ? TG_OK : TG_ERR_BUG;
}

tg_err_t tg_key_sign(const tg_key_t *key, tg_str_t input, uint8_t sig[TG_SIG_MAX], size_t *n) {
    if (!key->sign) {
        return TG_ERR_INVALID;
    }
    ERR_set_mark();
    EVP_MD_CTX *ctx = template_copy(key->sign);
    tg_err_t err = ctx ? sign_into(key, ctx, input, sig, n) : TG_ERR_NOMEM;
    EVP_MD_CTX_free(ctx);
    if (err) {
        return tg_crypto_err(err);
    }
    tg_crypto_ok();
    return TG_OK;
}

tg_err_t tg_key_verify(const tg_key_t *key, tg_str_t input, tg_str_t sig) {
    uint8_t der[TG_ECDSA_DER_MAX];

    if (sig.n != key->sig_len) {
        return TG_ERR_INVALID;
    }
    if (key->info->family == TG_FAMILY_EC) {
        sig = tg_strn(der, tg_ecdsa_to_der(sig, der));
    }
    ERR_set_mark();
    EVP_MD_CTX *ctx = template_copy(key->verify);
    tg_err_t err = TG_ERR_NOMEM;
    if (ctx) {
        int ok = EVP_DigestVerify(ctx, (const uint8_t *)sig.p, sig.n, (const uint8_t *)input.p, input.n);
        err = ok == 1 ? TG_OK : TG_ERR_INVALID;
    }
    EVP_MD_CTX_free(ctx);
    if (err) {
        return tg_crypto_err(err);
    }
    tg_crypto_ok();
    return TG_OK;
}
