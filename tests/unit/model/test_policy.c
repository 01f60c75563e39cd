#include "bodies.h"

static json_t *read_policy(const json_t *body, tg_arena_t *a, tg_fault_t *fault, tg_err_t *err) {
    tg_policy_t p;
    *err = tg_policy_parse(body, TG_STR("auth"), a, &p, fault);
    return *err ? NULL : tg_policy_write(&p);
}

static void parse(const char *text, tg_arena_t *a, tg_policy_t *p) {
    tg_fault_t fault = {.field = ""};
    json_t *body = body_load(text);
    tg_arena_init(a, 1 << 20);
    if (tg_policy_parse(body, TG_STR("auth"), a, p, &fault)) {
        fail_msg("%s: %s: %s", text, fault.field, fault.text);
    }
    json_decref(body); /* what was read must not borrow from it */
}

/* The body of the walk through the first calls in the management API's description. */
static void reads_the_documented_example(void **state) {
    tg_arena_t a;
    tg_policy_t p;
    (void)state;
    parse("{'operationMetadata':{'targetScope':'ALL','targetPipeline':'REQUEST','order':7},'policy':{'type':"
          "'policy-auth-jwt','tokenNeverExpires':false,'tokenExpiresInAmount':1,'tokenExpiresInUnit':'HOURS',"
          "'grantType':'CLIENT_CREDENTIALS','jwtSignatureAlgorithm':'RS256','addUserToHeader':true}}",
          &a, &p);
    assert_true(tg_str_eq(p.name, TG_STR("auth")));
    assert_int_equal(p.type, TG_TOKEN_JWT);
    assert_int_equal(p.order, 7);
    assert_true(p.add_user);
    assert_int_equal(p.token.expires_in, 3600);
    assert_int_equal(p.token.grant, TG_GRANT_CLIENT_CREDENTIALS);
    tg_arena_release(&a);
}

static void regenerate(void **state) {
    static const struct {
        const char *body;
        bool on;
    } rows[] = {
        {"{'policy':{'type':'policy-auth-jwt'}}", true},
        {"{'policy':{'type':'policy-auth-jwt','regenerate':null}}", true},
        {"{'policy':{'type':'policy-auth-jwt','regenerate':{}}}", true},
        {"{'policy':{'type':'policy-auth-jwt','regenerate':true}}", true},
        {"{'policy':{'type':'policy-auth-jwt','regenerate':{'enabled':true}}}", true},
        {"{'policy':{'type':'policy-auth-jwt','regenerate':{'enabled':false}}}", false},
        {"{'policy':{'type':'policy-auth-jwt','regenerate':false}}", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *written = round_trip(read_policy, rows[i].body);
        json_t *on = json_object_get(json_object_get(json_object_get(written, "policy"), "regenerate"), "enabled");
        assert_true(json_is_boolean(on) && json_is_true(on) == rows[i].on);
        json_decref(written);
    }
    json_t *opaque = round_trip(read_policy, "{'policy':{'type':'policy-auth-oauth2'}}");
    assert_null(json_object_get(json_object_get(opaque, "policy"), "regenerate"));
    json_decref(opaque);
}

static void fills_in_the_defaults(void **state) {
    tg_arena_t a;
    tg_policy_t p;
    (void)state;
    parse("{'policy':{'type':'policy-auth-oauth2'}}", &a, &p);
    assert_int_equal(p.type, TG_TOKEN_OPAQUE);
    assert_true(p.active);
    assert_true(p.managed_from_policy);
    assert_true(p.client_secret_required);
    assert_false(p.clear_auth);
    assert_false(p.add_user);
    assert_false(p.add_roles);
    assert_true(tg_str_eq(p.user_header, TG_STR("X-Authenticated-UserId")));
    assert_true(tg_str_eq(p.roles_header, TG_STR("X-Authenticated-UserRoles")));
    assert_int_equal(p.error_status, 0);
    assert_int_equal(p.order, 1);
    assert_int_equal(p.token.grant, TG_GRANT_CLIENT_CREDENTIALS);
    assert_false(p.token.never_expires);
    assert_int_equal(p.token.expires_in, 3600);
    assert_false(p.token.refresh_allowed);
    assert_int_equal(p.token.refresh_count, 1);
    assert_int_equal(p.token.refresh_expires_in, 24 * 3600);
    assert_true(p.token.refresh_rotation);
    assert_false(p.token.allow_url_parameters);
    assert_false(p.token.delete_previous);
    assert_true(tg_str_eq(p.token.jwt_algorithm, TG_STR("RS256")));
    assert_false(p.token.check_client_ip);
    tg_arena_release(&a);
}

static void reads_refresh_settings(void **state) {
    static const char *const types[] = {"policy-auth-jwt", "policy-auth-oauth2"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        char text[512];
        tg_arena_t a;
        tg_policy_t p;
        snprintf(text, sizeof(text),
                 "{'policy':{'type':'%s','refreshTokenAllowed':true,'refreshTokenCount':1000000,"
                 "'refreshTokenExpiresInAmount':3,'refreshTokenExpiresInUnit':'MINUTES','refreshTokenRotation':false,"
                 "'deletePrevious':%s}}",
                 types[i], i == 0 ? "false" : "true");
        parse(text, &a, &p);
        assert_true(p.token.refresh_allowed);
        assert_int_equal(p.token.refresh_count, 1000000);
        assert_int_equal(p.token.refresh_expires_in, 180);
        assert_false(p.token.refresh_rotation);
        assert_int_equal(p.token.delete_previous, i == 1);
        tg_arena_release(&a);
    }
}

static void reads_lifetimes(void **state) {
    static const struct {
        const char *settings;
        const char *unit;
        int64_t seconds;
    } rows[] = {
        {"'tokenExpiresInAmount':1,'tokenExpiresInUnit':'MILLI_SECONDS'", "MILLI_SECONDS", 1},
        {"'tokenExpiresInAmount':1001,'tokenExpiresInUnit':'MILLI_SECOND'", "MILLI_SECONDS", 2},
        {"'tokenExpiresInAmount':90,'tokenExpiresInUnit':'SECOND'", "SECONDS", 90},
        {"'tokenExpiresInAmount':2,'tokenExpiresInUnit':'MINUTE'", "MINUTES", 120},
        {"'tokenExpiresInAmount':2,'tokenExpiresInUnit':'HOUR'", "HOURS", 7200},
        {"'tokenExpiresInAmount':2,'tokenExpiresInUnit':'DAY'", "DAYS", 172800},
        {"'tokenExpiresInAmount':1,'tokenExpiresInUnit':'WEEK'", "WEEKS", 604800},
        {"'tokenExpiresInAmount':1,'tokenExpiresInUnit':'MONTH'", "MONTHS", 2592000},
        {"'tokenExpiresInAmount':100,'tokenExpiresInUnit':'YEARS'", "YEARS", 3153600000},
        {"'tokenNeverExpires':true,'tokenExpiresInAmount':5,'tokenExpiresInUnit':'DAYS'", "DAYS", 0},
        {"'tokenNeverExpires':true,'refreshTokenAllowed':false", "HOURS", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[256];
        tg_arena_t a;
        tg_policy_t p;
        snprintf(text, sizeof(text), "{'policy':{'type':'policy-auth-jwt',%s}}", rows[i].settings);
        parse(text, &a, &p);
        assert_true(tg_str_eq(p.token.expires_in_unit, tg_str(rows[i].unit)));
        assert_int_equal(p.token.expires_in, rows[i].seconds);
        tg_arena_release(&a);
    }
}

#define P(members) "{'policy':{'type':'policy-auth-jwt'," members "}}"
#define M(members) "{'operationMetadata':{" members "},'policy':{'type':'policy-auth-jwt'}}"

static void refuses_by_field_and_rule(void **state) {
    static const refusal_t rows[] = {
        {"[]", "", "must be an object"},
        {"{}", "policy", "is required"},
        {"{'policy':null}", "policy", "is required"},
        {"{'policy':{}}", "policy.type", "is required"},
        {"{'policy':{'type':'policy-auth-basic'}}", "policy.type",
         "must be one of policy-auth-oauth2, policy-auth-jwt"},
        {"{'policy':{'type':7}}", "policy.type", "must be a string"},
        {"{'policy':{'type':'policy-auth-jwt'},'deploy':true}", "deploy", "is not a known field"},
        {P("'tokenExpiresIn':3"), "policy.tokenExpiresIn", "is not a known field"},
        {P("'clearauth':true"), "policy.clearauth", "is not a known field"},
        {P("'a\\u0007b\\u00e9':1"), "policy.a?b??", "is not a known field"},
        {P("'active':1"), "policy.active", "must be true or false"},
        {P("'active':'true'"), "policy.active", "must be true or false"},
        {P("'description':'a\\u001bb'"), "policy.description", "control characters"},
        {P("'tokenExpiresInAmount':0,'tokenExpiresInUnit':'DAYS'"), "policy.tokenExpiresInAmount", "must be a whole"},
        {P("'tokenExpiresInAmount':-1,'tokenExpiresInUnit':'DAYS'"), "policy.tokenExpiresInAmount", "must be a whole"},
        {P("'tokenExpiresInAmount':1.5,'tokenExpiresInUnit':'DAYS'"), "policy.tokenExpiresInAmount", "must be a whole"},
        {P("'tokenExpiresInAmount':'1','tokenExpiresInUnit':'DAYS'"), "policy.tokenExpiresInAmount", "must be a whole"},
        {P("'tokenExpiresInAmount':101,'tokenExpiresInUnit':'YEARS'"), "policy.tokenExpiresInAmount", "100 years"},
        {P("'tokenExpiresInAmount':9223372036854775807,'tokenExpiresInUnit':'YEARS'"), "policy.tokenExpiresInAmount",
         "100 years"},
        {P("'tokenExpiresInAmount':5"), "policy.tokenExpiresInUnit", "is required with tokenExpiresInAmount"},
        {P("'tokenExpiresInUnit':'DAYS'"), "policy.tokenExpiresInAmount", "is required with tokenExpiresInUnit"},
        {P("'tokenExpiresInAmount':5,'tokenExpiresInUnit':'days'"), "policy.tokenExpiresInUnit",
         "must be one of MILLI_SECONDS, SECONDS,"},
        {P("'refreshTokenCount':0"), "policy.refreshTokenCount", "must be a whole number from 1 to 1000000"},
        {P("'refreshTokenCount':1000001"), "policy.refreshTokenCount", "must be a whole number from 1 to 1000000"},
        {P("'refreshTokenAllowed':'yes'"), "policy.refreshTokenAllowed", "must be true or false"},
        {P("'refreshTokenRotation':0"), "policy.refreshTokenRotation", "must be true or false"},
        {P("'refreshTokenExpiresInAmount':101,'refreshTokenExpiresInUnit':'YEARS'"),
         "policy.refreshTokenExpiresInAmount", "100 years"},
        {P("'refreshTokenExpiresInAmount':3"), "policy.refreshTokenExpiresInUnit",
         "is required with refreshTokenExpiresInAmount"},
        {P("'tokenNeverExpires':true,'refreshTokenAllowed':true"), "policy.refreshTokenAllowed",
         "must be false with tokenNeverExpires"},
        {P("'jwtSignatureAlgorithm':'none'"), "policy.jwtSignatureAlgorithm", "must be one of RS256"},
        {P("'jwtSignatureAlgorithm':'HS256'"), "policy.jwtSignatureAlgorithm", "must be one of RS256"},
        {P("'jwtSignatureAlgorithm':'rs256'"), "policy.jwtSignatureAlgorithm", "must be one of RS256"},
        {"{'policy':{'type':'policy-auth-oauth2','jwtSignatureAlgorithm':'ES256'}}", "policy.jwtSignatureAlgorithm",
         "is for policy-auth-jwt"},
        {P("'deletePrevious':true"), "policy.deletePrevious", "is for policy-auth-oauth2"},
        {P("'clientSecretRequired':false"), "policy.clientSecretRequired", "only with grantType PASSWORD"},
        {P("'userHeaderName':''"), "policy.userHeaderName", "must be 1 to"},
        {P("'userHeaderName':'X_User'"), "policy.userHeaderName", "without '_'"},
        {P("'userHeaderName':'X User'"), "policy.userHeaderName", "must be a header name"},
        {P("'userHeaderName':'X-User:'"), "policy.userHeaderName", "must be a header name"},
        {P("'userHeaderName':'X\\r\\nY'"), "policy.userHeaderName", "must be a header name"},
        {P("'userHeaderName':'\xc3\x9c'"), "policy.userHeaderName", "must be a header name"},
        {P("'userHeaderName':'host'"), "policy.userHeaderName", "must not be a header that"},
        {P("'userHeaderName':'CONTENT-LENGTH'"), "policy.userHeaderName", "must not be a header that"},
        {P("'rolesHeaderName':'Authorization'"), "policy.rolesHeaderName", "must not be a header that"},
        {P("'rolesHeaderName':'connection'"), "policy.rolesHeaderName", "must not be a header that"},
        {P("'rolesHeaderName':'Transfer-Encoding'"), "policy.rolesHeaderName", "must not be a header that"},
        {P("'userHeaderName':'X-Who','rolesHeaderName':'x-who'"), "policy.rolesHeaderName",
         "must differ from userHeaderName"},
        {P("'errorMessage':{'statusCode':200}"), "policy.errorMessage.statusCode", "from 400 to 599"},
        {P("'errorMessage':{'code':1}"), "policy.errorMessage.code", "is not a known field"},
        {P("'errorMessage':{'message':'a\\nb'}"), "policy.errorMessage.message", "control characters"},
        {M("'targetScope':'SOME'"), "operationMetadata.targetScope", "must be one of ALL, ENDPOINT"},
        {M("'targetPipeline':'RESPONSE'"), "operationMetadata.targetPipeline", "must be REQUEST"},
        {M("'order':-1"), "operationMetadata.order", "from 0"},
        {M("'deploy':'yes'"), "operationMetadata.deploy", "must be true or false"},
        {M("'deployTargetEnvironmentNameList':'production'"), "operationMetadata.deployTargetEnvironmentNameList",
         "must be a list"},
        {M("'deployTargetEnvironmentNameList':['a','b c']"), "operationMetadata.deployTargetEnvironmentNameList[1]",
         "is not the name of an environment"},
    };
    (void)state;
    refused(read_policy, ROWS(rows));
}

/* Parts of the specification that later releases serve: never ignored. */
static void the_endpoint_belongs_to_its_scope(void **state) {
    static const char *const good[] = {
        M("'targetScope':'ENDPOINT','targetEndpoint':'/items/{id}','targetEndpointHTTPMethod':'GET'"),
        M("'targetScope':'ENDPOINT','targetEndpoint':'/','targetEndpointHTTPMethod':'*'"),
        M("'targetScope':'ALL','targetEndpoint':''"),
    };
    static const refusal_t bad[] = {
        {M("'targetScope':'ENDPOINT'"), "operationMetadata.targetEndpoint", "is required"},
        {M("'targetScope':'ENDPOINT','targetEndpoint':'/x'"), "operationMetadata.targetEndpointHTTPMethod",
         "is required"},
        {M("'targetScope':'ENDPOINT','targetEndpointHTTPMethod':'GET'"), "operationMetadata.targetEndpoint",
         "is required"},
        {M("'targetEndpoint':'/x'"), "operationMetadata.targetEndpoint", "is for targetScope ENDPOINT"},
        {M("'targetScope':'ALL','targetEndpointHTTPMethod':'GET'"), "operationMetadata.targetEndpointHTTPMethod",
         "is for targetScope ENDPOINT"},
        {M("'targetScope':'ENDPOINT','targetEndpoint':'x','targetEndpointHTTPMethod':'GET'"),
         "operationMetadata.targetEndpoint", "must begin with '/'"},
        {M("'targetScope':'ENDPOINT','targetEndpoint':'/x','targetEndpointHTTPMethod':'get'"),
         "operationMetadata.targetEndpointHTTPMethod", "capital letters"},
        {M("'targetScope':'ENDPOINT','targetEndpoint':7,'targetEndpointHTTPMethod':'GET'"),
         "operationMetadata.targetEndpoint", "must be a string"},
    };
    (void)state;
    accepted(read_policy, ROWS(good));
    refused(read_policy, ROWS(bad));
    json_t *written = round_trip(read_policy, good[0]);
    json_t *m = json_object_get(written, "operationMetadata");
    assert_string_equal(json_string_value(json_object_get(m, "targetScope")), "ENDPOINT");
    assert_string_equal(json_string_value(json_object_get(m, "targetEndpoint")), "/items/{id}");
    assert_string_equal(json_string_value(json_object_get(m, "targetEndpointHTTPMethod")), "GET");
    json_decref(written);
}

static void refuses_settings_that_do_not_go_together(void **state) {
    static const refusal_t rows[] = {
        {P("'allowUrlParameters':'true'"), "policy.allowUrlParameters", "must be"},
        {P("'checkClientIpAddress':'true'"), "policy.checkClientIpAddress", "must be"},
        {P("'regenerate':1"), "policy.regenerate", "must be an object"},
        {P("'regenerate':{'enabled':1}"), "policy.regenerate.enabled", "must be"},
        {P("'regenerate':{'on':true}"), "policy.regenerate.on", "is not a known field"},
        {P("'grantType':'password'"), "policy.grantType", "must be one of CLIENT_CREDENTIALS, PASSWORD"},
        {P("'grantType':'REFRESH'"), "policy.grantType", "must be one of"},
        {P("'identityProvider':'SECRET_MANAGER'"), "policy.identityProvider", "is for grantType PASSWORD"},
        {P("'identityProvider':'ldap'"), "policy.identityProvider", "is for grantType PASSWORD"},
        {P("'identityProvider':7"), "policy.identityProvider", "must be a string"},
        {P("'grantType':'PASSWORD','identityProvider':'-x'"), "policy.identityProvider", "must begin with a letter"},
        {P("'regenerate':{'identityProvider':'a b'}"), "policy.regenerate.identityProvider", "must begin with"},
        {P("'regenerate':{'identityProvider':'SECRET_MANAGER'}"), "policy.regenerate.identityProvider", "of type API"},
        {"{'policy':{'type':'policy-auth-oauth2','regenerate':{'identityProvider':'crm'}}}",
         "policy.regenerate.identityProvider", "is for policy-auth-jwt"},
        {P("'managedFromThisPolicy':0"), "policy.managedFromThisPolicy", "must be true or false"},
        {P("'grantType':'PASSWORD','managedFromThisPolicy':false,'clientSecretRequired':false"),
         "policy.clientSecretRequired", "only with managedFromThisPolicy"},
    };
    (void)state;
    refused(read_policy, ROWS(rows));
}

static void password_grant(void **state) {
    tg_arena_t a;
    tg_policy_t p;
    (void)state;
    parse(P("'grantType':'PASSWORD'"), &a, &p);
    assert_int_equal(p.token.grant, TG_GRANT_PASSWORD);
    assert_true(tg_str_eq(p.token.identity_provider, TG_SECRET_MANAGER));
    assert_true(p.client_secret_required);
    tg_arena_release(&a);
    parse(P("'grantType':'PASSWORD','identityProvider':'staff','regenerate':{'identityProvider':'crm'}"), &a, &p);
    assert_true(tg_str_eq(p.token.identity_provider, TG_STR("staff")));
    assert_true(tg_str_eq(p.regenerate_provider, TG_STR("crm")));
    assert_true(p.regenerate);
    tg_arena_release(&a);
    parse(P("'grantType':'CLIENT_CREDENTIALS','identityProvider':''"), &a, &p);
    assert_int_equal(p.token.identity_provider.n, 0);
    tg_arena_release(&a);
    /* Without a secret whoever finds a refresh token could go on with it: rotation shows that. */
    parse(P("'grantType':'PASSWORD','clientSecretRequired':false,'refreshTokenAllowed':true,'refreshTokenRotation':"
            "false"),
          &a, &p);
    assert_false(p.client_secret_required);
    assert_true(p.token.refresh_rotation);
    tg_arena_release(&a);
    parse(P("'grantType':'PASSWORD','refreshTokenAllowed':true,'refreshTokenRotation':false"), &a, &p);
    assert_false(p.token.refresh_rotation);
    tg_arena_release(&a);
}

static void managed_from_access_lists(void **state) {
    tg_arena_t a;
    tg_policy_t p;
    (void)state;
    parse(P("'managedFromThisPolicy':false,'checkClientIpAddress':true,'tokenNeverExpires':true"), &a, &p);
    assert_false(p.managed_from_policy);
    assert_true(p.token.check_client_ip);
    assert_true(p.token.never_expires);
    tg_arena_release(&a);
}

#define ROW(members) P("'authorization':{'enabled':true,'methodAccess':[{" members "}]}")
#define ROW0         "policy.authorization.methodAccess[0]"

static void reads_method_access(void **state) {
    tg_arena_t a;
    tg_policy_t p;
    (void)state;
    parse(
        P("'authorization':{'enabled':true,'methodAccess':[{'httpMethod':'GET','path':'/items/{id}','roles':['r','w']}"
          ",{'httpMethod':'*','path':'/**'}]}"),
        &a, &p);
    assert_true(p.authorization);
    assert_int_equal(p.n_methods, 2);
    assert_true(tg_str_eq(p.methods[0].method, TG_STR("GET")));
    assert_true(tg_str_eq(p.methods[0].path, TG_STR("/items/{id}")));
    assert_int_equal(p.methods[0].n_roles, 2);
    assert_true(tg_str_eq(p.methods[0].roles[1], TG_STR("w")));
    assert_true(tg_str_eq(p.methods[1].method, TG_STR("*")));
    assert_int_equal(p.methods[1].n_roles, 0);
    tg_arena_release(&a);
    parse(P("'clearAuth':true"), &a, &p);
    assert_false(p.authorization);
    assert_int_equal(p.n_methods, 0);
    tg_arena_release(&a);
}

static void refuses_method_access(void **state) {
    static const refusal_t rows[] = {
        {P("'authorization':'no'"), "policy.authorization", "must be an object"},
        {P("'authorization':{}"), "policy.authorization.enabled", "is required"},
        {P("'authorization':{'methodAccess':[]}"), "policy.authorization.enabled", "is required"},
        {P("'authorization':{'enabled':1}"), "policy.authorization.enabled", "must be true or false"},
        {P("'authorization':{'enabled':false,'foo':3}"), "policy.authorization.foo", "is not a known field"},
        {P("'authorization':{'enabled':true,'methodAccess':{}}"), "policy.authorization.methodAccess",
         "must be a list"},
        {P("'authorization':{'enabled':true,'methodAccess':['GET']}"), ROW0, "must be an object"},
        {ROW("'path':'/a'"), ROW0 ".httpMethod", "is required"},
        {ROW("'httpMethod':'GET'"), ROW0 ".path", "is required"},
        {ROW("'httpMethod':'get','path':'/a'"), ROW0 ".httpMethod", "in capital letters"},
        {ROW("'httpMethod':'**','path':'/a'"), ROW0 ".httpMethod", "in capital letters"},
        {ROW("'httpMethod':7,'path':'/a'"), ROW0 ".httpMethod", "must be a string"},
        {ROW("'httpMethod':'GET','path':7"), ROW0 ".path", "must be a string"},
        {ROW("'httpMethod':'GET','path':'a'"), ROW0 ".path", "must begin with '/'"},
        {ROW("'httpMethod':'GET','path':'/**/a'"), ROW0 ".path", "as its last segment only"},
        {ROW("'httpMethod':'GET','path':'/a','role':'x'"), ROW0 ".role", "is not a known field"},
        {ROW("'httpMethod':'GET','path':'/a','roles':'x'"), ROW0 ".roles", "must be a list"},
        {ROW("'httpMethod':'GET','path':'/a','roles':['']"), ROW0 ".roles[0]", "must be 1 to 128"},
        {ROW("'httpMethod':'GET','path':'/a','roles':['a b']"), ROW0 ".roles[0]", "visible ASCII"},
        {ROW("'httpMethod':'GET','path':'/a','roles':['a','a']"), ROW0 ".roles[1]", "twice"},
        {ROW("'httpMethod':'GET','path':'/a'},{'httpMethod':'GET','path':'/a','roles':['r']"),
         "policy.authorization.methodAccess[1]", "stands in the list twice"},
    };
    (void)state;
    refused(read_policy, ROWS(rows));
}

static void accepts_defaults_given_explicitly(void **state) {
    static const char *const bodies[] = {
        P("'refreshTokenAllowed':false,'refreshTokenCount':1,'refreshTokenRotation':true,"
          "'refreshTokenExpiresInAmount':24,'refreshTokenExpiresInUnit':'HOUR','allowUrlParameters':true,"
          "'deletePrevious':false,'checkClientIpAddress':false,'clientSecretRequired':true,"
          "'managedFromThisPolicy':true,'identityProvider':null,'authorization':{'enabled':false,'methodAccess':[]},"
          "'regenerate':false,'errorMessage':null,'description':null"),
        P("'regenerate':{'enabled':false},'authorization':null,'identityProvider':''"),
        M("'targetScope':'ALL','targetEndpoint':null,'targetEndpointHTTPMethod':'','deploy':true,"
          "'deployTargetEnvironmentNameList':['production','test']"),
        "{'operationMetadata':{},'policy':{'type':'policy-auth-oauth2','jwtSignatureAlgorithm':'RS256'}}",
        P("'active':false,'clearAuth':true,'addRolesToHeader':true,'userHeaderName':'X-Who','description':'a\\nb'"),
        P("'errorMessage':{'statusCode':403,'errorCode':'nope','message':'Go away: \xe2\x82\xac'}"),
        P("'errorMessage':{}"),
        P("'authorization':{'enabled':true}"),
        P("'authorization':{'enabled':true,'methodAccess':[{'httpMethod':'GET','path':'/','roles':['a','b']},"
          "{'httpMethod':'POST','path':'/','roles':[]},{'httpMethod':'*','path':'/a/*/{b}/**','roles':null}]}"),
        P("'grantType':'PASSWORD','identityProvider':'SECRET_MANAGER','checkClientIpAddress':true"),
        P("'grantType':'PASSWORD','clientSecretRequired':false,'refreshTokenRotation':false"),
        P("'managedFromThisPolicy':false,'grantType':'PASSWORD'"),
        P("'jwtSignatureAlgorithm':'EdDSA','tokenNeverExpires':true"),
        P("'jwtSignatureAlgorithm':'PS512'"),
        P("'refreshTokenAllowed':true,'refreshTokenCount':3,'refreshTokenRotation':false"),
        "{'policy':{'type':'policy-auth-oauth2','deletePrevious':true,'tokenNeverExpires':true}}",
    };
    (void)state;
    accepted(read_policy, ROWS(bodies));
}

static void survives(void **state) {
    (void)state;
    survives_lack_of_memory(read_policy,
                            P("'description':'d','userHeaderName':'X-Who','errorMessage':{'message':'m'},"
                              "'authorization':{'enabled':true,'methodAccess':[{'httpMethod':'GET','path':'/a',"
                              "'roles':['r']}]}"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_documented_example),
        cmocka_unit_test(regenerate),
        cmocka_unit_test(fills_in_the_defaults),
        cmocka_unit_test(reads_refresh_settings),
        cmocka_unit_test(reads_lifetimes),
        cmocka_unit_test(refuses_by_field_and_rule),
        cmocka_unit_test(the_endpoint_belongs_to_its_scope),
        cmocka_unit_test(refuses_settings_that_do_not_go_together),
        cmocka_unit_test(password_grant),
        cmocka_unit_test(managed_from_access_lists),
        cmocka_unit_test(reads_method_access),
        cmocka_unit_test(refuses_method_access),
        cmocka_unit_test(accepts_defaults_given_explicitly),
        cmocka_unit_test(survives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
