#include "model/credential.h"

#include "bodies.h"
#include "model/method.h"

/* The list as a body again. */
static json_t *read_list(const json_t *body, tg_arena_t *a, tg_fault_t *fault, tg_err_t *err) {
    tg_access_row_t *rows;
    size_t n;
    *err = tg_access_list_parse(body, a, &rows, &n, fault);
    if (*err) {
        return NULL;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *row = tg_access_row_write(&rows[i]);
        if (row == NULL) {
            json_decref(list);
            return NULL;
        }
        json_array_append_new(list, row);
    }
    return json_pack("{s:o}", "credentialAccessList", list);
}

#define LIST(rows)     "{'credentialAccessList':[" rows "]}"
#define ROW(members)   LIST("{'name':'orders','type':'API_PROXY'," members "}")
#define SETTINGS(list) ROW("'settings':[" list "]")
#define ROW0           "credentialAccessList[0]"

/* The row of a body as a gateway of `environment` reads it from the store. */
static tg_access_t access_in(const char *body, const char *environment) {
    tg_arena_t a;
    tg_access_row_t *rows;
    size_t n;
    tg_access_t out;
    tg_buf_t text;
    tg_fault_t fault = {.field = ""};
    json_t *doc = body_load(body);
    tg_arena_init(&a, 1 << 20);
    tg_buf_init(&text, 1 << 16);
    assert_int_equal(tg_access_list_parse(doc, &a, &rows, &n, NULL), TG_OK);
    json_decref(doc);
    assert_int_equal(n, 1);
    json_t *row = tg_access_row_write(&rows[0]);
    assert_int_equal(tg_json_write(row, &text), TG_OK);
    json_decref(row);
    if (tg_access_parse(tg_buf_str(&text), 42, tg_str(environment), &a, &out, &fault)) {
        fail_msg("%s: %s: %s", body, fault.field, fault.text);
    }
    tg_buf_release(&text);
    tg_arena_release(&a);
    return out;
}

static void reads_the_documented_example(void **state) {
    (void)state;
    tg_access_t access = access_in(LIST("{'name':'orders','type':'API_PROXY'}"), "production");
    assert_true(access.allowed);
    assert_int_equal(access.target, 42);
    assert_int_equal(access.disallowed, 0);
    assert_int_equal(access.expires_at, 0);
    assert_int_equal(access.limits.quota.limit + access.limits.throttling.limit, 0);
}

static void reads_kinds(void **state) {
    static const struct {
        const char *name;
        tg_access_kind_t kind;
    } kinds[] = {{"API_PROXY", TG_ACCESS_PROXY},
                 {"API_PROXY_GROUP", TG_ACCESS_PROXY_GROUP},
                 {"POLICY_GROUP", TG_ACCESS_POLICY_GROUP}};
    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        char text[128];
        tg_arena_t a;
        tg_access_row_t *rows;
        size_t n;
        snprintf(text, sizeof(text), LIST("{'name':'x','type':'%s'}"), kinds[i].name);
        json_t *doc = body_load(text);
        tg_arena_init(&a, 1 << 16);
        assert_int_equal(tg_access_list_parse(doc, &a, &rows, &n, NULL), TG_OK);
        assert_int_equal(rows[0].type, kinds[i].kind);
        assert_true(tg_str_eq(rows[0].name, TG_STR("x")));
        json_decref(doc);
        tg_arena_release(&a);
    }
}

/* The row of the management API's description, in the element itself. */
static void settings_may_stand_in_the_element(void **state) {
    (void)state;
    tg_access_t access =
        access_in(ROW("'quota':{'limit':1000,'intervalAmount':1,'intervalUnit':'DAYS'},'throttling':{'limit':5,"
                      "'intervalAmount':1,'intervalUnit':'SECONDS','windowType':'SLIDING'},'countingMode':'ACCEPTED',"
                      "'disallowedMethods':['DELETE','PUT'],'expireTime':'2030-01-01'"),
                  "production");
    assert_int_equal(access.limits.quota.limit, 1000);
    assert_int_equal(access.limits.quota.interval_ms, TG_DAY_MS);
    assert_int_equal(access.limits.throttling.limit, 5);
    assert_true(access.limits.throttling.sliding);
    assert_true(access.limits.accepted_only);
    assert_int_equal(access.disallowed, tg_method_bit(TG_STR("DELETE")) | tg_method_bit(TG_STR("PUT")));
    assert_int_equal(access.expires_at, 1893542399999);
}

static void each_environment_has_its_own_settings(void **state) {
    static const char *const bodies[] = {
        SETTINGS("{'environmentName':'a','disallowedMethods':['GET']},{'disallowedMethods':['PUT']},"
                 "{'environmentName':'b'}"),
        ROW("'disallowedMethods':['PUT'],'settings':[{'environmentName':'a','disallowedMethods':['GET']},"
            "{'environmentName':'b'}]"),
    };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(access_in(bodies[i], "a").disallowed, tg_method_bit(TG_STR("GET")));
        assert_int_equal(access_in(bodies[i], "b").disallowed, 0);
        assert_int_equal(access_in(bodies[i], "c").disallowed, tg_method_bit(TG_STR("PUT")));
        assert_true(access_in(bodies[i], "c").allowed);
    }
    tg_access_t other = access_in(SETTINGS("{'environmentName':'a','disallowedMethods':['GET']}"), "b");
    assert_true(other.allowed);
    assert_int_equal(other.disallowed, 0);
}

static void refuses(void **state) {
    static const refusal_t rows[] = {
        {"[]", "", "must be an object"},
        {"{}", "credentialAccessList", "is required"},
        {"{'credentialAccessList':{}}", "credentialAccessList", "must be a list"},
        {"{'credentialAccessList':[],'deploy':true}", "deploy", "is not a known field"},
        {LIST("'orders'"), ROW0, "must be an object"},
        {LIST("{'type':'API_PROXY'}"), ROW0 ".name", "is required"},
        {LIST("{'name':'orders'}"), ROW0 ".type", "is required"},
        {LIST("{'name':'a b','type':'API_PROXY'}"), ROW0 ".name", "letter or digit"},
        {LIST("{'name':'a','type':'API'}"), ROW0 ".type", "must be one of API_PROXY, API_PROXY_GROUP, POLICY_GROUP"},
        {LIST("{'name':'a','type':'API_PROXY'},{'name':'b','type':'API_PROXY'},{'name':'a','type':'API_PROXY'}"),
         "credentialAccessList[2].name", "stands in the list twice"},
        {ROW("'environmentName':'e'"), ROW0 ".environmentName", "is not a known field"},
        {ROW("'settings':{}"), ROW0 ".settings", "must be a list"},
        {SETTINGS("7"), ROW0 ".settings[0]", "must be an object"},
        {SETTINGS("{'environmentName':''}"), ROW0 ".settings[0].environmentName", "must be 1 to 128"},
        {SETTINGS("{'environment':'e'}"), ROW0 ".settings[0].environment", "is not a known field"},
        {SETTINGS("{'environmentName':'e'},{'environmentName':'e'}"), ROW0 ".settings[1].environmentName", "twice"},
        {SETTINGS("{},{}"), ROW0 ".settings[1].environmentName", "twice"},
        {ROW("'disallowedMethods':['GET'],'settings':[{}]"), ROW0 ".settings[0].environmentName",
         "is required with settings in the element"},
        {ROW("'disallowedMethods':'GET'"), ROW0 ".disallowedMethods", "must be a list"},
        {ROW("'disallowedMethods':['get']"), ROW0 ".disallowedMethods[0]", "must be one of GET, HEAD"},
        {ROW("'disallowedMethods':['PROPFIND']"), ROW0 ".disallowedMethods[0]", "must be one of GET, HEAD"},
        {ROW("'disallowedMethods':[1]"), ROW0 ".disallowedMethods[0]", "must be a string"},
        {ROW("'disallowedMethods':['GET','GET']"), ROW0 ".disallowedMethods[1]", "twice"},
        {ROW("'expireTime':'soon'"), ROW0 ".expireTime", "must be a moment"},
        {ROW("'expireTime':'1970-01-01T00:00:00Z'"), ROW0 ".expireTime", "after 1970"},
        {ROW("'quota':{'limit':1}"), ROW0 ".quota.intervalAmount", "is required"},
        {ROW("'countingMode':'NONE'"), ROW0 ".countingMode", "must be one of ALL, ACCEPTED"},
    };
    (void)state;
    refused(read_list, ROWS(rows));
}

static void round_trips(void **state) {
    static const char *const bodies[] = {
        LIST(""),
        LIST("{'name':'a','type':'API_PROXY'},{'name':'a','type':'API_PROXY_GROUP'},{'name':'a','type':'POLICY_GROUP'}"
             ",{'name':'ab','type':'API_PROXY'},{'name':'A','type':'API_PROXY'}"),
        ROW("'settings':null,'quota':null,'disallowedMethods':null"),
        ROW("'disallowedMethods':['GET','HEAD','POST','PUT','PATCH','DELETE','OPTIONS','TRACE','CONNECT']"),
        SETTINGS("{'environmentName':'e','quota':{'limit':5,'intervalAmount':1,'intervalUnit':'HOURS'},'expireTime':"
                 "'2030-01-01T00:00:00.000Z'},{}"),
        ROW("'countingMode':'ACCEPTED'"),
    };
    (void)state;
    accepted(read_list, ROWS(bodies));
}

static void survives(void **state) {
    (void)state;
    survives_lack_of_memory(read_list, ROW("'disallowedMethods':['GET'],'settings':[{'environmentName':'e'}]"));
}

/* An access list of a thousand rows is checked for doubles in a blink; the bound is loose enough for sanitizers. */
static void long_lists(void **state) {
    static char text[2000000];
    size_t n = (size_t)snprintf(text, sizeof(text), "{'credentialAccessList':[");
    (void)state;
    for (int i = 0; i < 10000; i++) {
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s{'name':'api-%d','type':'API_PROXY'}", i > 0 ? "," : "",
                              (i * 7919) % 10000);
    }
    size_t end = n;
    snprintf(text + end, sizeof(text) - end, "]}");
    json_t *body = body_load(text);
    tg_arena_t a;
    tg_access_row_t *rows;
    tg_fault_t fault = {.field = ""};
    tg_arena_init(&a, 16 << 20);
    assert_int_equal(tg_access_list_parse(body, &a, &rows, &n, &fault), TG_OK);
    assert_int_equal(n, 10000);
    json_decref(body);

    snprintf(text + end, sizeof(text) - end, ",{'name':'x','type':'API_PROXY'}]}");
    body = body_load(text);
    assert_int_equal(tg_access_list_parse(body, &a, &rows, &n, &fault), TG_ERR_INVALID);
    assert_non_null(strstr(fault.text, "at most 10000"));
    json_decref(body);
    tg_arena_release(&a);
}

static void broken_rows_are_not_allowed(void **state) {
    static const char *const texts[] = {"", "{", "[]", "{}", "{\"name\":\"a\",\"type\":\"API_PROXY\",\"x\":1}"};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        tg_arena_t a;
        tg_access_t access = {.allowed = true};
        tg_arena_init(&a, 1 << 16);
        assert_int_equal(tg_access_parse(tg_str(texts[i]), 1, TG_STR("e"), &a, &access, NULL), TG_ERR_INVALID);
        assert_false(access.allowed);
        tg_arena_release(&a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_documented_example),
        cmocka_unit_test(reads_kinds),
        cmocka_unit_test(settings_may_stand_in_the_element),
        cmocka_unit_test(each_environment_has_its_own_settings),
        cmocka_unit_test(refuses),
        cmocka_unit_test(round_trips),
        cmocka_unit_test(survives),
        cmocka_unit_test(long_lists),
        cmocka_unit_test(broken_rows_are_not_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
