#include "policy/route.h"

#include <time.h>

#include "alloc.h"
#include "guard.h"
#include "tests.h"

#define MANY 2000

/* Routes are made of fields with commas: paths, hosts, methods, "Name:value" headers. */
typedef struct {
    const char *name, *paths, *hosts, *methods, *headers;
} row_t;

typedef struct {
    tg_snapshot_t s;
    tg_router_t *router;
} table_t;

static size_t split(tg_arena_t *a, const char *text, tg_str_t **out) {
    tg_str_t rest = tg_str(text);
    size_t n = 0;
    *out = tg_arena_array(a, 16, sizeof(tg_str_t));
    while (rest.n > 0) {
        (*out)[n++] = tg_str_take(&rest, ',');
    }
    return n;
}

static void table_fill(table_t *t, const row_t *rows, size_t n) {
    tg_arena_t *a = &t->s.arena;
    tg_arena_init(a, 64 << 20);
    t->s.proxies = tg_arena_array(a, n, sizeof(*t->s.proxies));
    t->s.n_proxies = n;
    for (size_t i = 0; i < n; i++) {
        tg_proxy_t *p = &t->s.proxies[i].proxy;
        tg_str_t *headers;
        t->s.proxies[i].id = (int64_t)i + 1;
        p->name = tg_str(rows[i].name);
        p->route.n_paths = split(a, rows[i].paths, &p->route.paths);
        p->route.n_hosts = split(a, rows[i].hosts, &p->route.hosts);
        p->route.n_methods = split(a, rows[i].methods, &p->route.methods);
        p->route.n_headers = split(a, rows[i].headers, &headers);
        p->route.header_names = tg_arena_array(a, 16, sizeof(tg_str_t));
        p->route.header_values = tg_arena_array(a, 16, sizeof(tg_str_t));
        for (size_t j = 0; j < p->route.n_headers; j++) {
            p->route.header_names[j] = tg_str_take(&headers[j], ':');
            p->route.header_values[j] = headers[j];
        }
    }
}

static void table_init(table_t *t, const row_t *rows, size_t n) {
    *t = (table_t){.router = NULL};
    table_fill(t, rows, n);
    assert_int_equal(tg_router_new(&t->s, &t->router), TG_OK);
}

static void table_release(table_t *t) {
    tg_router_free(t->router);
    tg_snapshot_release(&t->s);
}

/* ctx is "Name:value,Name:value". */
static tg_str_t header_of(void *ctx, tg_str_t name) {
    tg_str_t rest = tg_str(ctx);
    while (rest.n > 0) {
        tg_str_t value = tg_str_take(&rest, ',');
        if (tg_str_eq_ci(tg_str_take(&value, ':'), name)) {
            return value;
        }
    }
    return TG_STR_NONE;
}

typedef struct {
    const char *method, *host, *path, *headers;
    const char *proxy; /* NULL: none */
    size_t prefix_len;
} query_t;

static void finds(const table_t *t, const query_t *rows, size_t n) {
    for (size_t i = 0; i < n; i++) {
        char headers[128] = "";
        tg_route_match_t m = {.proxy = NULL};
        guard_t path = guard_copy(rows[i].path, strlen(rows[i].path));
        guard_t host = guard_copy(rows[i].host, strlen(rows[i].host));
        snprintf(headers, sizeof(headers), "%s", rows[i].headers ? rows[i].headers : "");
        tg_route_query_t q = {.method = tg_str(rows[i].method),
                              .host = tg_strn(host.p, host.n),
                              .path = tg_strn(path.p, path.n),
                              .header = header_of,
                              .ctx = headers};
        tg_err_t err = tg_router_find(t->router, &q, &m);
        const char *got = err == TG_OK ? m.proxy->proxy.name.p : "none";
        if (err != (rows[i].proxy ? TG_OK : TG_ERR_NOTFOUND) || strcmp(got, rows[i].proxy ? rows[i].proxy : "none") ||
            (rows[i].proxy && m.prefix_len != rows[i].prefix_len)) {
            fail_msg("%s %s%s: got %s, prefix %zu", rows[i].method, rows[i].host, rows[i].path, got, m.prefix_len);
        }
        guard_free(&path);
        guard_free(&host);
    }
}

static void longest_prefix_at_a_segment_boundary(void **state) {
    static const row_t rows[] = {
        {"orders", "/orders", "", "", ""},
        {"new", "/orders/new", "", "", ""},
        {"deep", "/a/b/c/d,/other", "", "", ""},
        {"space", "/a b", "", "", ""},
    };
    static const query_t queries[] = {
        {"GET", "h", "/orders", NULL, "orders", 7},
        {"GET", "h", "/orders/", NULL, "orders", 7},
        {"GET", "h", "/orders/1", NULL, "orders", 7},
        {"GET", "h", "/ordersx", NULL, NULL, 0},
        {"GET", "h", "/order", NULL, NULL, 0},
        {"GET", "h", "/Orders", NULL, NULL, 0},
        {"GET", "h", "/orders/new", NULL, "new", 11},
        {"GET", "h", "/orders/new/x/y", NULL, "new", 11},
        {"GET", "h", "/orders/newer", NULL, "orders", 7},
        {"GET", "h", "/a/b/c/d/e", NULL, "deep", 8},
        {"GET", "h", "/a/b/c", NULL, NULL, 0},
        {"GET", "h", "/other/orders", NULL, "deep", 6},
        {"GET", "h", "/a b/c", NULL, "space", 4},
        {"GET", "h", "/", NULL, NULL, 0},
        {"GET", "h", "", NULL, NULL, 0},
        {"OPTIONS", "h", "*", NULL, NULL, 0},
        {"GET", "h", "orders", NULL, NULL, 0},
    };
    table_t t;
    (void)state;
    table_init(&t, rows, COUNT(rows));
    finds(&t, queries, COUNT(queries));
    table_release(&t);
}

static void the_root_takes_the_rest(void **state) {
    static const row_t rows[] = {{"root", "/", "", "", ""}, {"a", "/a", "", "", ""}};
    static const query_t queries[] = {
        {"GET", "h", "/", NULL, "root", 0},
        {"GET", "h", "/b/c", NULL, "root", 0},
        {"GET", "h", "/a", NULL, "a", 2},
        {"GET", "h", "/ab", NULL, "root", 0},
    };
    table_t t;
    (void)state;
    table_init(&t, rows, COUNT(rows));
    finds(&t, queries, COUNT(queries));
    table_release(&t);
}

static void hosts_exact_before_wildcard_before_none(void **state) {
    static const row_t rows[] = {
        {"exact", "/a", "api.example.org", "", ""},
        {"leading", "/a", "*.example.org", "", ""},
        {"trailing", "/a", "api.*", "", ""},
        {"any", "/a", "", "", ""},
        {"only", "/b", "only.example.org,[::1]", "", ""},
        {"wide", "/", "", "", ""},
    };
    static const query_t queries[] = {
        {"GET", "api.example.org", "/a", NULL, "exact", 2},
        {"GET", "API.Example.ORG", "/a", NULL, "exact", 2},
        {"GET", "www.example.org", "/a", NULL, "leading", 2},
        {"GET", "WWW.EXAMPLE.ORG", "/a", NULL, "leading", 2},
        {"GET", "api.com", "/a", NULL, "trailing", 2},
        {"GET", "api.example.com", "/a", NULL, "any", 2},
        {"GET", "a.b.example.org", "/a", NULL, "any", 2},
        {"GET", "example.org", "/a", NULL, "any", 2},
        {"GET", ".example.org", "/a", NULL, "any", 2},
        {"GET", "api.", "/a", NULL, "any", 2},
        {"GET", "", "/a", NULL, "any", 2},
        {"GET", "only.example.org", "/b", NULL, "only", 2},
        {"GET", "[::1]", "/b/c", NULL, "only", 2},
        {"GET", "other.example.org", "/b", NULL, "wide", 0},
    };
    table_t t;
    (void)state;
    table_init(&t, rows, COUNT(rows));
    finds(&t, queries, COUNT(queries));
    table_release(&t);
}

static void headers_and_methods_narrow(void **state) {
    static const row_t rows[] = {
        {"plain", "/a", "", "", ""},
        {"get", "/a", "", "GET,HEAD", ""},
        {"v2", "/a", "", "", "X-Version:2"},
        {"v2beta", "/a", "", "", "X-Version:2,X-Beta:yes"},
        {"v2post", "/a", "", "POST", "X-Version:2"},
        {"hosted", "/a", "h.org", "PUT", ""},
        {"long", "/a/b", "", "DELETE", ""},
    };
    static const query_t queries[] = {
        {"GET", "h", "/a", NULL, "get", 2},
        {"HEAD", "h", "/a", NULL, "get", 2},
        {"get", "h", "/a", NULL, "plain", 2},
        {"POST", "h", "/a", NULL, "plain", 2},
        {"GET", "h", "/a", "X-Version:2", "v2", 2},
        {"GET", "h", "/a", "x-version:2", "v2", 2},
        {"GET", "h", "/a", "X-Version:22", "get", 2},
        {"POST", "h", "/a", "X-Version:2", "v2post", 2},
        {"GET", "h", "/a", "X-Version:2,X-Beta:yes", "v2beta", 2},
        {"GET", "h", "/a", "X-Beta:yes", "get", 2},
        {"PUT", "h.org", "/a", NULL, "hosted", 2},
        {"GET", "h.org", "/a", NULL, "get", 2}, /* the better host does not take GET */
        {"DELETE", "h", "/a/b/c", NULL, "long", 4},
        {"GET", "h", "/a/b/c", NULL, "get", 2}, /* nor the longer prefix */
    };
    table_t t;
    (void)state;
    table_init(&t, rows, COUNT(rows));
    finds(&t, queries, COUNT(queries));
    /* Without a way to ask for headers, routes that name some never match. */
    tg_route_query_t q = {.method = TG_STR("POST"), .host = TG_STR("h"), .path = TG_STR("/a")};
    tg_route_match_t m;
    assert_int_equal(tg_router_find(t.router, &q, &m), TG_OK);
    assert_str(m.proxy->proxy.name, "plain");
    table_release(&t);
}

static void conflicts(void **state) {
    static const struct {
        row_t a, b;
        const char *path; /* NULL: none */
    } rows[] = {
        {{"a", "/x", "", "", ""}, {"b", "/x", "", "", ""}, "/x"},
        {{"a", "/", "", "", ""}, {"b", "/", "", "", ""}, "/"},
        {{"a", "/y,/x", "", "", ""}, {"b", "/x,/z", "", "", ""}, "/x"},
        {{"a", "/x", "", "", ""}, {"b", "/x/y", "", "", ""}, NULL},
        {{"a", "/x", "h", "", ""}, {"b", "/x", "", "", ""}, NULL},
        {{"a", "/x", "h,g", "", ""}, {"b", "/x", "g", "", ""}, "/x"},
        {{"a", "/x", "*.g.org", "", ""}, {"b", "/x", "g.*", "", ""}, NULL},
        {{"a", "/x", "", "GET", ""}, {"b", "/x", "", "POST,GET", ""}, "/x"},
        {{"a", "/x", "", "GET", ""}, {"b", "/x", "", "POST", ""}, NULL},
        {{"a", "/x", "", "GET", ""}, {"b", "/x", "", "", ""}, NULL},
        {{"a", "/x", "", "", "V:1"}, {"b", "/x", "", "", "v:1"}, "/x"},
        {{"a", "/x", "", "", "V:1"}, {"b", "/x", "", "", "V:2"}, NULL},
        {{"a", "/x", "", "", "V:1,W:1"}, {"b", "/x", "", "", "W:1,V:1"}, "/x"},
        {{"a", "/x", "", "", "V:1"}, {"b", "/x", "", "", ""}, NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        row_t both[] = {rows[i].b, rows[i].a};
        table_t t;
        tg_route_conflict_t c = {.first = NULL};
        table_init(&t, both, 2);
        bool found = tg_router_conflict(t.router, &c);
        if (found != (rows[i].path != NULL)) {
            fail_msg("row %zu", i);
        }
        if (found) {
            assert_str(c.first->proxy.name, "b");
            assert_str(c.second->proxy.name, "a");
            assert_str(c.path, rows[i].path);
        }
        table_release(&t);
    }
}

/* Against the plainest thing that could work: all proxies, all prefixes, one after the other. */
static const tg_deployed_proxy_t *plain_find(const tg_snapshot_t *s, tg_str_t path, size_t *prefix_len) {
    const tg_deployed_proxy_t *best = NULL;
    for (size_t i = 0; i < s->n_proxies; i++) {
        tg_str_t prefix = s->proxies[i].proxy.route.paths[0];
        bool matches = tg_str_starts(path, prefix) && (path.n == prefix.n || path.p[prefix.n] == '/');
        if (matches && (best == NULL || prefix.n > *prefix_len)) {
            best = &s->proxies[i];
            *prefix_len = prefix.n;
        }
    }
    return best;
}

static void agrees_with_a_plain_search(void **state) {
    static char names[MANY][64];
    static row_t rows[MANY];
    table_t t;
    unsigned seed = 1;
    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        size_t n = (size_t)snprintf(names[i], sizeof(names[i]), "/%zu", i % 40);
        for (size_t left = i / 40; left > 0; left /= 7) {
            n += (size_t)snprintf(names[i] + n, sizeof(names[i]) - n, "/%zu", left % 7);
        }
        rows[i] = (row_t){names[i], names[i], "", "", ""};
    }
    table_init(&t, rows, MANY);
    for (int i = 0; i < 5000; i++) {
        char path[64];
        size_t n = 0;
        size_t plain_len = 0;
        tg_route_match_t m = {.prefix_len = 0};
        for (int segments = rand_r(&seed) % 6 + 1; segments > 0; segments--) {
            n += (size_t)snprintf(path + n, sizeof(path) - n, "/%d", rand_r(&seed) % (n == 0 ? 45 : 8));
        }
        tg_route_query_t q = {.method = TG_STR("GET"), .host = TG_STR("h"), .path = tg_strn(path, n)};
        const tg_deployed_proxy_t *plain = plain_find(&t.s, q.path, &plain_len);
        tg_err_t err = tg_router_find(t.router, &q, &m);
        assert_int_equal(err, plain != NULL ? TG_OK : TG_ERR_NOTFOUND);
        if (plain != NULL) {
            assert_ptr_equal(m.proxy, plain);
            assert_int_equal(m.prefix_len, plain_len);
        }
    }
    table_release(&t);
}

static double nanoseconds_per_find(const table_t *t, tg_str_t path) {
    struct timespec start;
    struct timespec end;
    tg_route_match_t m;
    tg_route_query_t q = {.method = TG_STR("GET"), .host = TG_STR("h"), .path = path};
    const int rounds = 20000;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
    for (int i = 0; i < rounds; i++) {
        assert_int_equal(tg_router_find(t->router, &q, &m), TG_ERR_NOTFOUND);
    }
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
    return ((double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec)) / rounds;
}

/* 8 KB of slashes and letters cost about what a path as long as the longest prefix does. */
static void hostile_paths_stay_cheap(void **state) {
    static const row_t rows[] = {{"a", "/a/a/a/a/x", "", "", ""}, {"b", "/a/x", "h", "", ""}};
    char path[8192];
    table_t t;
    (void)state;
    for (size_t i = 0; i < sizeof(path); i++) {
        path[i] = i % 2 == 0 ? '/' : 'a';
    }
    table_init(&t, rows, COUNT(rows));
    double is_short = nanoseconds_per_find(&t, tg_strn(path, 12));
    double is_long = nanoseconds_per_find(&t, tg_strn(path, sizeof(path)));
    print_message("12 bytes: %.0f ns, 8192 bytes: %.0f ns\n", is_short, is_long);
    assert_true(is_long < 10 * is_short + 1000);
    table_release(&t);
}

static void prefixes_of_every_length_up_to_the_bound(void **state) {
    static char path[1026];
    static tg_str_t prefix;
    table_t t = {.router = NULL};
    row_t row = {"x", "/x", "", "", ""};
    tg_route_match_t m;
    (void)state;
    memset(path, 'a', sizeof(path));
    path[0] = '/';
    table_fill(&t, &row, 1);
    for (size_t n = 2; n <= 1025; n += n < 1020 ? 101 : 1) {
        prefix = tg_strn(path, n);
        t.s.proxies[0].proxy.route.paths = &prefix;
        tg_err_t err = tg_router_new(&t.s, &t.router);
        assert_int_equal(err, n <= 1024 ? TG_OK : TG_ERR_INVALID);
        if (err == TG_OK) {
            path[n] = '/';
            tg_route_query_t q = {.path = tg_strn(path, n + 1)};
            assert_int_equal(tg_router_find(t.router, &q, &m), TG_OK);
            assert_int_equal(m.prefix_len, n);
            path[n] = 'a';
            assert_int_equal(tg_router_find(t.router, &q, &m), TG_ERR_NOTFOUND);
            tg_router_free(t.router);
        }
    }
    tg_snapshot_release(&t.s);
}

static void empty_and_out_of_memory(void **state) {
    static const row_t rows[] = {{"a", "/a", "", "", ""}};
    table_t t;
    tg_route_match_t m;
    tg_route_conflict_t c;
    tg_route_query_t q = {.path = TG_STR("/a")};
    (void)state;
    table_init(&t, rows, 0);
    assert_int_equal(tg_router_find(t.router, &q, &m), TG_ERR_NOTFOUND);
    assert_false(tg_router_conflict(t.router, &c));
    table_release(&t);
    tg_router_free(NULL);

    t = (table_t){.router = NULL};
    table_fill(&t, rows, 1);
    for (long n = 0;; n++) {
        alloc_fail_after(n);
        tg_err_t err = tg_router_new(&t.s, &t.router);
        if (!alloc_failed()) {
            assert_int_equal(err, TG_OK);
            break;
        }
        assert_int_equal(err, TG_ERR_NOMEM);
    }
    table_release(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(longest_prefix_at_a_segment_boundary),
        cmocka_unit_test(the_root_takes_the_rest),
        cmocka_unit_test(hosts_exact_before_wildcard_before_none),
        cmocka_unit_test(headers_and_methods_narrow),
        cmocka_unit_test(conflicts),
        cmocka_unit_test(agrees_with_a_plain_search),
        cmocka_unit_test(hostile_paths_stay_cheap),
        cmocka_unit_test(prefixes_of_every_length_up_to_the_bound),
        cmocka_unit_test(empty_and_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
