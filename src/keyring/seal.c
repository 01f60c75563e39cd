/* AES-256-GCM (NIST SP 800-38D): version byte, nonce, ciphertext, tag. The version byte and the caller's context are
 * authenticated. */
#include "keyring/keyring.h"

#include <limits.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#define SEAL_VERSION   1
#define SEAL_HEAD_LEN  (1 + TG_SEAL_NONCE_LEN)
#define SEAL_EXTRA_LEN (SEAL_HEAD_LEN + TG_SEAL_TAG_LEN)

/* A cipher context with key, nonce and the authenticated bytes taken in; NULL without memory. */
static EVP_CIPHER_CTX *gcm_begin(const uint8_t *key, const uint8_t *nonce, tg_str_t context, bool encrypt) {
    static const uint8_t version = SEAL_VERSION;
    int n;
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    EVP_CIPHER_CTX *ctx = cipher ? EVP_CIPHER_CTX_new() : NULL;

    if (ctx && (EVP_CipherInit_ex2(ctx, cipher, key, nonce, encrypt, NULL) != 1 ||
                EVP_CipherUpdate(ctx, NULL, &n, &version, 1) != 1 ||
                (context.n && EVP_CipherUpdate(ctx, NULL, &n, (const uint8_t *)context.p, (int)context.n) != 1))) {
        EVP_CIPHER_CTX_free(ctx);
        ctx = NULL;
    }
    EVP_CIPHER_free(cipher);
    return ctx;
}

tg_err_t tg_seal(const tg_keyring_t *k, tg_str_t context, const uint8_t nonce[TG_SEAL_NONCE_LEN], tg_str_t plain,
                 tg_buf_t *out) {
    if (plain.n > INT_MAX - SEAL_EXTRA_LEN || context.n > INT_MAX) {
        return TG_ERR_LIMIT;
    }
    uint8_t *p = (uint8_t *)tg_buf_reserve(out, plain.n + SEAL_EXTRA_LEN);
    if (!p) {
        return out->err;
    }
    p[0] = SEAL_VERSION;
    memcpy(p + 1, nonce, TG_SEAL_NONCE_LEN);

    int n = 0;
    EVP_CIPHER_CTX *ctx = gcm_begin(k->seal, nonce, context, true);
    bool ok =
        ctx &&
        (plain.n == 0 || EVP_CipherUpdate(ctx, p + SEAL_HEAD_LEN, &n, (const uint8_t *)plain.p, (int)plain.n) == 1) &&
        EVP_CipherFinal_ex(ctx, p + SEAL_HEAD_LEN + plain.n, &n) == 1 &&
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TG_SEAL_TAG_LEN, p + SEAL_HEAD_LEN + plain.n) == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (!ok) {
        return TG_ERR_NOMEM;
    }
    tg_buf_advance(out, plain.n + SEAL_EXTRA_LEN);
    return TG_OK;
}

/* p gets n bytes, which are worth nothing unless this returns TG_OK. */
static tg_err_t gcm_open(const tg_keyring_t *k, tg_str_t context, const uint8_t *sealed, size_t n, uint8_t *p) {
    int got = 0;
    /* EVP_CIPHER_CTX_ctrl takes no const, but only reads the tag. */
    void *tag = (void *)(uintptr_t)(sealed + SEAL_HEAD_LEN + n);
    EVP_CIPHER_CTX *ctx = gcm_begin(k->seal, sealed + 1, context, false);
    if (!ctx) {
        return TG_ERR_NOMEM;
    }
    bool ok = (n == 0 || EVP_CipherUpdate(ctx, p, &got, sealed + SEAL_HEAD_LEN, (int)n) == 1) &&
              EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TG_SEAL_TAG_LEN, tag) == 1 &&
              EVP_CipherFinal_ex(ctx, p + n, &got) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return ok ? TG_OK : TG_ERR_INVALID;
}

tg_err_t tg_unseal(const tg_keyring_t *k, tg_str_t context, tg_str_t sealed, tg_buf_t *plain) {
    const uint8_t *s = (const uint8_t *)sealed.p;
    if (sealed.n < SEAL_EXTRA_LEN || sealed.n > INT_MAX || context.n > INT_MAX || s[0] != SEAL_VERSION) {
        return TG_ERR_INVALID;
    }
    size_t n = sealed.n - SEAL_EXTRA_LEN;
    uint8_t *p = (uint8_t *)tg_buf_reserve(plain, n);
    if (!p) {
        return plain->err;
    }
    ERR_set_mark();
    tg_err_t err = gcm_open(k, context, s, n, p);
    ERR_pop_to_mark(); /* the queue is the thread's: nginx reports what it finds there as its own TLS errors */
    if (err) {
        tg_wipe(p, n); /* what an unauthenticated text decrypts to is nobody's business */
        return err;
    }
    tg_buf_advance(plain, n);
    return TG_OK;
}
