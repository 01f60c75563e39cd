#include "policy/reading.h"

#include "guard.h"
#include "tests.h"

/* Three proxies: one for everything, two below it, and one whose own prefix has the signs in question. */
static tg_str_t root[] = {TG_STR("/")}, shut[] = {TG_STR("/shut")}, deep[] = {TG_STR("/shut/deep"), TG_STR("/b")},
                signs[] = {TG_STR("/v;1"), TG_STR("/x\\y")};
static tg_deployed_proxy_t proxies[] = {
    {.id = 1, .proxy = {.route = {.paths = root, .n_paths = 1}}},
    {.id = 2, .proxy = {.route = {.paths = shut, .n_paths = 1}}},
    {.id = 3, .proxy = {.route = {.paths = deep, .n_paths = 2}}},
    {.id = 4, .proxy = {.route = {.paths = signs, .n_paths = 2}}},
};

static const struct {
    const char *path;
    int64_t proxy;
    bool certain;
} rows[] = {
    {"/", 1, true},
    {"/a;v=1/b", 1, true},
    {"/a\\b", 1, true},
    {"/;x", 1, true},
    {"/a/..;/b", 1, false}, /* is /b for some */
    {"/a/..;/c", 1, true},
    {"/..;/a", 1, false},
    {"/..\\a", 1, false},
    {"/.;/..;x=1", 1, false},
    {"/..;", 1, false},
    {"/...;/a", 1, true},
    {"/a..;/b", 1, true},
    {"/shut;x/a", 1, false},
    {"/shut;", 1, false},
    {"/shut\\a", 1, false},
    {"\\shut", 0, true},
    {"/;/shut", 1, false},
    {"/.;/shut/a", 1, false},
    {"/a/..;/shut", 1, false},
    {"/a\\..\\shut", 1, false},
    {"/a\\..;x\\shut", 1, false}, /* only if both are done */
    {"/shut/a;x", 2, true},
    {"/shut/a/..;/b", 2, true},
    {"/shut/..;", 2, false},
    {"/shut/a\\..\\..", 2, false},
    {"/shut/a/..;/..;/shut/a", 2, false}, /* back again, but it was outside */
    {"/shut/deep;x/a", 2, false},
    {"/shut/deep\\a", 2, false},
    {"/shut/;/deep", 2, false},
    {"/shut/deep/a;x", 3, true},
    {"/b/..;/b", 3, false},
    {"/v;1/a", 4, true},
    {"/v;1/a;x\\y", 4, true},
    {"/v;1/..;/a", 4, false},
    {"/x\\y", 4, true},
};

static void a_path_that_others_read_otherwise(void **state) {
    const tg_snapshot_t s = {.proxies = proxies, .n_proxies = COUNT(proxies)};
    tg_router_t *router;
    (void)state;
    assert_int_equal(tg_router_new(&s, &router), TG_OK);
    for (size_t i = 0; i < COUNT(rows); i++) {
        guard_t path = guard_copy(rows[i].path, strlen(rows[i].path));
        guard_t scratch = guard_copy(rows[i].path, strlen(rows[i].path));
        tg_route_query_t q = {.method = TG_STR("GET"), .host = TG_STR("h"), .path = tg_strn(path.p, path.n)};
        tg_route_match_t m = {.proxy = NULL};
        tg_err_t err = tg_router_find(router, &q, &m);
        assert_int_equal(err, rows[i].proxy ? TG_OK : TG_ERR_NOTFOUND);
        if (!err &&
            (m.proxy->id != rows[i].proxy || tg_route_is_certain(router, &q, &m, scratch.p) != rows[i].certain)) {
            fail_msg("%s: proxy %d, not %s", rows[i].path, (int)m.proxy->id, rows[i].certain ? "certain" : "refused");
        }
        bool has = strpbrk(rows[i].path, ";\\") != NULL;
        assert_int_equal(tg_path_has_readings(q.path), has);
        guard_free(&path);
        guard_free(&scratch);
    }
    tg_router_free(router);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_path_that_others_read_otherwise)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
