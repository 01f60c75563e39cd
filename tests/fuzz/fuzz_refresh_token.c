/*
 * Refresh tokens: the input as it is, and as the claims of a JWT signed with a fixed test key. What is accepted has an
 * open bucket and a name in the store that comes of its own bytes alone; and it is no access token.
 */
#include <stdlib.h>

#include "oauth/refresh.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW ((tg_ms_t)1790000000 * 1000)

/* PKCS#8 (RFC 8410 7) around a seed that is no secret. */
static const char der[] = "\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20"
                          "tollgate fuzz target: jwt claims";
static tg_key_t *key;

static const tg_key_t *key_of(void *ctx, size_t i) {
    (void)ctx;
    (void)i;
    return key;
}

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static void require_token(tg_str_t token, const tg_refresh_token_t *t) {
    uint8_t hash[32];
    require(tg_str_eq(t->token, token));
    require(tg_bucket_is_open(t->bucket, NOW) && t->bucket.cls <= TG_BUCKET_NEVER && t->bucket.index < 1u << 24);
    require(t->jwt != tg_opaque_has_prefix(token));
    if (t->jwt) {
        require(t->expires_at > NOW - TG_REFRESH_GRACE_MS && t->expires_at <= ((tg_ms_t)1 << 53) * 1000);
        require(tg_jti_hash(TG_OPAQUE_REFRESH, t->jti, hash) == TG_OK);
    } else {
        require(token.n == TG_OPAQUE_LEN && tg_sha256(token, hash) == TG_OK);
    }
    require(memcmp(hash, t->hash, sizeof(hash)) == 0);
}

static void parse(tg_str_t token, tg_str_t access_url) {
    const tg_environment_t env = {.access_url = access_url};
    const tg_signing_key_t row = {.kid = tg_key_kid(key), .alg = TG_STR("EdDSA"), .activate_at = 1};
    tg_refresh_token_t t;
    tg_token_facts_t f;
    tg_arena_t a;
    tg_arena_init(&a, 131072);
    if (tg_refresh_token_parse(token, &env, &row, 1, key_of, NULL, NOW, &a, &t) == TG_TOKEN_OK) {
        require_token(token, &t);
        require(tg_jwt_prove(token, &env, &row, 1, key_of, NULL, NOW, &a, &f) != TG_TOKEN_OK);
    }
    tg_arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tg_buf_t token;
    if (key == NULL) {
        require(tg_key_from_der(tg_strn(der, sizeof(der) - 1), TG_ALG_EDDSA, &key, NULL) == TG_OK);
    }
    parse(tg_strn(data, size), TG_STR_NONE);
    tg_buf_init(&token, 2 * TG_JWS_MAX);
    if (tg_jws_sign(key, TG_STR("rt+jwt"), tg_strn(data, size), &token) == TG_OK) {
        parse(tg_buf_str(&token), TG_STR("https://gw.example.org"));
        parse(tg_buf_str(&token), TG_STR_NONE);
    }
    tg_buf_release(&token);
    return 0;
}
