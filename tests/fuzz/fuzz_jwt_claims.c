/*
 * The claims of an access JWT: the input is signed with a fixed test key and proven; and taken as a whole token, too.
 * Facts that come out keep their bounds, and no number of the claims turns into "never" or into another moment.
 */
#include <stdlib.h>

#include "oauth/check.h"
#include "oauth/claims.h"

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

static void require_facts(const tg_token_facts_t *f) {
    require(f->type == TG_TOKEN_JWT);
    require(f->client_kind == TG_CLIENT_APPLICATION || f->client_kind == TG_CLIENT_CREDENTIAL);
    require(f->client_id_len > 0 && f->client_id_len <= sizeof(f->client_id));
    require(f->subject_len > 0 && f->subject_len <= sizeof(f->subject));
    require(f->kid_len > 0 && f->kid_len <= sizeof(f->kid));
    require(f->has_scope || f->scope_len == 0);
    require(f->issued_at >= 0 && f->not_before >= 0 && f->expires_at >= 0);
    require(f->expires_at <= ((tg_ms_t)1 << 53) * 1000 && f->not_before <= ((tg_ms_t)1 << 53) * 1000);
}

static void prove(tg_str_t token, tg_str_t access_url) {
    const tg_environment_t env = {.access_url = access_url};
    const tg_signing_key_t row = {.kid = tg_key_kid(key), .alg = TG_STR("EdDSA"), .activate_at = 1};
    const tg_policy_t by_policy = {.type = TG_TOKEN_JWT, .active = true, .managed_from_policy = true};
    const tg_policy_t by_list = {.type = TG_TOKEN_JWT, .active = true};
    const tg_deployed_proxy_t opens_to_key = {.key_id = 7, .project_id = 3, .policy = &by_policy};
    const tg_deployed_proxy_t opens_to_credentials = {.key_id = 7, .project_id = 3, .policy = &by_list};
    const tg_access_t access = {.allowed = true};
    tg_token_facts_t f;
    tg_arena_t a;
    tg_arena_init(&a, 65536);
    if (tg_jwt_prove(token, &env, &row, 1, key_of, NULL, NOW, &a, &f) == TG_TOKEN_OK) {
        require_facts(&f);
        const tg_live_client_t client = {.exists = true,
                                         .enabled = true,
                                         .kind = f.client_kind,
                                         .key_id = 7,
                                         .generation = f.generation,
                                         .project_id = 3};
        const tg_check_now_t at = {
            .environment_id = 1, .key_usable = true, .unrevoked = true, .leeway_s = 300, .now = NOW};
        bool alive = tg_token_alive(&f, &client, NULL, &at) == TG_TOKEN_OK;
        require(!alive || f.expires_at == 0 || f.expires_at + 300 * 1000 > NOW);
        require(!alive || f.user_generation == 0);
        bool as_key = tg_token_opens(&f, &opens_to_key, &client, &access, 1, NOW) == TG_TOKEN_OK;
        bool credential = tg_token_opens(&f, &opens_to_credentials, &client, &access, 1, NOW) == TG_TOKEN_OK;
        require(as_key == (f.client_kind == TG_CLIENT_APPLICATION) && credential == !as_key);
    }
    tg_arena_release(&a);
}

static void require_same(const tg_claim_t *a, const tg_claim_t *b) {
    require(a->there == b->there && a->is_text == b->is_text && a->date == b->date && tg_str_eq(a->text, b->text));
}

/* The payload has one meaning, whether it is read as what we write ourselves or (with a blank behind it) as any JSON.
 */
static void read_both_ways(tg_str_t payload) {
    tg_claims_t a, b;
    tg_buf_t spaced;
    tg_buf_init(&spaced, TG_JWS_MAX);
    tg_buf_put(&spaced, payload);
    tg_buf_putc(&spaced, ' ');
    if (spaced.err == TG_OK) {
        tg_err_t err = tg_claims_parse(payload, &a);
        require(err == tg_claims_parse(tg_buf_str(&spaced), &b));
        if (err == TG_OK) {
            const tg_claim_t *x = &a.iss, *y = &b.iss;
            for (size_t i = 0; i < offsetof(tg_claims_t, json) / sizeof(tg_claim_t); i++) {
                require_same(&x[i], &y[i]);
            }
            tg_claims_release(&a);
            tg_claims_release(&b);
        }
    }
    tg_buf_release(&spaced);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tg_buf_t token;
    read_both_ways(tg_strn(data, size));
    if (key == NULL) {
        require(tg_key_from_der(tg_strn(der, sizeof(der) - 1), TG_ALG_EDDSA, &key, NULL) == TG_OK);
    }
    prove(tg_strn(data, size), TG_STR_NONE);
    tg_buf_init(&token, 2 * TG_JWS_MAX);
    if (tg_jws_sign(key, TG_STR("at+jwt"), tg_strn(data, size), &token) == TG_OK) {
        prove(tg_buf_str(&token), TG_STR("https://gw.example.org"));
        prove(tg_buf_str(&token), TG_STR_NONE);
    }
    tg_buf_release(&token);
    return 0;
}
