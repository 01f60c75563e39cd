#include "policy/cors.h"

#include "guard.h"
#include "tests.h"

static tg_str_t origins[] = {TG_STR("https://app.example.org"), TG_STR("http://localhost:3000")};
static tg_str_t methods[] = {TG_STR("GET"), TG_STR("PUT")};
static tg_str_t headers[] = {TG_STR("Authorization"), TG_STR("Content-Type"), TG_STR("X-Trace")};
static tg_str_t exposed[] = {TG_STR("X-Total"), TG_STR("Link")};
static tg_str_t every[] = {TG_STR("*")};
static tg_str_t every_and_authorization[] = {TG_STR("*"), TG_STR("Authorization")};

static tg_cors_t some(void) {
    return (tg_cors_t){.enabled = true,
                       .origins = origins,
                       .n_origins = COUNT(origins),
                       .methods = methods,
                       .n_methods = COUNT(methods),
                       .headers = headers,
                       .n_headers = COUNT(headers),
                       .exposed = exposed,
                       .n_exposed = COUNT(exposed),
                       .credentials = true,
                       .max_age_s = 600};
}

static tg_cors_t all(void) {
    tg_cors_t c = some();
    c.origins = every;
    c.n_origins = 1;
    c.headers = every;
    c.n_headers = 1;
    c.credentials = false;
    return c;
}

static bool allows(const tg_cors_t *c, const char *origin) {
    guard_t g = guard_copy(origin, strlen(origin));
    bool allowed = tg_cors_allows_origin(c, tg_strn(g.p, g.n));
    guard_free(&g);
    return allowed;
}

static void origins_that_are_listed(void **state) {
    tg_cors_t c = some();
    (void)state;
    assert_true(allows(&c, "https://app.example.org"));
    assert_true(allows(&c, "HTTPS://App.Example.org"));
    assert_true(allows(&c, "http://localhost:3000"));
    c.enabled = false;
    assert_false(allows(&c, "https://app.example.org"));
}

static void origins_that_look_alike(void **state) {
    static const char *const rows[] = {
        "",
        "null",
        "NULL",
        "*",
        "https://app.example.org.evil.test",
        "https://app.example.org.",
        "https://app.example.org:443",
        "https://app.example.org:8443",
        "https://app.example.org/",
        "https://app.example.org@evil.test",
        "https://evil.test/https://app.example.org",
        "https://evil.test#https://app.example.org",
        "https://notapp.example.org",
        "https://evil-app.example.org",
        "https://app-example.org",
        "https://appxexample.org",
        "https://sub.app.example.org",
        "http://app.example.org",
        "app.example.org",
        "//app.example.org",
        " https://app.example.org",
        "https://app.example.org ",
        "https://app.example.org https://evil.test",
        "https://app.example.org,https://evil.test",
        "https://app.example.or",
        "http://localhost",
        "http://localhost:30000",
        "http://localhost:3000\r\nX: y",
    };
    tg_cors_t c = some();
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (allows(&c, rows[i])) {
            fail_msg("'%s'", rows[i]);
        }
    }
    assert_false(tg_cors_allows_origin(&c, tg_strn("https://app.example.org\0.evil.test", 34)));
    assert_false(tg_cors_allows_origin(&c, tg_strn("https://app.example.org\0", 24)));
}

/* Fetch 3.2.5 forbids "*" with credentials; to tell each site its own name instead would open all of them. */
static void wildcard_with_credentials(void **state) {
    tg_cors_t c = all();
    (void)state;
    assert_true(allows(&c, "https://evil.test"));
    c.credentials = true;
    assert_false(allows(&c, "https://evil.test"));
    assert_false(allows(&c, "null"));
    assert_false(allows(&c, "*"));
    c.origins = origins;
    c.n_origins = COUNT(origins);
    assert_true(tg_cors_allows_preflight(&c, origins[0], TG_STR("GET"), TG_STR_NONE));
    assert_false(tg_cors_allows_preflight(&c, origins[0], TG_STR("GET"), TG_STR("X-Any"))); /* "*" as header */
}

static void every_origin(void **state) {
    static char longest[513];
    tg_cors_t c = all();
    (void)state;
    assert_true(allows(&c, "https://anything.test"));
    assert_true(allows(&c, "null"));
    assert_false(allows(&c, ""));
    memset(longest, 'x', sizeof(longest));
    assert_true(tg_cors_allows_origin(&c, tg_strn(longest, 512)));
    assert_false(tg_cors_allows_origin(&c, tg_strn(longest, 513)));
}

static void preflights(void **state) {
    static const struct {
        const char *method, *headers;
        bool listed, any; /* by some(), by all() */
    } rows[] = {
        {"GET", "", true, true},
        {"PUT", "", true, true},
        {"POST", "", false, false},
        {"get", "", false, false},
        {"GET ", "", false, false},
        {"", "", false, false},
        {"GET", "authorization", true, false},
        {"GET", "AUTHORIZATION", true, false},
        {"GET", "content-type", true, true},
        {"GET", "content-type, x-trace", true, true},
        {"GET", "content-type,x-trace,authorization", true, false},
        {"GET", "\tx-trace \t, , content-type,", true, true},
        {"GET", "x-other", false, true},
        {"GET", "x-trace, x-other", false, true},
        {"GET", "x-tracer", false, true},
        {"GET", "x-trac", false, true},
        {"GET", "x-trace x-trace", false, false},
        {"GET", "x-trace;q=1", false, false},
        {"GET", "x-trace\r\n", false, false},
        {"GET", "x-tr\xc3\xa4", false, false},
        {"GET", "\"x-trace\"", false, false},
        {"GET", "*", false, true},
    };
    tg_cors_t listed = some(), any = all();
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        tg_str_t method = tg_str(rows[i].method);
        guard_t g = guard_copy(rows[i].headers, strlen(rows[i].headers));
        tg_str_t names = tg_strn(g.p, g.n);
        if (tg_cors_allows_preflight(&listed, origins[0], method, names) != rows[i].listed ||
            tg_cors_allows_preflight(&any, origins[0], method, names) != rows[i].any) {
            fail_msg("'%s' '%s'", rows[i].method, rows[i].headers);
        }
        assert_false(tg_cors_allows_preflight(&listed, TG_STR("https://evil.test"), method, names));
        guard_free(&g);
    }
    any.headers = every_and_authorization;
    any.n_headers = COUNT(every_and_authorization);
    assert_true(tg_cors_allows_preflight(&any, origins[0], TG_STR("GET"), TG_STR("authorization,x-any")));
    listed.n_headers = 0;
    assert_true(tg_cors_allows_preflight(&listed, origins[0], TG_STR("GET"), TG_STR_NONE));
    assert_false(tg_cors_allows_preflight(&listed, origins[0], TG_STR("GET"), TG_STR("content-type")));
}

static void nothing_is_said(const tg_cors_answer_t *a) {
    assert_int_equal(a->allow_origin.n + a->allow_methods.n + a->allow_headers.n + a->max_age.n + a->expose_headers.n,
                     0);
    assert_false(a->allow_credentials);
}

static void answers(void **state) {
    tg_cors_t c = some();
    tg_cors_answer_t a;
    tg_buf_t scratch;
    (void)state;
    tg_buf_init(&scratch, 4096);
    tg_buf_put(&scratch, TG_STR("what was there before"));
    tg_cors_answer(&c, origins[0], true, &scratch, &a);
    assert_str(a.allow_origin, "https://app.example.org");
    assert_str(a.allow_methods, "GET, PUT");
    assert_str(a.allow_headers, "Authorization, Content-Type, X-Trace");
    assert_str(a.max_age, "600");
    assert_int_equal(a.expose_headers.n, 0);
    assert_true(a.allow_credentials && a.vary);
    tg_cors_answer(&c, TG_STR("HTTP://localhost:3000"), false, &scratch, &a);
    assert_str(a.allow_origin, "HTTP://localhost:3000"); /* its own spelling, or the browser would not know itself */
    assert_str(a.expose_headers, "X-Total, Link");
    assert_int_equal(a.allow_methods.n + a.allow_headers.n + a.max_age.n, 0);
    assert_true(a.allow_credentials && a.vary);
    tg_buf_release(&scratch);
}

static void answers_to_all(void **state) {
    tg_cors_t c = all();
    tg_cors_answer_t a;
    tg_buf_t scratch;
    (void)state;
    tg_buf_init(&scratch, 4096);
    c.n_exposed = 0;
    tg_cors_answer(&c, TG_STR("https://any.test"), false, &scratch, &a);
    assert_str(a.allow_origin, "*");
    assert_false(a.allow_credentials || a.vary);
    assert_int_equal(a.expose_headers.n, 0);
    tg_cors_answer(&c, TG_STR("null"), true, &scratch, &a);
    assert_str(a.allow_origin, "*");
    assert_str(a.allow_headers, "*");
    tg_buf_release(&scratch);
}

/* Vary all the same: a cache must not hand this answer to an origin that is allowed. */
static void answers_to_others(void **state) {
    tg_cors_t c = some();
    tg_cors_answer_t a;
    tg_buf_t scratch;
    (void)state;
    tg_buf_init(&scratch, 4096);
    tg_cors_answer(&c, TG_STR("https://evil.test"), true, &scratch, &a);
    nothing_is_said(&a);
    assert_true(a.vary);
    tg_cors_answer(&c, TG_STR_NONE, false, &scratch, &a);
    nothing_is_said(&a);
    assert_true(a.vary);
    c.enabled = false;
    tg_cors_answer(&c, origins[0], true, &scratch, &a);
    nothing_is_said(&a);
    assert_false(a.vary);
    c = all();
    c.credentials = true; /* which the model refuses */
    tg_cors_answer(&c, TG_STR("https://evil.test"), false, &scratch, &a);
    nothing_is_said(&a);
    tg_buf_release(&scratch);
}

/* Half a list would be another one. */
static void lists_that_do_not_fit(void **state) {
    tg_cors_t c = some();
    tg_cors_answer_t a;
    (void)state;
    for (size_t max = 0; max < 60; max++) {
        tg_buf_t scratch;
        tg_buf_init(&scratch, max);
        tg_cors_answer(&c, origins[0], true, &scratch, &a);
        if (scratch.err == TG_OK) {
            assert_str(a.allow_headers, "Authorization, Content-Type, X-Trace");
            assert_int_equal(max, strlen("GET, PUT"
                                         "Authorization, Content-Type, X-Trace"
                                         "600"));
            tg_buf_release(&scratch);
            return;
        }
        assert_int_equal(a.allow_methods.n + a.allow_headers.n + a.max_age.n, 0);
        tg_buf_release(&scratch);
    }
    fail_msg("never");
}

static void below_auth(void **state) {
    static tg_str_t other_origin[] = {TG_STR("https://other.test")};
    tg_cors_t first = some(), second = some(), third = all();
    tg_policy_t policy_mode = {.active = true, .managed_from_policy = true};
    tg_policy_t acl_mode = {.active = true}, inactive = {.managed_from_policy = true};
    (void)state;
    second.origins = other_origin;
    second.n_origins = 1;
    second.n_methods = 1;
    tg_application_t list[] = {
        {.policy = &acl_mode, .cors = &third},    {.policy = &inactive, .cors = &third},
        {.policy = NULL, .cors = &third},         {.policy = &policy_mode, .cors = NULL},
        {.policy = &policy_mode, .cors = &first}, {.policy = &policy_mode, .cors = &second},
    };
    const tg_snapshot_t s = {.applications = list, .n_applications = COUNT(list)};
    const tg_snapshot_t none = {.n_applications = 0};
    assert_ptr_equal(tg_cors_find(&s, origins[0], TG_STR_NONE, TG_STR_NONE), &first);
    assert_ptr_equal(tg_cors_find(&s, other_origin[0], TG_STR_NONE, TG_STR_NONE), &second);
    assert_null(tg_cors_find(&s, TG_STR("https://evil.test"), TG_STR_NONE, TG_STR_NONE));
    assert_null(tg_cors_find(&none, origins[0], TG_STR_NONE, TG_STR_NONE));
    /* together: the method of one and the origin of another open nothing */
    assert_ptr_equal(tg_cors_find(&s, origins[0], TG_STR("PUT"), TG_STR("x-trace")), &first);
    assert_null(tg_cors_find(&s, other_origin[0], TG_STR("PUT"), TG_STR("x-trace")));
    assert_ptr_equal(tg_cors_find(&s, other_origin[0], TG_STR("GET"), TG_STR("x-trace")), &second);
    assert_null(tg_cors_find(&s, origins[0], TG_STR("GET"), TG_STR("x-other")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(origins_that_are_listed),
        cmocka_unit_test(origins_that_look_alike),
        cmocka_unit_test(wildcard_with_credentials),
        cmocka_unit_test(every_origin),
        cmocka_unit_test(preflights),
        cmocka_unit_test(answers),
        cmocka_unit_test(answers_to_all),
        cmocka_unit_test(answers_to_others),
        cmocka_unit_test(lists_that_do_not_fit),
        cmocka_unit_test(below_auth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
