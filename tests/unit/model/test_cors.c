#include "bodies.h"

static json_t *read_cors(const json_t *body, tg_arena_t *a, tg_fault_t *fault, tg_err_t *err) {
    tg_cors_t c;
    *err = tg_cors_parse(body, a, &c, fault);
    return *err ? NULL : tg_cors_write(&c);
}

static json_t *read_forwarded(const json_t *body, tg_arena_t *a, tg_fault_t *fault, tg_err_t *err) {
    tg_forwarded_t f;
    *err = tg_forwarded_parse(body, a, &f, fault);
    return *err ? NULL : tg_forwarded_write(&f);
}

static json_t *read_group(const json_t *body, tg_arena_t *a, tg_fault_t *fault, tg_err_t *err) {
    tg_group_t g;
    *err = tg_group_parse(body, TG_STR("shop"), a, &g, fault);
    return *err ? NULL : tg_group_write(&g);
}

static void written_is(body_fn read, const char *body, const char *wanted) {
    json_t *got = round_trip(read, body);
    json_t *want = body_load(wanted);
    if (!json_equal(got, want)) {
        fail_msg("%s gives %s", body, json_dumps(got, 0));
    }
    json_decref(got);
    json_decref(want);
}

/* ---- cors ---- */

#define CORS_DEFAULTS                                                                                                  \
    "{'enabled':false,'allowedOrigins':[],'allowedMethods':['GET','HEAD','POST','PUT','PATCH','DELETE'],"              \
    "'allowedHeaders':['Authorization','Content-Type'],'exposedHeaders':[],'allowCredentials':false,"                  \
    "'maxAgeSeconds':600}"

static void cors_defaults(void **state) {
    (void)state;
    written_is(read_cors, "{}", CORS_DEFAULTS);
    written_is(read_cors, "{'allowedMethods':null,'maxAgeSeconds':null}", CORS_DEFAULTS);
}

static void cors_all_of_it(void **state) {
    (void)state;
    written_is(read_cors,
               "{'enabled':true,'allowedOrigins':['HTTPS://App.Example.org:8443','http://[::1]:3000','capacitor://"
               "localhost'],'allowedMethods':['PROPFIND'],'allowedHeaders':[],'exposedHeaders':['X_Count'],"
               "'allowCredentials':true,'maxAgeSeconds':0}",
               "{'enabled':true,'allowedOrigins':['https://app.example.org:8443','http://[::1]:3000','capacitor://"
               "localhost'],'allowedMethods':['PROPFIND'],'allowedHeaders':[],'exposedHeaders':['X_Count'],"
               "'allowCredentials':true,'maxAgeSeconds':0}");
}

#define ORIGIN(text) "{'allowedOrigins':['" text "']}"

static void cors_refuses(void **state) {
    static const refusal_t rows[] = {
        {"7", "", "must be an object"},
        {"{'allowOrigins':[]}", "allowOrigins", "is not a known field"},
        {"{'enabled':'true'}", "enabled", "must be true or false"},
        {"{'allowedOrigins':'*'}", "allowedOrigins", "must be a list"},
        {"{'allowedOrigins':[7]}", "allowedOrigins[0]", "must be a string"},
        {ORIGIN(""), "allowedOrigins[0]", "must be '*' or an origin"},
        {ORIGIN("null"), "allowedOrigins[0]", "must be '*' or an origin"},
        {ORIGIN("app.example.org"), "allowedOrigins[0]", "must be '*' or an origin"},
        {ORIGIN("https:app.example.org"), "allowedOrigins[0]", "must be '*' or an origin"},
        {ORIGIN("https://"), "allowedOrigins[0]", "must be '*' or an origin"},
        {ORIGIN("https://a/"), "allowedOrigins[0]", "without a path"},
        {ORIGIN("https://a/x"), "allowedOrigins[0]", "without a path"},
        {ORIGIN("https://u@a"), "allowedOrigins[0]", "must be '*' or an origin"},
        {ORIGIN("https://*.a.org"), "allowedOrigins[0]", "must be '*' or an origin"},
        {ORIGIN("https://a:0"), "allowedOrigins[0]", "must be '*' or an origin"},
        {ORIGIN("https://a\\r\\nX: y"), "allowedOrigins[0]", "must be '*' or an origin"},
        {ORIGIN("://a"), "allowedOrigins[0]", "must be '*' or an origin"},
        {ORIGIN("4://a"), "allowedOrigins[0]", "must be '*' or an origin"},
        {ORIGIN("https://a:443"), "allowedOrigins[0]", "default port"},
        {ORIGIN("http://a:80"), "allowedOrigins[0]", "default port"},
        {"{'allowedOrigins':['https://a','HTTPS://A']}", "allowedOrigins[1]", "twice"},
        {"{'allowedMethods':['get']}", "allowedMethods[0]", "in capital letters"},
        {"{'allowedMethods':['*']}", "allowedMethods[0]", "in capital letters"},
        {"{'allowedMethods':['GET','GET']}", "allowedMethods[1]", "twice"},
        {"{'allowedHeaders':['a b']}", "allowedHeaders[0]", "header name"},
        {"{'allowedHeaders':['']}", "allowedHeaders[0]", "header name"},
        {"{'allowedHeaders':['a,b']}", "allowedHeaders[0]", "header name"},
        {"{'exposedHeaders':['a\\r\\nb']}", "exposedHeaders[0]", "header name"},
        {"{'allowCredentials':1}", "allowCredentials", "must be true or false"},
        {"{'maxAgeSeconds':-1}", "maxAgeSeconds", "from 0 to 86400"},
        {"{'maxAgeSeconds':86401}", "maxAgeSeconds", "from 0 to 86400"},
        /* whatever the order of the members */
        {"{'allowCredentials':true,'allowedOrigins':['https://a','*']}", "allowedOrigins[1]", "with allowCredentials"},
        {"{'allowedHeaders':['*'],'allowCredentials':true}", "allowedHeaders[0]", "with allowCredentials"},
        {"{'exposedHeaders':['*'],'allowCredentials':true}", "exposedHeaders[0]", "with allowCredentials"},
    };
    (void)state;
    refused(read_cors, ROWS(rows));
}

static void cors_round_trips(void **state) {
    static const char *const bodies[] = {
        "{'enabled':true,'allowedOrigins':['*'],'allowedHeaders':['*','Authorization'],'exposedHeaders':['*']}",
        "{'allowedMethods':[]}",
        ORIGIN("https://a:80"),
    };
    (void)state;
    accepted(read_cors, ROWS(bodies));
    survives_lack_of_memory(read_cors, "{'allowedOrigins':['https://a'],'allowedMethods':['GET'],'exposedHeaders':"
                                       "['A']}");
}

/* ---- forwardedIp ---- */

static void forwarded(void **state) {
    static const refusal_t rows[] = {
        {"true", "", "must be an object"},
        {"{'order':'LAST'}", "order", "is not a known field"},
        {"{'enabled':1}", "enabled", "must be true or false"},
        {"{'headerName':''}", "headerName", "must be 1 to"},
        {"{'headerName':'X_Y'}", "headerName", "without '_'"},
        {"{'xffOrder':'SIXTH'}", "xffOrder", "must be one of LAST, FIRST"},
    };
    (void)state;
    written_is(read_forwarded, "{}", "{'enabled':false,'headerName':'X-Forwarded-For','xffOrder':'LAST'}");
    written_is(read_forwarded, "{'enabled':true,'headerName':'X-Real-IP','xffOrder':'SECOND'}",
               "{'enabled':true,'headerName':'X-Real-IP','xffOrder':'SECOND'}");
    refused(read_forwarded, ROWS(rows));
    survives_lack_of_memory(read_forwarded, "{'headerName':'X-Real-IP'}");
}

/* ---- groups ---- */

#define FORWARDED_DEFAULTS "{'enabled':false,'headerName':'X-Forwarded-For','xffOrder':'LAST'}"

static void groups(void **state) {
    static const refusal_t rows[] = {
        {"[]", "", "must be an object"},
        {"{}", "name", "is required"},
        {"{'name':null}", "name", "is required"},
        {"{'name':'a b'}", "name", "must begin with a letter or digit"},
        {"{'name':'g','members':[]}", "members", "is not a known field"},
        {"{'name':'g','description':7}", "description", "must be a string"},
        {"{'name':'g','cors':{'allowedOrigins':['x']}}", "cors.allowedOrigins[0]", "must be '*' or an origin"},
        {"{'name':'g','forwardedIp':{'enabled':0}}", "forwardedIp.enabled", "must be true or false"},
        {"{'name':'g','deploy':1}", "deploy", "must be true or false"},
        {"{'name':'g','limits':{}}", "limits", "is not a known field"},
    };
    tg_arena_t a;
    tg_group_t g;
    (void)state;
    written_is(read_group, "{'name':'g'}",
               "{'name':'g','description':'','cors':" CORS_DEFAULTS ",'forwardedIp':" FORWARDED_DEFAULTS "}");
    written_is(read_group,
               "{'name':'g','description':'d\\ne','forwardedIp':{'enabled':true},'deploy':true,"
               "'deployTargetEnvironmentNameList':['test']}",
               "{'name':'g','description':'d\\ne','cors':" CORS_DEFAULTS ",'forwardedIp':{'enabled':true,'headerName':"
               "'X-Forwarded-For','xffOrder':'LAST'}}");
    refused(read_group, ROWS(rows));
    survives_lack_of_memory(read_group, "{'name':'g','description':'d','cors':{'allowedOrigins':['https://a']}}");

    json_t *body = body_load("{'name':'g'}");
    tg_arena_init(&a, 1 << 16);
    assert_int_equal(tg_group_parse(body, TG_STR("shop"), &a, &g, NULL), TG_OK);
    assert_true(tg_str_eq(g.project, TG_STR("shop")));
    json_decref(body);
    tg_arena_release(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cors_defaults),    cmocka_unit_test(cors_all_of_it), cmocka_unit_test(cors_refuses),
        cmocka_unit_test(cors_round_trips), cmocka_unit_test(forwarded),      cmocka_unit_test(groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
