#include "bodies.h"

static json_t *read_proxy(const json_t *body, tg_arena_t *a, tg_fault_t *fault, tg_err_t *err) {
    tg_proxy_t p;
    *err = tg_proxy_parse(body, TG_STR("shop"), a, &p, fault);
    return *err ? NULL : tg_proxy_write(&p);
}

static void parse(const char *text, tg_arena_t *a, tg_proxy_t *p) {
    tg_fault_t fault = {.field = ""};
    json_t *body = body_load(text);
    tg_arena_init(a, 1 << 20);
    if (tg_proxy_parse(body, TG_STR("shop"), a, p, &fault)) {
        fail_msg("%s: %s: %s", text, fault.field, fault.text);
    }
    json_decref(body);
}

#define ROUTING       "'routingInfo':{'routingAddressList':[{'address':'http://127.0.0.1:9000'}]}"
#define HEAD          "'apiProxyName':'orders','apiProxyCreationType':'REVERSE_PROXY'"
#define R(members)    "{" HEAD ",'clientRoute':{" members "}," ROUTING "}"
#define PATH(path)    R("'relativePathList':[" path "]")
#define ROUTE(extra)  R("'relativePathList':['/a']," extra)
#define A(members)    "{" HEAD ",'clientRoute':{'relativePathList':['/a']},'routingInfo':{" members "}}"
#define URL(url)      A("'routingAddressList':[{'address':" url "}]")
#define ADDRESS(more) A("'routingAddressList':[{'address':'http://h'," more "}]")
#define TOP(members)  "{" HEAD ",'clientRoute':{'relativePathList':['/a']}," ROUTING "," members "}"
#define CONN(members) TOP("'connection':{" members "}")

static void reads_the_documented_example(void **state) {
    tg_arena_t a;
    tg_proxy_t p;
    (void)state;
    parse("{'apiProxyName':'orders','apiProxyCreationType':'REVERSE_PROXY','clientRoute':{'relativePathList':['/orders'"
          "]},'routingInfo':{'routingAddressList':[{'address':'http://127.0.0.1:9000'}]}}",
          &a, &p);
    assert_true(tg_str_eq(p.name, TG_STR("orders")));
    assert_true(tg_str_eq(p.project, TG_STR("shop")));
    assert_int_equal(p.type, TG_PROXY_REVERSE);
    assert_int_equal(p.route.n_paths, 1);
    assert_true(tg_str_eq(p.route.paths[0], TG_STR("/orders")));
    assert_int_equal(p.route.n_hosts + p.route.n_methods + p.route.n_headers, 0);
    assert_true(p.route.strip_path);
    assert_true(p.routing_enabled);
    assert_int_equal(p.n_addresses, 1);
    assert_false(p.addresses[0].tls);
    assert_true(tg_str_eq(p.addresses[0].host, TG_STR("127.0.0.1")));
    assert_int_equal(p.addresses[0].port, 9000);
    assert_int_equal(p.addresses[0].base_path.n, 0);
    assert_int_equal(p.addresses[0].weight, 1);
    assert_false(p.addresses[0].failover_only);
    assert_int_equal(p.connection.connect_timeout_ms, 5000);
    assert_int_equal(p.connection.read_timeout_ms, 60000);
    assert_int_equal(p.connection.retries, TG_RETRIES_ALL);
    assert_true(p.connection.tls_verify);
    assert_false(p.cors.enabled);
    assert_false(p.forwarded.enabled);
    assert_true(tg_str_eq(p.forwarded.header, TG_STR("X-Forwarded-For")));
    assert_int_equal(p.limits.quota.limit + p.limits.throttling.limit, 0);
    tg_arena_release(&a);
}

static void reads_addresses(void **state) {
    static const struct {
        const char *url;
        bool tls;
        const char *host;
        int port;
        const char *base;
    } rows[] = {
        {"http://h", false, "h", 80, ""},
        {"HTTPS://API.Example.org/", true, "api.example.org", 443, ""},
        {"https://h:8443/v1/", true, "h", 8443, "/v1"},
        {"http://h/a%20b/c;d=e", false, "h", 80, "/a%20b/c;d=e"},
        {"http://[2001:DB8::1]:81/x", false, "2001:db8::1", 81, "/x"},
        {"http://[::1]", false, "::1", 80, ""},
        {"http://my_service.local:65535", false, "my_service.local", 65535, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[512];
        tg_arena_t a;
        tg_proxy_t p;
        snprintf(text, sizeof(text),
                 "{" HEAD ",'clientRoute':{'relativePathList':['/a']},'routingInfo':{'routingAddressList':[{'address':"
                 "'%s','weight':3,'addressType':'PRIMARY'}]}}",
                 rows[i].url);
        parse(text, &a, &p);
        assert_int_equal(p.addresses[0].tls, rows[i].tls);
        assert_true(tg_str_eq(p.addresses[0].host, tg_str(rows[i].host)));
        assert_int_equal(p.addresses[0].port, rows[i].port);
        assert_true(tg_str_eq(p.addresses[0].base_path, tg_str(rows[i].base)));
        assert_true(tg_str_eq(p.addresses[0].text, tg_str(rows[i].url)));
        assert_int_equal(p.addresses[0].weight, 3);
        tg_arena_release(&a);
    }
}

static void reads_prefixes_decoded(void **state) {
    static const struct {
        const char *given, *decoded, *written;
    } rows[] = {
        {"/", "/", "/"},
        {"/orders/", "/orders", "/orders"},
        {"/a%20b", "/a b", "/a%20b"},
        {"/%6frders", "/orders", "/orders"},
        {"/caf\xc3\xa9", "/caf\xc3\xa9", "/caf%C3%A9"},
        {"/%ff", "/\xff", "/%FF"},
        {"/a%2Fb", "/a/b", "/a/b"},
        {"/100%25", "/100%", "/100%25"},
        {"/%2525", "/%25", "/%2525"},
        {"/a%3Fb%23", "/a?b#", "/a%3Fb%23"},
        {"/a..b/..c/...", "/a..b/..c/...", "/a..b/..c/..."},
        {"/authors", "/authors", "/authors"},
        {"/credentials", "/credentials", "/credentials"},
        {"/.well-known", "/.well-known", "/.well-known"},
        {"/AUTH", "/AUTH", "/AUTH"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[512];
        tg_arena_t a;
        tg_proxy_t p;
        snprintf(text, sizeof(text), "{" HEAD ",'clientRoute':{'relativePathList':['%s']}," ROUTING "}", rows[i].given);
        parse(text, &a, &p);
        if (!tg_str_eq(p.route.paths[0], tg_str(rows[i].decoded))) {
            fail_msg("%s: got %.*s", rows[i].given, TG_STR_ARGS(p.route.paths[0]));
        }
        tg_arena_release(&a);
        json_t *written = round_trip(read_proxy, text);
        json_t *route = json_object_get(written, "clientRoute");
        json_t *list = json_object_get(route, "relativePathList");
        assert_string_equal(json_string_value(json_array_get(list, 0)), rows[i].written);
        json_decref(written);
    }
}

static void reads_route_and_connection(void **state) {
    tg_arena_t a;
    tg_proxy_t p;
    (void)state;
    parse(TOP("'apiProxyDescription':'d','connection':{'connectTimeoutMillis':10,'readTimeoutMillis':20,'retries':0,"
              "'tlsVerify':false,'tlsServerName':'api.example.org','hostHeader':'api.example.org:81','tlsCa':'# ours\\n"
              "-----BEGIN CERTIFICATE-----\\nMIIB+/=\\n-----END CERTIFICATE-----\\n'}"),
          &a, &p);
    assert_int_equal(p.connection.connect_timeout_ms, 10);
    assert_int_equal(p.connection.read_timeout_ms, 20);
    assert_int_equal(p.connection.retries, 0);
    assert_false(p.connection.tls_verify);
    assert_true(tg_str_eq(p.connection.tls_server_name, TG_STR("api.example.org")));
    assert_true(tg_str_eq(p.connection.host_header, TG_STR("api.example.org:81")));
    assert_true(tg_str_starts(p.connection.tls_ca, TG_STR("# ours\n-----BEGIN")));
    tg_arena_release(&a);
    parse(ROUTE("'hostList':['API.Example.org','*.Example.org','api.*','[::1]','10.0.0.1'],'methodList':['GET',"
                "'M-SEARCH'],'headerList':[{'name':'X-Version','value':'2 b'}],'stripPath':false"),
          &a, &p);
    assert_int_equal(p.route.n_hosts, 5);
    assert_true(tg_str_eq(p.route.hosts[0], TG_STR("api.example.org")));
    assert_true(tg_str_eq(p.route.hosts[1], TG_STR("*.example.org")));
    assert_true(tg_str_eq(p.route.hosts[2], TG_STR("api.*")));
    assert_int_equal(p.route.n_methods, 2);
    assert_int_equal(p.route.n_headers, 1);
    assert_true(tg_str_eq(p.route.header_values[0], TG_STR("2 b")));
    assert_false(p.route.strip_path);
    tg_arena_release(&a);
}

#define PATH0 "clientRoute.relativePathList[0]"
#define ADDR0 "routingInfo.routingAddressList[0].address"

static void refuses_routes(void **state) {
    static const refusal_t rows[] = {
        {"{" HEAD "," ROUTING "}", "clientRoute", "is required"},
        {"{" HEAD ",'clientRoute':[]," ROUTING "}", "clientRoute", "must be an object"},
        {R(""), "clientRoute.relativePathList", "is required"},
        {PATH(""), "clientRoute.relativePathList", "must not be empty"},
        {PATH("7"), PATH0, "must be a string"},
        {PATH("null"), PATH0, "must be a string"},
        {PATH("''"), PATH0, "must begin with '/'"},
        {PATH("'orders'"), PATH0, "must begin with '/'"},
        {PATH("'/a','/a/'"), "clientRoute.relativePathList[1]", "twice"},
        {PATH("'/a/../b'"), PATH0, "'.' or '..'"},
        {PATH("'/..'"), PATH0, "'.' or '..'"},
        {PATH("'/%2e%2E/b'"), PATH0, "'.' or '..'"},
        {PATH("'/a%2f..%2fb'"), PATH0, "'.' or '..'"},
        {PATH("'/./b'"), PATH0, "'.' or '..'"},
        {PATH("'//b'"), PATH0, "'//'"},
        {PATH("'/b//'"), PATH0, "'//'"},
        {PATH("'/a%2f/b'"), PATH0, "'//'"},
        {PATH("'/a?b'"), PATH0, "'?' or '#'"},
        {PATH("'/a#b'"), PATH0, "'?' or '#'"},
        {PATH("'/a\\nb'"), PATH0, "control characters"},
        {PATH("'/a%0d%0ab'"), PATH0, "control characters"},
        {PATH("'/a%00'"), PATH0, "control characters"},
        {PATH("'/a%7f'"), PATH0, "control characters"},
        {PATH("'/a%'"), PATH0, "hexadecimal"},
        {PATH("'/a%2'"), PATH0, "hexadecimal"},
        {PATH("'/a%zz'"), PATH0, "hexadecimal"},
        {PATH("'/auth'"), PATH0, "reserved"},
        {PATH("'/auth/x'"), PATH0, "reserved"},
        {PATH("'/%61uth/'"), PATH0, "reserved"},
        {PATH("'/credential'"), PATH0, "reserved"},
        {PATH("'/.well-known/oauth-authorization-server/auth'"), PATH0, "reserved"},
        {ROUTE("'hostList':['a:80']"), "clientRoute.hostList[0]", "without port"},
        {ROUTE("'hostList':['*']"), "clientRoute.hostList[0]", "first or last label"},
        {ROUTE("'hostList':['a.*.b']"), "clientRoute.hostList[0]", "first or last label"},
        {ROUTE("'hostList':['*.a.*']"), "clientRoute.hostList[0]", "first or last label"},
        {ROUTE("'hostList':['a*.b']"), "clientRoute.hostList[0]", "first or last label"},
        {ROUTE("'hostList':['.a']"), "clientRoute.hostList[0]", "must be a host name"},
        {ROUTE("'hostList':['']"), "clientRoute.hostList[0]", "must be a host name"},
        {ROUTE("'hostList':['[10.0.0.1]']"), "clientRoute.hostList[0]", "must be a host name"},
        {ROUTE("'hostList':['a','A']"), "clientRoute.hostList[1]", "twice"},
        {ROUTE("'methodList':['get']"), "clientRoute.methodList[0]", "capital letters"},
        {ROUTE("'methodList':['']"), "clientRoute.methodList[0]", "capital letters"},
        {ROUTE("'methodList':'GET'"), "clientRoute.methodList", "must be a list"},
        {ROUTE("'headerList':[{'name':'X'}]"), "clientRoute.headerList[0].value", "is required"},
        {ROUTE("'headerList':[{'name':'X Y','value':'1'}]"), "clientRoute.headerList[0].name", "header name"},
        {ROUTE("'headerList':[{'name':'X','value':'a\\r\\nb'}]"), "clientRoute.headerList[0].value", "control"},
        {ROUTE("'headerList':[{'name':'X','value':' a'}]"), "clientRoute.headerList[0].value", "blank"},
        {ROUTE("'headerList':[{'name':'X','value':'1'},{'name':'x','value':'2'}]"), "clientRoute.headerList[1]",
         "twice"},
        {ROUTE("'paths':[]"), "clientRoute.paths", "is not a known field"},
        {ROUTE("'stripPath':'yes'"), "clientRoute.stripPath", "must be true or false"},
    };
    (void)state;
    refused(read_proxy, ROWS(rows));
}

static void refuses_addresses(void **state) {
    static const refusal_t rows[] = {
        {"{" HEAD ",'clientRoute':{'relativePathList':['/a']}}", "routingInfo", "is required"},
        {A(""), "routingInfo.routingAddressList", "is required"},
        {A("'routingAddressList':[]"), "routingInfo.routingAddressList", "must not be empty"},
        {A("'routingAddressList':['http://h']"), "routingInfo.routingAddressList[0]", "must be an object"},
        {A("'routingAddressList':[{}]"), ADDR0, "is required"},
        {URL("''"), ADDR0, "must begin with http"},
        {URL("'h:80'"), ADDR0, "must begin with http"},
        {URL("'ftp://h'"), ADDR0, "must begin with http"},
        {URL("'http:/h'"), ADDR0, "must begin with http"},
        {URL("'http://'"), ADDR0, "must have a host"},
        {URL("'http:///x'"), ADDR0, "must have a host"},
        {URL("'http://:80'"), ADDR0, "must have a host"},
        {URL("'http://u:p@h'"), ADDR0, "user name or password"},
        {URL("'http://u@h'"), ADDR0, "user name or password"},
        {URL("'http://h?x'"), ADDR0, "query or a fragment"},
        {URL("'http://h/#x'"), ADDR0, "query or a fragment"},
        {URL("'http://h/\\r\\nX: y'"), ADDR0, "control characters"},
        {URL("'http://h/%0d%0a'"), ADDR0, "control characters"},
        {URL("'http://h/%00'"), ADDR0, "control characters"},
        {URL("'http://h /'"), ADDR0, "spaces"},
        {URL("'http://h\\\\x'"), ADDR0, "backslashes"},
        {URL("'http://\xc3\xa9.org'"), ADDR0, "outside ASCII"},
        {URL("'http://h:'"), ADDR0, "port from 1 to 65535"},
        {URL("'http://h:0'"), ADDR0, "port from 1 to 65535"},
        {URL("'http://h:65536'"), ADDR0, "port from 1 to 65535"},
        {URL("'http://h:+80'"), ADDR0, "port from 1 to 65535"},
        {URL("'http://h:80:80'"), ADDR0, "port from 1 to 65535"},
        {URL("'http://h/../x'"), ADDR0, "'.' or '..'"},
        {URL("'http://h/%2e%2e/x'"), ADDR0, "'.' or '..'"},
        {URL("'http://h/.%2E'"), ADDR0, "'.' or '..'"},
        {URL("'http://h//x'"), ADDR0, "'//'"},
        {URL("'http://h/x//'"), ADDR0, "'//'"},
        {URL("'http://h/<x>'"), ADDR0, "RFC 3986"},
        {URL("'http://h/%g0'"), ADDR0, "RFC 3986"},
        {URL("'http://h/%4'"), ADDR0, "RFC 3986"},
        {URL("'http://127.1'"), ADDR0, "must have a host"},
        {URL("'http://2130706433'"), ADDR0, "must have a host"},
        {URL("'http://0x7f.0.0.1'"), ADDR0, "must have a host"},
        {URL("'http://0x7f000001'"), ADDR0, "must have a host"},
        {URL("'http://1.2.3.256'"), ADDR0, "must have a host"},
        {URL("'http://[::1'"), ADDR0, "must have a host"},
        {URL("'http://[127.0.0.1]'"), ADDR0, "must have a host"},
        {URL("'http://[fe80::1%25eth0]'"), ADDR0, "must have a host"},
        {URL("'http://[::1]x'"), ADDR0, "must have a host"},
        {URL("'http://a..b'"), ADDR0, "must have a host"},
        {URL("'http://a.'"), ADDR0, "must have a host"},
        {URL("'http://h$x'"), ADDR0, "must have a host"},
        {ADDRESS("'weight':0"), "routingInfo.routingAddressList[0].weight", "from 1 to 1000"},
        {ADDRESS("'weight':1001"), "routingInfo.routingAddressList[0].weight", "from 1 to 1000"},
        {ADDRESS("'addressType':'SECONDARY'"), "routingInfo.routingAddressList[0].addressType",
         "PRIMARY, FAILOVER_ONLY"},
        {ADDRESS("'addressType':'FAILOVER_ONLY'"), "routingInfo.routingAddressList", "PRIMARY"},
        {ADDRESS("'healthMonitoringEnabled':true"), "routingInfo.routingAddressList[0].healthMonitoringEnabled",
         "not available in this release"},
        {ADDRESS("'healthCheckPath':'/up'"), "routingInfo.routingAddressList[0].healthCheckPath",
         "not available in this release"},
    };
    (void)state;
    refused(read_proxy, ROWS(rows));
}

static void refuses_the_rest(void **state) {
    static const refusal_t rows[] = {
        {TOP("'name':'x'"), "name", "is not a known field"},
        {TOP("'cors':false"), "cors", "must be an object"},
        {TOP("'cors':{'allowOrigins':['*']}"), "cors.allowOrigins", "is not a known field"},
        {TOP("'forwardedIp':{'enabled':'yes'}"), "forwardedIp.enabled", "must be true or false"},
        {TOP("'limits':{'quota':{'limit':1}}"), "limits.quota.intervalAmount", "is required"},
        {TOP("'deploy':1"), "deploy", "must be true or false"},
        {"{'apiProxyName':'a b'}", "apiProxyName", "must begin with a letter or digit"},
        {"{'apiProxyName':''}", "apiProxyName", "must be 1 to 128"},
        {"{'apiProxyName':'a/b'}", "apiProxyName", "must begin with a letter or digit"},
        {"{'apiProxyName':'..'}", "apiProxyName", "must begin with a letter or digit"},
        {"{'apiProxyCreationType':'SOAP'}", "apiProxyCreationType",
         "must be one of REVERSE_PROXY, OPEN_API, EMPTY_API"},
        {CONN("'connectTimeoutMillis':0"), "connection.connectTimeoutMillis", "from 1 to 3600000"},
        {CONN("'readTimeoutMillis':3600001"), "connection.readTimeoutMillis", "from 1 to 3600000"},
        {CONN("'retries':-1"), "connection.retries", "from 0 to 100"},
        {CONN("'tlsVerify':0"), "connection.tlsVerify", "must be true or false"},
        {CONN("'tlsServerName':'a b'"), "connection.tlsServerName", "must be a host name"},
        {CONN("'tlsServerName':'a:1'"), "connection.tlsServerName", "must be a host name"},
        {CONN("'hostHeader':'a\\r\\nX: y'"), "connection.hostHeader", "must be a host"},
        {CONN("'hostHeader':'a:b'"), "connection.hostHeader", "must be a host"},
        {CONN("'tlsCa':'hello'"), "connection.tlsCa", "certificates in PEM"},
        {CONN("'tlsCa':'-----BEGIN CERTIFICATE-----\\nAA==\\n'"), "connection.tlsCa", "certificates in PEM"},
        {CONN("'tlsCa':'-----BEGIN CERTIFICATE-----\\n-----END CERTIFICATE-----'"), "connection.tlsCa", "in PEM"},
        {CONN("'tlsCa':'-----BEGIN CERTIFICATE-----\\nA?\\n-----END CERTIFICATE-----'"), "connection.tlsCa", "in PEM"},
        {CONN("'tlsCa':'-----BEGIN PRIVATE KEY-----\\nAA==\\n-----END PRIVATE KEY-----'"), "connection.tlsCa",
         "certificates in PEM"},
        {CONN("'tlsCa':'-----BEGIN CERTIFICATE-----\\nAA==\\n-----END CERTIFICATE-----\\n-----BEGIN PRIVATE KEY-----'"),
         "connection.tlsCa", "certificates in PEM"},
        {CONN("'timeout':5"), "connection.timeout", "is not a known field"},
    };
    (void)state;
    refused(read_proxy, ROWS(rows));
}

static void accepts_defaults_given_explicitly(void **state) {
    static const char *const bodies[] = {
        ADDRESS("'healthMonitoringEnabled':false,'healthCheckPath':null,'weight':1,'addressType':'PRIMARY'"),
        A("'routingEnabled':false,'routingAddressList':[{'address':'http://a'},{'address':'https://b/v1',"
          "'addressType':'FAILOVER_ONLY'}]"),
        TOP("'cors':{'enabled':false},'forwardedIp':{'enabled':false},'deploy':false,"
            "'deployTargetEnvironmentNameList':[],'apiProxyDescription':null,'connection':{}"),
        TOP("'cors':null,'connection':{'retries':null,'tlsCa':'','tlsServerName':null,'hostHeader':''}"),
        TOP("'cors':{'enabled':true,'allowedOrigins':['https://a.example:8443'],'allowCredentials':true},"
            "'forwardedIp':{'enabled':true,'headerName':'X-Real-IP','xffOrder':'FIRST'},"
            "'limits':{'quota':{'limit':5,'intervalAmount':1,'intervalUnit':'DAY'},'countingMode':'ACCEPTED'}"),
        ROUTE("'hostList':[],'methodList':null,'headerList':[]"),
        PATH("'/','/b','/b/c'"),
    };
    (void)state;
    accepted(read_proxy, ROWS(bodies));
}

static void long_lists_and_texts_are_bounded(void **state) {
    char path[1200];
    char text[2048];
    (void)state;
    memset(path, 'a', sizeof(path));
    path[0] = '/';
    path[1024] = '\0';
    snprintf(text, sizeof(text), "{" HEAD ",'clientRoute':{'relativePathList':['%s']}," ROUTING "}", path);
    json_decref(round_trip(read_proxy, text));
    path[1024] = 'a';
    path[1025] = '\0';
    snprintf(text, sizeof(text), "{" HEAD ",'clientRoute':{'relativePathList':['%s']}," ROUTING "}", path);
    refusal_t too_long = {text, PATH0, "at most 1024 bytes"};
    refused(read_proxy, &too_long, 1);

    char list[4096] = "'/0'";
    for (int i = 1; i <= 100; i++) {
        snprintf(list + strlen(list), sizeof(list) - strlen(list), ",'/%d'", i);
    }
    char many[8192];
    snprintf(many, sizeof(many), "{" HEAD ",'clientRoute':{'relativePathList':[%s]}," ROUTING "}", list);
    refusal_t too_many = {many, "clientRoute.relativePathList", "at most 100 elements"};
    refused(read_proxy, &too_many, 1);
}

static void survives(void **state) {
    (void)state;
    survives_lack_of_memory(read_proxy, ROUTE("'hostList':['a'],'methodList':['GET'],'headerList':[{'name':'a',"
                                              "'value':'b'}]"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_documented_example),
        cmocka_unit_test(reads_addresses),
        cmocka_unit_test(reads_prefixes_decoded),
        cmocka_unit_test(reads_route_and_connection),
        cmocka_unit_test(refuses_routes),
        cmocka_unit_test(refuses_addresses),
        cmocka_unit_test(refuses_the_rest),
        cmocka_unit_test(accepts_defaults_given_explicitly),
        cmocka_unit_test(long_lists_and_texts_are_bounded),
        cmocka_unit_test(survives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
