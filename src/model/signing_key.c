#include "model/parts.h"

#include "model/names.h"
#include "model/token_settings.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define KID_MAX    64    /* bytes, as the jose room takes them */
#define JWK_MAX    8192  /* an 8192 bit RSA key takes about 1500 */
#define SEALED_MAX 16384 /* an 8192 bit RSA key takes about 4700 */

/* Names of the members that would make it a private or symmetric key (RFC 7518 6.2.2, 6.3.2, 6.4.1). */
static bool jwk_has_private(const json_t *jwk) {
    static const char *const names[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};
    for (size_t i = 0; i < COUNT(names); i++) {
        if (json_object_get(jwk, names[i]) != NULL) {
            return true;
        }
    }
    return false;
}

static tg_err_t read_jwk(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v, void *out) {
    (void)f;
    tg_str_t s;
    json_t *jwk = NULL;
    tg_err_t err = tg_want_string(r, at, v, &s);
    if (err) {
        return err;
    }
    if (tg_json_parse(s, JWK_MAX, 4, &jwk, NULL) || !json_is_object(jwk)) {
        err = tg_refuse(r, at, "must be a JWK as JSON text");
    } else if (jwk_has_private(jwk)) {
        err = tg_refuse(r, at, "must hold no private member");
    } else {
        err = tg_keep(r, s, out);
    }
    json_decref(jwk);
    return err;
}

/* Thumbprints are base64url (RFC 7638); a kid also stands in paths of the management API. */
static tg_err_t read_kid(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v, void *out) {
    (void)f;
    tg_str_t s;
    tg_err_t err = tg_want_string(r, at, v, &s);
    if (err) {
        return err;
    }
    if (s.n == 0 || s.n > KID_MAX) {
        return tg_refuse(r, at, "must be 1 to %d characters long", KID_MAX);
    }
    for (size_t i = 0; i < s.n; i++) {
        if (!tg_name_char(s.p[i])) {
            return tg_refuse(r, at, "must have only letters, digits, '.', '_' and '-'");
        }
    }
    return tg_keep(r, s, out);
}

static const tg_field_t key_fields[] = {
    {.name = "kid", .read = read_kid, .offset = offsetof(tg_signing_key_t, kid), .required = true},
    {.name = "alg", .read = tg_read_algorithm, .offset = offsetof(tg_signing_key_t, alg), .required = true},
    {.name = "revoked", .read = tg_read_bool, .offset = offsetof(tg_signing_key_t, revoked)},
    {.name = "createdAt", .read = tg_read_moment, .offset = offsetof(tg_signing_key_t, created_at), .required = true},
    {.name = "activateAt", .read = tg_read_moment, .offset = offsetof(tg_signing_key_t, activate_at), .required = true},
    {.name = "retireAt", .read = tg_read_moment, .offset = offsetof(tg_signing_key_t, retire_at)},
    {.name = "jwk", .read = read_jwk, .offset = offsetof(tg_signing_key_t, jwk), .required = true},
    {.name = "sealed", .read = tg_read_b64url, .offset = offsetof(tg_signing_key_t, sealed), .max = SEALED_MAX},
};

tg_err_t tg_signing_key_read(const tg_reader_t *r, const tg_place_t *at, const json_t *doc, tg_signing_key_t *out) {
    *out = (tg_signing_key_t){.revoked = false};
    tg_err_t err = tg_fields_read(r, at, doc, key_fields, COUNT(key_fields), out);
    if (!err && !out->revoked && out->sealed.n == 0) {
        err = tg_refuse(r, TG_MEMBER(at, "sealed"), "is required while the key is not revoked");
    }
    return err;
}

tg_err_t tg_signing_key_parse(const json_t *doc, tg_arena_t *a, tg_signing_key_t *out, tg_fault_t *fault) {
    tg_reader_t r = {a, fault};
    return tg_signing_key_read(&r, NULL, doc, out);
}

json_t *tg_signing_key_write(const tg_signing_key_t *k) {
    tg_writer_t w = tg_writer();
    tg_write_str(&w, "kid", k->kid);
    tg_write_str(&w, "alg", k->alg);
    tg_write_bool(&w, "revoked", k->revoked);
    tg_write_json(&w, "createdAt", tg_json_new_moment(k->created_at));
    tg_write_json(&w, "activateAt", tg_json_new_moment(k->activate_at));
    tg_write_moment(&w, "retireAt", k->retire_at);
    tg_write_str(&w, "jwk", k->jwk);
    tg_write_json(&w, "sealed", k->sealed.n > 0 ? tg_json_new_b64url(k->sealed) : json_null());
    return tg_writer_end(&w);
}

static bool is_past(const tg_signing_key_t *k, tg_ms_t now) {
    return k->revoked || (k->retire_at != 0 && k->retire_at <= now);
}

tg_key_state_t tg_signing_key_state(const tg_signing_key_t *keys, size_t n, size_t i, tg_ms_t now) {
    const tg_signing_key_t *key = &keys[i];
    if (is_past(key, now)) {
        return TG_KEY_REVOKED;
    }
    if (key->activate_at > now) {
        return TG_KEY_PUBLISHED;
    }
    for (size_t j = 0; j < n; j++) {
        const tg_signing_key_t *other = &keys[j];
        if (j == i || is_past(other, now) || other->activate_at > now || !tg_str_eq(other->alg, key->alg)) {
            continue;
        }
        /* Of two keys of the same moment, the one made later signs. */
        if (other->activate_at > key->activate_at || (other->activate_at == key->activate_at && j > i)) {
            return TG_KEY_RETIRING;
        }
    }
    return TG_KEY_ACTIVE;
}
