/* What a proof takes from token and record. The refusals are in test_attacks.c. */
#include "forge.h"

static void facts_of_a_jwt(void **state) {
    tg_token_facts_t f;
    tg_buf_t t;
    (void)state;
    tg_buf_init(&t, TOKEN_MAX);
    forge_sign(forge_keys[KEY_LIVE], GOOD_HEADER, forge_claims("nbf", "1789999999.5"), &t);
    forge_assert(forge_prove(tg_buf_str(&t), &f), TG_TOKEN_OK);
    assert_int_equal(f.type, TG_TOKEN_JWT);
    assert_int_equal(f.client_kind, TG_CLIENT_APPLICATION);
    assert_str(tg_strn(f.client_id, f.client_id_len), CLIENT);
    assert_str(tg_strn(f.subject, f.subject_len), CLIENT);
    assert_true(f.generation == GENERATION);
    assert_int_equal(f.issued_at, NOW);
    assert_int_equal(f.not_before, NOW - 500);
    assert_int_equal(f.expires_at, NOW + 3600000);
    assert_true(tg_str_eq(tg_strn(f.kid, f.kid_len), forge_rows[KEY_LIVE].kid));
    assert_false(f.ended);
    assert_memory_equal(f.jti, "some-id-16-bytes", sizeof(f.jti));
    assert_false(f.has_family);
    forge_sign(forge_keys[KEY_LIVE], GOOD_HEADER, forge_claims("tg_fam", "\"YS1mYW1pbHktMTYtYi4uLg\""), &t);
    forge_assert(forge_prove(tg_buf_str(&t), &f), TG_TOKEN_OK);
    assert_true(f.has_family);
    assert_memory_equal(f.family, "a-family-16-b...", sizeof(f.family));
    forge_sign(forge_keys[KEY_LIVE], GOOD_HEADER, forge_claims("exp", NULL), &t);
    forge_assert(forge_prove(tg_buf_str(&t), &f), TG_TOKEN_OK);
    assert_int_equal(f.expires_at, 0);
    assert_int_equal(f.not_before, 0);
    tg_buf_release(&t);
}

static void facts_with(const char *claim, const char *value, tg_token_verdict_t expected, tg_token_facts_t *f) {
    tg_buf_t t;
    tg_buf_init(&t, TOKEN_MAX);
    forge_sign(forge_keys[KEY_LIVE], GOOD_HEADER, forge_claims(claim, value), &t);
    forge_assert(forge_prove(tg_buf_str(&t), f), expected);
    tg_buf_release(&t);
}

static void scope_of_a_jwt(void **state) {
    static char text[300];
    tg_token_facts_t f;
    (void)state;
    facts_with(NULL, NULL, TG_TOKEN_OK, &f);
    assert_false(f.has_scope);
    assert_int_equal(f.scope_len, 0);
    facts_with("scope", "\"\"", TG_TOKEN_OK, &f);
    assert_true(f.has_scope);
    assert_int_equal(f.scope_len, 0);
    facts_with("scope", "\"read write\"", TG_TOKEN_OK, &f);
    assert_true(f.has_scope);
    assert_str(tg_strn(f.scope, f.scope_len), "read write");
    for (size_t n = TG_FACTS_SCOPE_MAX; n <= TG_FACTS_SCOPE_MAX + 1; n++) {
        memset(text, 'x', sizeof(text));
        text[0] = text[n + 1] = '"';
        text[n + 2] = '\0';
        facts_with("scope", text, TG_TOKEN_OK, &f);
        assert_true(f.has_scope);
        assert_int_equal(f.scope_len, n);
        assert_int_equal(f.scope[0], n == TG_FACTS_SCOPE_MAX ? 'x' : '\0');
    }
}

static void user_of_a_jwt(void **state) {
    static const char *const bad[] = {
        "\"\"", "\"ff\"", "\"00000000000000fg\"", "\"0000000000000000ff\"", "255", "true",
        "null", "[]",     "\"0000000000000000\""}; /* would say that there is no user to check */
    tg_token_facts_t f;
    (void)state;
    facts_with(NULL, NULL, TG_TOKEN_OK, &f);
    assert_true(f.user_generation == 0);
    facts_with("tg_ugen", "\"00000000000000ff\"", TG_TOKEN_OK, &f);
    assert_true(f.user_generation == 255 && f.generation == GENERATION);
    for (size_t i = 0; i < COUNT(bad); i++) {
        facts_with("tg_ugen", bad[i], TG_TOKEN_GENERATION, &f);
    }
}

static void kind_of_client_by_the_issuer(void **state) {
    tg_token_facts_t f;
    (void)state;
    facts_with("iss", "\"https://gw.example.org/credential\"", TG_TOKEN_OK, &f);
    assert_int_equal(f.client_kind, TG_CLIENT_CREDENTIAL);
    facts_with("iss", "\"https://gw.example.org/auth\"", TG_TOKEN_OK, &f);
    assert_int_equal(f.client_kind, TG_CLIENT_APPLICATION);
    facts_with("iss", "\"https://gw.example.org/credential/auth\"", TG_TOKEN_ISSUER, &f);
    facts_with("iss", "\"https://gw.example.org/auth/credential\"", TG_TOKEN_ISSUER, &f);
    facts_with("iss", "\"https://gw.example.org/Credential\"", TG_TOKEN_ISSUER, &f);
    facts_with("iss", "\"https://gw.example.org\"", TG_TOKEN_ISSUER, &f);
}

/* A refusal leaves nothing behind that could be taken for facts. */
static void no_facts_of_a_refused_token(void **state) {
    static const tg_token_facts_t none;
    tg_token_facts_t f;
    tg_buf_t t;
    (void)state;
    tg_buf_init(&t, TOKEN_MAX);
    forge_sign(forge_keys[KEY_LIVE], GOOD_HEADER, forge_claims("tg_gen", NULL), &t);
    memset(&f, 0xff, sizeof(f));
    forge_assert(forge_prove(tg_buf_str(&t), &f), TG_TOKEN_GENERATION);
    assert_int_equal(f.client_id_len, none.client_id_len);
    assert_int_equal(f.type, none.type);
    assert_int_equal(f.generation, none.generation);
    tg_buf_release(&t);
}

static const tg_key_t *no_key(void *ctx, size_t i) {
    (void)ctx;
    (void)i;
    return NULL;
}

static void key_that_did_not_load(void **state) {
    tg_token_facts_t f;
    tg_arena_t a;
    tg_buf_t t;
    (void)state;
    tg_buf_init(&t, TOKEN_MAX);
    tg_arena_init(&a, 65536);
    forge_sign(forge_keys[KEY_LIVE], GOOD_HEADER, forge_claims(NULL, NULL), &t);
    forge_assert(tg_jwt_prove(tg_buf_str(&t), &forge_env, forge_rows, KEY_COUNT, no_key, NULL, NOW, &a, &f),
                 TG_TOKEN_UNAVAILABLE);
    tg_arena_release(&a);
    tg_buf_release(&t);
}

static void without_memory(void **state) {
    tg_token_facts_t f;
    tg_buf_t t;
    long n = 0;
    (void)state;
    tg_buf_init(&t, TOKEN_MAX);
    forge_sign(forge_keys[KEY_LIVE], forge_header(",\"typ\":\"application/at+jwt\""), forge_claims(NULL, NULL), &t);
    for (;; n++) {
        alloc_fail_after(n);
        tg_token_verdict_t v = forge_prove(tg_buf_str(&t), &f);
        if (!alloc_failed()) {
            forge_assert(v, TG_TOKEN_OK);
            break;
        }
        forge_assert(v, TG_TOKEN_UNAVAILABLE);
    }
    assert_true(n > 0);
    for (size_t max = 0;; max += 16) {
        tg_arena_t a;
        tg_arena_init(&a, max);
        tg_token_verdict_t v =
            tg_jwt_prove(tg_buf_str(&t), &forge_env, forge_rows, KEY_COUNT, forge_key_of, NULL, NOW, &a, &f);
        tg_arena_release(&a);
        if (v == TG_TOKEN_OK) {
            assert_true(max > 256);
            break;
        }
        forge_assert(v, TG_TOKEN_UNAVAILABLE);
    }
    tg_buf_release(&t);
}

static tg_record_t record(size_t client_n, size_t subject_n) {
    static char text[TG_SUBJECT_MAX + 1];
    memset(text, 'x', sizeof(text));
    return (tg_record_t){.environment_id = 4,
                         .client_kind = TG_CLIENT_CREDENTIAL,
                         .client_id = tg_strn(text, client_n),
                         .subject = tg_strn(text, subject_n),
                         .scope = TG_STR("read"),
                         .has_scope = true,
                         .generation = 6,
                         .user_generation = 8,
                         .epoch = 2,
                         .issued_at = 10,
                         .access_expires_at = 20,
                         .ended_at = 15};
}

static void facts_of_a_record(void **state) {
    tg_record_t r = record(256, 256);
    tg_token_facts_t f;
    (void)state;
    forge_assert(tg_record_prove(&r, &f), TG_TOKEN_OK);
    assert_int_equal(f.type, TG_TOKEN_OPAQUE);
    assert_int_equal(f.client_kind, TG_CLIENT_CREDENTIAL);
    assert_true(tg_str_eq(tg_strn(f.client_id, f.client_id_len), r.client_id));
    assert_true(tg_str_eq(tg_strn(f.subject, f.subject_len), r.subject));
    assert_int_equal(f.generation, 6);
    assert_int_equal(f.user_generation, 8);
    assert_true(f.has_scope);
    assert_str(tg_strn(f.scope, f.scope_len), "read");
    assert_int_equal(f.epoch, 2);
    assert_int_equal(f.issued_at, 10);
    assert_int_equal(f.not_before, 0);
    assert_int_equal(f.expires_at, 20);
    assert_int_equal(f.environment_id, 4);
    assert_true(f.ended);
    assert_true(f.epoch_id == tg_epoch_id(TG_CLIENT_CREDENTIAL, r.client_id, r.subject));
    r = record(257, 1);
    forge_assert(tg_record_prove(&r, &f), TG_TOKEN_UNKNOWN);
    r = record(1, 257);
    forge_assert(tg_record_prove(&r, &f), TG_TOKEN_UNKNOWN);
    r = record(0, 1);
    forge_assert(tg_record_prove(&r, &f), TG_TOKEN_UNKNOWN);
    r = record(1, 0);
    forge_assert(tg_record_prove(&r, &f), TG_TOKEN_UNKNOWN);
}

static void names(void **state) {
    (void)state;
    for (tg_token_verdict_t v = TG_TOKEN_OK; v <= TG_TOKEN_UNAVAILABLE; v++) {
        assert_string_not_equal(tg_token_verdict_name(v), "?");
    }
    assert_string_equal(tg_token_verdict_name((tg_token_verdict_t)99), "?");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_of_a_jwt),
        cmocka_unit_test(no_facts_of_a_refused_token),
        cmocka_unit_test(key_that_did_not_load),
        cmocka_unit_test(without_memory),
        cmocka_unit_test(scope_of_a_jwt),
        cmocka_unit_test(user_of_a_jwt),
        cmocka_unit_test(kind_of_client_by_the_issuer),
        cmocka_unit_test(facts_of_a_record),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, forge_setup, forge_teardown);
}
