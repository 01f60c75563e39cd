#include "bodies.h"

static json_t *read_environment(const json_t *body, tg_arena_t *a, tg_fault_t *fault, tg_err_t *err) {
    tg_environment_t e;
    *err = tg_environment_parse(body, a, &e, fault);
    return *err ? NULL : tg_environment_write(&e);
}

static void parse(const char *text, tg_arena_t *a, tg_environment_t *e) {
    tg_fault_t fault = {.field = ""};
    json_t *body = body_load(text);
    tg_arena_init(a, 1 << 20);
    if (tg_environment_parse(body, a, e, &fault)) {
        fail_msg("%s: %s: %s", text, fault.field, fault.text);
    }
    json_decref(body);
}

static void reads_the_documented_example(void **state) {
    tg_arena_t a;
    tg_environment_t e;
    (void)state;
    parse("{'name':'test','accessUrl':null}", &a, &e);
    assert_true(tg_str_eq(e.name, TG_STR("test")));
    assert_int_equal(e.access_url.n, 0);
    assert_int_equal(e.leeway_s, 0);
    assert_int_equal(e.jwks_max_age_s, 300);
    assert_false(e.forwarded.enabled);
    assert_true(tg_str_eq(e.forwarded.header, TG_STR("X-Forwarded-For")));
    assert_int_equal(e.forwarded.order, 0);
    assert_int_equal(e.n_trusted_proxies, 0);
    assert_int_equal(e.revocation_bound_ms, 1000);
    assert_false(e.jwt_refuse_when_feed_lost);
    assert_false(e.cors.enabled);
    assert_int_equal(e.client_failures.limit, 20);
    assert_int_equal(e.client_failures.interval_ms, 60000);
    assert_true(e.client_failures.sliding);
    assert_int_equal(e.address_failures.limit, 200);
    assert_int_equal(e.address_failures.interval_ms, 60000);
    assert_true(e.address_failures.sliding);
    assert_true(e.request_log);
    assert_int_equal(e.request_log_keep_days, 30);
    tg_arena_release(&a);
}

static void reads_everything(void **state) {
    tg_arena_t a;
    tg_environment_t e;
    (void)state;
    parse("{'name':'p','description':'d','accessUrl':'https://api.example.org/gw/','leewaySeconds':300,"
          "'jwksMaxAgeSeconds':60,'forwardedIp':{'enabled':true,'headerName':'X-Real-IP','xffOrder':'FIFTH'},"
          "'trustedProxies':['10.0.0.0/8','::1'],'propagationBoundMillis':500,'jwtWhenFeedLost':'refuse',"
          "'cors':{'enabled':true,'allowedOrigins':['https://a.example']},"
          "'failureLimits':{'perClient':{'limit':0},'perAddress':{'limit':7,'intervalAmount':5,'intervalUnit':"
          "'SECONDS'}},'tokenRequestLog':{'enabled':false,'retentionDays':3650}}",
          &a, &e);
    assert_true(tg_str_eq(e.access_url, TG_STR("https://api.example.org/gw")));
    assert_int_equal(e.leeway_s, 300);
    assert_int_equal(e.jwks_max_age_s, 60);
    assert_true(e.forwarded.enabled);
    assert_true(tg_str_eq(e.forwarded.header, TG_STR("X-Real-IP")));
    assert_int_equal(e.forwarded.order, 5);
    assert_int_equal(e.n_trusted_proxies, 2);
    assert_true(tg_str_eq(e.trusted_proxies[0], TG_STR("10.0.0.0/8")));
    assert_int_equal(e.revocation_bound_ms, 500);
    assert_true(e.jwt_refuse_when_feed_lost);
    assert_true(e.cors.enabled);
    assert_true(tg_str_eq(e.cors.origins[0], TG_STR("https://a.example")));
    assert_int_equal(e.client_failures.limit, 0);
    assert_int_equal(e.address_failures.limit, 7);
    assert_int_equal(e.address_failures.interval_ms, 5000);
    assert_true(e.address_failures.sliding);
    assert_false(e.request_log);
    assert_int_equal(e.request_log_keep_days, 3650);
    tg_arena_release(&a);
}

#define E(members) "{'name':'e'," members "}"

static void refuses_by_field_and_rule(void **state) {
    static const refusal_t rows[] = {
        {"{}", "name", "is required"},
        {"{'name':'-a'}", "name", "must begin with a letter or digit"},
        {E("'accessURL':'http://h'"), "accessURL", "is not a known field"},
        {E("'accessUrl':'api.example.org'"), "accessUrl", "must begin with http"},
        {E("'accessUrl':'https://h/?x'"), "accessUrl", "query or a fragment"},
        {E("'accessUrl':'https://u@h'"), "accessUrl", "user name"},
        {E("'accessUrl':'https://h//'"), "accessUrl", "'//'"},
        {E("'leewaySeconds':301"), "leewaySeconds", "from 0 to 300"},
        {E("'leewaySeconds':-1"), "leewaySeconds", "from 0 to 300"},
        {E("'jwksMaxAgeSeconds':700000"), "jwksMaxAgeSeconds", "from 0 to 604800"},
        {E("'forwardedIp':true"), "forwardedIp", "must be an object"},
        {E("'forwardedIp':{'xffOrder':'SIXTH'}"), "forwardedIp.xffOrder", "LAST, FIRST"},
        {E("'forwardedIp':{'xffOrder':1}"), "forwardedIp.xffOrder", "must be a string"},
        {E("'forwardedIp':{'headerName':'X_F'}"), "forwardedIp.headerName", "without '_'"},
        {E("'trustedProxies':['10.0.0.0/33']"), "trustedProxies[0]", "must be an IP address"},
        {E("'trustedProxies':['::1','localhost']"), "trustedProxies[1]", "must be an IP address"},
        {E("'trustedProxies':'::1'"), "trustedProxies", "must be a list"},
        {E("'propagationBoundMillis':99"), "propagationBoundMillis", "from 100 to 60000"},
        {E("'jwtWhenFeedLost':'ACCEPT'"), "jwtWhenFeedLost", "accept, refuse"},
        {E("'cors':false"), "cors", "must be an object"},
        {E("'cors':{'enabled':1}"), "cors.enabled", "must be true or false"},
        {E("'failureLimits':[]"), "failureLimits", "must be an object"},
        {E("'failureLimits':{'perUser':{}}"), "failureLimits.perUser", "is not a known field"},
        {E("'failureLimits':{'perClient':{}}"), "failureLimits.perClient.limit", "is required"},
        {E("'failureLimits':{'perClient':{'limit':1}}"), "failureLimits.perClient.intervalAmount", "is required"},
        {E("'failureLimits':{'perAddress':{'limit':1,'intervalAmount':1,'intervalUnit':'HOURS','windowType':'FIXED'}}"),
         "failureLimits.perAddress.windowType", "must be SLIDING here"},
        {E("'tokenRequestLog':true"), "tokenRequestLog", "must be an object"},
        {E("'tokenRequestLog':{'retentionDays':0}"), "tokenRequestLog.retentionDays", "from 1 to 3650"},
        {E("'tokenRequestLog':{'retentionDays':3651}"), "tokenRequestLog.retentionDays", "from 1 to 3650"},
        {E("'tokenRequestLog':{'on':true}"), "tokenRequestLog.on", "is not a known field"},
    };
    (void)state;
    refused(read_environment, ROWS(rows));
}

static void round_trips(void **state) {
    static const char *const bodies[] = {
        "{'name':'e'}",
        E("'accessUrl':''"),
        E("'accessUrl':'http://127.0.0.1:8080/'"),
        E("'forwardedIp':{'enabled':true},'trustedProxies':['192.0.2.1','2001:db8::/32','0.0.0.0/0']"),
        E("'jwtWhenFeedLost':'accept','description':'two\\nlines'"),
        E("'failureLimits':{'perClient':{'limit':0},'perAddress':{'limit':1,'intervalAmount':90,'intervalUnit':"
          "'SECOND','windowType':'SLIDING'}},'tokenRequestLog':{'enabled':false}"),
        E("'cors':{'enabled':true,'allowedOrigins':['*']}"),
    };
    (void)state;
    accepted(read_environment, ROWS(bodies));
    survives_lack_of_memory(read_environment, bodies[3]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_documented_example),
        cmocka_unit_test(reads_everything),
        cmocka_unit_test(refuses_by_field_and_rule),
        cmocka_unit_test(round_trips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
