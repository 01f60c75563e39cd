#include <openssl/evp.h>

#include "base/b64.h"
#include "identity/database/stored.h"

#define SALT_MAX 256
#define HASH_MIN 16 /* shorter ones could be guessed */
#define HASH_MAX 64

typedef struct {
    const EVP_MD *md;
    uint64_t iterations;
    uint8_t salt[SALT_MAX];
    size_t salt_n;
    uint8_t hash[HASH_MAX];
    size_t hash_n;
} pbkdf2_t;

/* ---- pieces ---- */

static const EVP_MD *md_find(tg_str_t name) {
    if (tg_str_eq_ci(name, TG_STR("sha1"))) {
        return EVP_sha1();
    }
    if (tg_str_eq_ci(name, TG_STR("sha256"))) {
        return EVP_sha256();
    }
    return tg_str_eq_ci(name, TG_STR("sha512")) ? EVP_sha512() : NULL;
}

static bool salt_text(tg_str_t s, pbkdf2_t *out) {
    bool fits = s.n > 0 && s.n <= SALT_MAX;
    if (fits) {
        memcpy(out->salt, s.p, s.n);
        out->salt_n = s.n;
    }
    return fits;
}

/* base64 with or without padding; "." is passlib's "+". */
static bool b64_any(tg_str_t s, uint8_t *out, size_t cap, size_t *n) {
    char text[TG_STORED_MAX + 4];
    size_t used = 0;
    while (s.n > 0 && s.p[s.n - 1] == '=') {
        s.n--;
    }
    for (; used < s.n; used++) {
        text[used] = s.p[used];
        if (text[used] == '.') {
            text[used] = '+';
        }
    }
    while (used % 4 != 0) {
        text[used++] = '=';
    }
    return tg_b64_decode(tg_strn(text, used), out, cap, n) == TG_OK && *n > 0;
}

static bool iterations_text(tg_str_t s, pbkdf2_t *out) {
    return tg_str_to_u64(s, UINT32_MAX, &out->iterations);
}

static bool salt_and_hash(tg_str_t *s, pbkdf2_t *out) {
    return b64_any(tg_str_take(s, '$'), out->salt, SALT_MAX, &out->salt_n) &&
           b64_any(*s, out->hash, HASH_MAX, &out->hash_n);
}

static size_t fields(tg_str_t s) {
    size_t n = 1;
    for (size_t i = 0; i < s.n; i++) {
        n += s.p[i] == '$';
    }
    return n;
}

/* ---- forms; s stands behind what told them ---- */

/* ITERATIONS$base64$base64 */
static bool openldap(tg_str_t s, pbkdf2_t *out) {
    return iterations_text(tg_str_take(&s, '$'), out) && salt_and_hash(&s, out);
}

/* [ITERATIONS | i=ITERATIONS[,...]]$base64$base64 */
static bool phc(tg_str_t s, pbkdf2_t *out) {
    if (fields(s) == 3) {
        tg_str_t costs = tg_str_take(&s, '$');
        tg_str_t first = tg_str_take(&costs, ',');
        bool named = tg_str_starts(first, TG_STR("i="));
        if (!iterations_text(named ? tg_strn(first.p + 2, first.n - 2) : first, out)) {
            return false;
        }
    }
    return salt_and_hash(&s, out);
}

/* [ITERATIONS$]salt$base64 */
static bool django(tg_str_t s, pbkdf2_t *out) {
    if (fields(s) == 3 && !iterations_text(tg_str_take(&s, '$'), out)) {
        return false;
    }
    return salt_text(tg_str_take(&s, '$'), out) && b64_any(s, out->hash, HASH_MAX, &out->hash_n);
}

/* sha256[:ITERATIONS]$salt$hex */
static bool werkzeug(tg_str_t s, pbkdf2_t *out) {
    tg_str_t method = tg_str_take(&s, '$');
    out->md = md_find(tg_str_take(&method, ':'));
    return (method.p == NULL || iterations_text(method, out)) && salt_text(tg_str_take(&s, '$'), out) &&
           tg_stored_hex(s, out->hash, HASH_MAX, &out->hash_n) == TG_OK;
}

/* hex or base64 of salt and hash */
static bool spring(tg_str_t s, pbkdf2_t *out) {
    uint8_t both[48];
    size_t n = 0;
    bool hex = s.n == 2 * sizeof(both);
    if (hex ? tg_stored_hex(s, both, sizeof(both), &n) != TG_OK : !b64_any(s, both, sizeof(both), &n)) {
        return false;
    }
    out->md = EVP_sha256();
    out->salt_n = 16;
    out->hash_n = 32;
    memcpy(out->salt, both, 16);
    memcpy(out->hash, both + 16, 32);
    return n == sizeof(both);
}

/* Takes `open`, a digest's name behind `sign` (none: SHA-1) and `close` off the front. */
static bool take_name(tg_str_t *s, tg_str_t open, char sign, char close, pbkdf2_t *out) {
    if (!tg_str_starts(*s, open)) {
        return false;
    }
    tg_str_t rest = tg_strn(s->p + open.n, s->n - open.n);
    tg_str_t name = tg_str_take(&rest, close);
    if (rest.p == NULL || (name.n > 0 && name.p[0] != sign)) {
        return false;
    }
    out->md = name.n > 0 ? md_find(tg_strn(name.p + 1, name.n - 1)) : EVP_sha1();
    *s = rest;
    return true;
}

static bool read(tg_str_t s, pbkdf2_t *out) {
    tg_str_t werkzeug_mark = TG_STR("pbkdf2:");
    if (take_name(&s, TG_STR("$pbkdf2"), '-', '$', out)) {
        return phc(s, out);
    }
    if (take_name(&s, TG_STR("{PBKDF2"), '-', '}', out)) {
        return openldap(s, out);
    }
    if (take_name(&s, TG_STR("pbkdf2"), '_', '$', out)) {
        return django(s, out);
    }
    if (tg_str_starts(s, werkzeug_mark)) {
        return werkzeug(tg_strn(s.p + werkzeug_mark.n, s.n - werkzeug_mark.n), out);
    }
    return spring(s, out);
}

tg_err_t tg_stored_pbkdf2(tg_str_t stored, int64_t iterations, tg_str_t password, bool *right, tg_fault_t *why) {
    pbkdf2_t p = {.iterations = iterations > 0 ? (uint64_t)iterations : 1};
    uint8_t made[HASH_MAX];
    *right = false;
    if (stored.n > TG_STORED_MAX || !read(stored, &p) || p.md == NULL || p.hash_n < HASH_MIN) {
        return tg_fault(why, TG_ERR_INVALID, "", "what is stored is none of the known PBKDF2 strings");
    }
    if (p.iterations == 0 || p.iterations > TG_STORED_ROUNDS_MAX) {
        return tg_fault(why, TG_ERR_INVALID, "", "its iterations are not 1 to %d", TG_STORED_ROUNDS_MAX);
    }
    if (PKCS5_PBKDF2_HMAC(password.p, (int)password.n, p.salt, (int)p.salt_n, (int)p.iterations, p.md, (int)p.hash_n,
                          made) != 1) {
        return TG_ERR_NOMEM;
    }
    *right = tg_secret_eq(made, p.hash, p.hash_n);
    tg_wipe(made, sizeof(made));
    return TG_OK;
}
