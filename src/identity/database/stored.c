#include "identity/database/stored.h"

#include <openssl/evp.h>

#include "base/b64.h"

/* ---- clear ---- */

/* Digests are compared, so that the time does not tell the length either. */
static tg_err_t clear_verify(tg_str_t stored, tg_str_t password, bool *right) {
    uint8_t a[32], b[32];
    if (EVP_Digest(stored.p, stored.n, a, NULL, EVP_sha256(), NULL) != 1 ||
        EVP_Digest(password.p, password.n, b, NULL, EVP_sha256(), NULL) != 1) {
        return TG_ERR_NOMEM;
    }
    *right = tg_secret_eq(a, b, sizeof(a));
    tg_wipe(a, sizeof(a));
    tg_wipe(b, sizeof(b));
    return TG_OK;
}

/* ---- digests ---- */

tg_err_t tg_stored_hex(tg_str_t s, uint8_t *out, size_t cap, size_t *n) {
    char lower[2 * TG_STORED_HEX_MAX];
    if (s.n > sizeof(lower)) {
        return TG_ERR_LIMIT;
    }
    for (size_t i = 0; i < s.n; i++) {
        lower[i] = s.p[i] >= 'A' && s.p[i] <= 'F' ? (char)(s.p[i] | 0x20) : s.p[i];
    }
    return tg_hex_decode(tg_strn(lower, s.n), out, cap, n);
}

static bool digest_once(EVP_MD_CTX *ctx, const EVP_MD *md, tg_str_t a, tg_str_t b, uint8_t *out, unsigned *n) {
    return EVP_DigestInit_ex(ctx, md, NULL) == 1 && EVP_DigestUpdate(ctx, a.p, a.n) == 1 &&
           EVP_DigestUpdate(ctx, b.p, b.n) == 1 && EVP_DigestFinal_ex(ctx, out, n) == 1;
}

static tg_err_t digest(const tg_database_provider_t *d, const EVP_MD *md, tg_str_t salt, tg_str_t password,
                       uint8_t out[EVP_MAX_MD_SIZE]) {
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned n = 0;
    bool good = ctx != NULL &&
                digest_once(ctx, md, d->salt_behind ? password : salt, d->salt_behind ? salt : password, out, &n);
    for (int64_t i = 1; good && i < d->iterations && i < TG_STORED_ROUNDS_MAX; i++) {
        good = digest_once(ctx, md, tg_strn(out, n), TG_STR_NONE, out, &n);
    }
    EVP_MD_CTX_free(ctx);
    return good ? TG_OK : TG_ERR_NOMEM;
}

static tg_err_t digest_compare(const tg_database_provider_t *d, const EVP_MD *md, tg_str_t stored, tg_str_t salt,
                               tg_str_t password, bool *right, tg_fault_t *why) {
    uint8_t kept[EVP_MAX_MD_SIZE], made[EVP_MAX_MD_SIZE];
    size_t n, size = (size_t)EVP_MD_get_size(md);
    tg_err_t err =
        d->base64 ? tg_b64_decode(stored, kept, sizeof(kept), &n) : tg_stored_hex(stored, kept, sizeof(kept), &n);
    if (err || n != size) {
        return tg_fault(why, TG_ERR_INVALID, "", "what is stored is not %zu bytes in %s", size,
                        d->base64 ? "base64" : "hex");
    }
    err = digest(d, md, salt, password, made);
    *right = !err && tg_secret_eq(kept, made, size);
    tg_wipe(made, sizeof(made));
    return err;
}

static tg_err_t digest_verify(const tg_database_provider_t *d, tg_str_t stored, tg_str_t salt, tg_str_t password,
                              bool *right, tg_fault_t *why) {
    char name[16] = {0};
    if (d->digest.n > 0 && d->digest.n < sizeof(name)) {
        memcpy(name, d->digest.p, d->digest.n);
    }
    EVP_MD *md = EVP_MD_fetch(NULL, name, NULL);
    if (md == NULL) {
        return tg_fault(why, TG_ERR_INVALID, "passwordDigest", "there is no digest %s here", name);
    }
    tg_err_t err = digest_compare(d, md, stored, salt, password, right, why);
    EVP_MD_free(md);
    return err;
}

/* ---- all ---- */

/* CHAR(n) columns come with blanks behind. */
static tg_str_t trimmed(tg_str_t s) {
    while (s.n > 0 && s.p[s.n - 1] == ' ') {
        s.n--;
    }
    return s;
}

static tg_str_t behind(tg_str_t s, tg_str_t prefix) {
    return tg_str_starts(s, prefix) ? tg_strn(s.p + prefix.n, s.n - prefix.n) : s;
}

tg_err_t tg_stored_verify(const tg_database_provider_t *d, tg_str_t stored, tg_str_t salt, tg_str_t password,
                          bool *right, tg_fault_t *why) {
    *right = false;
    if (d->format == TG_PASSWORD_CLEAR && stored.n > 0) {
        return clear_verify(stored, password, right);
    }
    stored = trimmed(stored);
    if (stored.n == 0 || stored.n > TG_STORED_MAX) {
        return tg_fault(why, TG_ERR_INVALID, "", "what is stored is %s", stored.n == 0 ? "empty" : "too long");
    }
    switch (d->format) {
    case TG_PASSWORD_DIGEST:
        return digest_verify(d, stored, salt, password, right, why);
    case TG_PASSWORD_BCRYPT:
        return tg_stored_bcrypt(behind(stored, TG_STR("bcrypt$")), password, right, why);
    case TG_PASSWORD_ARGON2:
        return tg_stored_argon2(behind(stored, TG_STR("argon2")), password, right, why);
    case TG_PASSWORD_PBKDF2:
        return tg_stored_pbkdf2(stored, d->iterations, password, right, why);
    case TG_PASSWORD_QUERY:
    case TG_PASSWORD_CLEAR:
        break;
    }
    return TG_ERR_BUG;
}

void tg_stored_pretend(const tg_database_provider_t *d, tg_str_t password) {
    bool right;
    tg_err_t err = TG_OK;
    if (d->format == TG_PASSWORD_BCRYPT) {
        err = tg_stored_bcrypt(TG_STR(TG_STORED_PRETEND_BCRYPT), password, &right, NULL);
    } else if (d->format == TG_PASSWORD_ARGON2) {
        err = tg_stored_argon2(TG_STR(TG_STORED_PRETEND_ARGON2), password, &right, NULL);
    } else if (d->format == TG_PASSWORD_PBKDF2) {
        err = tg_stored_pbkdf2(TG_STR(TG_STORED_PRETEND_PBKDF2), 1, password, &right, NULL);
    }
    (void)err; /* nothing was to be found out */
}
