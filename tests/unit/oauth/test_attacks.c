/*
 * One attack each, named after the hole it would be. Every token here but for the one thing in its name is a good one,
 * rightly signed unless the signature is the hole.
 */
#include <stdlib.h>

#include <openssl/rsa.h>

#include "forge.h"

typedef struct {
    const char *hole;
    const char *name; /* the claim; or NULL, and `raw` is what the header has behind alg and kid */
    const char *raw;
    tg_token_verdict_t expected;
} attack_t;

#define X16  "xxxxxxxxxxxxxxxx"
#define X256 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16

static const attack_t attacks[] = {
    {"audience_of_another_application", "aud", "\"billing-key\"", TG_TOKEN_AUDIENCE},
    {"audience_array", "aud", "[\"" CLIENT "\"]", TG_TOKEN_AUDIENCE},
    {"audience_array_of_two", "aud", "[\"billing-key\",\"" CLIENT "\"]", TG_TOKEN_AUDIENCE},
    {"audience_missing", "aud", NULL, TG_TOKEN_AUDIENCE},
    {"audience_empty", "aud", "\"\"", TG_TOKEN_AUDIENCE},
    {"audience_object", "aud", "{\"" CLIENT "\":1}", TG_TOKEN_AUDIENCE},
    {"audience_prefix", "aud", "\"orders\"", TG_TOKEN_AUDIENCE},
    {"audience_case", "aud", "\"Orders-Key\"", TG_TOKEN_AUDIENCE},
    {"client_id_of_another_application", "client_id", "\"billing-key\"", TG_TOKEN_AUDIENCE},
    {"client_id_missing", "client_id", NULL, TG_TOKEN_MALFORMED},
    {"client_id_number", "client_id", "7", TG_TOKEN_MALFORMED},
    {"client_id_overlong", "client_id", "\"" X256 "x\"", TG_TOKEN_MALFORMED},

    {"issuer_of_another_host", "iss", "\"https://evil.example.org/auth\"", TG_TOKEN_ISSUER},
    {"issuer_of_another_environment", "iss", "\"https://test.gw.example.org/auth\"", TG_TOKEN_ISSUER},
    {"issuer_path_longer", "iss", "\"https://gw.example.org/x/auth\"", TG_TOKEN_ISSUER},
    {"issuer_path_other", "iss", "\"https://gw.example.org/authx\"", TG_TOKEN_ISSUER},
    {"issuer_path_missing", "iss", "\"https://gw.example.org\"", TG_TOKEN_ISSUER},
    {"issuer_trailing_slash", "iss", "\"" ISSUER "/\"", TG_TOKEN_ISSUER},
    {"issuer_query", "iss", "\"https://gw.example.org/?/auth\"", TG_TOKEN_ISSUER},
    {"issuer_scheme", "iss", "\"http://gw.example.org/auth\"", TG_TOKEN_ISSUER},
    {"issuer_case", "iss", "\"https://GW.example.org/auth\"", TG_TOKEN_ISSUER},
    {"issuer_missing", "iss", NULL, TG_TOKEN_ISSUER},
    {"issuer_array", "iss", "[\"" ISSUER "\"]", TG_TOKEN_ISSUER},
    {"issuer_of_credentials_for_an_application", "iss", "\"https://gw.example.org/credential\"", TG_TOKEN_CLIENT},

    {"exp_past", "exp", "1789999999", TG_TOKEN_EXPIRED},
    {"exp_now", "exp", "1790000000", TG_TOKEN_EXPIRED},
    {"exp_fraction_past", "exp", "1789999999.999", TG_TOKEN_EXPIRED},
    {"exp_zero_is_not_never", "exp", "0", TG_TOKEN_EXPIRED},
    {"exp_minus_zero_is_not_never", "exp", "-0.0", TG_TOKEN_EXPIRED},
    {"exp_below_a_millisecond_is_not_never", "exp", "1e-9", TG_TOKEN_EXPIRED},
    {"exp_string", "exp", "\"1790003600\"", TG_TOKEN_MALFORMED},
    {"exp_negative", "exp", "-1", TG_TOKEN_MALFORMED},
    {"exp_1e300", "exp", "1e300", TG_TOKEN_MALFORMED},
    {"exp_minus_1e300", "exp", "-1e300", TG_TOKEN_MALFORMED},
    {"exp_barely_negative", "exp", "-1e-9", TG_TOKEN_MALFORMED},
    {"exp_1e400", "exp", "1e400", TG_TOKEN_MALFORMED},
    {"exp_above_2_53", "exp", "9007199254740993", TG_TOKEN_MALFORMED},
    {"exp_int64_max", "exp", "9223372036854775807", TG_TOKEN_MALFORMED},
    {"exp_int64_min", "exp", "-9223372036854775808", TG_TOKEN_MALFORMED},
    {"exp_nan", "exp", "NaN", TG_TOKEN_MALFORMED},
    {"exp_infinity", "exp", "Infinity", TG_TOKEN_MALFORMED},
    {"exp_null_is_not_never", "exp", "null", TG_TOKEN_MALFORMED},
    {"exp_true", "exp", "true", TG_TOKEN_MALFORMED},
    {"exp_array", "exp", "[1790003600]", TG_TOKEN_MALFORMED},
    {"exp_twice", "exp", "1,\"exp\":1790003600", TG_TOKEN_MALFORMED},
    {"exp_twice_escaped", "exp", "1,\"\\u0065xp\":1790003600", TG_TOKEN_MALFORMED},

    {"nbf_future", "nbf", "1790000001", TG_TOKEN_NOT_YET},
    {"nbf_fraction_future", "nbf", "1790000000.001", TG_TOKEN_NOT_YET},
    {"nbf_string", "nbf", "\"0\"", TG_TOKEN_MALFORMED},
    {"nbf_negative", "nbf", "-5", TG_TOKEN_MALFORMED},
    {"nbf_null", "nbf", "null", TG_TOKEN_MALFORMED},
    {"iat_missing", "iat", NULL, TG_TOKEN_MALFORMED},
    {"iat_string", "iat", "\"yesterday\"", TG_TOKEN_MALFORMED},
    {"iat_negative", "iat", "-1.5", TG_TOKEN_MALFORMED},
    {"iat_1e300", "iat", "1e300", TG_TOKEN_MALFORMED},
    {"iat_object", "iat", "{}", TG_TOKEN_MALFORMED},

    {"generation_missing", "tg_gen", NULL, TG_TOKEN_GENERATION},
    {"generation_of_an_old_secret", "tg_gen", "\"0123456789abcdee\"", TG_TOKEN_GENERATION},
    {"generation_number", "tg_gen", "81985529216486895", TG_TOKEN_GENERATION},
    {"generation_short", "tg_gen", "\"123456789abcdef\"", TG_TOKEN_GENERATION},
    {"generation_long", "tg_gen", "\"000123456789abcdef\"", TG_TOKEN_GENERATION},
    {"generation_no_hex", "tg_gen", "\"0x23456789abcdef\"", TG_TOKEN_GENERATION},
    {"generation_null", "tg_gen", "null", TG_TOKEN_GENERATION},
    {"generation_twice", "tg_gen", "\"0000000000000000\",\"tg_gen\":\"0123456789abcdef\"", TG_TOKEN_MALFORMED},

    {"sub_missing", "sub", NULL, TG_TOKEN_MALFORMED},
    {"sub_empty", "sub", "\"\"", TG_TOKEN_MALFORMED},
    {"sub_number", "sub", "1", TG_TOKEN_MALFORMED},
    {"sub_overlong", "sub", "\"" X256 "x\"", TG_TOKEN_MALFORMED},
    {"sub_nul", "sub", "\"admin\\u0000\"", TG_TOKEN_MALFORMED},
    {"sub_twice", "sub", "\"admin\",\"sub\":\"" CLIENT "\"", TG_TOKEN_MALFORMED},
    {"jti_missing", "jti", NULL, TG_TOKEN_MALFORMED},
    {"jti_number", "jti", "1", TG_TOKEN_MALFORMED},
    {"jti_empty", "jti", "\"\"", TG_TOKEN_MALFORMED},
    {"jti_short", "jti", "\"c29tZS1pZC0xNS1ieXRl\"", TG_TOKEN_MALFORMED},
    {"jti_long", "jti", "\"c29tZS1pZC1vZi0xNy1iLi4\"", TG_TOKEN_MALFORMED},
    {"jti_second_spelling", "jti", "\"c29tZS1pZC0xNi1ieXRlcx\"", TG_TOKEN_MALFORMED},
    {"jti_base64", "jti", "\"c29tZS1pZC0xNi1ieXRl+w\"", TG_TOKEN_MALFORMED},
    {"jti_padded", "jti", "\"c29tZS1pZC0xNi1ieXRlcw==\"", TG_TOKEN_MALFORMED},
    {"family_null", "tg_fam", "null", TG_TOKEN_MALFORMED},
    {"family_number", "tg_fam", "7", TG_TOKEN_MALFORMED},
    {"family_empty", "tg_fam", "\"\"", TG_TOKEN_MALFORMED},
    {"family_short", "tg_fam", "\"c29tZS1pZC0xNS1ieXRl\"", TG_TOKEN_MALFORMED},
    {"family_twice", "tg_fam", "\"c29tZS1pZC0xNi1ieXRlcw\",\"tg_fam\":\"AAAAAAAAAAAAAAAAAAAAAA\"", TG_TOKEN_MALFORMED},
    {"scope_array", "scope", "[\"admin\"]", TG_TOKEN_MALFORMED},
    {"claims_too_deep", "x", "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]", TG_TOKEN_MALFORMED},

    {"typ_missing", NULL, "", TG_TOKEN_TYPE},
    {"typ_of_an_id_token", NULL, ",\"typ\":\"JWT\"", TG_TOKEN_TYPE},
    {"typ_of_a_refresh_token", NULL, ",\"typ\":\"rt+jwt\"", TG_TOKEN_TYPE},
    {"typ_longer", NULL, ",\"typ\":\"at+jwtx\"", TG_TOKEN_TYPE},
    {"typ_other_tree", NULL, ",\"typ\":\"x/at+jwt\"", TG_TOKEN_TYPE},
    {"typ_number", NULL, ",\"typ\":1", TG_TOKEN_MALFORMED},
    {"typ_twice", NULL, ",\"typ\":\"rt+jwt\",\"typ\":\"at+jwt\"", TG_TOKEN_MALFORMED},
    {"crit_unknown", NULL, ",\"typ\":\"at+jwt\",\"crit\":[\"x\"],\"x\":1", TG_TOKEN_MALFORMED},
    {"crit_empty", NULL, ",\"typ\":\"at+jwt\",\"crit\":[]", TG_TOKEN_MALFORMED},
    {"crit_exp", NULL, ",\"typ\":\"at+jwt\",\"crit\":[\"exp\"],\"exp\":1", TG_TOKEN_MALFORMED},
    {"b64_false", NULL, ",\"typ\":\"at+jwt\",\"crit\":[\"b64\"],\"b64\":false", TG_TOKEN_MALFORMED},
    {"kid_twice", NULL, ",\"typ\":\"at+jwt\",\"kid\":\"x\"", TG_TOKEN_MALFORMED},
    {"alg_twice", NULL, ",\"typ\":\"at+jwt\",\"alg\":\"none\"", TG_TOKEN_MALFORMED},
};

static void attacked(void **state) {
    const attack_t *x = *state;
    tg_buf_t t;
    tg_buf_init(&t, TOKEN_MAX);
    forge_sign(forge_keys[KEY_LIVE], GOOD_HEADER, forge_claims(NULL, NULL), &t);
    forge_assert(forge_verdict(tg_buf_str(&t)), TG_TOKEN_OK);
    if (x->name != NULL) {
        forge_sign(forge_keys[KEY_LIVE], GOOD_HEADER, forge_claims(x->name, x->raw), &t);
    } else {
        forge_sign(forge_keys[KEY_LIVE], forge_header(x->raw), forge_claims(NULL, NULL), &t);
    }
    forge_assert(forge_verdict(tg_buf_str(&t)), x->expected);
    tg_buf_release(&t);
}

/* What looks odd and is right: a refusal here would be as wrong as a pass above. */
static void accepted(void **state) {
    static const attack_t good[] = {
        {"", NULL, ",\"typ\":\"at+jwt\"", 0},
        {"", NULL, ",\"typ\":\"AT+JWT\"", 0},
        {"", NULL, ",\"typ\":\"application/at+jwt\"", 0},
        {"", NULL, ",\"typ\":\"Application/AT+JWT\"", 0},
        {"", NULL, ",\"typ\":\"at+jwt\",\"jku\":\"https://evil.example.org/\",\"x5u\":\"https://evil.example.org/\"",
         0},
        {"", "exp", NULL, 0},
        {"", "exp", "1790000000.5", 0},
        {"", "exp", "9007199254740992", 0},
        {"", "nbf", "1790000000", 0},
        {"", "nbf", "0", 0},
        {"", "iat", "1790000300", 0},
        {"", "sub", "\"" X256 "\"", 0},
        {"", "scope", "\"read write\"", 0},
        {"", "tg_fam", "\"c29tZS1pZC0xNi1ieXRlcw\"", 0},
        {"", "roles", "[{\"name\":\"admin\"}]", 0},
    };
    tg_buf_t t;
    (void)state;
    tg_buf_init(&t, TOKEN_MAX);
    for (size_t i = 0; i < COUNT(good); i++) {
        const char *header = good[i].name ? GOOD_HEADER : forge_header(good[i].raw);
        forge_sign(forge_keys[KEY_LIVE], header, forge_claims(good[i].name, good[i].raw), &t);
        forge_assert(forge_verdict(tg_buf_str(&t)), TG_TOKEN_OK);
    }
    tg_buf_release(&t);
}

/* ---- without an access URL only the issuer's path is fixed ---- */

static void issuer_without_access_url(void **state) {
    static const struct {
        const char *iss;
        tg_token_verdict_t expected;
    } cases[] = {
        {"http://127.0.0.1:8080/auth", TG_TOKEN_OK},
        {"https://[::1]:8443/auth", TG_TOKEN_OK},
        {"https://any.example.org/auth", TG_TOKEN_OK},
        {"https://any.example.org/x/auth", TG_TOKEN_ISSUER},
        {"https://any.example.org//auth", TG_TOKEN_ISSUER},
        {"https://any.example.org?/auth", TG_TOKEN_ISSUER},
        {"https://any.example.org#/auth", TG_TOKEN_ISSUER},
        {"https://user@any.example.org/auth", TG_TOKEN_ISSUER},
        {"https://any.example.org\\\\x/auth", TG_TOKEN_ISSUER},
        {"https://any example.org/auth", TG_TOKEN_ISSUER},
        {"https:///auth", TG_TOKEN_ISSUER},
        {"https://auth", TG_TOKEN_ISSUER},
        {"ftp://any.example.org/auth", TG_TOKEN_ISSUER},
        {"/auth", TG_TOKEN_ISSUER},
        {"any.example.org/auth", TG_TOKEN_ISSUER},
        {"https://any.example.org/credential", TG_TOKEN_CLIENT},
    };
    tg_environment_t before = forge_env;
    tg_buf_t t;
    (void)state;
    tg_buf_init(&t, TOKEN_MAX);
    forge_env.access_url = TG_STR_NONE;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char iss[256];
        snprintf(iss, sizeof(iss), "\"%s\"", cases[i].iss);
        forge_sign(forge_keys[KEY_LIVE], GOOD_HEADER, forge_claims("iss", iss), &t);
        forge_assert(forge_verdict(tg_buf_str(&t)), cases[i].expected);
    }
    forge_env = before;
    tg_buf_release(&t);
}

/* ---- signatures and keys ---- */

static void expect_header(const tg_key_t *key, const char *header, tg_token_verdict_t expected) {
    tg_buf_t t;
    tg_buf_init(&t, TOKEN_MAX);
    forge_sign(key, header, forge_claims(NULL, NULL), &t);
    forge_assert(forge_verdict(tg_buf_str(&t)), expected);
    tg_buf_release(&t);
}

static void header_with(char *out, size_t n, const char *alg, tg_str_t kid) {
    snprintf(out, n, "{\"alg\":\"%s\",\"typ\":\"at+jwt\",\"kid\":\"%.*s\"}", alg, TG_STR_ARGS(kid));
}

static void kid_unknown_missing_overlong(void **state) {
    (void)state;
    expect_header(forge_keys[KEY_LIVE], "{\"alg\":\"RS256\",\"typ\":\"at+jwt\",\"kid\":\"unknown\"}", TG_TOKEN_KEY);
    expect_header(forge_keys[KEY_LIVE], "{\"alg\":\"RS256\",\"typ\":\"at+jwt\",\"kid\":\"\"}", TG_TOKEN_KEY);
    expect_header(forge_keys[KEY_LIVE], "{\"alg\":\"RS256\",\"typ\":\"at+jwt\"}", TG_TOKEN_KEY);
    expect_header(forge_keys[KEY_LIVE], "{\"alg\":\"RS256\",\"typ\":\"at+jwt\",\"kid\":\"" X256 "\"}", TG_TOKEN_KEY);
    expect_header(forge_keys[KEY_LIVE], "{\"alg\":\"RS256\",\"typ\":\"at+jwt\",\"kid\":1}", TG_TOKEN_MALFORMED);
}

static void kid_of_a_revoked_key(void **state) {
    char header[512];
    (void)state;
    header_with(header, sizeof(header), "RS256", forge_rows[KEY_REVOKED].kid);
    expect_header(forge_keys[KEY_REVOKED], header, TG_TOKEN_KEY);
}

static void key_of_another_environment(void **state) {
    tg_key_t *other;
    char header[512];
    (void)state;
    assert_int_equal(tg_key_generate(TG_ALG_RS256, &other), TG_OK);
    header_with(header, sizeof(header), "RS256", tg_key_kid(other));
    expect_header(other, header, TG_TOKEN_KEY);
    expect_header(other, GOOD_HEADER, TG_TOKEN_SIGNATURE);
    tg_key_free(other);
}

static void key_of_the_attacker_in_the_header(void **state) {
    tg_key_t *own;
    tg_buf_t jwk;
    char more[2048];
    (void)state;
    tg_buf_init(&jwk, 2048);
    assert_int_equal(tg_key_generate(TG_ALG_RS256, &own), TG_OK);
    assert_int_equal(tg_key_to_jwk(own, &jwk), TG_OK);
    snprintf(more, sizeof(more), ",\"typ\":\"at+jwt\",\"jwk\":%.*s", TG_STR_ARGS(tg_buf_str(&jwk)));
    expect_header(own, forge_header(more), TG_TOKEN_SIGNATURE);
    tg_buf_release(&jwk);
    tg_key_free(own);
}

static void alg_not_the_keys(void **state) {
    static const char *const algs[] = {"none",  "None",  "NONE",  "HS256", "RS384", "RS512",
                                       "PS256", "ES256", "EdDSA", "rs256", "RS256 "};
    char header[512];
    (void)state;
    for (size_t i = 0; i < COUNT(algs); i++) {
        header_with(header, sizeof(header), algs[i], forge_rows[KEY_LIVE].kid);
        expect_header(forge_keys[KEY_LIVE], header, TG_TOKEN_SIGNATURE);
    }
}

static void alg_none_without_signature(void **state) {
    char header[512];
    tg_buf_t t;
    (void)state;
    tg_buf_init(&t, TOKEN_MAX);
    header_with(header, sizeof(header), "none", forge_rows[KEY_LIVE].kid);
    forge_input(header, forge_claims(NULL, NULL), &t);
    forge_append(&t, "", 0);
    forge_assert(forge_verdict(tg_buf_str(&t)), TG_TOKEN_SIGNATURE);
    forge_input(GOOD_HEADER, forge_claims(NULL, NULL), &t);
    forge_assert(forge_verdict(tg_buf_str(&t)), TG_TOKEN_MALFORMED); /* two parts */
    forge_append(&t, "", 0);
    forge_assert(forge_verdict(tg_buf_str(&t)), TG_TOKEN_SIGNATURE);
    tg_buf_release(&t);
}

static void expect_hs256(const void *secret, size_t n) {
    unsigned char mac[32];
    unsigned mac_n;
    char header[512];
    tg_buf_t t;
    tg_buf_init(&t, TOKEN_MAX);
    header_with(header, sizeof(header), "HS256", forge_rows[KEY_LIVE].kid);
    forge_input(header, forge_claims(NULL, NULL), &t);
    assert_non_null(HMAC(EVP_sha256(), secret, (int)n, (const unsigned char *)t.p, t.n, mac, &mac_n));
    forge_append(&t, mac, mac_n);
    forge_assert(forge_verdict(tg_buf_str(&t)), TG_TOKEN_SIGNATURE);
    tg_buf_release(&t);
}

static void hs256_with_the_public_key(void **state) {
    EVP_PKEY *pkey = forge_pkey(forge_keys[KEY_LIVE]);
    unsigned char *der = NULL;
    int n = i2d_PUBKEY(pkey, &der);
    (void)state;
    assert_true(n > 0);
    expect_hs256(der, (size_t)n);
    OPENSSL_free(der);

    BIO *bio = BIO_new(BIO_s_mem());
    char *pem;
    assert_int_equal(PEM_write_bio_PUBKEY(bio, pkey), 1);
    long pem_n = BIO_get_mem_data(bio, &pem);
    expect_hs256(pem, (size_t)pem_n);
    expect_hs256(pem, (size_t)pem_n - 1); /* without its last newline */
    BIO_free(bio);

    BIGNUM *modulus = NULL;
    unsigned char bytes[1024];
    assert_int_equal(EVP_PKEY_get_bn_param(pkey, "n", &modulus), 1);
    expect_hs256(bytes, (size_t)BN_bn2bin(modulus, bytes));
    char *hex = BN_bn2hex(modulus);
    expect_hs256(hex, strlen(hex));
    OPENSSL_free(hex);
    BN_free(modulus);
    EVP_PKEY_free(pkey);
}

static void bytes_changed_after_signing(void **state) {
    tg_buf_t t;
    (void)state;
    tg_buf_init(&t, TOKEN_MAX);
    forge_sign(forge_keys[KEY_LIVE], GOOD_HEADER, forge_claims(NULL, NULL), &t);
    for (size_t i = 0; i < t.n; i++) {
        char before = t.p[i];
        t.p[i] = before == 'A' ? 'B' : 'A';
        assert_int_not_equal(forge_verdict(tg_buf_str(&t)), TG_TOKEN_OK);
        t.p[i] = before;
    }
    for (size_t n = 0; n < t.n; n++) {
        assert_int_not_equal(forge_verdict(tg_strn(t.p, n)), TG_TOKEN_OK);
    }
    forge_assert(forge_verdict(tg_buf_str(&t)), TG_TOKEN_OK);
    tg_buf_putc(&t, '=');
    forge_assert(forge_verdict(tg_buf_str(&t)), TG_TOKEN_MALFORMED);
    tg_buf_release(&t);
}

static void claims_not_an_object(void **state) {
    static const char *const claims[] = {"", "[]", "null", "\"x\"", "1", "{", "{}{}", "\xff", "{\"sub\":\"\xc3\"}"};
    tg_buf_t t;
    (void)state;
    tg_buf_init(&t, TOKEN_MAX);
    for (size_t i = 0; i < COUNT(claims); i++) {
        forge_sign(forge_keys[KEY_LIVE], GOOD_HEADER, claims[i], &t);
        forge_assert(forge_verdict(tg_buf_str(&t)), TG_TOKEN_MALFORMED);
    }
    tg_buf_release(&t);
}

static void overlong_token(void **state) {
    char x[7001];
    tg_buf_t t;
    (void)state;
    memset(x, 'x', sizeof(x) - 1);
    x[0] = x[sizeof(x) - 2] = '"';
    x[sizeof(x) - 1] = '\0';
    tg_buf_init(&t, TOKEN_MAX);
    forge_sign(forge_keys[KEY_LIVE], GOOD_HEADER, forge_claims("x", x), &t);
    assert_true(t.n > TG_JWS_MAX);
    forge_assert(forge_verdict(tg_buf_str(&t)), TG_TOKEN_MALFORMED);
    tg_buf_release(&t);
}

/* ---- a proven token at the wrong place ---- */

static tg_token_facts_t good_facts(void) {
    tg_token_facts_t facts;
    tg_buf_t t;
    tg_buf_init(&t, TOKEN_MAX);
    forge_sign(forge_keys[KEY_LIVE], GOOD_HEADER, forge_claims(NULL, NULL), &t);
    forge_assert(forge_prove(tg_buf_str(&t), &facts), TG_TOKEN_OK);
    tg_buf_release(&t);
    return facts;
}

static void assert_check(const tg_token_facts_t *f, const tg_deployed_proxy_t *p, const tg_live_client_t *c,
                         tg_token_verdict_t expected) {
    forge_assert(forge_check(f, &forge_proxy, &forge_client, 1, 0, true, 0, NOW), TG_TOKEN_OK);
    forge_assert(forge_check(f, p, c, 1, 0, true, 0, NOW), expected);
}

static void token_of_another_proxy(void **state) {
    tg_token_facts_t f = good_facts();
    tg_deployed_proxy_t other = forge_proxy;
    (void)state;
    other.key_id = 8;
    assert_check(&f, &other, &forge_client, TG_TOKEN_AUDIENCE);
}

static void token_of_a_disabled_expired_unknown_client(void **state) {
    tg_token_facts_t f = good_facts();
    tg_live_client_t c = forge_client;
    (void)state;
    c.enabled = false;
    assert_check(&f, &forge_proxy, &c, TG_TOKEN_CLIENT);
    c = forge_client;
    c.expires_at = NOW;
    assert_check(&f, &forge_proxy, &c, TG_TOKEN_CLIENT);
    c.expires_at = NOW + 1;
    assert_check(&f, &forge_proxy, &c, TG_TOKEN_OK);
    c = (tg_live_client_t){0};
    assert_check(&f, &forge_proxy, &c, TG_TOKEN_CLIENT);
    c = forge_client;
    c.exists = false; /* stale fields behind a negative answer */
    assert_check(&f, &forge_proxy, &c, TG_TOKEN_CLIENT);
}

static void credential_of_the_same_name(void **state) {
    tg_token_facts_t f = good_facts();
    tg_live_client_t c = forge_client;
    (void)state;
    c.kind = TG_CLIENT_CREDENTIAL;
    assert_check(&f, &forge_proxy, &c, TG_TOKEN_CLIENT);
    tg_token_facts_t g = f;
    g.client_kind = TG_CLIENT_CREDENTIAL; /* both are: a policy-mode proxy still takes none */
    forge_assert(forge_check(&g, &forge_proxy, &c, 1, 0, true, 0, NOW), TG_TOKEN_AUDIENCE);
}

/* ---- groups ---- */

/* The snapshot gives a member without a policy of its own the key of its group. */
static void token_of_a_group_at_a_nonmember(void **state) {
    tg_token_facts_t f = good_facts();
    tg_live_client_t group = forge_client;
    tg_deployed_proxy_t member = forge_proxy;
    (void)state;
    group.key_id = member.key_id = 20;
    assert_check(&f, &member, &group, TG_TOKEN_OK);
    assert_check(&f, &forge_proxy, &group, TG_TOKEN_AUDIENCE); /* or a member that has a policy of its own */
    assert_check(&f, &member, &forge_client,
                 TG_TOKEN_AUDIENCE); /* and its own key's token does not open it as member */
}

/* ---- ACL mode ---- */

#define PROJECT 3

static const tg_access_t everything = {.allowed = true};

typedef struct {
    tg_token_facts_t facts;
    tg_live_client_t client;
    tg_policy_t policy;
    tg_deployed_proxy_t proxy;
} acl_t;

static acl_t acl_good(void) {
    acl_t x = {.facts = good_facts(), .client = forge_client, .policy = forge_policy, .proxy = forge_proxy};
    x.facts.client_kind = x.client.kind = TG_CLIENT_CREDENTIAL;
    x.client.key_id = 30;
    x.client.project_id = x.proxy.project_id = PROJECT;
    x.policy.managed_from_policy = false;
    return x;
}

static tg_token_verdict_t acl_opens(const acl_t *x, const tg_access_t *access, uint32_t method) {
    tg_deployed_proxy_t proxy = x->proxy;
    proxy.policy = &x->policy;
    return tg_token_opens(&x->facts, &proxy, &x->client, access, method, NOW);
}

static void access_lists(void **state) {
    const uint32_t get = 1, head = 2, post = 4;
    const struct {
        tg_access_t access;
        uint32_t method;
        tg_token_verdict_t expected;
    } rows[] = {
        {{.allowed = true}, get, TG_TOKEN_OK},
        {{.allowed = true}, 0, TG_TOKEN_OK},
        {{.allowed = false}, get, TG_TOKEN_ACCESS},
        {{.allowed = false, .expires_at = NOW + 1}, get, TG_TOKEN_ACCESS},
        {{.allowed = true, .expires_at = NOW}, get, TG_TOKEN_ACCESS},
        {{.allowed = true, .expires_at = NOW + 1}, get, TG_TOKEN_OK},
        {{.allowed = true, .disallowed = post}, get, TG_TOKEN_OK},
        {{.allowed = true, .disallowed = get | post}, post, TG_TOKEN_METHOD},
        {{.allowed = true, .disallowed = post}, 0, TG_TOKEN_METHOD},   /* a method that nobody could have named */
        {{.allowed = true, .disallowed = get}, head, TG_TOKEN_METHOD}, /* which tells all of GET but the body */
        {{.allowed = true, .disallowed = head}, get, TG_TOKEN_OK},
        {{.allowed = true, .disallowed = post, .expires_at = NOW}, post, TG_TOKEN_ACCESS},
    };
    acl_t x = acl_good();
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        tg_token_verdict_t v = acl_opens(&x, &rows[i].access, rows[i].method);
        if (v != rows[i].expected) {
            fail_msg("row %zu: %s", i, tg_token_verdict_name(v));
        }
    }
    forge_assert(acl_opens(&x, NULL, get), TG_TOKEN_ACCESS);
}

static void application_key_at_a_proxy_of_acl_mode(void **state) {
    acl_t x = acl_good();
    (void)state;
    forge_assert(acl_opens(&x, &everything, 1), TG_TOKEN_OK);
    x.client.kind = TG_CLIENT_APPLICATION;
    forge_assert(acl_opens(&x, &everything, 1), TG_TOKEN_AUDIENCE);
    x.facts.client_kind = TG_CLIENT_APPLICATION;
    x.client.key_id = x.proxy.key_id; /* even if it is the proxy's own */
    forge_assert(acl_opens(&x, &everything, 1), TG_TOKEN_AUDIENCE);
    x.client.kind = TG_CLIENT_CREDENTIAL; /* a token of /auth with a credential of the same name */
    forge_assert(acl_opens(&x, &everything, 1), TG_TOKEN_AUDIENCE);
}

static void credential_at_a_proxy_of_policy_mode(void **state) {
    acl_t x = acl_good();
    (void)state;
    x.policy.managed_from_policy = true;
    x.client.key_id = x.proxy.key_id;
    forge_assert(acl_opens(&x, &everything, 1), TG_TOKEN_AUDIENCE);
}

static void credential_of_another_project(void **state) {
    acl_t x = acl_good();
    (void)state;
    x.client.project_id = PROJECT + 1;
    forge_assert(acl_opens(&x, &everything, 1), TG_TOKEN_AUDIENCE);
    x.client.project_id = x.proxy.project_id = 0; /* not known of either is not the same one */
    forge_assert(acl_opens(&x, &everything, 1), TG_TOKEN_AUDIENCE);
}

static void opaque_token_of_a_credential_where_a_jwt_is_asked(void **state) {
    acl_t x = acl_good();
    (void)state;
    x.facts.type = TG_TOKEN_OPAQUE;
    forge_assert(acl_opens(&x, &everything, 1), TG_TOKEN_TYPE);
    x.policy.type = TG_TOKEN_OPAQUE;
    forge_assert(acl_opens(&x, &everything, 1), TG_TOKEN_OK);
}

/* A JWT of /credential whose client_id is an application key, and the other way round. */
static void issuer_of_the_other_endpoints(void **state) {
    const tg_check_now_t at = {.environment_id = 1, .key_usable = true, .unrevoked = true, .now = NOW};
    tg_live_client_t credential = forge_client;
    tg_token_facts_t f;
    tg_buf_t t;
    (void)state;
    credential.kind = TG_CLIENT_CREDENTIAL;
    tg_buf_init(&t, TOKEN_MAX);
    forge_sign(forge_keys[KEY_LIVE], GOOD_HEADER, forge_claims("iss", "\"https://gw.example.org/credential\""), &t);
    forge_assert(forge_prove(tg_buf_str(&t), &f), TG_TOKEN_OK);
    forge_assert(tg_token_alive(&f, &forge_client, NULL, &at), TG_TOKEN_CLIENT);
    forge_assert(tg_token_alive(&f, &credential, NULL, &at), TG_TOKEN_OK);
    forge_assert(tg_token_opens(&f, &forge_proxy, &credential, &everything, 1, NOW), TG_TOKEN_AUDIENCE);
    f = good_facts();
    forge_assert(tg_token_alive(&f, &credential, NULL, &at), TG_TOKEN_CLIENT);
    tg_buf_release(&t);
}

/* ---- an application's own tokens ---- */

static void own_tokens(void **state) {
    acl_t x = acl_good();
    tg_token_facts_t f = good_facts();
    tg_policy_t p = forge_policy;
    (void)state;
    forge_assert(tg_token_is_of(&f, &p, 7, &forge_client), TG_TOKEN_OK);
    forge_assert(tg_token_is_of(&f, &p, 8, &forge_client), TG_TOKEN_AUDIENCE);
    forge_assert(tg_token_is_of(&f, NULL, 7, &forge_client), TG_TOKEN_AUDIENCE); /* its policy went away */
    forge_assert(tg_token_is_of(&x.facts, &p, 30, &x.client), TG_TOKEN_AUDIENCE);
    forge_assert(tg_token_is_of(&x.facts, NULL, 30, &x.client), TG_TOKEN_OK);
    forge_assert(tg_token_is_of(&x.facts, NULL, 7, &x.client), TG_TOKEN_AUDIENCE);
    forge_assert(tg_token_is_of(&f, NULL, 30, &x.client), TG_TOKEN_AUDIENCE);
    x.facts.type = TG_TOKEN_OPAQUE; /* a credential has tokens of both types */
    forge_assert(tg_token_is_of(&x.facts, NULL, 30, &x.client), TG_TOKEN_OK);
    p.managed_from_policy = false; /* what it opened takes credentials now */
    forge_assert(tg_token_is_of(&f, &p, 7, &forge_client), TG_TOKEN_AUDIENCE);
    p = forge_policy;
    p.type = TG_TOKEN_OPAQUE;
    forge_assert(tg_token_is_of(&f, &p, 7, &forge_client), TG_TOKEN_TYPE);
}

/* ---- users ---- */

#define USER_GENERATION 77u

static tg_token_verdict_t user_verdict(const tg_live_client_t *user) {
    const tg_check_now_t at = {.environment_id = 1, .key_usable = true, .unrevoked = true, .now = NOW};
    tg_token_facts_t f = good_facts();
    tg_live_client_t client = forge_client;
    f.user_generation = USER_GENERATION;
    client.project_id = PROJECT;
    return tg_token_alive(&f, &client, user, &at);
}

static void user_gone_disabled_expired_or_with_another_password(void **state) {
    const tg_live_client_t good = {.exists = true,
                                   .enabled = true,
                                   .kind = TG_CLIENT_CREDENTIAL,
                                   .generation = USER_GENERATION,
                                   .project_id = PROJECT};
    tg_live_client_t u = good;
    (void)state;
    forge_assert(user_verdict(&u), TG_TOKEN_OK);
    forge_assert(user_verdict(NULL), TG_TOKEN_USER);
    u.exists = false;
    forge_assert(user_verdict(&u), TG_TOKEN_USER);
    u = good;
    u.enabled = false;
    forge_assert(user_verdict(&u), TG_TOKEN_USER);
    u = good;
    u.expires_at = NOW;
    forge_assert(user_verdict(&u), TG_TOKEN_USER);
    u.expires_at = NOW + 1;
    forge_assert(user_verdict(&u), TG_TOKEN_OK);
    u = good;
    u.generation++;
    forge_assert(user_verdict(&u), TG_TOKEN_USER);
    u.generation = 0;
    forge_assert(user_verdict(&u), TG_TOKEN_USER);
    u = good;
    u.project_id++; /* a credential of that name in another project */
    forge_assert(user_verdict(&u), TG_TOKEN_USER);
    u = good;
    u.kind = TG_CLIENT_APPLICATION; /* an application key of that name */
    forge_assert(user_verdict(&u), TG_TOKEN_USER);
}

static void cached_facts_of_a_key_revoked_since(void **state) {
    tg_token_facts_t f = good_facts();
    (void)state;
    forge_assert(forge_check(&f, &forge_proxy, &forge_client, 1, 0, false, 0, NOW), TG_TOKEN_KEY);
}

static void cached_facts_of_a_token_revoked_since(void **state) {
    tg_token_facts_t f = good_facts();
    tg_check_now_t at = {.environment_id = 1, .key_usable = true, .unrevoked = true, .now = NOW};
    (void)state;
    forge_assert(forge_ask(&f, &forge_proxy, &forge_client, &at), TG_TOKEN_OK);
    at.unrevoked = false;
    forge_assert(forge_ask(&f, &forge_proxy, &forge_client, &at), TG_TOKEN_ENDED);
}

/* Whoever forgets to say what is true now refuses. */
static void nothing_known_of_now(void **state) {
    static const tg_check_now_t nothing;
    tg_check_now_t at = {.key_usable = true};
    tg_token_facts_t f = good_facts();
    tg_policy_t opaque = forge_policy;
    tg_deployed_proxy_t p = forge_proxy;
    (void)state;
    forge_assert(forge_ask(&f, &forge_proxy, &forge_client, &nothing), TG_TOKEN_KEY);
    forge_assert(forge_ask(&f, &forge_proxy, &forge_client, &at), TG_TOKEN_ENDED);
    opaque.type = f.type = TG_TOKEN_OPAQUE;
    p.policy = &opaque;
    forge_assert(forge_ask(&f, &p, &forge_client, &nothing), TG_TOKEN_ENVIRONMENT);
}

static void secret_changed_since(void **state) {
    tg_token_facts_t f = good_facts();
    tg_live_client_t c = forge_client;
    (void)state;
    c.generation++;
    assert_check(&f, &forge_proxy, &c, TG_TOKEN_GENERATION);
}

static void jwt_where_opaque_is_asked(void **state) {
    tg_token_facts_t f = good_facts();
    tg_policy_t opaque = forge_policy;
    tg_deployed_proxy_t p = forge_proxy;
    (void)state;
    opaque.type = TG_TOKEN_OPAQUE;
    p.policy = &opaque;
    assert_check(&f, &p, &forge_client, TG_TOKEN_TYPE);
    p.policy = NULL;
    assert_check(&f, &p, &forge_client, TG_TOKEN_TYPE);
}

/* ---- opaque ---- */

static void opaque_records(void **state) {
    const tg_record_t good = {.environment_id = 1,
                              .client_kind = TG_CLIENT_APPLICATION,
                              .client_id = TG_STR(CLIENT),
                              .subject = TG_STR(CLIENT),
                              .generation = GENERATION,
                              .epoch = 3,
                              .issued_at = NOW,
                              .access_expires_at = NOW + 1000};
    tg_policy_t policy = forge_policy;
    tg_deployed_proxy_t p = forge_proxy;
    tg_token_facts_t f;
    (void)state;
    policy.type = TG_TOKEN_OPAQUE;
    p.policy = &policy;
    forge_assert(tg_record_prove(&good, &f), TG_TOKEN_OK);
    forge_assert(forge_check(&f, &p, &forge_client, 1, 3, true, 0, NOW), TG_TOKEN_OK);
    forge_assert(forge_check(&f, &p, &forge_client, 2, 3, true, 0, NOW), TG_TOKEN_ENVIRONMENT);
    forge_assert(forge_check(&f, &p, &forge_client, 1, 4, true, 0, NOW), TG_TOKEN_EPOCH);
    forge_assert(forge_check(&f, &p, &forge_client, 1, 2, true, 0, NOW), TG_TOKEN_OK);
    forge_assert(forge_check(&f, &forge_proxy, &forge_client, 1, 3, true, 0, NOW), TG_TOKEN_TYPE);
    /* no leeway for our own records, and no key */
    forge_assert(forge_check(&f, &p, &forge_client, 1, 3, false, 300, NOW + 999), TG_TOKEN_OK);
    forge_assert(forge_check(&f, &p, &forge_client, 1, 3, true, 300, NOW + 1000), TG_TOKEN_EXPIRED);

    tg_record_t ended = good;
    ended.ended_at = NOW - 1;
    forge_assert(tg_record_prove(&ended, &f), TG_TOKEN_OK);
    forge_assert(forge_check(&f, &p, &forge_client, 1, 3, true, 0, NOW), TG_TOKEN_ENDED);
    tg_record_t older = good;
    older.generation--;
    forge_assert(tg_record_prove(&older, &f), TG_TOKEN_OK);
    forge_assert(forge_check(&f, &p, &forge_client, 1, 3, true, 0, NOW), TG_TOKEN_GENERATION);
}

static void leeway_at_both_ends(void **state) {
    tg_token_facts_t f = good_facts();
    (void)state;
    forge_assert(forge_check(&f, &forge_proxy, &forge_client, 1, 0, true, 5, f.expires_at + 4999), TG_TOKEN_OK);
    forge_assert(forge_check(&f, &forge_proxy, &forge_client, 1, 0, true, 5, f.expires_at + 5000), TG_TOKEN_EXPIRED);
    f.not_before = NOW + 5000;
    forge_assert(forge_check(&f, &forge_proxy, &forge_client, 1, 0, true, 5, NOW), TG_TOKEN_OK);
    forge_assert(forge_check(&f, &forge_proxy, &forge_client, 1, 0, true, 5, NOW - 1), TG_TOKEN_NOT_YET);
}

static const struct CMUnitTest others[] = {
    cmocka_unit_test(accepted),
    cmocka_unit_test(issuer_without_access_url),
    cmocka_unit_test(kid_unknown_missing_overlong),
    cmocka_unit_test(kid_of_a_revoked_key),
    cmocka_unit_test(key_of_another_environment),
    cmocka_unit_test(key_of_the_attacker_in_the_header),
    cmocka_unit_test(alg_not_the_keys),
    cmocka_unit_test(alg_none_without_signature),
    cmocka_unit_test(hs256_with_the_public_key),
    cmocka_unit_test(bytes_changed_after_signing),
    cmocka_unit_test(claims_not_an_object),
    cmocka_unit_test(overlong_token),
    cmocka_unit_test(token_of_another_proxy),
    cmocka_unit_test(token_of_a_disabled_expired_unknown_client),
    cmocka_unit_test(credential_of_the_same_name),
    cmocka_unit_test(token_of_a_group_at_a_nonmember),
    cmocka_unit_test(access_lists),
    cmocka_unit_test(application_key_at_a_proxy_of_acl_mode),
    cmocka_unit_test(credential_at_a_proxy_of_policy_mode),
    cmocka_unit_test(credential_of_another_project),
    cmocka_unit_test(opaque_token_of_a_credential_where_a_jwt_is_asked),
    cmocka_unit_test(issuer_of_the_other_endpoints),
    cmocka_unit_test(own_tokens),
    cmocka_unit_test(user_gone_disabled_expired_or_with_another_password),
    cmocka_unit_test(cached_facts_of_a_key_revoked_since),
    cmocka_unit_test(cached_facts_of_a_token_revoked_since),
    cmocka_unit_test(nothing_known_of_now),
    cmocka_unit_test(secret_changed_since),
    cmocka_unit_test(jwt_where_opaque_is_asked),
    cmocka_unit_test(opaque_records),
    cmocka_unit_test(leeway_at_both_ends),
};

int main(void) {
    struct CMUnitTest tests[COUNT(attacks) + COUNT(others)];
    for (size_t i = 0; i < COUNT(attacks); i++) {
        tests[i] = (struct CMUnitTest){attacks[i].hole, attacked, NULL, NULL, (void *)&attacks[i]};
    }
    memcpy(tests + COUNT(attacks), others, sizeof(others));
    return _cmocka_run_group_tests("attacks", tests, COUNT(tests), forge_setup, forge_teardown);
}
