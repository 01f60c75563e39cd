#include "keyring/keyring.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include "base/b64.h"
#include "keyring/digest.h"

#define MASTER_PREFIX "tollgate-master-1:"

/* --- the master key as text --- */

tg_err_t tg_master_parse(tg_str_t text, uint8_t master[TG_KEY_LEN], tg_fault_t *fault) {
    size_t n;

    if (text.n > 0 && text.p[text.n - 1] == '\n') {
        text.n--;
    }
    if (!tg_str_starts(text, TG_STR(MASTER_PREFIX))) {
        return tg_fault(fault, TG_ERR_INVALID, "", "the master key does not begin with %s", MASTER_PREFIX);
    }
    tg_str_t key = tg_strn(text.p + strlen(MASTER_PREFIX), text.n - strlen(MASTER_PREFIX));
    if (key.n != TG_B64URL_LEN(TG_KEY_LEN) || tg_b64url_decode(key, master, TG_KEY_LEN, &n)) {
        tg_wipe(master, TG_KEY_LEN);
        return tg_fault(fault, TG_ERR_INVALID, "", "the master key must have %d characters of base64url behind %s",
                        TG_B64URL_LEN(TG_KEY_LEN), MASTER_PREFIX);
    }
    return TG_OK;
}

void tg_master_write(const uint8_t master[TG_KEY_LEN], tg_buf_t *out) {
    tg_buf_put(out, TG_STR(MASTER_PREFIX));
    tg_buf_put_b64url(out, tg_strn(master, TG_KEY_LEN));
    tg_buf_putc(out, '\n');
}

/* --- derivation --- */

/* HKDF-SHA256 without a salt (RFC 5869 2.2: the salt is then 32 zero bytes); the label is `info`. */
static bool derive(EVP_KDF *kdf, const uint8_t master[TG_KEY_LEN], const char *label, uint8_t out[TG_KEY_LEN]) {
    char digest[] = "SHA256";
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
    /* OSSL_PARAM takes no const, but EVP_KDF_derive only reads. */
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)master, TG_KEY_LEN),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)label, strlen(label)),
        OSSL_PARAM_construct_end(),
    };
    bool ok = ctx && EVP_KDF_derive(ctx, out, TG_KEY_LEN, params) == 1;
    EVP_KDF_CTX_free(ctx);
    return ok;
}

tg_err_t tg_keyring_init(tg_keyring_t *k, const uint8_t master[TG_KEY_LEN]) {
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    bool ok =
        kdf && derive(kdf, master, "tollgate/1 seal", k->seal) && derive(kdf, master, "tollgate/1 secret", k->secret) &&
        derive(kdf, master, "tollgate/1 refresh", k->refresh) && derive(kdf, master, "tollgate/1 check", k->check);
    EVP_KDF_free(kdf);
    if (!ok) {
        tg_keyring_release(k);
        return TG_ERR_NOMEM;
    }
    return TG_OK;
}

void tg_keyring_release(tg_keyring_t *k) {
    tg_wipe(k, sizeof(*k));
}

/* --- what is computed with the derived keys --- */

tg_err_t tg_secret_hash(const tg_keyring_t *k, tg_str_t client_id, tg_str_t secret, uint8_t out[TG_HASH_LEN]) {
    uint8_t len[4];

    if (client_id.n > UINT32_MAX) {
        return TG_ERR_LIMIT;
    }
    for (int i = 0; i < 4; i++) {
        len[i] = (uint8_t)(client_id.n >> (24 - 8 * i));
    }
    const tg_str_t parts[] = {tg_strn(len, sizeof(len)), client_id, secret};
    return tg_hmac_sha256(k->secret, parts, 3, out);
}

tg_err_t tg_refresh_derive(const tg_keyring_t *k, tg_str_t label, tg_str_t old_token, uint8_t out[TG_HASH_LEN]) {
    const tg_str_t parts[] = {label, tg_strn("", 1), old_token}; /* the zero byte parts label and token */
    return tg_hmac_sha256(k->refresh, parts, 3, out);
}
