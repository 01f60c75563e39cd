/* Private keys as PEM (RFC 7468, and the traditional forms) and as PKCS#8 DER (RFC 5958). */
#include "jose/key.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

/* --- DER --- */

static EVP_PKEY *pkcs8_parse(const unsigned char *der, size_t n) {
    const unsigned char *p = der;
    PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)n);
    EVP_PKEY *pkey = info && p == der + n ? EVP_PKCS82PKEY_ex(info, NULL, NULL) : NULL;
    PKCS8_PRIV_KEY_INFO_free(info);
    return pkey;
}

/* type: EVP_PKEY_RSA (RFC 8017 A.1.2) or EVP_PKEY_EC (RFC 5915) */
static EVP_PKEY *traditional_parse(int type, const unsigned char *der, size_t n) {
    const unsigned char *p = der;
    EVP_PKEY *pkey = d2i_PrivateKey_ex(type, NULL, &p, (long)n, NULL, NULL);
    if (pkey && p != der + n) {
        EVP_PKEY_free(pkey);
        pkey = NULL;
    }
    return pkey;
}

tg_err_t tg_key_from_der(tg_str_t der, tg_alg_t alg, tg_key_t **out, tg_fault_t *fault) {
    if (der.n > TG_KEY_TEXT_MAX) {
        return tg_fault(fault, TG_ERR_LIMIT, "", "the key is longer than %d bytes", TG_KEY_TEXT_MAX);
    }
    ERR_set_mark();
    EVP_PKEY *pkey = pkcs8_parse((const unsigned char *)der.p, der.n);
    if (!pkey) {
        return tg_fault(fault, tg_crypto_err(TG_ERR_INVALID), "", "is not a PKCS#8 private key");
    }
    tg_crypto_ok();
    return tg_key_adopt(pkey, alg, true, TG_STR_NONE, out, fault);
}

tg_err_t tg_key_to_der(const tg_key_t *key, tg_buf_t *out) {
    if (!tg_key_is_private(key)) {
        return TG_ERR_INVALID;
    }
    unsigned char *der = NULL;
    ERR_set_mark();
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key->pkey);
    int n = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : -1;
    PKCS8_PRIV_KEY_INFO_free(info);
    if (n < 0) {
        return tg_crypto_err(TG_ERR_BUG);
    }
    tg_crypto_ok();
    tg_buf_put(out, tg_strn(der, (size_t)n));
    OPENSSL_clear_free(der, (size_t)n);
    return out->err;
}

/* --- PEM --- */

/* One PEM block; `name` and `header` are libcrypto's strings. */
typedef struct {
    char *name;
    char *header;
    unsigned char *der;
    long n;
} pem_block_t;

static void block_release(pem_block_t *b) {
    OPENSSL_free(b->name);
    OPENSSL_free(b->header);
    OPENSSL_clear_free(b->der, b->n > 0 ? (size_t)b->n : 0);
    *b = (pem_block_t){0};
}

static tg_err_t block_parse(const pem_block_t *b, EVP_PKEY **pkey, tg_fault_t *fault) {
    if (strcmp(b->name, PEM_STRING_ECPARAMETERS) == 0) {
        return TG_OK; /* what `openssl ecparam -genkey` puts in front; the key names its curve itself */
    }
    /* RFC 1421 encryption stands in the header, RFC 5958's in the name. */
    if (b->header[0] != '\0' || strcmp(b->name, PEM_STRING_PKCS8) == 0) {
        return tg_fault(fault, TG_ERR_INVALID, "", "the private key must not be encrypted");
    }
    if (*pkey) {
        return tg_fault(fault, TG_ERR_INVALID, "", "must hold one private key and nothing behind it");
    }
    if (strcmp(b->name, PEM_STRING_PKCS8INF) == 0) {
        *pkey = pkcs8_parse(b->der, (size_t)b->n);
    } else if (strcmp(b->name, PEM_STRING_RSA) == 0) {
        *pkey = traditional_parse(EVP_PKEY_RSA, b->der, (size_t)b->n);
    } else if (strcmp(b->name, PEM_STRING_ECPRIVATEKEY) == 0) {
        *pkey = traditional_parse(EVP_PKEY_EC, b->der, (size_t)b->n);
    } else {
        return tg_fault(fault, TG_ERR_INVALID, "", "must be a private key in PEM form");
    }
    return *pkey ? TG_OK : tg_fault(fault, tg_crypto_err(TG_ERR_INVALID), "", "the private key cannot be read");
}

static tg_err_t blocks_parse(BIO *bio, EVP_PKEY **pkey, tg_fault_t *fault) {
    pem_block_t b = {0};
    tg_err_t err = TG_OK;

    while (!err && PEM_read_bio(bio, &b.name, &b.header, &b.der, &b.n)) {
        err = block_parse(&b, pkey, fault);
        block_release(&b);
    }
    /* "no start line" is how libcrypto says that the text is at its end; anything else is a broken block. */
    if (!err && (!*pkey || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)) {
        err = tg_fault(fault, TG_ERR_INVALID, "", "must be a private key in PEM form");
    }
    return err;
}

tg_err_t tg_key_from_pem(tg_str_t pem, tg_alg_t alg, tg_key_t **out, tg_fault_t *fault) {
    if (pem.n > TG_KEY_TEXT_MAX) {
        return tg_fault(fault, TG_ERR_LIMIT, "", "the key is longer than %d bytes", TG_KEY_TEXT_MAX);
    }
    if (pem.n == 0) {
        return tg_fault(fault, TG_ERR_INVALID, "", "must be a private key in PEM form");
    }
    EVP_PKEY *pkey = NULL;
    ERR_set_mark();
    BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
    tg_err_t err = bio ? blocks_parse(bio, &pkey, fault) : TG_ERR_NOMEM;
    BIO_free(bio);
    if (err) {
        EVP_PKEY_free(pkey);
        return tg_crypto_err(err);
    }
    tg_crypto_ok();
    return tg_key_adopt(pkey, alg, true, TG_STR_NONE, out, fault);
}
