#include "oauth/token_request.h"

#include "alloc.h"
#include "base/b64.h"
#include "guard.h"
#include "tests.h"

#define FORM "application/x-www-form-urlencoded"
#define CC   "grant_type=client_credentials"

typedef struct {
    const char *what;
    const char *authorization; /* NULL: none. "Basic " is followed by plain text, which the test encodes */
    const char *query;
    const char *body;
    tg_oauth_error_t expected;
    const char *id;
    const char *secret; /* NULL: has_secret is false */
} case_t;

static const char *basic_encoded(const char *authorization) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static char text[1024];
    const unsigned char *p = (const unsigned char *)authorization + 6;
    size_t n = strlen(authorization) - 6, at = (size_t)snprintf(text, sizeof(text), "%.6s", authorization);
    for (size_t i = 0; i < n; i += 3) {
        unsigned v = (unsigned)p[i] << 16 | (i + 1 < n ? (unsigned)p[i + 1] << 8 : 0) | (i + 2 < n ? p[i + 2] : 0);
        text[at++] = digits[v >> 18];
        text[at++] = digits[v >> 12 & 63];
        text[at++] = i + 1 < n ? digits[v >> 6 & 63] : '=';
        text[at++] = i + 2 < n ? digits[v & 63] : '=';
    }
    text[at] = '\0';
    return text;
}

static tg_oauth_input_t input(const char *authorization, const char *query, const char *body) {
    return (tg_oauth_input_t){.method = TG_STR("POST"),
                              .content_type = TG_STR(FORM),
                              .authorization = tg_str(authorization),
                              .n_authorization = authorization != NULL,
                              .query = tg_str(query),
                              .body = tg_str(body)};
}

/* Every text that a client can be shown is of RFC 6749 5.2's characters. */
static void assert_describable(const char *why) {
    for (; *why; why++) {
        assert_true(*why >= 0x20 && *why <= 0x7e && *why != '"' && *why != '\\');
    }
}

static void run(const case_t *c, size_t n) {
    for (size_t i = 0; i < n; i++) {
        tg_token_request_t req;
        tg_arena_t a;
        const char *why = NULL;
        bool basic = c[i].authorization && strncmp(c[i].authorization, "Basic ", 6) == 0;
        tg_oauth_input_t in = input(basic ? basic_encoded(c[i].authorization) : c[i].authorization,
                                    c[i].query ? c[i].query : "", c[i].body);
        guard_t g = guard_copy(in.body.p, in.body.n);
        in.body.p = g.p;
        tg_arena_init(&a, 65536);
        tg_oauth_error_t e = tg_token_request_parse(&in, &a, &req, &why);
        if (e != c[i].expected) {
            fail_msg("%s: %d (%s)", c[i].what, e, why);
        }
        assert_describable(why);
        assert_true((e != TG_OAUTH_OK) == (*why != '\0'));
        if (e == TG_OAUTH_OK) {
            assert_str(req.client_id, c[i].id);
            assert_int_equal(req.has_secret, c[i].secret != NULL);
            assert_str(req.client_secret, c[i].secret ? c[i].secret : "");
            assert_int_equal(req.used_basic, basic);
        }
        tg_arena_release(&a);
        guard_free(&g);
    }
}

static void client_authentication(void **state) {
    static const case_t cases[] = {
        {"basic", "Basic app:s3cret", NULL, CC, TG_OAUTH_OK, "app", "s3cret"},
        {"basic, form-decoded", "Basic a%20p+p:s%3A+%25", NULL, CC, TG_OAUTH_INVALID_CLIENT, 0, 0},
        {"basic, secret form-decoded", "Basic app:s%3A+%25", NULL, CC, TG_OAUTH_OK, "app", "s: %"},
        {"basic, id form-decoded", "Basic %61pp:s", NULL, CC, TG_OAUTH_OK, "app", "s"},
        {"basic, secret with colons", "Basic app:a:b", NULL, CC, TG_OAUTH_OK, "app", "a:b"},
        {"basic, no secret", "Basic app:", NULL, CC, TG_OAUTH_OK, "app", NULL},
        {"basic, no id", "Basic :s3cret", NULL, CC, TG_OAUTH_INVALID_CLIENT, 0, 0},
        {"basic, no colon", "Basic apps3cret", NULL, CC, TG_OAUTH_INVALID_CLIENT, 0, 0},
        {"basic, broken escape", "Basic app:%zz", NULL, CC, TG_OAUTH_INVALID_CLIENT, 0, 0},
        {"basic, control byte", "Basic app:\x01", NULL, CC, TG_OAUTH_INVALID_CLIENT, 0, 0},
        {"basic, empty", "Basic ", NULL, CC, TG_OAUTH_INVALID_CLIENT, 0, 0},
        {"basic and equal client_id", "Basic app:s", NULL, CC "&client_id=app", TG_OAUTH_OK, "app", "s"},
        {"basic and empty client_secret", "Basic app:s", NULL, CC "&client_secret=", TG_OAUTH_OK, "app", "s"},
        {"basic and other client_id", "Basic app:s", NULL, CC "&client_id=b", TG_OAUTH_INVALID_REQUEST, 0, 0},
        {"both at once", "Basic app:s", NULL, CC "&client_id=app&client_secret=s", TG_OAUTH_INVALID_REQUEST, 0, 0},
        {"both at once, secret alone", "Basic app:s", NULL, CC "&client_secret=s", TG_OAUTH_INVALID_REQUEST, 0, 0},
        {"body", NULL, NULL, CC "&client_id=app&client_secret=s", TG_OAUTH_OK, "app", "s"},
        {"body, decoded", NULL, NULL, CC "&client_id=%61pp&client_secret=a+b", TG_OAUTH_OK, "app", "a b"},
        {"body, no secret", NULL, NULL, CC "&client_id=app", TG_OAUTH_OK, "app", NULL},
        {"body, empty secret", NULL, NULL, CC "&client_id=app&client_secret=", TG_OAUTH_OK, "app", NULL},
        {"body, empty id", NULL, NULL, CC "&client_id=&client_secret=s", TG_OAUTH_INVALID_CLIENT, 0, 0},
        {"body, secret alone", NULL, NULL, CC "&client_secret=s", TG_OAUTH_INVALID_CLIENT, 0, 0},
        {"body, id no client could have", NULL, NULL, CC "&client_id=a%0ab", TG_OAUTH_INVALID_CLIENT, 0, 0},
        {"no authentication", NULL, NULL, CC, TG_OAUTH_INVALID_CLIENT, 0, 0},
        {"other scheme, body used", "Bearer x", NULL, CC "&client_id=a&client_secret=s", TG_OAUTH_OK, "a", "s"},
        {"other scheme, nothing else", "Digest x", NULL, CC, TG_OAUTH_INVALID_CLIENT, 0, 0},
        {"scheme that starts alike", "BasicX YTpi", NULL, CC "&client_id=a", TG_OAUTH_OK, "a", NULL},
        {"empty header", "", NULL, CC "&client_id=a", TG_OAUTH_OK, "a", NULL},
    };
    (void)state;
    run(cases, COUNT(cases));
}

static void basic_spelling(void **state) {
    static const struct {
        const char *header;
        tg_oauth_error_t expected;
    } cases[] = {
        {"Basic YXBwOnM=", TG_OAUTH_OK},
        {"basic YXBwOnM=", TG_OAUTH_OK},
        {"BASIC   YXBwOnM=", TG_OAUTH_OK},
        {"Basic", TG_OAUTH_INVALID_CLIENT},
        {"Basic YXBwOnM", TG_OAUTH_INVALID_CLIENT},
        {"Basic YXBwOnM=x", TG_OAUTH_INVALID_CLIENT},
        {"Basic YXBw OnM=", TG_OAUTH_INVALID_CLIENT},
        {"Basic !!!!", TG_OAUTH_INVALID_CLIENT},
        {"Basic YXBwOv8=", TG_OAUTH_INVALID_CLIENT}, /* not UTF-8 */
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        tg_token_request_t req;
        tg_arena_t a;
        const char *why;
        tg_oauth_input_t in = input(cases[i].header, "", CC);
        tg_arena_init(&a, 65536);
        assert_int_equal(tg_token_request_parse(&in, &a, &req, &why), cases[i].expected);
        tg_arena_release(&a);
    }
}

static void parameters(void **state) {
    static const case_t cases[] = {
        {"query that says nothing", "Basic a:s", "trace=1", CC, TG_OAUTH_OK, "a", "s"},
        {"grant_type twice", "Basic a:s", NULL, CC "&" CC, TG_OAUTH_INVALID_REQUEST, 0, 0},
        {"grant_type twice, escaped", "Basic a:s", NULL, CC "&grant%5Ftype=password", TG_OAUTH_INVALID_REQUEST, 0, 0},
        {"empty scope twice", "Basic a:s", NULL, CC "&scope=&scope=", TG_OAUTH_INVALID_REQUEST, 0, 0},
        {"unknown parameter twice", "Basic a:s", NULL, CC "&x=1&x=2", TG_OAUTH_INVALID_REQUEST, 0, 0},
        {"client_id twice", NULL, NULL, CC "&client_id=a&client_id=a", TG_OAUTH_INVALID_REQUEST, 0, 0},
        {"query twice", "Basic a:s", "x=1&x=1", CC, TG_OAUTH_INVALID_REQUEST, 0, 0},
        {"query and body", "Basic a:s", CC, CC, TG_OAUTH_INVALID_REQUEST, 0, 0},
        {"query and body, escaped", "Basic a:s", "sc%6fpe=a", CC "&scope=a", TG_OAUTH_INVALID_REQUEST, 0, 0},
        {"client in the query", NULL, "client_id=a&client_secret=s", CC, TG_OAUTH_INVALID_REQUEST, 0, 0},
        {"secret in the query", NULL, "client_secret=s", CC "&client_id=a", TG_OAUTH_INVALID_REQUEST, 0, 0},
        {"client_id in the query", "Basic a:s", "client_id=a", CC, TG_OAUTH_INVALID_REQUEST, 0, 0},
        {"username in the query", "Basic a:s", "username=u", CC, TG_OAUTH_INVALID_REQUEST, 0, 0},
        {"username in the query, escaped", "Basic a:s", "user%6eame=u", CC, TG_OAUTH_INVALID_REQUEST, 0, 0},
        {"username twice", "Basic a:s", NULL, "username=u&username=v", TG_OAUTH_INVALID_REQUEST, 0, 0},
        {"password twice", "Basic a:s", NULL, "password=&password=v", TG_OAUTH_INVALID_REQUEST, 0, 0},
        {"password in the query", "Basic a:s", "password=p", CC, TG_OAUTH_INVALID_REQUEST, 0, 0},
        {"refresh token in the query", "Basic a:s", "refresh_token=p", CC, TG_OAUTH_INVALID_REQUEST, 0, 0},
        {"broken escape in the body", "Basic a:s", NULL, CC "&x=%4", TG_OAUTH_INVALID_REQUEST, 0, 0},
        {"broken escape in the query", "Basic a:s", "x=%", CC, TG_OAUTH_INVALID_REQUEST, 0, 0},
        {"NUL", "Basic a:s", NULL, CC "&x=%00", TG_OAUTH_INVALID_REQUEST, 0, 0},
        {"repeated before wrong client", "Basic nocolon", NULL, CC "&" CC, TG_OAUTH_INVALID_REQUEST, 0, 0},
    };
    (void)state;
    run(cases, COUNT(cases));
}

static void grants_and_scope(void **state) {
    static const struct {
        const char *body;
        tg_grant_t grant;
        const char *scope; /* NULL: has_scope is false */
        const char *refresh_token;
    } cases[] = {
        {CC, TG_GRANT_CLIENT_CREDENTIALS, NULL, ""},
        {"grant_type=password", TG_GRANT_PASSWORD, NULL, ""},
        {"grant_type=refresh_token", TG_GRANT_REFRESH, NULL, ""},
        {"grant_type=refresh_token&refresh_token=", TG_GRANT_REFRESH, NULL, ""},
        {"grant_type=refresh_token&refresh_token=tgr%5Fx&scope=a", TG_GRANT_REFRESH, "a", "tgr_x"},
        {"grant_type=authorization_code", TG_GRANT_NONE, NULL, ""},
        {"grant_type=CLIENT_CREDENTIALS", TG_GRANT_NONE, NULL, ""},
        {"grant_type=", TG_GRANT_NONE, NULL, ""},
        {"", TG_GRANT_NONE, NULL, ""},
        {CC "&scope=", TG_GRANT_CLIENT_CREDENTIALS, NULL, ""},
        {CC "&scope=read+write", TG_GRANT_CLIENT_CREDENTIALS, "read write", ""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        tg_token_request_t req;
        tg_arena_t a;
        const char *why;
        tg_oauth_input_t in = input("Basic YTpz", "", cases[i].body);
        tg_arena_init(&a, 65536);
        assert_int_equal(tg_token_request_parse(&in, &a, &req, &why), TG_OAUTH_OK);
        assert_int_equal(req.grant, cases[i].grant);
        assert_int_equal(req.has_scope, cases[i].scope != NULL);
        assert_str(req.scope, cases[i].scope ? cases[i].scope : "");
        assert_str(req.refresh_token, cases[i].refresh_token);
        tg_arena_release(&a);
    }
}

static void users(void **state) {
    static const struct {
        const char *body, *username, *password;
    } cases[] = {
        {"grant_type=password&username=alice&password=p%26+%3D", "alice", "p& ="},
        {"grant_type=password&username=al%20ice&password=%C3%A4", "al ice", "\xc3\xa4"},
        {"grant_type=password&username=&password=", "", ""},
        {"grant_type=password", "", ""},
        {"grant_type=password&Username=x&Password=y", "", ""},
        {CC "&username=alice", "alice", ""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        tg_token_request_t req;
        tg_arena_t a;
        const char *why;
        tg_oauth_input_t in = input("Basic YTpz", "", cases[i].body);
        tg_arena_init(&a, 65536);
        assert_int_equal(tg_token_request_parse(&in, &a, &req, &why), TG_OAUTH_OK);
        assert_str(req.username, cases[i].username);
        assert_str(req.password, cases[i].password);
        assert_str(req.client_id, "a"); /* who asks, not for whom */
        tg_arena_release(&a);
    }
}

static void method_and_content_type(void **state) {
    static const struct {
        const char *method;
        const char *type;
        tg_oauth_error_t expected;
    } cases[] = {
        {"POST", FORM, TG_OAUTH_OK},
        {"POST", FORM ";charset=UTF-8", TG_OAUTH_OK},
        {"POST", FORM " ; charset=\"utf-8\"", TG_OAUTH_OK},
        {"POST", "Application/X-WWW-Form-Urlencoded", TG_OAUTH_OK},
        {"POST", "", TG_OAUTH_INVALID_REQUEST},
        {"POST", "application/json", TG_OAUTH_INVALID_REQUEST},
        {"POST", "multipart/form-data; boundary=x", TG_OAUTH_INVALID_REQUEST},
        {"POST", FORM "x", TG_OAUTH_INVALID_REQUEST},
        {"POST", FORM ", text/plain", TG_OAUTH_INVALID_REQUEST},
        {"POST", "text/plain; " FORM, TG_OAUTH_INVALID_REQUEST},
        {"GET", FORM, TG_OAUTH_INVALID_REQUEST}, /* it has a body */
        {"HEAD", FORM, TG_OAUTH_METHOD},
        {"PUT", FORM, TG_OAUTH_METHOD},
        {"post", FORM, TG_OAUTH_METHOD},
        {"", FORM, TG_OAUTH_METHOD},
        {"get", FORM, TG_OAUTH_METHOD},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        tg_token_request_t req;
        tg_arena_t a;
        const char *why;
        tg_oauth_input_t in = input("Basic YTpz", "", CC);
        in.method = tg_str(cases[i].method);
        in.content_type = tg_str(cases[i].type);
        tg_arena_init(&a, 65536);
        assert_int_equal(tg_token_request_parse(&in, &a, &req, &why), cases[i].expected);
        tg_arena_release(&a);
    }
}

/* A GET has its parameters in the URL; whether this client may is decided later. */
static void url_parameters(void **state) {
    static const struct {
        const char *authorization, *query, *body;
        tg_oauth_error_t expected;
        const char *id, *secret, *refresh_token;
    } cases[] = {
        {NULL, CC "&client_id=a&client_secret=s%2B", "", TG_OAUTH_OK, "a", "s+", ""},
        {"Basic YTpz", CC, "", TG_OAUTH_OK, "a", "s", ""},
        {"Basic YTpz", CC "&client_id=a", "", TG_OAUTH_OK, "a", "s", ""},
        {"Bearer x", CC "&client_id=a&client_secret=s", "", TG_OAUTH_OK, "a", "s", ""},
        {"Basic YTpz", "grant_type=refresh_token&refresh_token=tgr_x", "", TG_OAUTH_OK, "a", "s", "tgr_x"},
        {NULL, "", "", TG_OAUTH_METHOD, NULL, NULL, NULL},
        {NULL, CC, "", TG_OAUTH_METHOD, NULL, NULL, NULL},
        {NULL, CC "&client_id=&client_secret=s", "", TG_OAUTH_METHOD, NULL, NULL, NULL},
        {"Bearer x", CC, "", TG_OAUTH_METHOD, NULL, NULL, NULL},
        {"Basic YTpz", CC "&client_secret=s", "", TG_OAUTH_INVALID_REQUEST, NULL, NULL, NULL},
        {"Basic YTpz", CC "&client_id=b", "", TG_OAUTH_INVALID_REQUEST, NULL, NULL, NULL},
        {"Basic YTpz", CC "&" CC, "", TG_OAUTH_INVALID_REQUEST, NULL, NULL, NULL},
        {"Basic YTpz", CC "&x=%", "", TG_OAUTH_INVALID_REQUEST, NULL, NULL, NULL},
        {"Basic YTpz", CC, "x=y", TG_OAUTH_INVALID_REQUEST, NULL, NULL, NULL},
        {"Basic YTpz", "grant_type=password&username=u&password=p", "", TG_OAUTH_INVALID_REQUEST, NULL, NULL, NULL},
        {"Basic YTpz", "grant_type=password&username=u", "", TG_OAUTH_INVALID_REQUEST, NULL, NULL, NULL},
        {"Basic YTpz", "grant_type=password&password=p", "", TG_OAUTH_INVALID_REQUEST, NULL, NULL, NULL},
        {"Basic nocolon", CC, "", TG_OAUTH_INVALID_CLIENT, NULL, NULL, NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        tg_token_request_t req;
        tg_arena_t a;
        const char *why;
        tg_oauth_input_t in = input(cases[i].authorization, cases[i].query, cases[i].body);
        in.method = TG_STR("GET");
        in.content_type = TG_STR_NONE;
        tg_arena_init(&a, 65536);
        tg_oauth_error_t e = tg_token_request_parse(&in, &a, &req, &why);
        if (e != cases[i].expected) {
            fail_msg("%s: %s", cases[i].query, tg_oauth_error_name(e));
        }
        assert_describable(why);
        assert_true(req.in_url);
        if (e == TG_OAUTH_OK) {
            assert_str(req.client_id, cases[i].id);
            assert_str(req.client_secret, cases[i].secret);
            assert_str(req.refresh_token, cases[i].refresh_token);
        }
        tg_arena_release(&a);
    }
}

static void two_authorization_headers(void **state) {
    tg_token_request_t req;
    tg_arena_t a;
    const char *why;
    tg_oauth_input_t in = input("Basic YTpz", "", CC);
    (void)state;
    in.n_authorization = 2;
    tg_arena_init(&a, 65536);
    assert_int_equal(tg_token_request_parse(&in, &a, &req, &why), TG_OAUTH_INVALID_REQUEST);
    tg_arena_release(&a);
}

static void too_many_parameters(void **state) {
    static char body[4096];
    tg_token_request_t req;
    tg_arena_t a;
    const char *why;
    size_t n = (size_t)snprintf(body, sizeof(body), CC);
    (void)state;
    for (int i = 0; i < 100; i++) {
        n += (size_t)snprintf(body + n, sizeof(body) - n, "&p%d=%d", i, i);
    }
    tg_oauth_input_t in = input("Basic YTpz", "", body);
    tg_arena_init(&a, 65536);
    assert_int_equal(tg_token_request_parse(&in, &a, &req, &why), TG_OAUTH_INVALID_REQUEST);
    *strrchr(body, '&') = '\0';
    in.body = tg_str(body);
    assert_int_equal(tg_token_request_parse(&in, &a, &req, &why), TG_OAUTH_OK);
    tg_arena_release(&a);
}

/* The bound that the header promises: 100 pairs in both, the largest credentials, and nothing runs out. */
static void arena_bound(void **state) {
    static char body[8192], query[8192], header[8192];
    tg_token_request_t req;
    tg_arena_t a;
    const char *why;
    size_t b = 0, q = 0;
    (void)state;
    for (int i = 0; i < 99; i++) {
        b += (size_t)snprintf(body + b, sizeof(body) - b, "b%d=1234567890123456&", i);
        q += (size_t)snprintf(query + q, sizeof(query) - q, "q%d=1&", i);
    }
    snprintf(body + b, sizeof(body) - b, CC);
    char plain[3000];
    memset(plain, 'x', sizeof(plain) - 1);
    memcpy(plain, "Basic app:", 10);
    plain[700] = '\0';
    snprintf(header, sizeof(header), "%s", basic_encoded(plain));
    tg_oauth_input_t in = input(header, query, body);
    tg_arena_init(&a, 16384 + 2 * in.authorization.n + in.query.n + in.body.n);
    assert_int_equal(tg_token_request_parse(&in, &a, &req, &why), TG_OAUTH_OK);
    tg_arena_release(&a);
}

static void without_memory(void **state) {
    long n = 0;
    (void)state;
    for (;; n++) {
        tg_token_request_t req;
        tg_arena_t a;
        const char *why;
        tg_oauth_input_t in = input("Basic YTpz", "x=1", CC);
        tg_arena_init(&a, 65536);
        alloc_fail_after(n);
        tg_oauth_error_t e = tg_token_request_parse(&in, &a, &req, &why);
        bool failed = alloc_failed();
        tg_arena_release(&a);
        if (!failed) {
            assert_int_equal(e, TG_OAUTH_OK);
            break;
        }
        assert_int_equal(e, TG_OAUTH_SERVER_ERROR);
    }
    assert_true(n > 0);
    for (size_t max = 0;; max += 16) { /* and at the arena's own bound */
        tg_token_request_t req;
        tg_arena_t a;
        const char *why;
        tg_oauth_input_t in = input("Basic YTpz", "x=1", CC);
        tg_arena_init(&a, max);
        tg_oauth_error_t e = tg_token_request_parse(&in, &a, &req, &why);
        tg_arena_release(&a);
        if (e == TG_OAUTH_OK) {
            assert_true(max > 64);
            break;
        }
        assert_int_equal(e, TG_OAUTH_SERVER_ERROR);
    }
}

static void errors(void **state) {
    static const struct {
        tg_oauth_error_t e;
        int status;
        const char *name;
    } cases[] = {
        {TG_OAUTH_INVALID_REQUEST, 400, "invalid_request"},
        {TG_OAUTH_INVALID_CLIENT, 401, "invalid_client"},
        {TG_OAUTH_INVALID_GRANT, 400, "invalid_grant"},
        {TG_OAUTH_UNAUTHORIZED_CLIENT, 400, "unauthorized_client"},
        {TG_OAUTH_UNSUPPORTED_GRANT_TYPE, 400, "unsupported_grant_type"},
        {TG_OAUTH_INVALID_SCOPE, 400, "invalid_scope"},
        {TG_OAUTH_SLOW_DOWN, 429, "slow_down"},
        {TG_OAUTH_SERVER_ERROR, 503, "server_error"},
        {TG_OAUTH_TOO_LARGE, 413, "invalid_request"},
        {TG_OAUTH_METHOD, 405, "invalid_request"},
    };
    tg_buf_t b;
    char expected[256];
    (void)state;
    tg_buf_init(&b, 1024);
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(tg_oauth_status(cases[i].e), cases[i].status);
        assert_string_equal(tg_oauth_error_name(cases[i].e), cases[i].name);
        tg_buf_reset(&b);
        tg_oauth_error_write(cases[i].e, "a reason", &b);
        snprintf(expected, sizeof(expected), "{\"error\":\"%s\",\"error_description\":\"%s\"}", cases[i].name,
                 cases[i].e == TG_OAUTH_INVALID_CLIENT ? "client authentication failed" : "a reason");
        assert_str(tg_buf_str(&b), expected);
        tg_buf_reset(&b);
        tg_oauth_error_write(cases[i].e, NULL, &b);
        assert_null(memmem(b.p, b.n, "\"\"", 2)); /* it has a sentence of its own */
    }
    assert_int_equal(tg_oauth_status(TG_OAUTH_OK), 200);
    tg_buf_release(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client_authentication),
        cmocka_unit_test(basic_spelling),
        cmocka_unit_test(parameters),
        cmocka_unit_test(grants_and_scope),
        cmocka_unit_test(users),
        cmocka_unit_test(method_and_content_type),
        cmocka_unit_test(url_parameters),
        cmocka_unit_test(two_authorization_headers),
        cmocka_unit_test(too_many_parameters),
        cmocka_unit_test(arena_bound),
        cmocka_unit_test(without_memory),
        cmocka_unit_test(errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
