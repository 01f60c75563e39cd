#include "model/endpoint.h"

#include "bodies.h"

static json_t *read_proxy(const json_t *body, tg_arena_t *a, tg_fault_t *fault, tg_err_t *err) {
    tg_proxy_t p;
    *err = tg_proxy_parse(body, TG_STR("shop"), a, &p, fault);
    return *err ? NULL : tg_proxy_write(&p);
}

#define E(list)                                                                                                        \
    "{'apiProxyName':'orders','apiProxyCreationType':'EMPTY_API','clientRoute':{'relativePathList':['/orders']},"      \
    "'routingInfo':{'routingAddressList':[{'address':'http://127.0.0.1:9000'}]},'endpoints':[" list "]}"
#define ONE(members) E("{'method':'GET','path':'/items/{id}'" members "}")
#define AT(path)     E("{'method':'GET','path':'" path "'}")

static void accepts(void **state) {
    static const char *const good[] = {
        E(""),
        AT("/"),
        AT("/items"),
        AT("/items/"),
        AT("/a/{b}/c/{d}"),
        AT("/a/*"),
        AT("/a/**"),
        AT("/**"),
        AT("/caf\xC3\xA9/a b;c"),
        E("{'method':'*','path':'/a'},{'method':'GET','path':'/a'},{'method':'TRACE','path':'/a'}"),
        E("{'method':'GET','path':'/a/{x}'},{'method':'GET','path':'/a/x'},{'method':'GET','path':'/A/{x}'}"),
        ONE(",'backendPath':'/v2/{id}','roles':['read','write'],'description':'One item','name':'itemGet'"),
        ONE(",'backendPath':'/fixed/','roles':[],'description':''"),
        ONE(",'backendPath':null,'roles':null,'description':null,'name':null"),
    };
    (void)state;
    accepted(read_proxy, ROWS(good));
}

static void refuses(void **state) {
    static const refusal_t rows[] = {
        {E("7"), "endpoints[0]", "must be an object"},
        {E("{}"), "endpoints[0].method", "is required"},
        {E("{'method':'GET'}"), "endpoints[0].path", "is required"},
        {ONE(",'metod':1"), "endpoints[0].metod", "is not a known field"},
        {E("{'method':'get','path':'/'}"), "endpoints[0].method", "capital letters"},
        {E("{'method':'PURGE','path':'/'}"), "endpoints[0].method", "must be GET, HEAD"},
        {E("{'method':'CONNECT','path':'/'}"), "endpoints[0].method", "must be GET, HEAD"},
        {E("{'method':'','path':'/'}"), "endpoints[0].method", "capital letters"},
        {AT(""), "endpoints[0].path", "must begin with '/'"},
        {AT("items"), "endpoints[0].path", "must begin with '/'"},
        {AT("/a//b"), "endpoints[0].path", "must not have '//'"},
        {AT("/a/../b"), "endpoints[0].path", "'.' or '..'"},
        {AT("/a/{b}.json"), "endpoints[0].path", "whole segments"},
        {AT("/a/{}"), "endpoints[0].path", "whole segments"},
        {AT("/a%2fb"), "endpoints[0].path", "decoded"},
        {AT("/a?b"), "endpoints[0].path", "decoded"},
        {AT("/**/a"), "endpoints[0].path", "last segment"},
        {AT("/a/{b}/{b}"), "endpoints[0].path", "has {b} twice"},
        {ONE(",'backendPath':'v2'"), "endpoints[0].backendPath", "must begin with '/'"},
        {ONE(",'backendPath':''"), "endpoints[0].backendPath", "must begin with '/'"},
        {ONE(",'backendPath':'/v2/{other}'"), "endpoints[0].backendPath", "has {other}, which is not in path"},
        {ONE(",'backendPath':'/v2/{id}/{id}'"), "endpoints[0].backendPath", "has {id} twice"},
        {ONE(",'backendPath':'/v2/*'"), "endpoints[0].backendPath", "has no '*'"},
        {ONE(",'backendPath':'/v2/../x'"), "endpoints[0].backendPath", "'.' or '..'"},
        {E("{'method':'GET','path':'/a/**','backendPath':'/b'}"), "endpoints[0].backendPath", "has no '*'"},
        {ONE(",'name':'a b'"), "endpoints[0].name", "must begin with a letter"},
        {ONE(",'roles':['a b']"), "endpoints[0].roles[0]", "visible ASCII"},
        {ONE(",'roles':['a','a']"), "endpoints[0].roles[1]", "twice"},
        {E("{'method':'GET','path':'/a','name':'x'},{'method':'PUT','path':'/a','name':'x'}"), "endpoints[1].name",
         "stands twice in the list"},
        {E("{'method':'GET','path':'/a'},{'method':'GET','path':'/a'}"), "endpoints[1].path",
         "stands with this method twice"},
        {E("{'method':'GET','path':'/a'},{'method':'GET','path':'/a/'}"), "endpoints[1].path", "twice"},
        {E("{'method':'GET','path':'/a/{x}'},{'method':'GET','path':'/a/{y}'}"), "endpoints[1].path", "twice"},
        {E("{'method':'*','path':'/a/{x}/b'},{'method':'*','path':'/a/*/b'}"), "endpoints[1].path", "twice"},
    };
    (void)state;
    refused(read_proxy, ROWS(rows));
}

static const char *name_at(const json_t *proxy, size_t i) {
    return json_string_value(json_object_get(json_array_get(json_object_get(proxy, "endpoints"), i), "name"));
}

/* A name is a key that people and policies keep: it is the same for the same endpoint, and no other one's. */
static void makes_names(void **state) {
    static const struct {
        const char *body, *names[4];
    } rows[] = {
        {AT("/"), {"get"}},
        {AT("/items/{id}"), {"get-items-id"}},
        {AT("/Items/{Id}/_sub.x/"), {"get-items-id-_sub.x"}},
        {E("{'method':'*','path':'/**'}"), {"any"}},
        {E("{'method':'GET','path':'/a/{b}'},{'method':'GET','path':'/a/b'},{'method':'GET','path':'/a/-/b'}"),
         {"get-a-b", "get-a-b-2", "get-a-b-3"}},
        {E("{'method':'GET','path':'/a'},{'method':'PUT','path':'/a','name':'get-a'}"), {"get-a-2", "get-a"}},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        json_t *proxy = round_trip(read_proxy, rows[i].body);
        for (size_t j = 0; j < 4 && rows[i].names[j] != NULL; j++) {
            assert_string_equal(name_at(proxy, j), rows[i].names[j]);
        }
        json_decref(proxy);
    }
}

static void long_names_stay_names(void **state) {
    char path[500], body[4096];
    (void)state;
    memset(path, 'a', sizeof(path));
    path[0] = '/';
    path[498] = '\0';
    snprintf(body, sizeof(body), E("{'method':'GET','path':'%sb'},{'method':'GET','path':'%sc'}"), path, path);
    json_t *proxy = round_trip(read_proxy, body);
    assert_int_equal(strlen(name_at(proxy, 0)), TG_NAME_MAX - 8);
    assert_int_equal(strlen(name_at(proxy, 1)), TG_NAME_MAX - 6);
    json_decref(proxy);
}

static void their_number_is_bounded(void **state) {
    tg_arena_t a;
    tg_fault_t fault = {.field = ""};
    tg_proxy_t p;
    (void)state;
    for (size_t n = TG_ENDPOINTS_MAX; n <= TG_ENDPOINTS_MAX + 1; n++) {
        json_t *body = body_load(E(""));
        for (size_t i = 0; i < n; i++) {
            char path[32];
            snprintf(path, sizeof(path), "/%zu", i);
            json_array_append_new(json_object_get(body, "endpoints"),
                                  json_pack("{ssss}", "method", "GET", "path", path));
        }
        tg_arena_init(&a, 16 << 20);
        tg_err_t err = tg_proxy_parse(body, TG_STR("shop"), &a, &p, &fault);
        assert_int_equal(err, n <= TG_ENDPOINTS_MAX ? TG_OK : TG_ERR_INVALID);
        tg_arena_release(&a);
        json_decref(body);
    }
    assert_string_equal(fault.field, "endpoints");
    assert_string_equal(fault.text, "must have at most 5000 elements");
}

static void keys(void **state) {
    static const struct {
        const char *method, *path, *key;
    } rows[] = {
        {"GET", "/", "GET "},
        {"GET", "/a/", "GET /a"},
        {"*", "/a/{b}/*/**", "* /a/{}/{}/**"},
    };
    char longest[TG_ENDPOINT_KEY_MAX], path[513];
    tg_buf_t b;
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        tg_buf_init_fixed(&b, longest, sizeof(longest));
        tg_api_endpoint_key_write(tg_str(rows[i].method), tg_str(rows[i].path), &b);
        assert_str(tg_buf_str(&b), rows[i].key);
    }
    for (size_t i = 0; i < 512; i++) {
        path[i] = i % 2 ? '*' : '/';
    }
    tg_buf_init_fixed(&b, longest, sizeof(longest));
    tg_api_endpoint_key_write(TG_STR("OPTIONS"), tg_strn(path, 512), &b);
    assert_int_equal(b.err, TG_OK);
}

static void finds_by_key_and_name(void **state) {
    tg_api_endpoint_t list[] = {{.name = TG_STR("a"), .method = TG_STR("GET"), .path = TG_STR("/a/{b}")},
                                {.name = TG_STR("b"), .method = TG_STR("*"), .path = TG_STR("/a/b/")},
                                {.name = TG_STR("c"), .method = TG_STR("GET"), .path = TG_STR("/")}};
    const tg_proxy_t p = {.endpoints = list, .n_endpoints = 3};
    (void)state;
    assert_ptr_equal(tg_api_endpoint_at(&p, TG_STR("GET"), TG_STR("/a/{other}/")), &list[0]);
    assert_ptr_equal(tg_api_endpoint_at(&p, TG_STR("GET"), TG_STR("/a/*")), &list[0]);
    assert_ptr_equal(tg_api_endpoint_at(&p, TG_STR("*"), TG_STR("/a/b")), &list[1]);
    assert_ptr_equal(tg_api_endpoint_at(&p, TG_STR("GET"), TG_STR("/")), &list[2]);
    assert_null(tg_api_endpoint_at(&p, TG_STR("GET"), TG_STR("/a/b")));
    assert_null(tg_api_endpoint_at(&p, TG_STR("GET"), TG_STR("/a/{b}/c")));
    assert_null(tg_api_endpoint_at(&p, TG_STR("GET"), TG_STR("/a")));
    assert_null(tg_api_endpoint_at(&p, TG_STR("GET"), TG_STR("/**")));
    assert_ptr_equal(tg_api_endpoint_named(&p, TG_STR("c")), &list[2]);
    assert_null(tg_api_endpoint_named(&p, TG_STR("d")));
}

static void lack_of_memory(void **state) {
    (void)state;
    survives_lack_of_memory(read_proxy, E("{'method':'GET','path':'/a/{b}','roles':['r'],'backendPath':'/{b}'},"
                                          "{'method':'PUT','path':'/a/{b}','name':'x'}"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(accepts),
                                       cmocka_unit_test(refuses),
                                       cmocka_unit_test(makes_names),
                                       cmocka_unit_test(long_names_stay_names),
                                       cmocka_unit_test(their_number_is_bounded),
                                       cmocka_unit_test(keys),
                                       cmocka_unit_test(finds_by_key_and_name),
                                       cmocka_unit_test(lack_of_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
