#include "guard.h"
#include "oauth/check.h"
#include "tests.h"

static void finding(void **state) {
    static const struct {
        const char *header;
        tg_token_verdict_t expected;
        const char *token;
    } cases[] = {
        {"Bearer abc", TG_TOKEN_OK, "abc"},
        {"bearer abc", TG_TOKEN_OK, "abc"},
        {"BEARER   abc", TG_TOKEN_OK, "abc"},
        {"Bearer abc ", TG_TOKEN_OK, "abc"},
        {"Bearer aZ09-._~+/==", TG_TOKEN_OK, "aZ09-._~+/=="},
        {"Bearer a.b.c", TG_TOKEN_OK, "a.b.c"},
        {"", TG_TOKEN_NONE, ""},
        {"Basic abc", TG_TOKEN_NONE, ""},
        {"Bearerabc", TG_TOKEN_NONE, ""},
        {"Bearer2 abc", TG_TOKEN_NONE, ""},
        {"Bearer\tabc", TG_TOKEN_NONE, ""},
        {"Bearer", TG_TOKEN_MALFORMED, ""},
        {"Bearer ", TG_TOKEN_MALFORMED, ""},
        {"Bearer =", TG_TOKEN_MALFORMED, ""},
        {"Bearer a=b", TG_TOKEN_MALFORMED, ""},
        {"Bearer a b", TG_TOKEN_MALFORMED, ""},
        {"Bearer \"abc\"", TG_TOKEN_MALFORMED, ""},
        {"Bearer a\x80", TG_TOKEN_MALFORMED, ""},
        {"Bearer abc, Bearer def", TG_TOKEN_MANY, ""},
        {"Bearer abc,def", TG_TOKEN_MANY, ""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        tg_str_t token;
        guard_t g = guard_copy(cases[i].header, strlen(cases[i].header));
        tg_token_verdict_t v = tg_bearer_find(tg_strn(g.p, g.n), 1, &token);
        assert_string_equal(tg_token_verdict_name(v), tg_token_verdict_name(cases[i].expected));
        assert_str(token, cases[i].token);
        guard_free(&g);
    }
}

static void in_the_query(void **state) {
    static const struct {
        const char *query;
        tg_token_verdict_t expected;
        const char *token, *rest;
    } cases[] = {
        {"", TG_TOKEN_NONE, "", ""},
        {"a=1&b=%20+;x", TG_TOKEN_NONE, "", "a=1&b=%20+;x"},
        {"access_token=abc", TG_TOKEN_OK, "abc", ""},
        {"a=1&access_token=abc&b=2", TG_TOKEN_OK, "abc", "a=1&b=2"},
        {"access_token=abc&b=2", TG_TOKEN_OK, "abc", "b=2"},
        {"a=1&access_token=abc", TG_TOKEN_OK, "abc", "a=1"},
        {"&&a=%zz&access_token=a.b-c_&&=&", TG_TOKEN_OK, "a.b-c_", "&&a=%zz&&=&"},
        {"%61ccess%5Ftoke%6e=a%62c&x", TG_TOKEN_OK, "abc", "x"},
        {"access_token=abc==", TG_TOKEN_OK, "abc==", ""},
        {"access_token&access_token=&access_token=abc", TG_TOKEN_OK, "abc", ""},
        {"access_token=&x=y", TG_TOKEN_NONE, "", "x=y"},
        {"access_token", TG_TOKEN_NONE, "", ""},
        {"access_token=a&access_token=a", TG_TOKEN_MANY, "", ""},
        {"access_token=a&x&%61ccess_token=b", TG_TOKEN_MANY, "", "x"},
        {"access_token=a%20b", TG_TOKEN_MALFORMED, "", ""},
        {"access_token=a%", TG_TOKEN_MALFORMED, "", ""},
        {"access_token=%00&y", TG_TOKEN_MALFORMED, "", "y"},
        {"Access_Token=abc", TG_TOKEN_NONE, "", "Access_Token=abc"},
        {"access_tokens=abc", TG_TOKEN_NONE, "", "access_tokens=abc"},
        {"access_toke=abc", TG_TOKEN_NONE, "", "access_toke=abc"},
        {"access_token%00=abc", TG_TOKEN_NONE, "", "access_token%00=abc"},
        {"x=access_token=abc", TG_TOKEN_NONE, "", "x=access_token=abc"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        tg_str_t token, rest;
        guard_t g = guard_copy(cases[i].query, strlen(cases[i].query));
        guard_t scratch = guard_copy(cases[i].query, strlen(cases[i].query));
        tg_token_verdict_t v = tg_bearer_query_find(tg_strn(g.p, g.n), (char *)(uintptr_t)scratch.p, &token, &rest);
        assert_string_equal(tg_token_verdict_name(v), tg_token_verdict_name(cases[i].expected));
        assert_str(token, cases[i].token);
        assert_str(rest, cases[i].rest);
        guard_free(&scratch);
        guard_free(&g);
    }
}

static void how_many(void **state) {
    tg_str_t token;
    (void)state;
    assert_int_equal(tg_bearer_find(TG_STR_NONE, 0, &token), TG_TOKEN_NONE);
    assert_int_equal(tg_bearer_find(TG_STR("Bearer a"), 2, &token), TG_TOKEN_MANY);
    assert_int_equal(token.n, 0);
    assert_int_equal(tg_bearer_find(tg_strn("Bearer a\0b", 10), 1, &token), TG_TOKEN_MALFORMED);
}

static void expect(tg_token_verdict_t v, const tg_policy_t *policy, int status, const char *challenge,
                   const char *body) {
    tg_buf_t www, json;
    tg_buf_init(&www, 512);
    tg_buf_init(&json, 512);
    assert_int_equal(tg_token_refusal_write(v, policy, &www, &json), status);
    assert_str(tg_buf_str(&www), challenge);
    assert_str(tg_buf_str(&json), body);
    tg_buf_release(&www);
    tg_buf_release(&json);
}

#define INVALID "the access token is invalid or was ended"

static void refusals(void **state) {
    static const tg_token_verdict_t one_answer[] = {
        TG_TOKEN_MALFORMED,  TG_TOKEN_SIGNATURE, TG_TOKEN_KEY,      TG_TOKEN_TYPE,
        TG_TOKEN_NOT_YET,    TG_TOKEN_ISSUER,    TG_TOKEN_AUDIENCE, TG_TOKEN_CLIENT,
        TG_TOKEN_GENERATION, TG_TOKEN_ENDED,     TG_TOKEN_EPOCH,    TG_TOKEN_ENVIRONMENT,
        TG_TOKEN_UNKNOWN,    TG_TOKEN_USER,      TG_TOKEN_ACCESS,   (tg_token_verdict_t)99};
    tg_policy_t plain = {.type = TG_TOKEN_JWT};
    (void)state;
    expect(TG_TOKEN_NONE, &plain, 401, "Bearer",
           "{\"error\":\"unauthorized\",\"error_description\":\"an access token is required\"}");
    expect(TG_TOKEN_MANY, NULL, 400,
           "Bearer error=\"invalid_request\", error_description=\"more than one access token\"",
           "{\"error\":\"invalid_request\",\"error_description\":\"more than one access token\"}");
    expect(TG_TOKEN_EXPIRED, NULL, 401,
           "Bearer error=\"invalid_token\", error_description=\"the access token expired\"",
           "{\"error\":\"invalid_token\",\"error_description\":\"the access token expired\"}");
    expect(TG_TOKEN_UNAVAILABLE, NULL, 503, "",
           "{\"error\":\"server_error\",\"error_description\":\"the access token cannot be checked now, try again "
           "later\"}");
    for (size_t i = 0; i < COUNT(one_answer); i++) {
        expect(one_answer[i], NULL, 401, "Bearer error=\"invalid_token\", error_description=\"" INVALID "\"",
               "{\"error\":\"invalid_token\",\"error_description\":\"" INVALID "\"}");
    }
}

#define FORBIDDEN "the access token does not let its holder do this"
#define LIMITED   "{\"error\":\"slow_down\",\"error_description\":\"too many requests, try again later\"}"

/* RFC 6750 3.1: a good token that is not enough; what no token could mend has no error of a token. */
static void refusals_of_good_tokens(void **state) {
    static const tg_token_verdict_t not_enough[] = {TG_TOKEN_METHOD, TG_TOKEN_ROLE};
    tg_policy_t p = {.error_status = 418, .error_code = TG_STR("E-17"), .error_message = TG_STR("no")};
    (void)state;
    for (size_t i = 0; i < COUNT(not_enough); i++) {
        expect(not_enough[i], NULL, 403, "Bearer error=\"insufficient_scope\", error_description=\"" FORBIDDEN "\"",
               "{\"error\":\"insufficient_scope\",\"error_description\":\"" FORBIDDEN "\"}");
        expect(not_enough[i], &p, 418, "Bearer error=\"insufficient_scope\", error_description=\"" FORBIDDEN "\"",
               "{\"error\":\"E-17\",\"error_description\":\"no\"}");
    }
    expect(TG_TOKEN_ADDRESS, NULL, 403, "Bearer",
           "{\"error\":\"access_denied\",\"error_description\":\"this is not to be called from here\"}");
    expect(TG_TOKEN_ADDRESS, &p, 418, "Bearer", "{\"error\":\"E-17\",\"error_description\":\"no\"}");
    expect(TG_TOKEN_LIMIT, NULL, 429, "", LIMITED);
    expect(TG_TOKEN_LIMIT, &p, 429, "", LIMITED);
}

static void own_words_of_a_policy(void **state) {
    tg_policy_t p = {.error_status = 403, .error_code = TG_STR("E-17"), .error_message = TG_STR("say \"please\"")};
    (void)state;
    expect(TG_TOKEN_KEY, &p, 403, "Bearer error=\"invalid_token\", error_description=\"" INVALID "\"",
           "{\"error\":\"E-17\",\"error_description\":\"say \\\"please\\\"\"}");
    expect(TG_TOKEN_NONE, &p, 403, "Bearer", "{\"error\":\"E-17\",\"error_description\":\"say \\\"please\\\"\"}");
    expect(TG_TOKEN_UNAVAILABLE, &p, 503, "",
           "{\"error\":\"server_error\",\"error_description\":\"the access token cannot be checked now, try again "
           "later\"}");
    p.error_code = TG_STR_NONE;
    p.error_status = 0;
    expect(TG_TOKEN_NONE, &p, 401, "Bearer",
           "{\"error\":\"unauthorized\",\"error_description\":\"say \\\"please\\\"\"}");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finding),  cmocka_unit_test(in_the_query),          cmocka_unit_test(how_many),
        cmocka_unit_test(refusals), cmocka_unit_test(own_words_of_a_policy), cmocka_unit_test(refusals_of_good_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
