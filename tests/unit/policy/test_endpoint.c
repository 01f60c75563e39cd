#include "policy/endpoint.h"

#include <stdio.h>

#include "guard.h"
#include "model/method.h"
#include "tests.h"

#define EP(m, p)                                                                                                       \
    { .name = TG_STR(m " " p), .method = TG_STR(m), .path = TG_STR(p) }

static tg_str_t paths[] = {TG_STR("/p")};
static tg_deployed_proxy_t proxies[] = {
    {.id = 1, .proxy = {.type = TG_PROXY_REVERSE, .route = {.paths = paths, .n_paths = 1}}},
    {.id = 2, .proxy = {.type = TG_PROXY_EMPTY, .route = {.paths = paths, .n_paths = 1}}},
};

static tg_api_endpoint_t list[] = {
    EP("GET", "/"),
    EP("GET", "/items"),
    EP("POST", "/items/"),
    EP("GET", "/items/{id}"),
    EP("DELETE", "/items/{id}"),
    EP("GET", "/items/mine"),
    EP("*", "/items/{id}/parts"),
    EP("GET", "/items/{id}/parts"),
    EP("HEAD", "/items/{id}/parts/{part}"),
    EP("GET", "/items/mine/parts/{part}"),
    EP("GET", "/{any}/mine"),
    EP("PUT", "/files/**"),
    EP("GET", "/files/{name}/raw"),
    EP("OPTIONS", "/options"),
    EP("GET", "/a b;c/caf\xC3\xA9"),
};

/* The endpoint's name; NULL: none, `methods` says why. */
typedef struct {
    const char *method, *path, *name;
    const char *methods; /* one sign each, by tg_method_bit: G H P(ost) U(put) A(patch) D O */
} row_t;

static const row_t rows[] = {
    {"GET", "/p", "GET /", ""},
    {"GET", "/p/", "GET /", ""},
    {"HEAD", "/p/", "GET /", ""},
    {"POST", "/p/", NULL, "G"},
    {"GET", "/p/items", "GET /items", ""},
    {"GET", "/p/items/", "GET /items", ""},
    {"POST", "/p/items", "POST /items/", ""},
    {"PUT", "/p/items", NULL, "GP"},
    {"GET", "/p/item", NULL, ""},
    {"GET", "/p/itemss", NULL, ""},
    {"GET", "/p/Items", NULL, ""},
    /* concrete before templated, method by method */
    {"GET", "/p/items/5", "GET /items/{id}", ""},
    {"GET", "/p/items/5/", "GET /items/{id}", ""},
    {"GET", "/p/items/mine", "GET /items/mine", ""},
    {"DELETE", "/p/items/mine", "DELETE /items/{id}", ""},
    {"PATCH", "/p/items/mine", NULL, "GD"},
    {"GET", "/p/items/{id}", "GET /items/{id}", ""},
    {"GET", "/p/items/5/6", NULL, ""},
    {"GET", "/p/items/a;b", "GET /items/{id}", ""},
    {"GET", "/p/items/%2f", "GET /items/{id}", ""},
    /* a named method before any */
    {"GET", "/p/items/5/parts", "GET /items/{id}/parts", ""},
    {"HEAD", "/p/items/5/parts", "GET /items/{id}/parts", ""},
    {"POST", "/p/items/5/parts", "* /items/{id}/parts", ""},
    {"PURGE", "/p/items/5/parts", "* /items/{id}/parts", ""},
    {"PURGE", "/p/items/5", NULL, "GD"},
    {"*", "/p/items/5", NULL, "GD"},
    {"get", "/p/items/5", NULL, "GD"},
    /* back from a beginning that leads nowhere */
    {"GET", "/p/items/mine/parts", "GET /items/{id}/parts", ""},
    {"GET", "/p/items/mine/parts/1", "GET /items/mine/parts/{part}", ""},
    {"HEAD", "/p/items/mine/parts/1", "GET /items/mine/parts/{part}", ""},
    {"HEAD", "/p/items/7/parts/1", "HEAD /items/{id}/parts/{part}", ""},
    {"GET", "/p/items/7/parts/1", NULL, "H"},
    {"PUT", "/p/items/mine/parts/1", NULL, "GH"},
    /* the leftmost literal counts */
    {"GET", "/p/other/mine", "GET /{any}/mine", ""},
    {"GET", "/p/other/mines", NULL, ""},
    /* any number of segments */
    {"PUT", "/p/files", "PUT /files/**", ""},
    {"PUT", "/p/files/", "PUT /files/**", ""},
    {"PUT", "/p/files/a/b/c/", "PUT /files/**", ""},
    {"PUT", "/p/files/a/raw", "PUT /files/**", ""},
    {"GET", "/p/files/a/raw", "GET /files/{name}/raw", ""},
    {"GET", "/p/files/a", NULL, "U"},
    {"POST", "/p/files/a/raw", NULL, "GU"},
    {"OPTIONS", "/p/options", "OPTIONS /options", ""},
    {"GET", "/p/a b;c/caf\xC3\xA9", "GET /a b;c/caf\xC3\xA9", ""},
    /* an empty segment is none: neither a parameter nor a literal one */
    {"GET", "/p//items", NULL, ""},
    {"GET", "/p/items//", NULL, ""},
    {"GET", "/p//mine", NULL, ""},
    {"PUT", "/p/files//x", "PUT /files/**", ""},
};

static uint32_t bits_of(const char *methods) {
    static const char signs[] = "GHPUADO";
    uint32_t bits = 0;
    for (; *methods != '\0'; methods++) {
        bits |= 1u << (strchr(signs, *methods) - signs);
    }
    return bits;
}

static void check(const tg_endpoints_t *x, const tg_deployed_proxy_t *p, const row_t *row) {
    guard_t path = guard_copy(row->path, strlen(row->path));
    const tg_route_match_t route = {.proxy = p, .prefix_len = 2};
    tg_endpoint_match_t m;
    tg_endpoint_find(x, &route, tg_str(row->method), tg_strn(path.p, path.n), &m);
    bool open = p->proxy.type == TG_PROXY_REVERSE;
    tg_endpoint_verdict_t wanted = row->name != NULL         ? TG_ENDPOINT_FOUND
                                   : open                    ? TG_ENDPOINT_OPEN
                                   : row->methods[0] != '\0' ? TG_ENDPOINT_NO_METHOD
                                                             : TG_ENDPOINT_NO_PATH;
    bool right =
        row->name == NULL ? m.endpoint == NULL : m.endpoint != NULL && tg_str_eq(m.endpoint->name, tg_str(row->name));
    if (m.verdict != wanted || !right || m.proxy != p || (row->name == NULL && m.methods != bits_of(row->methods))) {
        fail_msg("%s %s: verdict %d, endpoint %.*s, methods %x", row->method, row->path, (int)m.verdict,
                 m.endpoint != NULL ? (int)m.endpoint->name.n : 0, m.endpoint != NULL ? m.endpoint->name.p : "",
                 m.methods);
    }
    guard_free(&path);
}

static void the_most_specific_one_with_the_method(void **state) {
    const tg_snapshot_t s = {.proxies = proxies, .n_proxies = 2};
    tg_arena_t a;
    tg_endpoints_t *x;
    (void)state;
    for (size_t order = 0; order < 2; order++) {
        for (size_t i = 0; i < COUNT(list) / 2 && order == 1; i++) {
            tg_api_endpoint_t e = list[i];
            list[i] = list[COUNT(list) - 1 - i];
            list[COUNT(list) - 1 - i] = e;
        }
        for (size_t i = 0; i < 2; i++) {
            proxies[i].proxy.endpoints = list;
            proxies[i].proxy.n_endpoints = COUNT(list);
        }
        tg_arena_init(&a, 1 << 20);
        assert_int_equal(tg_endpoints_new(&s, &a, &x), TG_OK);
        for (size_t i = 0; i < COUNT(rows); i++) {
            check(x, &proxies[0], &rows[i]);
            check(x, &proxies[1], &rows[i]);
        }
        tg_arena_release(&a);
    }
}

static void without_endpoints(void **state) {
    tg_deployed_proxy_t none[] = {
        {.proxy.type = TG_PROXY_REVERSE}, {.proxy.type = TG_PROXY_EMPTY}, {.proxy.type = TG_PROXY_OPEN_API}};
    const tg_snapshot_t s = {.proxies = none, .n_proxies = 3};
    static const tg_endpoint_verdict_t wanted[] = {TG_ENDPOINT_OPEN, TG_ENDPOINT_NO_PATH, TG_ENDPOINT_NO_PATH};
    tg_arena_t a;
    tg_endpoints_t *x;
    (void)state;
    tg_arena_init(&a, 1 << 20);
    assert_int_equal(tg_endpoints_new(&s, &a, &x), TG_OK);
    for (size_t i = 0; i < 3; i++) {
        tg_endpoint_match_t m;
        tg_endpoint_find(x, &(tg_route_match_t){.proxy = &none[i]}, TG_STR("GET"), TG_STR("/"), &m);
        assert_int_equal(m.verdict, wanted[i]);
        assert_null(m.endpoint);
        assert_ptr_equal(m.proxy, &none[i]);
    }
    tg_arena_release(&a);
}

/* Deep patterns and many of them: nothing overflows, and the right one is found. */
static void many_and_deep(void **state) {
    enum { N = TG_ENDPOINTS_MAX };
    static tg_api_endpoint_t many[N];
    static char text[N][32], deep[512];
    tg_deployed_proxy_t p = {.proxy = {.type = TG_PROXY_EMPTY, .endpoints = many, .n_endpoints = N}};
    const tg_snapshot_t s = {.proxies = &p, .n_proxies = 1};
    tg_arena_t a;
    tg_endpoints_t *x;
    (void)state;
    for (size_t i = 0; i < N; i++) {
        int n = snprintf(text[i], sizeof(text[i]), i % 2 ? "/a/%zu/{x}" : "/%zu/b", i);
        many[i] = (tg_api_endpoint_t){.method = TG_STR("GET"), .path = tg_strn(text[i], (size_t)n)};
    }
    for (size_t i = 0; i < sizeof(deep); i++) {
        deep[i] = i % 2 ? '*' : '/';
    }
    many[0].path = tg_strn(deep, sizeof(deep));
    tg_arena_init(&a, 8 << 20);
    assert_int_equal(tg_endpoints_new(&s, &a, &x), TG_OK);
    for (size_t i = 0; i < N; i++) {
        tg_endpoint_match_t m;
        tg_endpoint_find(x, &(tg_route_match_t){.proxy = &p}, TG_STR("GET"), many[i].path, &m);
        assert_ptr_equal(m.endpoint, &many[i]);
    }
    tg_arena_release(&a);
}

static void lack_of_memory(void **state) {
    const tg_snapshot_t s = {.proxies = proxies, .n_proxies = 2};
    tg_err_t err = TG_ERR_NOMEM;
    (void)state;
    for (size_t max = 0; err == TG_ERR_NOMEM; max += 64) {
        tg_arena_t a;
        tg_endpoints_t *x;
        tg_arena_init(&a, max);
        err = tg_endpoints_new(&s, &a, &x);
        tg_arena_release(&a);
    }
    assert_int_equal(err, TG_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_most_specific_one_with_the_method),
                                       cmocka_unit_test(without_endpoints), cmocka_unit_test(many_and_deep),
                                       cmocka_unit_test(lack_of_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
