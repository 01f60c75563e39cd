#include "oauth/introspect.h"

#include "alloc.h"
#include "guard.h"
#include "tests.h"

#define FORM "application/x-www-form-urlencoded"
#define NOW  ((tg_ms_t)1790000000 * 1000)

/* ---- requests ---- */

static tg_oauth_error_t parse(const char *authorization, const char *query, const char *body, tg_arena_t *a,
                              tg_token_query_t *out) {
    const char *why = NULL;
    const tg_oauth_input_t in = {.method = TG_STR("POST"),
                                 .content_type = TG_STR(FORM),
                                 .authorization = tg_str(authorization),
                                 .n_authorization = authorization != NULL,
                                 .query = tg_str(query),
                                 .body = tg_str(body)};
    tg_oauth_error_t e = tg_token_query_parse(&in, a, out, &why);
    assert_true((e == TG_OAUTH_OK) == (*why == '\0'));
    return e;
}

#define BASIC "Basic YTpz" /* a:s */

static void queries(void **state) {
    static const struct {
        const char *body;
        const char *token; /* NULL: none */
        tg_token_hint_t hint;
    } cases[] = {
        {"token=tga_x", "tga_x", TG_HINT_NONE},
        {"token=tga_x&token_type_hint=access_token", "tga_x", TG_HINT_ACCESS},
        {"token_type_hint=refresh_token&token=tgr_x", "tgr_x", TG_HINT_REFRESH},
        {"token=a%2Bb+c&token_type_hint=refresh_token", "a+b c", TG_HINT_REFRESH},
        {"token=x&token_type_hint=saml2", "x", TG_HINT_NONE}, /* RFC 7009 2.1: ignore what is unknown */
        {"token=x&token_type_hint=Access_Token", "x", TG_HINT_NONE},
        {"token=x&token_type_hint=", "x", TG_HINT_NONE},
        {"token=x&more=y&grant_type=z", "x", TG_HINT_NONE},
        {"token=", NULL, TG_HINT_NONE},
        {"", NULL, TG_HINT_NONE},
        {"Token=x", NULL, TG_HINT_NONE},
        {"access_token=x", NULL, TG_HINT_NONE},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        tg_token_query_t q;
        tg_arena_t a;
        guard_t g = guard_copy(cases[i].body, strlen(cases[i].body) + 1);
        tg_arena_init(&a, 65536);
        assert_int_equal(parse(BASIC, "", g.p, &a, &q), TG_OAUTH_OK);
        assert_str(q.token, cases[i].token ? cases[i].token : "");
        assert_int_equal(q.hint, cases[i].hint);
        assert_str(q.asked.client_id, "a");
        assert_str(q.asked.client_secret, "s");
        assert_true(q.asked.has_secret);
        assert_int_equal(q.asked.grant, TG_GRANT_NONE);
        tg_arena_release(&a);
        guard_free(&g);
    }
}

static void queries_refused(void **state) {
    static const struct {
        const char *authorization, *query, *body;
        tg_oauth_error_t expected;
    } cases[] = {
        {NULL, "", "token=x", TG_OAUTH_INVALID_CLIENT},
        {"Basic !", "", "token=x", TG_OAUTH_INVALID_CLIENT},
        {NULL, "", "token=x&client_id=a&client_secret=s", TG_OAUTH_OK},
        {"Bearer x", "", "token=x&client_id=a&client_secret=s", TG_OAUTH_OK},
        {BASIC, "", "token=x&client_secret=s", TG_OAUTH_INVALID_REQUEST},
        {BASIC, "", "token=x&token=x", TG_OAUTH_INVALID_REQUEST},
        {BASIC, "", "token=x&token_type_hint=access_token&token_type_hint=access_token", TG_OAUTH_INVALID_REQUEST},
        {BASIC, "token=x", "", TG_OAUTH_INVALID_REQUEST}, /* every log on the way would keep it */
        {BASIC, "token=x", "token=x", TG_OAUTH_INVALID_REQUEST},
        {BASIC, "token_type_hint=access_token", "token=x", TG_OAUTH_OK},
        {BASIC, "client_secret=s", "token=x", TG_OAUTH_INVALID_REQUEST},
        {BASIC, "", "token=%zz", TG_OAUTH_INVALID_REQUEST},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        tg_token_query_t q;
        tg_arena_t a;
        tg_arena_init(&a, 65536);
        if (parse(cases[i].authorization, cases[i].query, cases[i].body, &a, &q) != cases[i].expected) {
            fail_msg("case %zu", i);
        }
        tg_arena_release(&a);
    }
}

static void method_and_content_type(void **state) {
    tg_oauth_input_t in = {.method = TG_STR("GET"),
                           .content_type = TG_STR(FORM),
                           .authorization = TG_STR(BASIC),
                           .n_authorization = 1,
                           .body = TG_STR("token=x")};
    tg_token_query_t q;
    tg_arena_t a;
    const char *why;
    (void)state;
    tg_arena_init(&a, 65536);
    assert_int_equal(tg_token_query_parse(&in, &a, &q, &why), TG_OAUTH_METHOD);
    in.method = TG_STR("POST");
    in.content_type = TG_STR("application/json");
    assert_int_equal(tg_token_query_parse(&in, &a, &q, &why), TG_OAUTH_INVALID_REQUEST);
    assert_int_equal(q.token.n, 0);
    tg_arena_release(&a);
}

static void without_memory(void **state) {
    (void)state;
    for (size_t max = 0;; max += 16) {
        tg_token_query_t q;
        tg_arena_t a;
        tg_arena_init(&a, max);
        tg_oauth_error_t e = parse(BASIC, "x=y", "token=abc&token_type_hint=access_token", &a, &q);
        tg_arena_release(&a);
        if (e == TG_OAUTH_OK) {
            assert_true(max > 64);
            break;
        }
        assert_int_equal(e, TG_OAUTH_SERVER_ERROR);
    }
}

/* ---- answers ---- */

static tg_token_facts_t facts_of(tg_token_type_t type) {
    tg_token_facts_t f = {.type = type,
                          .client_id = "orders-key",
                          .client_id_len = 10,
                          .subject = "al\"ice",
                          .subject_len = 6,
                          .issued_at = NOW + 999,
                          .expires_at = NOW + 60999,
                          .jti = {0xfb, 0xff}};
    return f;
}

static void answer_is(const tg_introspection_t *i, const char *expected) {
    tg_buf_t b;
    tg_buf_init(&b, 4096);
    tg_introspection_write(i, &b);
    assert_str(tg_buf_str(&b), expected);
    tg_buf_release(&b);
}

#define WHO "\"aud\":\"orders-key\",\"sub\":\"al\\\"ice\",\"iss\":\"https://gw.example.org/auth\""

static void answers(void **state) {
    tg_token_facts_t f = facts_of(TG_TOKEN_OPAQUE);
    tg_introspection_t i = {.facts = &f, .issuer = TG_STR("https://gw.example.org/auth")};
    (void)state;
    answer_is(&i, "{\"active\":true,\"client_id\":\"orders-key\",\"username\":\"al\\\"ice\",\"token_type\":\"Bearer\","
                  "\"iat\":1790000000,\"exp\":1790000060," WHO "}");
    i.has_scope = true;
    i.scope = TG_STR("read write");
    f.user_generation = 1;
    f.expires_at = 0;
    answer_is(&i, "{\"active\":true,\"scope\":\"read write\",\"client_id\":\"orders-key\",\"username\":\"al\\\"ice\","
                  "\"token_type\":\"Bearer\",\"iat\":1790000000," WHO "}");
    f.user_generation = 0;
    i.scope = TG_STR_NONE; /* resolved, and none */
    i.refresh = true;
    answer_is(&i, "{\"active\":true,\"scope\":\"\",\"client_id\":\"orders-key\",\"username\":\"al\\\"ice\",\"iat\":"
                  "1790000000," WHO "}");
    f = facts_of(TG_TOKEN_JWT);
    i.refresh = i.has_scope = false;
    memcpy(f.subject, f.client_id, f.client_id_len); /* its own: nobody's name */
    f.subject_len = f.client_id_len;
    answer_is(&i, "{\"active\":true,\"client_id\":\"orders-key\",\"token_type\":\"Bearer\",\"iat\":1790000000,"
                  "\"exp\":1790000060,\"aud\":\"orders-key\",\"sub\":\"orders-key\","
                  "\"iss\":\"https://gw.example.org/auth\",\"jti\":\"-_8AAAAAAAAAAAAAAAAAAA\"}");
}

/* RFC 7662 2.2: nothing more about a token that is not active. */
static void inactive(void **state) {
    tg_buf_t b;
    (void)state;
    tg_buf_init(&b, 64);
    tg_introspection_inactive_write(&b);
    assert_str(tg_buf_str(&b), "{\"active\":false}");
    tg_buf_release(&b);
}

/* ---- opaque refresh tokens ---- */

static void refresh_tokens_of_records(void **state) {
    const tg_record_t good = {.has_refresh = true,
                              .environment_id = 4,
                              .client_kind = TG_CLIENT_APPLICATION,
                              .client_id = TG_STR("orders-key"),
                              .subject = TG_STR("orders-key"),
                              .generation = 6,
                              .epoch = 2,
                              .issued_at = NOW,
                              .access_expires_at = NOW + 1000,
                              .refresh_expires_at = NOW + 9000,
                              .refresh_left = 1};
    tg_token_facts_t f;
    tg_record_t r = good;
    (void)state;
    assert_int_equal(tg_record_prove_refresh(&r, &f), TG_TOKEN_OK);
    assert_int_equal(f.expires_at, NOW + 9000);
    assert_int_equal(f.epoch, 2);
    assert_false(f.ended);
    r.refresh_left = 0; /* would be refused */
    assert_int_equal(tg_record_prove_refresh(&r, &f), TG_TOKEN_OK);
    assert_true(f.ended);
    r = good;
    r.ended_at = NOW;
    assert_int_equal(tg_record_prove_refresh(&r, &f), TG_TOKEN_OK);
    assert_true(f.ended);
    r = good;
    r.has_refresh = false;
    memset(&f, 0xff, sizeof(f));
    assert_int_equal(tg_record_prove_refresh(&r, &f), TG_TOKEN_UNKNOWN);
    assert_int_equal(f.client_id_len, 0);
    r = good;
    r.refresh_expires_at = 0; /* must not become one that never ends */
    assert_int_equal(tg_record_prove_refresh(&r, &f), TG_TOKEN_UNKNOWN);
    r = good;
    r.subject = TG_STR_NONE;
    assert_int_equal(tg_record_prove_refresh(&r, &f), TG_TOKEN_UNKNOWN);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries),
        cmocka_unit_test(queries_refused),
        cmocka_unit_test(method_and_content_type),
        cmocka_unit_test(without_memory),
        cmocka_unit_test(answers),
        cmocka_unit_test(inactive),
        cmocka_unit_test(refresh_tokens_of_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
