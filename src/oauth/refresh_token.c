#include "oauth/refresh.h"

#include "keyring/keyring.h"
#include "oauth/bucket_text.h"
#include "oauth/jwt.h"

tg_err_t tg_jti_hash(tg_opaque_kind_t kind, const uint8_t jti[16], uint8_t out[32]) {
    char text[3 + 16];
    memcpy(text, kind == TG_OPAQUE_REFRESH ? "rt:" : "at:", 3);
    memcpy(text + 3, jti, 16);
    return tg_sha256(tg_strn(text, sizeof(text)), out);
}

static tg_token_verdict_t opaque_read(tg_str_t token, tg_ms_t now, tg_refresh_token_t *out) {
    tg_opaque_kind_t kind;
    if (tg_opaque_parse(token, now, &kind, &out->bucket) != TG_OK) {
        return TG_TOKEN_UNKNOWN;
    }
    if (kind != TG_OPAQUE_REFRESH) {
        return TG_TOKEN_TYPE;
    }
    return tg_sha256(token, out->hash) == TG_OK ? TG_TOKEN_OK : TG_TOKEN_UNAVAILABLE;
}

static tg_token_verdict_t jwt_read(const tg_jwt_t *c, tg_ms_t now, tg_refresh_token_t *out) {
    if (c->expires_at == 0 || !c->has_family || !tg_bucket_text_parse(c->claims.tg_bucket.text, &out->bucket)) {
        return TG_TOKEN_MALFORMED;
    }
    /* The record says more exactly when it ends; a repeat has its grace. */
    if (c->expires_at + TG_REFRESH_GRACE_MS <= now || !tg_bucket_is_open(out->bucket, now)) {
        return TG_TOKEN_EXPIRED;
    }
    out->jwt = true;
    out->expires_at = c->expires_at;
    memcpy(out->jti, c->jti, sizeof(out->jti));
    return tg_jti_hash(TG_OPAQUE_REFRESH, out->jti, out->hash) == TG_OK ? TG_TOKEN_OK : TG_TOKEN_UNAVAILABLE;
}

tg_token_verdict_t tg_refresh_token_parse(tg_str_t token, const tg_environment_t *env, const tg_signing_key_t *keys,
                                          size_t n_keys, tg_key_of_fn pub, void *ctx, tg_ms_t now, tg_arena_t *a,
                                          tg_refresh_token_t *out) {
    const tg_verifier_t verifier = {env, keys, n_keys, pub, ctx, now};
    *out = (tg_refresh_token_t){.token = token};
    if (tg_opaque_has_prefix(token)) {
        return opaque_read(token, now, out);
    }
    tg_jwt_t jwt;
    tg_token_verdict_t v = tg_jwt_take_apart(token, TG_STR("rt+jwt"), &verifier, a, &jwt);
    if (v == TG_TOKEN_OK) {
        v = jwt_read(&jwt, now, out);
    }
    if (v == TG_TOKEN_OK && tg_jwt_claims_read(jwt.claims.json, a, &out->claims, &out->n_claims) != TG_OK) {
        v = TG_TOKEN_UNAVAILABLE;
    }
    tg_jwt_release(&jwt);
    return v;
}
