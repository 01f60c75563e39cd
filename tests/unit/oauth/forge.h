/*
 * Tokens as an attacker, or another part of us, could have made them: any header and any claims, signed rightly with
 * any key. One environment with two RS256 keys, one of them revoked, and one proxy with a JWT policy.
 */
#ifndef TG_TEST_OAUTH_FORGE_H
#define TG_TEST_OAUTH_FORGE_H

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "alloc.h"
#include "oauth/check.h"
#include "tests.h"

#define NOW        ((tg_ms_t)1790000000 * 1000)
#define CLIENT     "orders-key"
#define ISSUER     "https://gw.example.org/auth"
#define GENERATION 0x0123456789abcdefu
#define TOKEN_MAX  16384

enum { KEY_LIVE, KEY_REVOKED, KEY_COUNT };

static tg_key_t *forge_keys[KEY_COUNT]; /* private; the verifier gets them as they are */
static tg_signing_key_t forge_rows[KEY_COUNT];
static tg_environment_t forge_env;
static tg_policy_t forge_policy;
static tg_deployed_proxy_t forge_proxy;
static tg_live_client_t forge_client;

static inline int forge_setup(void **state) {
    (void)state;
    for (size_t i = 0; i < KEY_COUNT; i++) {
        assert_int_equal(tg_key_generate(TG_ALG_RS256, &forge_keys[i]), TG_OK);
        forge_rows[i] = (tg_signing_key_t){.kid = tg_key_kid(forge_keys[i]),
                                           .alg = TG_STR("RS256"),
                                           .revoked = i == KEY_REVOKED,
                                           .created_at = NOW - TG_DAY_MS,
                                           .activate_at = NOW - TG_DAY_MS};
    }
    forge_env = (tg_environment_t){.name = TG_STR("production"), .access_url = TG_STR("https://gw.example.org")};
    forge_policy = (tg_policy_t){.type = TG_TOKEN_JWT, .active = true, .managed_from_policy = true};
    forge_proxy = (tg_deployed_proxy_t){.id = 11, .key_id = 7, .policy = &forge_policy};
    forge_client = (tg_live_client_t){
        .exists = true, .enabled = true, .kind = TG_CLIENT_APPLICATION, .key_id = 7, .generation = GENERATION};
    return 0;
}

static inline int forge_teardown(void **state) {
    (void)state;
    for (size_t i = 0; i < KEY_COUNT; i++) {
        tg_key_free(forge_keys[i]);
    }
    return 0;
}

/* The claims of a good token with one member's raw JSON put in its place; raw NULL leaves the member out. A name that
 * is not there is added. */
static inline const char *forge_claims(const char *name, const char *raw) {
    static const char *const good[][2] = {
        {"iss", "\"" ISSUER "\""},       {"sub", "\"" CLIENT "\""},
        {"aud", "\"" CLIENT "\""},       {"exp", "1790003600"},
        {"iat", "1790000000"},           {"jti", "\"c29tZS1pZC0xNi1ieXRlcw\""},
        {"client_id", "\"" CLIENT "\""}, {"tg_gen", "\"0123456789abcdef\""},
    };
    static char text[8192];
    bool found = false;
    size_t n = 0;
    for (size_t i = 0; i < COUNT(good); i++) {
        bool hit = name != NULL && strcmp(name, good[i][0]) == 0;
        const char *value = hit ? raw : good[i][1];
        found |= hit;
        if (value != NULL) {
            n += (size_t)snprintf(text + n, sizeof(text) - n, "%c\"%s\":%s", n ? ',' : '{', good[i][0], value);
        }
    }
    if (name != NULL && !found && raw != NULL) {
        n += (size_t)snprintf(text + n, sizeof(text) - n, ",\"%s\":%s", name, raw);
    }
    snprintf(text + n, sizeof(text) - n, "}");
    return text;
}

/* {"alg":"RS256","kid":<the live key's>} and what `more` adds (",\"typ\":...") */
static inline const char *forge_header(const char *more) {
    static char text[4096];
    snprintf(text, sizeof(text), "{\"alg\":\"RS256\",\"kid\":\"%.*s\"%s}", TG_STR_ARGS(forge_rows[KEY_LIVE].kid), more);
    return text;
}

#define GOOD_HEADER forge_header(",\"typ\":\"at+jwt\"")

static inline EVP_PKEY *forge_pkey(const tg_key_t *key) {
    tg_buf_t der;
    tg_buf_init(&der, 65536);
    assert_int_equal(tg_key_to_der(key, &der), TG_OK);
    const unsigned char *p = (const unsigned char *)der.p;
    EVP_PKEY *pkey = d2i_AutoPrivateKey(NULL, &p, (long)der.n);
    assert_non_null(pkey);
    tg_buf_release(&der);
    return pkey;
}

static inline void forge_input(const char *header, const char *claims, tg_buf_t *out) {
    tg_buf_reset(out);
    tg_buf_put_b64url(out, tg_str(header));
    tg_buf_putc(out, '.');
    tg_buf_put_b64url(out, tg_str(claims));
}

static inline void forge_append(tg_buf_t *out, const void *sig, size_t n) {
    tg_buf_putc(out, '.');
    tg_buf_put_b64url(out, tg_strn(sig, n));
    assert_int_equal(out->err, TG_OK);
}

/* RSASSA-PKCS1-v1_5 with SHA-256, whatever the header says. */
static inline void forge_sign(const tg_key_t *key, const char *header, const char *claims, tg_buf_t *out) {
    unsigned char sig[1024];
    size_t n = sizeof(sig);
    EVP_PKEY *pkey = forge_pkey(key);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    forge_input(header, claims, out);
    assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, pkey), 1);
    assert_int_equal(EVP_DigestSign(ctx, sig, &n, (const unsigned char *)out->p, out->n), 1);
    forge_append(out, sig, n);
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(pkey);
}

static inline const tg_key_t *forge_key_of(void *ctx, size_t i) {
    (void)ctx;
    return forge_keys[i];
}

static inline tg_token_verdict_t forge_prove(tg_str_t token, tg_token_facts_t *facts) {
    tg_arena_t a;
    tg_arena_init(&a, 65536);
    tg_token_verdict_t v = tg_jwt_prove(token, &forge_env, forge_rows, KEY_COUNT, forge_key_of, NULL, NOW, &a, facts);
    tg_arena_release(&a);
    return v;
}

/* As a gateway asks: does it live, and does it open this proxy? */
static inline tg_token_verdict_t forge_ask(const tg_token_facts_t *f, const tg_deployed_proxy_t *p,
                                           const tg_live_client_t *client, const tg_check_now_t *at) {
    tg_token_verdict_t v = tg_token_alive(f, client, NULL, at);
    return v != TG_TOKEN_OK ? v : tg_token_opens(f, p, client, NULL, 1, at->now);
}

/* All is well, but for what the arguments say. */
static inline tg_token_verdict_t forge_check(const tg_token_facts_t *f, const tg_deployed_proxy_t *p,
                                             const tg_live_client_t *client, int64_t environment_id, int64_t epoch,
                                             bool key_usable, int64_t leeway_s, tg_ms_t now) {
    const tg_check_now_t at = {.environment_id = environment_id,
                               .epoch = epoch,
                               .key_usable = key_usable,
                               .unrevoked = true,
                               .leeway_s = leeway_s,
                               .now = now};
    return forge_ask(f, p, client, &at);
}

/* What a request with this token is told at the proxy. */
static inline tg_token_verdict_t forge_verdict(tg_str_t token) {
    tg_token_facts_t facts;
    tg_token_verdict_t v = forge_prove(token, &facts);
    return v != TG_TOKEN_OK ? v : forge_check(&facts, &forge_proxy, &forge_client, 1, 0, true, 0, NOW);
}

static inline void forge_assert(tg_token_verdict_t got, tg_token_verdict_t expected) {
    assert_string_equal(tg_token_verdict_name(got), tg_token_verdict_name(expected));
}

#endif
