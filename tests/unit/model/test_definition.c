#include "model/definition.h"

#include "bodies.h"
#include "model/endpoint.h"

/* The endpoints as written, and "address". */
static json_t *read_definition(const json_t *doc, tg_arena_t *a, tg_fault_t *fault, tg_err_t *err) {
    tg_definition_t d;
    *err = tg_definition_parse(doc, a, &d, fault);
    if (*err) {
        return NULL;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < d.n_endpoints; i++) {
        json_array_append_new(list, tg_api_endpoint_write(&d.endpoints[i]));
    }
    return json_pack("{s:o, s:s%}", "endpoints", list, "address", d.address.p != NULL ? d.address.p : "", d.address.n);
}

#define V3(members)   "{'openapi':'3.0.3','info':{'title':'t','version':'1'}," members "}"
#define PATHS(inner)  V3("'paths':{" inner "}")
#define ITEM(inner)   PATHS("'/items/{id}':{" inner "}")
#define GET(inner)    ITEM("'get':{" inner "}")
#define PARAM(inner)  GET("'parameters':[" inner "]")
#define SERVER(inner) V3("'servers':[" inner "],'paths':{'/':{'get':{}}}")
#define V2(members)   "{'swagger':'2.0','paths':{'/':{'get':{}}}" members "}"

/* "GET /path name", in the order of the document; the address. */
typedef struct {
    const char *doc, *endpoints, *address;
} row_t;

static void reads(const row_t *row) {
    tg_arena_t a;
    tg_fault_t fault = {.field = ""};
    tg_definition_t d;
    char mem[4096];
    tg_buf_t b;
    json_t *doc = body_load(row->doc);
    tg_arena_init(&a, 1 << 20);
    tg_buf_init_fixed(&b, mem, sizeof(mem));
    if (tg_definition_parse(doc, &a, &d, &fault)) {
        fail_msg("%s\n  %s: %s", row->doc, fault.field, fault.text);
    }
    for (size_t i = 0; i < d.n_endpoints; i++) {
        const tg_api_endpoint_t *e = &d.endpoints[i];
        tg_buf_putf(&b, "%s%.*s %.*s %.*s", i > 0 ? "," : "", TG_STR_ARGS(e->method), TG_STR_ARGS(e->path),
                    TG_STR_ARGS(e->name));
    }
    assert_str(tg_buf_str(&b), row->endpoints);
    assert_str(d.address, row->address);
    json_decref(doc);
    tg_arena_release(&a);
}

static void reads_what_concerns_endpoints(void **state) {
    static const row_t rows[] = {
        {PATHS("'/':{'get':{}}"), "GET / ", ""},
        {"{'openapi':'3.1.0','paths':{'/a':{'get':{}}},'webhooks':{},'x-y':1}", "GET /a ", ""},
        {V2(""), "GET / ", ""},
        {"{'swagger':2.0,'paths':{'/':{'get':{}}}}", "GET / ", ""},
        {PATHS("'/a':{'get':{},'put':{},'post':{},'delete':{},'options':{},'head':{},'patch':{},'trace':{}}"),
         "GET /a ,PUT /a ,POST /a ,DELETE /a ,OPTIONS /a ,HEAD /a ,PATCH /a ,TRACE /a ", ""},
        {PATHS("'/a':{'summary':'s','description':'d','servers':[],'parameters':[],'x-a':1,'get':{}},'x-b':7"),
         "GET /a ", ""},
        {PATHS("'/b':{'get':{}},'/a/':{'get':{}}"), "GET /b ,GET /a/ ", ""},
        {PATHS("'/caf%C3%A9/a%20b':{'get':{}}"), "GET /caf\xC3\xA9/a b ", ""},
        {PATHS("'/{user id}/{a[b]}':{'get':{}}"), "GET /{user_id}/{a_b_} ", ""},
        /* names */
        {GET("'operationId':'getItem'"), "GET /items/{id} getItem", ""},
        {GET("'operationId':'Items: get (one)'"), "GET /items/{id} Items-get-one-", ""},
        {GET("'operationId':'__x'"), "GET /items/{id} x", ""},
        {GET("'operationId':'\xC3\xA9'"), "GET /items/{id} ", ""},
        {GET("'operationId':7"), "GET /items/{id} ", ""},
        {ITEM("'get':{'operationId':'a b'},'put':{'operationId':'a-b'}"), "GET /items/{id} a-b,PUT /items/{id} ", ""},
        /* parameters and $ref */
        {PARAM("{'in':'path','name':'id'},{'in':'query','name':'q'},{'in':'header','name':'h'}"), "GET /items/{id} ",
         ""},
        {V3("'paths':{'/items/{id}':{'parameters':[{'$ref':'#/components/parameters/Id'}],'get':{}}},"
            "'components':{'parameters':{'Id':{'$ref':'#/components/parameters/It'},'It':{'in':'path','name':'id'}}}"),
         "GET /items/{id} ", ""},
        {V3("'paths':{'/items/{id}':{'$ref':'#/components/pathItems/a~1b%20~0c'}},"
            "'components':{'pathItems':{'a/b ~c':{'delete':{}}}}"),
         "DELETE /items/{id} ", ""},
        {V3("'paths':{'/a':{'$ref':'#/paths/~1b'},'/b':{'get':{'operationId':'x'}}}"), "GET /a x,GET /b ", ""},
        {V3("'paths':{'/a':{'$ref':'#/x-list/1'}},'x-list':[{},{'get':{}}]"), "GET /a ", ""},
        /* servers */
        {SERVER("{'url':'https://api.example.org/v1'},{'url':'http://other'}"), "GET / ", "https://api.example.org/v1"},
        {SERVER("{'url':'{scheme}://{host}:{port}/{base}','variables':{'scheme':{'default':'http'},"
                "'host':{'default':'h'},'port':{'default':'81'},'base':{'default':'v2'}}}"),
         "GET / ", "http://h:81/v2"},
        {SERVER("{'url':'/v1'}"), "GET / ", ""},
        {SERVER("{'url':'https://{host}/'}"), "GET / ", ""},
        {SERVER("{'url':'{'}"), "GET / ", ""},
        {SERVER("{'url':'https://user:pw@h/'}"), "GET / ", ""},
        {SERVER("{'url':'ftp://h/'}"), "GET / ", ""},
        {SERVER("{'url':7}"), "GET / ", ""},
        {SERVER(""), "GET / ", ""},
        {V3("'servers':7,'paths':{'/':{'get':{}}}"), "GET / ", ""},
        {V2(",'host':'api.example.org:8443','basePath':'/v1','schemes':['http','https']"), "GET / ",
         "http://api.example.org:8443/v1"},
        {V2(",'host':'api.example.org'"), "GET / ", "https://api.example.org"},
        {V2(",'host':'a b'"), "GET / ", ""},
        {V2(",'host':'h','schemes':['ws']"), "GET / ", ""},
        {V2(",'basePath':'/v1'"), "GET / ", ""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        reads(&rows[i]);
    }
}

static void names_the_place_of_a_fault(void **state) {
    static const refusal_t rows[] = {
        {"[]", "", "must be an object"},
        {"'text'", "", "must be an object"},
        {"{}", "openapi", "is required, or swagger"},
        {"{'openapi':'2.0'}", "openapi", "must be a text like 3.0.3"},
        {"{'openapi':'3.2.0'}", "openapi", "must be a text like"},
        {"{'openapi':'30.0'}", "openapi", "must be a text like"},
        {"{'openapi':3.0}", "openapi", "must be a text like"},
        {"{'openapi':null}", "openapi", "must be a text like"},
        {"{'swagger':'1.2'}", "swagger", "must be 2.0"},
        {"{'swagger':'3.0'}", "swagger", "must be 2.0"},
        {"{'openapi':'3.0.0'}", "paths", "is required"},
        {V3("'paths':[]"), "paths", "must be an object"},
        {PATHS(""), "paths", "has no operation"},
        {PATHS("'/a':{}"), "paths", "has no operation"},
        {PATHS("'x-only':{'get':{}}"), "paths", "has no operation"},
        {PATHS("'a':{'get':{}}"), "paths.a", "must begin with '/'"},
        {PATHS("'/a':7"), "paths./a", "must be an object"},
        {PATHS("'/a':{'gett':{}}"), "paths./a.gett", "is not a known field"},
        {PATHS("'/a':{'get':[]}"), "paths./a.get", "must be an object"},
        {PATHS("'/a/{b}.json':{'get':{}}"), "paths./a/{b}.json", "whole segments"},
        {PATHS("'/a/{b}{c}':{'get':{}}"), "paths./a/{b}{c}", "whole segments"},
        {PATHS("'/a/{}':{'get':{}}"), "paths./a/{}", "whole segments"},
        {PATHS("'/a/*':{'get':{}}"), "paths./a/*", "must not have '*'"},
        {PATHS("'/a/**':{'get':{}}"), "paths./a/**", "must not have '*'"},
        {PATHS("'/a//b':{'get':{}}"), "paths./a//b", "must not have '//'"},
        {PATHS("'/a/../b':{'get':{}}"), "paths./a/../b", "'.' or '..'"},
        {PATHS("'/a/%2e%2E/b':{'get':{}}"), "paths./a/%2e%2E/b", "'.' or '..'"},
        {PATHS("'/a%2fb':{'get':{}}"), "paths./a%2fb", "escaped"},
        {PATHS("'/%7Ba%7D':{'get':{}}"), "paths./%7Ba%7D", "escaped"},
        {PATHS("'/a%':{'get':{}}"), "paths./a%", "broken %-escape"},
        {PATHS("'/a%00':{'get':{}}"), "paths./a%00", "control characters"},
        {PATHS("'/a%FF':{'get':{}}"), "paths./a%FF", "UTF-8"},
        {PATHS("'/a%25':{'get':{}}"), "paths./a%25", "decoded"},
        {PATHS("'/a?b':{'get':{}}"), "paths./a?b", "decoded"},
        {PATHS("'/a#b':{'get':{}}"), "paths./a#b", "decoded"},
        {PATHS("'/a/{x}':{'get':{}},'/a/{y}':{'get':{}}"), "paths./a/{y}.get", "matches the same requests"},
        {PATHS("'/a':{'get':{}},'/a/':{'get':{}}"), "paths./a/.get", "matches the same requests"},
        {GET("'parameters':{}"), "paths./items/{id}.get.parameters", "must be a list"},
        {PARAM("7"), "paths./items/{id}.get.parameters[0]", "must be an object"},
        {PARAM("{'name':'id'}"), "paths./items/{id}.get.parameters[0].in", "must be a string"},
        {PARAM("{'in':'path'}"), "paths./items/{id}.get.parameters[0].name", "must be a string"},
        {PARAM("{'in':'path','name':'ID'}"), "paths./items/{id}.get.parameters[0].name", "is no parameter of the path"},
        {PARAM("{'$ref':'other.yaml#/x'}"), "paths./items/{id}.get.parameters[0].$ref", "must lead into this document"},
        {PARAM("{'$ref':'http://169.254.169.254/'}"), "paths./items/{id}.get.parameters[0].$ref", "must lead into"},
        {PARAM("{'$ref':'#/nothing'}"), "paths./items/{id}.get.parameters[0].$ref", "leads to nothing"},
        {PARAM("{'$ref':'#/a~2'}"), "paths./items/{id}.get.parameters[0].$ref", "leads to nothing"},
        {PARAM("{'$ref':'#/a%0'}"), "paths./items/{id}.get.parameters[0].$ref", "leads to nothing"},
        {PARAM("{'$ref':7}"), "paths./items/{id}.get.parameters[0].$ref", "must be a string"},
        {PARAM("{'$ref':'#/openapi'}"), "paths./items/{id}.get.parameters[0]", "must be an object"},
        {PARAM("{'$ref':'#/paths/~1items~1{id}/get/parameters/0'}"), "paths./items/{id}.get.parameters[0].$ref",
         "leads on more than 16 times"},
        {ITEM("'$ref':'#/x','get':{}"), "paths./items/{id}.get", "must not stand beside $ref"},
        {ITEM("'$ref':'#/paths/~1items~1{id}'"), "paths./items/{id}.$ref", "leads on more than 16 times"},
    };
    (void)state;
    refused(read_definition, ROWS(rows));
}

static void descriptions_are_text(void **state) {
    char body[4096], text[1200];
    (void)state;
    memset(text, 'a', sizeof(text));
    memcpy(text + 1023, "\xC3\xA9", 3);
    snprintf(body, sizeof(body), GET("'summary':'%s'"), text);
    static const char *const rows[][2] = {{GET("'summary':'One item'"), "One item"},
                                          {GET("'summary':'a\\u0007b\\nc'"), "a b\nc"},
                                          {GET("'summary':7"), ""}};
    for (size_t i = 0; i < COUNT(rows) + 1; i++) {
        tg_arena_t a;
        tg_definition_t d;
        json_t *doc = body_load(i < COUNT(rows) ? rows[i][0] : body);
        tg_arena_init(&a, 1 << 20);
        assert_int_equal(tg_definition_parse(doc, &a, &d, NULL), TG_OK);
        if (i < COUNT(rows)) {
            assert_str(d.endpoints[0].description, rows[i][1]);
        } else {
            assert_int_equal(d.endpoints[0].description.n, 1023); /* not half a character */
        }
        tg_arena_release(&a);
        json_decref(doc);
    }
}

static void their_number_is_bounded(void **state) {
    json_t *doc = body_load(PATHS(""));
    tg_arena_t a;
    tg_definition_t d;
    tg_fault_t fault = {.field = ""};
    (void)state;
    for (size_t i = 0; i < TG_ENDPOINTS_MAX; i++) {
        char path[32];
        snprintf(path, sizeof(path), "/%zu", i);
        json_object_set_new(json_object_get(doc, "paths"), path, json_pack("{s:{}}", "get"));
    }
    tg_arena_init(&a, 16 << 20);
    assert_int_equal(tg_definition_parse(doc, &a, &d, &fault), TG_OK);
    assert_int_equal(d.n_endpoints, TG_ENDPOINTS_MAX);
    json_object_set_new(json_object_get(doc, "paths"), "/more", json_pack("{s:{}}", "get"));
    assert_int_equal(tg_definition_parse(doc, &a, &d, &fault), TG_ERR_INVALID);
    assert_string_equal(fault.field, "paths./more.get");
    tg_arena_release(&a);
    json_decref(doc);
}

/* ---- compare ---- */

#define EP(n, m, p, b, d)                                                                                              \
    { .name = TG_STR(n), .method = TG_STR(m), .path = TG_STR(p), .backend_path = TG_STR(b), .description = TG_STR(d) }

static void keeps_what_was_set_by_hand(void **state) {
    static tg_str_t role = TG_STR("r");
    tg_api_endpoint_t before[] = {EP("one", "GET", "/items/{id}", "/v2/{id}", "old"),
                                  EP("gone", "PUT", "/items/{id}", "", ""), EP("taken", "GET", "/same", "", "s")};
    tg_api_endpoint_t after[] = {EP("get-item", "GET", "/items/{item}", "", "new"), EP("taken", "GET", "/new", "", ""),
                                 EP("", "GET", "/same/", "", "s"), EP("gone", "POST", "/other", "", "")};
    before[0].roles = &role;
    before[0].n_roles = 1;
    const tg_proxy_t old = {.endpoints = before, .n_endpoints = 3};
    const tg_definition_t d = {.endpoints = after, .n_endpoints = 4};
    tg_definition_changes_t c;
    tg_arena_t a;
    (void)state;
    tg_arena_init(&a, 1 << 20);
    assert_int_equal(tg_definition_compare(&old, &d, &a, &c), TG_OK);
    assert_int_equal(c.n, 4);
    assert_str(c.list[0].name, "one");
    assert_str(c.list[0].path, "/items/{id}");
    assert_str(c.list[0].backend_path, "/v2/{id}");
    assert_str(c.list[0].description, "new");
    assert_int_equal(c.list[0].n_roles, 1);
    assert_str(c.list[1].name, ""); /* another one has it, and stays */
    assert_str(c.list[2].name, "taken");
    assert_str(c.list[3].name, "gone"); /* free again */
    assert_int_equal(c.n_added, 2);
    assert_ptr_equal(c.added[0], &c.list[1]);
    assert_ptr_equal(c.added[1], &c.list[3]);
    assert_int_equal(c.n_changed, 1);
    assert_ptr_equal(c.changed[0], &c.list[0]);
    assert_int_equal(c.n_removed, 1);
    assert_ptr_equal(c.removed[0], &before[1]);
    tg_arena_release(&a);
}

static void lack_of_memory(void **state) {
    (void)state;
    survives_lack_of_memory(
        read_definition, V3("'servers':[{'url':'http://h'}],'paths':{'/a/{b}':{'get':{'operationId':'x','summary':'y',"
                            "'parameters':[{'in':'path','name':'b'}]},'put':{}}}"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_concerns_endpoints), cmocka_unit_test(names_the_place_of_a_fault),
        cmocka_unit_test(descriptions_are_text),         cmocka_unit_test(their_number_is_bounded),
        cmocka_unit_test(keeps_what_was_set_by_hand),    cmocka_unit_test(lack_of_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
