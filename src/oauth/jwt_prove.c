#include "oauth/jwt.h"

#include "base/b64.h"

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

static bool date_read(const tg_claim_t *claim, tg_ms_t *ms) {
    *ms = claim->date;
    return claim->there && claim->date >= 0;
}

static bool dates_read(const tg_claims_t *claims, tg_jwt_t *c) {
    if (!date_read(&claims->iat, &c->issued_at) || (claims->nbf.there && !date_read(&claims->nbf, &c->not_before)) ||
        (claims->exp.there && !date_read(&claims->exp, &c->expires_at))) {
        return false;
    }
    if (claims->exp.there && c->expires_at == 0) {
        c->expires_at = 1; /* long past; 0 would mean "never" */
    }
    return true;
}

static bool text_read(const tg_claim_t *claim, size_t max, tg_str_t *out) {
    *out = claim->text;
    return out->n > 0 && out->n <= max;
}

static bool texts_read(const tg_claims_t *claims, tg_jwt_t *c) {
    c->has_scope = claims->scope.there;
    c->scope = c->has_scope ? claims->scope.text : claims->tg_roles.text;
    return text_read(&claims->client_id, TG_CLIENT_ID_MAX, &c->client_id) &&
           text_read(&claims->sub, TG_SUBJECT_MAX, &c->subject) && (!claims->scope.there || claims->scope.is_text) &&
           c->scope.n <= TG_SCOPE_MAX;
}

static bool id_read(tg_str_t text, uint8_t id[TG_REVOCATION_LEN]) {
    size_t n;
    return tg_b64url_decode(text, id, TG_REVOCATION_LEN, &n) == TG_OK && n == TG_REVOCATION_LEN;
}

static bool ids_read(const tg_claims_t *claims, tg_jwt_t *c) {
    c->has_family = claims->tg_fam.there;
    return id_read(claims->jti.text, c->jti) && (!c->has_family || id_read(claims->tg_fam.text, c->family));
}

static bool generation_read(tg_str_t hex, uint64_t *out) {
    uint8_t bytes[8];
    size_t n;
    if (hex.n != 2 * sizeof(bytes) || tg_hex_decode(hex, bytes, sizeof(bytes), &n) != TG_OK) {
        return false;
    }
    *out = 0;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        *out = *out << 8 | bytes[i];
    }
    return true;
}

/* 0 stands for no user: no claim may say it. */
static bool generations_read(const tg_claims_t *claims, tg_jwt_t *c) {
    return generation_read(claims->tg_gen.text, &c->generation) &&
           (!claims->tg_ugen.there ||
            (generation_read(claims->tg_ugen.text, &c->user_generation) && c->user_generation != 0));
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
static bool issuer_read(const tg_claims_t *claims, const tg_environment_t *env, tg_client_kind_t *kind) {
    static const tg_str_t auth = {"/auth", 5}, credential = {"/credential", 11};
    tg_str_t iss = claims->iss.text;
    bool is_auth = tg_str_ends(iss, auth);
    if (!is_auth && !tg_str_ends(iss, credential)) {
        return false;
    }
    *kind = is_auth ? TG_CLIENT_APPLICATION : TG_CLIENT_CREDENTIAL;
    tg_str_t base = {iss.p, iss.n - (is_auth ? auth.n : credential.n)};
    return env->access_url.n > 0 ? tg_str_eq(base, env->access_url) : is_origin(base);
}

static tg_token_verdict_t claims_read(const tg_claims_t *claims, const tg_environment_t *env, tg_jwt_t *c) {
    if (!texts_read(claims, c) || !ids_read(claims, c) || !dates_read(claims, c)) {
        return TG_TOKEN_MALFORMED;
    }
    if (!issuer_read(claims, env, &c->client_kind)) {
        return TG_TOKEN_ISSUER;
    }
    if (!tg_str_eq(claims->aud.text, c->client_id)) {
        return TG_TOKEN_AUDIENCE;
    }
    return generations_read(claims, c) ? TG_TOKEN_OK : TG_TOKEN_GENERATION;
}

tg_token_verdict_t tg_jwt_take_apart(tg_str_t token, tg_str_t typ, const tg_verifier_t *v, tg_arena_t *a,
                                     tg_jwt_t *jwt) {
    tg_jws_t jws;
    *jwt = (tg_jwt_t){0};
    tg_token_verdict_t verdict = signature_prove(token, typ, v, a, &jws);
    if (verdict != TG_TOKEN_OK) {
        return verdict;
    }
    jwt->kid = jws.kid;
    tg_err_t err = tg_claims_parse(jws.payload, &jwt->claims);
    if (err != TG_OK) {
        return err == TG_ERR_NOMEM ? TG_TOKEN_UNAVAILABLE : TG_TOKEN_MALFORMED;
    }
    return claims_read(&jwt->claims, v->environment, jwt);
}

void tg_jwt_release(tg_jwt_t *jwt) {
    tg_claims_release(&jwt->claims);
}

static void facts_fill(const tg_jwt_t *c, tg_token_facts_t *f) {
    f->type = TG_TOKEN_JWT;
    f->client_kind = c->client_kind;
    memcpy(f->client_id, c->client_id.p, c->client_id.n);
    f->client_id_len = (uint16_t)c->client_id.n;
    memcpy(f->subject, c->subject.p, c->subject.n);
    f->subject_len = (uint16_t)c->subject.n;
    tg_facts_scope_set(f, c->has_scope, c->scope);
    f->generation = c->generation;
    f->user_generation = c->user_generation;
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
    tg_jwt_t jwt;
    *facts = (tg_token_facts_t){0};
    tg_token_verdict_t v = tg_jwt_take_apart(token, TG_STR("at+jwt"), &verifier, a, &jwt);
    if (v == TG_TOKEN_OK) {
        facts_fill(&jwt, facts);
    }
    tg_jwt_release(&jwt);
    return v;
}

tg_err_t tg_jwt_scope_find(tg_str_t token, tg_arena_t *a, bool *has_scope, tg_str_t *scope) {
    tg_jws_t jws;
    tg_claims_t claims = {0};
    *has_scope = false;
    *scope = TG_STR_NONE;
    tg_err_t err = tg_jws_parse(token, a, &jws);
    if (err == TG_OK) {
        err = tg_claims_parse(jws.payload, &claims);
    }
    if (err == TG_OK) {
        *has_scope = claims.scope.is_text;
        err = tg_arena_str(a, *has_scope ? claims.scope.text : claims.tg_roles.text, scope) ? TG_OK : TG_ERR_NOMEM;
    }
    tg_claims_release(&claims);
    return err;
}
