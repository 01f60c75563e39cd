#include "oauth/jwt.h"

#include "base/b64.h"

#define CLAIMS_DEPTH 8
#define SECONDS_MAX  ((int64_t)1 << 53) /* in milliseconds it still fits tg_ms_t */

static ptrdiff_t key_find(const tg_signing_key_t *keys, size_t n, tg_str_t kid, tg_ms_t now) {
    if (kid.n == 0 || kid.n > TG_KID_MAX) {
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        if (tg_str_eq(keys[i].kid, kid)) {
            return tg_signing_key_state(keys, n, i, now) == TG_KEY_REVOKED ? -1 : (ptrdiff_t)i;
        }
    }
    return -1;
}

/* RFC 7515 4.1.9 lets "application/" be left out. */
static bool type_is(tg_str_t typ, tg_str_t wanted) {
    static const tg_str_t tree = {"application/", 12};
    if (typ.n > tree.n && tg_str_eq_ci(tg_strn(typ.p, tree.n), tree)) {
        typ = tg_strn(typ.p + tree.n, typ.n - tree.n);
    }
    return tg_str_eq_ci(typ, wanted);
}

static tg_token_verdict_t signature_prove(tg_str_t token, tg_str_t typ, const tg_verifier_t *v, tg_arena_t *a,
                                          tg_jws_t *jws) {
    tg_err_t err = tg_jws_parse(token, a, jws);
    if (err != TG_OK) {
        return err == TG_ERR_NOMEM ? TG_TOKEN_UNAVAILABLE : TG_TOKEN_MALFORMED;
    }
    if (!type_is(jws->typ, typ)) {
        return TG_TOKEN_TYPE;
    }
    ptrdiff_t i = key_find(v->keys, v->n_keys, jws->kid, v->now);
    if (i < 0) {
        return TG_TOKEN_KEY;
    }
    const tg_key_t *key = v->pub(v->ctx, (size_t)i);
    if (key == NULL) {
        return TG_TOKEN_UNAVAILABLE;
    }
    err = tg_jws_verify(jws, key);
    if (err != TG_OK) {
        return err == TG_ERR_NOMEM ? TG_TOKEN_UNAVAILABLE : TG_TOKEN_SIGNATURE;
    }
    return TG_TOKEN_OK;
}

/* A NumericDate (RFC 7519 2) as milliseconds; false for anything but a number of 0 to 2^53, NaN included. */
static bool date_read(const json_t *v, tg_ms_t *ms) {
    if (json_is_integer(v)) {
        json_int_t s = json_integer_value(v);
        *ms = s >= 0 && s <= SECONDS_MAX ? s * TG_SECOND_MS : -1;
    } else if (json_is_real(v)) {
        double s = json_real_value(v);
        *ms = s >= 0 && s <= (double)SECONDS_MAX ? (tg_ms_t)(s * TG_SECOND_MS) : -1;
    } else {
        *ms = -1;
    }
    return *ms >= 0;
}

static bool dates_read(const json_t *claims, tg_claims_t *c) {
    const json_t *exp = json_object_get(claims, "exp");
    const json_t *nbf = json_object_get(claims, "nbf");
    if (!date_read(json_object_get(claims, "iat"), &c->issued_at) || (nbf && !date_read(nbf, &c->not_before)) ||
        (exp && !date_read(exp, &c->expires_at))) {
        return false;
    }
    if (exp && c->expires_at == 0) {
        c->expires_at = 1; /* long past; 0 would mean "never" */
    }
    return true;
}

static bool text_read(const json_t *claims, const char *name, size_t max, tg_str_t *out) {
    *out = tg_json_str(claims, name);
    return out->n > 0 && out->n <= max;
}

static bool texts_read(const json_t *claims, tg_claims_t *c) {
    const json_t *scope = json_object_get(claims, "scope");
    c->scope = tg_json_str(claims, "scope");
    return text_read(claims, "client_id", TG_CLIENT_ID_MAX, &c->client_id) &&
           text_read(claims, "sub", TG_SUBJECT_MAX, &c->subject) && (scope == NULL || json_is_string(scope)) &&
           c->scope.n <= TG_SCOPE_MAX;
}

static bool id_read(tg_str_t text, uint8_t id[TG_REVOCATION_LEN]) {
    size_t n;
    return tg_b64url_decode(text, id, TG_REVOCATION_LEN, &n) == TG_OK && n == TG_REVOCATION_LEN;
}

static bool ids_read(const json_t *claims, tg_claims_t *c) {
    c->has_family = json_object_get(claims, "tg_fam") != NULL;
    return id_read(tg_json_str(claims, "jti"), c->jti) &&
           (!c->has_family || id_read(tg_json_str(claims, "tg_fam"), c->family));
}

static bool generation_read(const json_t *claims, uint64_t *out) {
    uint8_t bytes[8];
    size_t n;
    tg_str_t hex = tg_json_str(claims, "tg_gen");
    if (hex.n != 2 * sizeof(bytes) || tg_hex_decode(hex, bytes, sizeof(bytes), &n) != TG_OK) {
        return false;
    }
    *out = 0;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        *out = *out << 8 | bytes[i];
    }
    return true;
}

/* scheme "://" authority, and nothing behind it. */
static bool is_origin(tg_str_t s) {
    size_t scheme = tg_str_starts(s, TG_STR("https://")) ? 8 : tg_str_starts(s, TG_STR("http://")) ? 7 : s.n;
    for (size_t i = scheme; i < s.n; i++) {
        if (s.p[i] <= ' ' || s.p[i] > '~' || strchr("/?#@\\", s.p[i]) != NULL) {
            return false;
        }
    }
    return s.n > scheme;
}

/* The issuer's path says which kind of client its tokens are for. */
static bool issuer_read(const json_t *claims, const tg_environment_t *env, tg_client_kind_t *kind) {
    static const tg_str_t auth = {"/auth", 5}, credential = {"/credential", 11};
    tg_str_t iss = tg_json_str(claims, "iss");
    bool is_auth = tg_str_ends(iss, auth);
    if (!is_auth && !tg_str_ends(iss, credential)) {
        return false;
    }
    *kind = is_auth ? TG_CLIENT_APPLICATION : TG_CLIENT_CREDENTIAL;
    tg_str_t base = {iss.p, iss.n - (is_auth ? auth.n : credential.n)};
    return env->access_url.n > 0 ? tg_str_eq(base, env->access_url) : is_origin(base);
}

static tg_token_verdict_t claims_read(const json_t *claims, const tg_environment_t *env, tg_claims_t *c) {
    if (!json_is_object(claims) || !texts_read(claims, c) || !ids_read(claims, c) || !dates_read(claims, c)) {
        return TG_TOKEN_MALFORMED;
    }
    if (!issuer_read(claims, env, &c->client_kind)) {
        return TG_TOKEN_ISSUER;
    }
    if (!tg_str_eq(tg_json_str(claims, "aud"), c->client_id)) {
        return TG_TOKEN_AUDIENCE;
    }
    return generation_read(claims, &c->generation) ? TG_TOKEN_OK : TG_TOKEN_GENERATION;
}

tg_token_verdict_t tg_claims_prove(tg_str_t token, tg_str_t typ, const tg_verifier_t *v, tg_arena_t *a,
                                   tg_claims_t *c) {
    tg_jws_t jws;
    *c = (tg_claims_t){0};
    tg_token_verdict_t verdict = signature_prove(token, typ, v, a, &jws);
    if (verdict != TG_TOKEN_OK) {
        return verdict;
    }
    c->kid = jws.kid;
    tg_err_t err = tg_json_parse(jws.payload, TG_JWS_MAX, CLAIMS_DEPTH, &c->document, NULL);
    if (err != TG_OK) {
        return err == TG_ERR_NOMEM ? TG_TOKEN_UNAVAILABLE : TG_TOKEN_MALFORMED;
    }
    return claims_read(c->document, v->environment, c);
}

void tg_claims_release(tg_claims_t *c) {
    json_decref(c->document);
    c->document = NULL;
}

static void facts_fill(const tg_claims_t *c, tg_token_facts_t *f) {
    f->type = TG_TOKEN_JWT;
    f->client_kind = c->client_kind;
    memcpy(f->client_id, c->client_id.p, c->client_id.n);
    f->client_id_len = (uint16_t)c->client_id.n;
    memcpy(f->subject, c->subject.p, c->subject.n);
    f->subject_len = (uint16_t)c->subject.n;
    f->scope_len = (uint16_t)c->scope.n;
    f->generation = c->generation;
    f->issued_at = c->issued_at;
    f->not_before = c->not_before;
    f->expires_at = c->expires_at;
    memcpy(f->kid, c->kid.p, c->kid.n);
    f->kid_len = (uint8_t)c->kid.n;
    memcpy(f->jti, c->jti, sizeof(f->jti));
    f->has_family = c->has_family;
    memcpy(f->family, c->family, sizeof(f->family));
}

tg_token_verdict_t tg_jwt_prove(tg_str_t token, const tg_environment_t *env, const tg_signing_key_t *keys,
                                size_t n_keys, tg_key_of_fn pub, void *ctx, tg_ms_t now, tg_arena_t *a,
                                tg_token_facts_t *facts) {
    const tg_verifier_t verifier = {env, keys, n_keys, pub, ctx, now};
    tg_claims_t c;
    *facts = (tg_token_facts_t){0};
    tg_token_verdict_t v = tg_claims_prove(token, TG_STR("at+jwt"), &verifier, a, &c);
    if (v == TG_TOKEN_OK) {
        facts_fill(&c, facts);
    }
    tg_claims_release(&c);
    return v;
}

tg_err_t tg_jwt_scope_find(tg_str_t token, tg_arena_t *a, bool *has_scope, tg_str_t *scope) {
    tg_jws_t jws;
    json_t *claims = NULL;
    *has_scope = false;
    *scope = TG_STR_NONE;
    tg_err_t err = tg_jws_parse(token, a, &jws);
    if (err == TG_OK) {
        err = tg_json_parse(jws.payload, TG_JWS_MAX, CLAIMS_DEPTH, &claims, NULL);
    }
    if (err == TG_OK && json_is_string(json_object_get(claims, "scope"))) {
        *has_scope = true;
        err = tg_arena_str(a, tg_json_str(claims, "scope"), scope) ? TG_OK : TG_ERR_NOMEM;
    }
    json_decref(claims);
    return err;
}
