/* Public keys as JWK (RFC 7517, RFC 7518 6, RFC 8037 2) and their thumbprints (RFC 7638). */
#include "jose/key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#include "base/b64.h"
#include "base/json.h"

#define JWK_DEPTH_MAX   8
#define RSA_N_BYTES_MAX 1024 /* 8192 bits */
#define COORD_MAX       66   /* P-521 */

/* The public numbers, big endian: RSA n and e, EC x and y, OKP x (b is empty). */
typedef struct {
    uint8_t a[RSA_N_BYTES_MAX];
    uint8_t b[COORD_MAX];
    size_t a_n, b_n;
} numbers_t;

static tg_str_t number_a(const numbers_t *p) {
    return tg_strn(p->a, p->a_n);
}
static tg_str_t number_b(const numbers_t *p) {
    return tg_strn(p->b, p->b_n);
}

/* --- out --- */

/* width 0: as short as possible (Base64urlUInt, RFC 7518 2) */
static tg_err_t bn_param_get(const EVP_PKEY *pkey, const char *name, size_t width, uint8_t *out, size_t cap,
                             size_t *n) {
    BIGNUM *bn = NULL;
    if (!EVP_PKEY_get_bn_param(pkey, name, &bn)) {
        return TG_ERR_NOMEM;
    }
    *n = width ? width : (size_t)BN_num_bytes(bn);
    bool fits = *n <= cap && BN_bn2binpad(bn, out, (int)*n) == (int)*n;
    BN_free(bn);
    return fits ? TG_OK : TG_ERR_BUG;
}

static tg_err_t numbers_get(const tg_key_t *key, numbers_t *p) {
    size_t coord = key->info->coord;
    const char *a = key->info->group ? OSSL_PKEY_PARAM_EC_PUB_X : OSSL_PKEY_PARAM_RSA_N;
    const char *b = key->info->group ? OSSL_PKEY_PARAM_EC_PUB_Y : OSSL_PKEY_PARAM_RSA_E;

    if (key->info->family == TG_FAMILY_ED25519) {
        p->a_n = sizeof(p->a);
        p->b_n = 0;
        return EVP_PKEY_get_raw_public_key(key->pkey, p->a, &p->a_n) == 1 ? TG_OK : TG_ERR_NOMEM;
    }
    tg_err_t err = bn_param_get(key->pkey, a, coord, p->a, sizeof(p->a), &p->a_n);
    return err ? err : bn_param_get(key->pkey, b, coord, p->b, sizeof(p->b), &p->b_n);
}

static void member_put(tg_buf_t *out, const char *before, tg_str_t bytes) {
    tg_buf_put(out, tg_str(before));
    tg_buf_put_b64url(out, bytes);
    tg_buf_putc(out, '"');
}

/* The required members in the order of their names, without white space: RFC 7638 3.2, 3.3; RFC 8037 2. */
static void canonical_put(const tg_key_t *key, const numbers_t *p, tg_buf_t *out) {
    if (!key->info->crv) {
        member_put(out, "{\"e\":\"", number_b(p));
        member_put(out, ",\"kty\":\"RSA\",\"n\":\"", number_a(p));
    } else {
        tg_buf_putf(out, "{\"crv\":\"%s\",\"kty\":\"%s\"", key->info->crv, key->info->kty);
        member_put(out, ",\"x\":\"", number_a(p));
        if (p->b_n) {
            member_put(out, ",\"y\":\"", number_b(p));
        }
    }
    tg_buf_putc(out, '}');
}

tg_err_t tg_key_thumbprint(const tg_key_t *key, char out[TG_THUMBPRINT_LEN]) {
    char text[TG_B64URL_LEN(RSA_N_BYTES_MAX) + 128];
    uint8_t hash[32];
    size_t hash_n = 0;
    numbers_t p;
    tg_buf_t b;

    tg_err_t err = numbers_get(key, &p);
    if (err) {
        return err;
    }
    tg_buf_init_fixed(&b, text, sizeof(text));
    canonical_put(key, &p, &b);
    if (b.err) {
        return TG_ERR_BUG;
    }
    if (!EVP_Q_digest(NULL, "SHA256", NULL, b.p, b.n, hash, &hash_n)) {
        return TG_ERR_NOMEM;
    }
    tg_b64url_encode(tg_strn(hash, hash_n), out);
    return TG_OK;
}

tg_err_t tg_key_to_jwk(const tg_key_t *key, tg_buf_t *out) {
    numbers_t p;

    ERR_set_mark();
    tg_err_t err = numbers_get(key, &p);
    if (err) {
        return tg_crypto_err(err);
    }
    tg_crypto_ok();
    tg_buf_putf(out, "{\"kty\":\"%s\",\"kid\":", key->info->kty);
    tg_buf_put_json(out, tg_key_kid(key));
    tg_buf_putf(out, ",\"alg\":\"%s\",\"use\":\"sig\"", key->info->name);
    if (key->info->crv) {
        tg_buf_putf(out, ",\"crv\":\"%s\"", key->info->crv);
    }
    member_put(out, key->info->crv ? ",\"x\":\"" : ",\"n\":\"", number_a(&p));
    if (p.b_n) {
        member_put(out, key->info->crv ? ",\"y\":\"" : ",\"e\":\"", number_b(&p));
    }
    tg_buf_putc(out, '}');
    return out->err;
}

/* --- in --- */

/* A member that may be absent but must be a string if it is there. */
static tg_err_t optional_str(const json_t *jwk, const char *name, tg_str_t *out, tg_fault_t *fault) {
    const json_t *value = json_object_get(jwk, name);
    if (value && !json_is_string(value)) {
        return tg_fault(fault, TG_ERR_INVALID, name, "must be a string");
    }
    *out = value ? tg_strn(json_string_value(value), json_string_length(value)) : TG_STR_NONE;
    return TG_OK;
}

/* width 0: a Base64urlUInt, which has no zero byte in front (RFC 7518 2); else exactly so many bytes (RFC 7518 6.2.1.2,
 * RFC 8037 2). */
static tg_err_t number_parse(const json_t *jwk, const char *name, size_t width, uint8_t *out, size_t cap, size_t *n,
                             tg_fault_t *fault) {
    tg_str_t text = tg_json_str(jwk, name);
    if (text.n == 0) {
        return tg_fault(fault, TG_ERR_INVALID, name, "must be a string in base64url");
    }
    switch (tg_b64url_decode(text, out, cap, n)) {
    case TG_OK:
        break;
    case TG_ERR_LIMIT:
        return tg_fault(fault, TG_ERR_INVALID, name, "must have at most %zu bytes", cap);
    default:
        return tg_fault(fault, TG_ERR_INVALID, name, "must be a string in base64url");
    }
    if (width && *n != width) {
        return tg_fault(fault, TG_ERR_INVALID, name, "must have exactly %zu bytes", width);
    }
    if (!width && (*n == 0 || out[0] == 0)) {
        return tg_fault(fault, TG_ERR_INVALID, name, "must not begin with a zero byte");
    }
    return TG_OK;
}

static tg_err_t numbers_parse(const json_t *jwk, const tg_alg_info_t *info, numbers_t *p, tg_fault_t *fault) {
    bool rsa = info->crv == NULL;
    p->b_n = 0;
    tg_err_t err =
        number_parse(jwk, rsa ? "n" : "x", info->coord, p->a, rsa ? sizeof(p->a) : info->coord, &p->a_n, fault);
    if (!err && info->family != TG_FAMILY_ED25519) {
        err = number_parse(jwk, rsa ? "e" : "y", info->coord, p->b, rsa ? sizeof(p->b) : info->coord, &p->b_n, fault);
    }
    return err;
}

/* The parameters of the public key, or NULL without memory. libcrypto takes numbers in the machine's byte order, hence
 * the BIGNUMs; it copies them in OSSL_PARAM_BLD_to_param. */
static OSSL_PARAM *params_new(const tg_alg_info_t *info, const numbers_t *p) {
    uint8_t point[1 + 2 * COORD_MAX];
    OSSL_PARAM *params = NULL;
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    BIGNUM *n = NULL, *e = NULL;

    if (!bld) {
        return NULL;
    }
    if (info->group) {
        point[0] = POINT_CONVERSION_UNCOMPRESSED;
        memcpy(point + 1, p->a, p->a_n);
        memcpy(point + 1 + p->a_n, p->b, p->b_n);
        if (OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, info->group, 0) &&
            OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + p->a_n + p->b_n)) {
            params = OSSL_PARAM_BLD_to_param(bld);
        }
    } else if ((n = BN_bin2bn(p->a, (int)p->a_n, NULL)) && (e = BN_bin2bn(p->b, (int)p->b_n, NULL)) &&
               OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n) &&
               OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e)) {
        params = OSSL_PARAM_BLD_to_param(bld);
    }
    BN_free(n);
    BN_free(e);
    OSSL_PARAM_BLD_free(bld);
    return params;
}

static tg_err_t pkey_from_params(const tg_alg_info_t *info, const numbers_t *p, EVP_PKEY **pkey) {
    OSSL_PARAM *params = params_new(info, p);
    EVP_PKEY_CTX *ctx = params ? EVP_PKEY_CTX_new_from_name(NULL, info->type, NULL) : NULL;
    tg_err_t err = TG_ERR_NOMEM;

    if (ctx && EVP_PKEY_fromdata_init(ctx) == 1) {
        err = EVP_PKEY_fromdata(ctx, pkey, EVP_PKEY_PUBLIC_KEY, params) == 1 ? TG_OK : TG_ERR_INVALID;
    }
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    return err;
}

static tg_err_t pkey_build(const tg_alg_info_t *info, const numbers_t *p, EVP_PKEY **pkey, tg_fault_t *fault) {
    tg_err_t err;

    ERR_set_mark();
    if (info->family == TG_FAMILY_ED25519) {
        *pkey = EVP_PKEY_new_raw_public_key_ex(NULL, info->type, NULL, p->a, p->a_n);
        err = *pkey ? TG_OK : TG_ERR_INVALID;
    } else {
        err = pkey_from_params(info, p, pkey);
    }
    if (!err) {
        tg_crypto_ok();
        return TG_OK;
    }
    err = tg_crypto_err(err);
    return err == TG_ERR_NOMEM ? err
                               : tg_fault(fault, err, info->crv ? "x" : "n", "is no public key for %s", info->name);
}

/* `use` and `key_ops` tell what the owner meant the key for (RFC 7517 4.2, 4.3); ours must be meant for signatures. */
static tg_err_t purpose_check(const json_t *jwk, tg_fault_t *fault) {
    tg_str_t use;
    tg_err_t err = optional_str(jwk, "use", &use, fault);
    if (err) {
        return err;
    }
    if (use.p && !tg_str_eq(use, TG_STR("sig"))) {
        return tg_fault(fault, TG_ERR_INVALID, "use", "must be \"sig\"");
    }
    const json_t *ops = json_object_get(jwk, "key_ops");
    bool signatures = ops == NULL;
    for (size_t i = 0; i < json_array_size(ops); i++) {
        const char *op = json_string_value(json_array_get(ops, i));
        signatures |= op && (strcmp(op, "verify") == 0 || strcmp(op, "sign") == 0);
    }
    return signatures ? TG_OK : tg_fault(fault, TG_ERR_INVALID, "key_ops", "must be a list that holds \"verify\"");
}

/* The algorithm: the caller's and the JWK's must not differ, and one of them must be there. */
static tg_err_t alg_settle(const json_t *jwk, tg_alg_t *alg, tg_fault_t *fault) {
    tg_str_t name;
    tg_err_t err = optional_str(jwk, "alg", &name, fault);
    if (err) {
        return err;
    }
    if (!name.p) {
        return *alg ? TG_OK : tg_fault(fault, TG_ERR_INVALID, "alg", "must be there");
    }
    tg_alg_t named = tg_alg_parse(name);
    if (!named) {
        return tg_fault(fault, TG_ERR_INVALID, "alg", "is no algorithm that is accepted");
    }
    if (*alg && *alg != named) {
        return tg_fault(fault, TG_ERR_INVALID, "alg", "must be %s", tg_alg_name(*alg));
    }
    *alg = named;
    return TG_OK;
}

/* RFC 7517 4.1, RFC 7518 6.2.1.1: type and curve must be those of the algorithm. */
static tg_err_t type_check(const json_t *jwk, const tg_alg_info_t *info, tg_fault_t *fault) {
    tg_str_t kty = tg_json_str(jwk, "kty");
    if (tg_str_eq(kty, TG_STR("oct"))) {
        return tg_fault(fault, TG_ERR_INVALID, "kty", "symmetric keys are not accepted");
    }
    if (!tg_str_eq(kty, tg_str(info->kty))) {
        return tg_fault(fault, TG_ERR_INVALID, "kty", "%s needs a key of type %s", info->name, info->kty);
    }
    if (info->crv && !tg_str_eq(tg_json_str(jwk, "crv"), tg_str(info->crv))) {
        return tg_fault(fault, TG_ERR_INVALID, "crv", "%s needs the curve %s", info->name, info->crv);
    }
    return TG_OK;
}

static tg_err_t kid_get(const json_t *jwk, tg_str_t *kid, tg_fault_t *fault) {
    tg_err_t err = optional_str(jwk, "kid", kid, fault);
    if (!err && kid->p && (kid->n == 0 || kid->n > TG_KID_MAX)) {
        err = tg_fault(fault, TG_ERR_INVALID, "kid", "must have 1 to %d characters", TG_KID_MAX);
    }
    return err;
}

static tg_err_t jwk_read(const json_t *jwk, tg_alg_t alg, tg_key_t **out, tg_fault_t *fault) {
    numbers_t p;
    tg_str_t kid;
    EVP_PKEY *pkey = NULL;

    if (!json_is_object(jwk)) {
        return tg_fault(fault, TG_ERR_INVALID, "", "must be a JSON object");
    }
    tg_err_t err = alg_settle(jwk, &alg, fault);
    const tg_alg_info_t *info = tg_alg_info(alg);
    if (err) {
        return err;
    }
    if (!info) {
        return TG_ERR_INVALID;
    }
    if ((err = type_check(jwk, info, fault)) || (err = purpose_check(jwk, fault)) ||
        (err = kid_get(jwk, &kid, fault)) || (err = numbers_parse(jwk, info, &p, fault)) ||
        (err = pkey_build(info, &p, &pkey, fault))) {
        return err;
    }
    return tg_key_adopt(pkey, alg, false, kid, out, fault);
}

tg_err_t tg_key_from_jwk(tg_str_t json, tg_alg_t alg, tg_key_t **out, tg_fault_t *fault) {
    json_t *jwk = NULL;
    tg_err_t err = tg_json_parse(json, TG_KEY_TEXT_MAX, JWK_DEPTH_MAX, &jwk, fault);
    if (!err) {
        err = jwk_read(jwk, alg, out, fault);
    }
    json_decref(jwk);
    return err;
}
