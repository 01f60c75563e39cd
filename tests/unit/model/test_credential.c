#include "model/credential.h"

#include "bodies.h"

static json_t *read_body(const json_t *body, tg_arena_t *a, tg_fault_t *fault, tg_err_t *err) {
    tg_credential_t c;
    *err = tg_credential_parse(body, a, &c, fault);
    entries_seal(c.metadata, c.n_metadata);
    return *err ? NULL : tg_credential_write(&c);
}

static json_t *read_stored(const json_t *doc, tg_arena_t *a, tg_fault_t *fault, tg_err_t *err) {
    tg_credential_t c;
    *err = tg_credential_read_stored(doc, a, &c, fault);
    return *err ? NULL : tg_credential_write(&c);
}

static json_t *read_token(const json_t *body, tg_arena_t *a, tg_fault_t *fault, tg_err_t *err) {
    tg_token_settings_t t;
    *err = tg_credential_token_parse(body, a, &t, fault);
    return *err ? NULL : tg_credential_token_write(&t);
}

static void parse(const char *text, tg_arena_t *a, tg_credential_t *c) {
    tg_fault_t fault = {.field = ""};
    json_t *body = body_load(text);
    tg_arena_init(a, 1 << 20);
    if (tg_credential_parse(body, a, c, &fault)) {
        fail_msg("%s: %s: %s", text, fault.field, fault.text);
    }
    json_decref(body); /* what was read must not borrow from it */
}

/* What is stored of a body, read again and written, is the same. */
static json_t *store(const char *text) {
    tg_arena_t a;
    tg_fault_t fault = {.field = ""};
    tg_err_t err = TG_OK;
    json_t *body = body_load(text);
    tg_arena_init(&a, 1 << 20);
    json_t *once = read_body(body, &a, &fault, &err);
    if (once == NULL) {
        fail_msg("%s\n  refused: %s: %s", text, fault.field, fault.text);
    }
    json_t *twice = read_stored(once, &a, &fault, &err);
    if (twice == NULL || !json_equal(once, twice)) {
        fail_msg("%s\n  is not stable: %s: %s", text, fault.field, fault.text);
    }
    json_decref(twice);
    json_decref(body);
    tg_arena_release(&a);
    return once;
}

#define C(members) "{'username':'api-user'," members "}"

/* The body of the walk through the first calls in the management API's description. */
static void reads_the_documented_example(void **state) {
    tg_arena_t a;
    tg_credential_t c;
    (void)state;
    parse(C("'password':'correct-horse','email':'a@b.c','fullName':'A B','roleNameList':['read'],'enabled':true,"
            "'ipList':[],'expireDate':null"),
          &a, &c);
    assert_true(tg_str_eq(c.username, TG_STR("api-user")));
    assert_true(c.has_password);
    assert_true(tg_str_eq(c.password, TG_STR("correct-horse")));
    assert_true(tg_str_eq(c.email, TG_STR("a@b.c")));
    assert_true(tg_str_eq(c.full_name, TG_STR("A B")));
    assert_int_equal(c.n_roles, 1);
    assert_true(tg_str_eq(c.roles[0], TG_STR("read")));
    assert_true(c.enabled);
    assert_int_equal(c.n_ips, 0);
    assert_int_equal(c.expires_at, 0);
    assert_false(c.has_token);
    tg_arena_release(&a);
}

static void fills_in_the_defaults(void **state) {
    tg_arena_t a;
    tg_credential_t c;
    (void)state;
    parse("{'username':'u','password':null,'token':null,'organization':null}", &a, &c);
    assert_false(c.has_password);
    assert_true(c.enabled);
    assert_int_equal(c.organization.n + c.n_roles + c.n_ips + c.n_metadata + c.n_environments, 0);
    assert_int_equal(c.expires_at, 0);
    assert_false(c.has_token);
    assert_int_equal(c.token.expires_in, 3600);
    tg_arena_release(&a);
}

static void reads_everything(void **state) {
    tg_arena_t a;
    tg_credential_t c;
    (void)state;
    parse(C("'description':'d','organization':'acme','enabled':false,'ipList':['10.0.0.0/8','2001:db8::1'],"
            "'expireDate':'2026-11-23T17:00:00Z','metadata':[{'key':'tier','value':'gold'}],'environments':["
            "{'environmentName':'test','password':'test-password','ipList':['127.0.0.1']},"
            "{'environmentName':'prod','ipList':[]},{'environmentName':'dev'}]"),
          &a, &c);
    assert_true(tg_str_eq(c.organization, TG_STR("acme")));
    assert_false(c.enabled);
    assert_int_equal(c.n_ips, 2);
    assert_int_equal(c.expires_at, 1795453200000);
    assert_int_equal(c.n_metadata, 1);
    assert_true(tg_str_eq(c.metadata[0].value, TG_STR("\"gold\"")));
    assert_int_equal(c.n_environments, 3);
    assert_true(c.environments[0].has_password);
    assert_true(tg_str_eq(c.environments[0].password, TG_STR("test-password")));
    assert_true(c.environments[0].has_ips);
    assert_true(tg_str_eq(c.environments[0].ips[0], TG_STR("127.0.0.1")));
    assert_false(c.environments[1].has_password);
    assert_true(c.environments[1].has_ips); /* an empty list of its own is not the general one */
    assert_int_equal(c.environments[1].n_ips, 0);
    assert_false(c.environments[2].has_ips);
    tg_arena_release(&a);
}

static void expiry(void **state) {
    static const struct {
        const char *date;
        tg_ms_t at;
    } rows[] = {
        {"2026-11-23T17:00:00.123Z", 1795453200123},
        {"2026-11-23", 1795478399999},
        {"1970-01-01", 86399999},
        {"1970-01-01T00:00:00.001Z", 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[128];
        tg_arena_t a;
        tg_credential_t c;
        snprintf(text, sizeof(text), C("'expireDate':'%s'"), rows[i].date);
        parse(text, &a, &c);
        assert_int_equal(c.expires_at, rows[i].at);
        tg_arena_release(&a);
    }
}

#define LONG_NAME                                                                                                      \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
    "aaaaaaaaaaaaaaaaa"
#define META(members) C("'metadata':[{" members "}]")
#define ENVS(list)    C("'environments':[" list "]")
#define META0         "metadata[0]"

static void refuses_by_field_and_rule(void **state) {
    static const refusal_t rows[] = {
        {"[]", "", "must be an object"},
        {"{}", "username", "is required"},
        {"{'username':null}", "username", "is required"},
        {"{'username':''}", "username", "must be 1 to 256"},
        {"{'username':'a:b'}", "username", "without ':'"},
        {"{'username':'a b'}", "username", "visible ASCII"},
        {"{'username':7}", "username", "must be a string"},
        {C("'userName':'x'"), "userName", "is not a known field"},
        {C("'password':'1234567'"), "password", "must be 8 to 512"},
        {C("'password':'1234 5678'"), "password", "visible ASCII"},
        {C("'password':12345678"), "password", "must be a string"},
        {C("'hasPassword':true"), "hasPassword", "is not a known field"},
        {C("'email':'nobody'"), "email", "like name@example.org"},
        {C("'email':'@b'"), "email", "like name@example.org"},
        {C("'email':'a@'"), "email", "like name@example.org"},
        {C("'email':'a b@c'"), "email", "like name@example.org"},
        {C("'fullName':'a\\nb'"), "fullName", "control characters"},
        {C("'organization':'a b'"), "organization", "letter or digit"},
        {C("'roleNameList':'read'"), "roleNameList", "must be a list"},
        {C("'roleNameList':['a b']"), "roleNameList[0]", "visible ASCII"},
        {C("'roleNameList':['a','\\\"']"), "roleNameList[1]", "visible ASCII"},
        {C("'roleNameList':['" LONG_NAME "']"), "roleNameList[0]", "must be 1 to 128"},
        {C("'roleNameList':['a','b','a']"), "roleNameList[2]", "twice"},
        {C("'enabled':'true'"), "enabled", "must be true or false"},
        {C("'ipList':['10.0.0.0/33']"), "ipList[0]", "must be an IP address or address/prefix"},
        {C("'ipList':['localhost']"), "ipList[0]", "must be an IP address or address/prefix"},
        {C("'ipList':['::1','::1']"), "ipList[1]", "twice"},
        {C("'expireDate':'tomorrow'"), "expireDate", "must be a moment like"},
        {C("'expireDate':'2026-02-30'"), "expireDate", "must be a moment like"},
        {C("'expireDate':1795453200"), "expireDate", "must be a string"},
        /* 0 would be never */
        {C("'expireDate':'1970-01-01T00:00:00Z'"), "expireDate", "after 1970-01-01"},
        {C("'expireDate':'1969-12-31'"), "expireDate", "after 1970-01-01"},
        {C("'token':{}"), "token", "is not set here"},
        {ENVS("7"), "environments[0]", "must be an object"},
        {ENVS("{}"), "environments[0].environmentName", "is required"},
        {ENVS("{'environmentName':'a/b'}"), "environments[0].environmentName", "letter or digit"},
        {ENVS("{'environmentName':'a'},{'environmentName':'a'}"), "environments[1].environmentName", "twice"},
        {ENVS("{'environmentName':'a','password':'short'}"), "environments[0].password", "must be 8 to 512"},
        {ENVS("{'environmentName':'a','hasPassword':true}"), "environments[0].hasPassword", "is not a known field"},
        {ENVS("{'environmentName':'a','ipList':['x']}"), "environments[0].ipList[0]", "must be an IP address"},
    };
    (void)state;
    refused(read_body, ROWS(rows));
}

static void refuses_metadata(void **state) {
    static const refusal_t rows[] = {
        {C("'metadata':{}"), "metadata", "must be a list"},
        {META("'value':1"), META0 ".key", "is required"},
        {META("'key':'k'"), META0 ".value", "is required"},
        {META("'key':'k','value':null"), META0 ".value", "is required"},
        {META("'key':'','value':1"), META0 ".key", "must be 1 to 128"},
        {META("'key':'a b','value':1"), META0 ".key", "visible ASCII"},
        {META("'key':'" LONG_NAME "','value':1"), META0 ".key", "must be 1 to 128"},
        {META("'key':'k','value':[]"), META0 ".value", "must be a string, a number"},
        {META("'key':'k','value':{}"), META0 ".value", "must be a string, a number"},
        {META("'key':'k','value':1,'secret':1"), META0 ".secret", "must be true or false"},
        {META("'key':'k','value':1,'claim':'x'"), META0 ".claim", "is not a known field"},
        {META("'key':'k','value':1,'secret':true,'includeInJwt':true"), META0 ".includeInJwt", "with secret"},
        {META("'key':'k','secret':true,'includeInJwt':true"), META0 ".includeInJwt", "with secret"},
        {META("'key':'k','sealed':'" SEALED_TEXT "','secret':true"), META0 ".sealed", "is not a known field"},
        {META("'key':'k','value':1,'sealed':null"), META0 ".sealed", "is not a known field"},
        {META("'key':'k','value':1,'includeInJwt':true,'jwtClaimName':'x y'"), META0 ".jwtClaimName", "visible ASCII"},
        {C("'metadata':[{'key':'a','value':1},{'key':'a','value':2}]"), "metadata[1].key", "twice"},
        {C("'metadata':[{'key':'a','value':1,'includeInJwt':true},{'key':'b','value':2,'includeInJwt':true,"
           "'jwtClaimName':'a'}]"),
         "metadata[1].jwtClaimName", "is a claim's name already"},
    };
    (void)state;
    refused(read_body, ROWS(rows));
}

/* Nothing of a credential can look like what a verifier or a client decides by. */
static void metadata_takes_no_name_of_the_protocol(void **state) {
    static const char *const names[] = {
        "iss",
        "sub",
        "aud",
        "exp",
        "nbf",
        "iat",
        "jti",
        "client_id",
        "scope",
        "auth_time",
        "acr",
        "amr",
        "cnf",
        "act",
        "azp",
        "sid",
        "roles",
        "Iss",
        "access_token",
        "refresh_token",
        "expires_in",
        "token_type",
        "id_token",
        "error",
        "X-RefreshCount",
        "x-refreshcount",
        "X-ApiResponse",
        "tg_gen",
        "TG_x",
        "Access_Token",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char in_jwt[256];
        char renamed[256];
        char in_response[256];
        char hidden[256];
        snprintf(in_jwt, sizeof(in_jwt), META("'key':'%s','value':1,'includeInJwt':true"), names[i]);
        snprintf(renamed, sizeof(renamed), META("'key':'k','value':1,'includeInJwt':true,'jwtClaimName':'%s'"),
                 names[i]);
        snprintf(in_response, sizeof(in_response), META("'key':'%s','value':1,'includeInTokenResponse':true"),
                 names[i]);
        snprintf(hidden, sizeof(hidden), META("'key':'%s','value':1,'includeInJwt':true,'jwtClaimName':'mine'"),
                 names[i]);
        const refusal_t rows[] = {{in_jwt, META0 ".key", "name"},
                                  {renamed, META0 ".jwtClaimName", "name"},
                                  {in_response, META0 ".key", "name"}};
        refused(read_body, ROWS(rows));
        json_decref(store(hidden)); /* nobody sees its key */
    }
}

static void metadata_values_keep_their_type(void **state) {
    static const struct {
        const char *given, *kept;
    } rows[] = {
        {"'gold'", "\"gold\""},
        {"''", "\"\""},
        {"'a\\\"b\\n'", "\"a\\\"b\\n\""},
        {"7", "7"},
        {"-1.5", "-1.5"},
        {"true", "true"},
        {"false", "false"},
        {"'7'", "\"7\""},
        {"'null'", "\"null\""},
        {"'[[[['", "\"[[[[\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[256];
        tg_arena_t a;
        tg_credential_t c;
        snprintf(text, sizeof(text), META("'key':'k','value':%s,'secret':true,'includeInTokenResponse':true"),
                 rows[i].given);
        parse(text, &a, &c);
        assert_true(tg_str_eq(c.metadata[0].value, tg_str(rows[i].kept)));
        tg_arena_release(&a);
        json_decref(store(text));
    }
}

static void bounds(void **state) {
    static char text[20000];
    static char value[4200];
    (void)state;
    memset(value, 'v', 4094);
    snprintf(text, sizeof(text), META("'key':'k','value':'%s'"), value);
    json_decref(store(text));
    value[4094] = 'v';
    snprintf(text, sizeof(text), META("'key':'k','value':'%s'"), value);
    refusal_t too_long = {text, META0 ".value", "at most 4096 bytes"};
    refused(read_body, &too_long, 1);

    static const struct {
        const char *name, *before, *behind;
        int max;
    } lists[] = {
        {"roleNameList", "'r", "'", TG_ROLES_MAX},
        {"ipList", "'::", "'", TG_IPS_MAX},
        {"metadata", "{'value':1,'key':'k", "'}", TG_METADATA_MAX},
        {"environments", "{'environmentName':'e", "'}", 64},
    };
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        size_t n = (size_t)snprintf(text, sizeof(text), "{'username':'u','%s':[", lists[i].name);
        for (int j = 0; j <= lists[i].max; j++) {
            if (j == lists[i].max) {
                snprintf(text + n, sizeof(text) - n, "]}");
                json_decref(store(text));
            }
            n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s%d%s", j > 0 ? "," : "", lists[i].before, j + 1,
                                  lists[i].behind);
        }
        snprintf(text + n, sizeof(text) - n, "]}");
        refusal_t too_many = {text, lists[i].name, "must have at most"};
        refused(read_body, &too_many, 1);
    }
}

static void no_password_is_stored_or_told(void **state) {
    tg_fault_t fault = {.field = ""};
    tg_arena_t a;
    tg_credential_t c;
    (void)state;
    json_t *stored = store(C("'password':'correct-horse','environments':[{'environmentName':'e','password':"
                             "'battery-staple'},{'environmentName':'f'}]"));
    char *text = json_dumps(stored, 0);
    assert_null(strstr(text, "horse"));
    assert_null(strstr(text, "staple"));
    assert_null(strstr(text, "\"password\""));
    const json_t *list = json_object_get(stored, "environments");
    assert_true(json_is_true(json_object_get(json_array_get(list, 0), "hasPassword")));
    assert_true(json_is_false(json_object_get(json_array_get(list, 1), "hasPassword")));
    free(text);
    json_decref(stored);

    json_t *body = body_load(C("'password':'correct horse'"));
    tg_arena_init(&a, 1 << 16);
    assert_int_equal(tg_credential_parse(body, &a, &c, &fault), TG_ERR_INVALID);
    assert_null(strstr(fault.text, "horse"));
    json_decref(body);
    tg_arena_release(&a);
}

/* Attack: a copy of the database is read. */
static void secret_metadata_in_clear_are_never_written(void **state) {
    tg_arena_t a;
    tg_credential_t c;
    tg_fault_t fault = {.field = ""};
    (void)state;
    parse(META("'key':'pin','value':'readable','secret':true"), &a, &c);
    json_t *doc = tg_credential_write(&c); /* without having been sealed */
    char *text = json_dumps(doc, 0);
    assert_null(strstr(text, "readable"));
    assert_int_equal(tg_credential_read_stored(doc, &a, &c, &fault), TG_ERR_INVALID);
    assert_string_equal(fault.field, META0 ".sealed");
    free(text);
    json_decref(doc);

    doc = store(META("'key':'pin','value':'readable','secret':true"));
    text = json_dumps(doc, 0);
    assert_null(strstr(text, "readable"));
    assert_non_null(strstr(text, "\"sealed\": \"" SEALED_TEXT "\""));
    assert_int_equal(tg_credential_read_stored(doc, &a, &c, &fault), TG_OK);
    assert_true(tg_str_eq(c.metadata[0].sealed, TG_STR(SEALED)));
    assert_int_equal(c.metadata[0].value.n, 0);
    free(text);
    json_decref(doc);
    tg_arena_release(&a);
}

/* What answers show, null in place of the value, can be put back. */
static void a_secret_value_may_be_left_out(void **state) {
    static const char *const bodies[] = {META("'key':'k','secret':true"), META("'key':'k','secret':true,'value':null")};
    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        tg_arena_t a;
        tg_credential_t c;
        parse(bodies[i], &a, &c);
        assert_int_equal(c.n_metadata, 1);
        assert_int_equal(c.metadata[0].value.n + c.metadata[0].sealed.n, 0);
        tg_arena_release(&a);
    }
}

static void stored_documents(void **state) {
    static const char *const docs[] = {
        "{'username':'u'}",
        C("'token':{'grantType':'PASSWORD','deletePrevious':true,'jwtSignatureAlgorithm':'ES256'}"),
        C("'environments':[{'environmentName':'e','hasPassword':true},{'environmentName':'f','ipList':[]}]"),
        C("'metadata':[{'key':'k','sealed':'" SEALED_TEXT "','secret':true,'includeInTokenResponse':true}],"
          "'expireDate':'2030-01-01T00:00:00.000Z','organization':'acme'"),
    };
    static const refusal_t rows[] = {
        {C("'password':'12345678'"), "password", "is not a known field"},
        {C("'environments':[{'environmentName':'e','password':'12345678'}]"), "environments[0].password",
         "is not a known field"},
        {C("'token':{'grantType':'X'}"), "token.grantType", "must be one of"},
        {C("'token':7"), "token", "must be an object"},
        {META("'key':'k','value':1,'secret':true"), META0 ".value", "must be sealed"},
        {META("'key':'k','value':1,'sealed':'" SEALED_TEXT "','secret':true"), META0 ".value", "must be sealed"},
        {META("'key':'k','secret':true"), META0 ".sealed", "is required with secret"},
        {META("'key':'k'"), META0 ".value", "is required"},
        {META("'key':'k','sealed':'" SEALED_TEXT "'"), META0 ".value", "is required"},
        {META("'key':'k','value':1,'sealed':'" SEALED_TEXT "'"), META0 ".sealed", "is for secret entries"},
        {META("'key':'k','sealed':'AA==','secret':true"), META0 ".sealed", "base64url"},
        {META("'key':'k','sealed':'','secret':true"), META0 ".sealed", "must be 1 to"},
        {META("'key':'k','sealed':7,'secret':true"), META0 ".sealed", "must be a string"},
    };
    (void)state;
    accepted(read_stored, ROWS(docs));
    refused(read_stored, ROWS(rows));
    survives_lack_of_memory(read_stored, docs[3]);
    survives_lack_of_memory(read_stored, docs[1]);
    survives_lack_of_memory(read_body, C("'password':'12345678','roleNameList':['r'],'ipList':['::1'],'environments':"
                                         "[{'environmentName':'e','password':'12345678','ipList':['::1']}]"));
}

/* ---- token settings ---- */

static void token_settings(void **state) {
    static const char *const bodies[] = {
        /* the walk's */
        "{'grantType':'CLIENT_CREDENTIALS','tokenNeverExpires':false,'tokenExpiresInAmount':1,'tokenExpiresInUnit':"
        "'HOURS','refreshTokenAllowed':true,'refreshTokenCount':3,'refreshTokenExpiresInAmount':1,"
        "'refreshTokenExpiresInUnit':'DAYS','jwtSignatureAlgorithm':'RS256'}",
        "{}",
        "{'deletePrevious':true,'jwtSignatureAlgorithm':'EdDSA','allowUrlParameters':true,'checkClientIpAddress':true}",
        "{'grantType':'PASSWORD','identityProvider':'SECRET_MANAGER','refreshTokenRotation':false}",
        "{'grantType':'PASSWORD','identityProvider':'ldap'}",
    };
    static const refusal_t rows[] = {
        {"[]", "", "must be an object"},
        {"{'type':'policy-auth-jwt'}", "type", "is not a known field"},
        {"{'clientSecretRequired':false}", "clientSecretRequired", "is not a known field"},
        {"{'grantType':'X'}", "grantType", "must be one of"},
        {"{'tokenExpiresInAmount':1}", "tokenExpiresInUnit", "is required with"},
        {"{'tokenNeverExpires':true,'refreshTokenAllowed':true}", "refreshTokenAllowed", "must be false"},
        {"{'identityProvider':'SECRET_MANAGER'}", "identityProvider", "is for grantType PASSWORD"},
        {"{'grantType':'PASSWORD','identityProvider':'/'}", "identityProvider", "must begin with a letter"},
        {"{'jwtSignatureAlgorithm':'none'}", "jwtSignatureAlgorithm", "must be one of"},
    };
    (void)state;
    accepted(read_token, ROWS(bodies));
    refused(read_token, ROWS(rows));
    survives_lack_of_memory(read_token, bodies[0]);
}

static void default_token_settings_are_those_of_an_empty_body(void **state) {
    tg_token_settings_t t;
    (void)state;
    json_t *empty = round_trip(read_token, "{}");
    tg_token_settings_default(&t);
    assert_int_equal(t.expires_in, 3600);
    assert_int_equal(t.refresh_expires_in, 24 * 3600);
    json_t *defaults = tg_credential_token_write(&t);
    assert_true(json_equal(empty, defaults));
    json_decref(empty);
    json_decref(defaults);
}

/* ---- organizations ---- */

static json_t *read_organization(const json_t *body, tg_arena_t *a, tg_fault_t *fault, tg_err_t *err) {
    tg_organization_t o;
    *err = tg_organization_parse(body, a, &o, fault);
    entries_seal(o.metadata, o.n_metadata);
    return *err ? NULL : tg_organization_write(&o);
}

static json_t *read_stored_organization(const json_t *doc, tg_arena_t *a, tg_fault_t *fault, tg_err_t *err) {
    tg_organization_t o;
    *err = tg_organization_read_stored(doc, a, &o, fault);
    return *err ? NULL : tg_organization_write(&o);
}

static void organizations(void **state) {
    static const char *const bodies[] = {
        "{'name':'acme'}",
        "{'name':'acme','description':'d','metadata':[{'key':'tier','value':'gold','includeInJwt':true}]}",
    };
    static const char *const docs[] = {
        "{'name':'acme','metadata':[{'key':'pin','sealed':'" SEALED_TEXT "','secret':true},{'key':'k','value':1}]}",
    };
    static const refusal_t stored_rows[] = {
        {"{'name':'a','metadata':[{'key':'pin','value':7,'secret':true}]}", "metadata[0].value", "must be sealed"},
        {"{'name':'a','members':[]}", "members", "is not a known field"},
    };
    static const refusal_t rows[] = {
        {"[]", "", "must be an object"},
        {"{}", "name", "is required"},
        {"{'name':'a/b'}", "name", "letter or digit"},
        {"{'name':'a','description':1}", "description", "must be a string"},
        {"{'name':'a','members':[]}", "members", "is not a known field"},
        {"{'name':'a','metadata':[7]}", "metadata[0]", "must be an object"},
        {"{'name':'a','metadata':[{'key':'k','value':1},{'key':'k','value':1}]}", "metadata[1].key", "twice"},
        {"{'name':'a','metadata':[{'key':'k','sealed':'AA','secret':true}]}", "metadata[0].sealed",
         "not a known field"},
    };
    (void)state;
    accepted(read_organization, ROWS(bodies));
    refused(read_organization, ROWS(rows));
    accepted(read_stored_organization, ROWS(docs));
    refused(read_stored_organization, ROWS(stored_rows));
    survives_lack_of_memory(read_stored_organization, docs[0]);
    json_t *body = body_load("{'name':'a','metadata':[{'key':'pin','value':'readable','secret':true}]}");
    tg_arena_t a;
    tg_err_t err = TG_OK;
    tg_arena_init(&a, 1 << 16);
    json_t *doc = read_organization(body, &a, NULL, &err);
    char *text = json_dumps(doc, 0);
    assert_null(strstr(text, "readable"));
    free(text);
    json_decref(doc);
    json_decref(body);
    tg_arena_release(&a);
    survives_lack_of_memory(read_organization, bodies[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_documented_example),
        cmocka_unit_test(fills_in_the_defaults),
        cmocka_unit_test(reads_everything),
        cmocka_unit_test(expiry),
        cmocka_unit_test(refuses_by_field_and_rule),
        cmocka_unit_test(refuses_metadata),
        cmocka_unit_test(metadata_takes_no_name_of_the_protocol),
        cmocka_unit_test(metadata_values_keep_their_type),
        cmocka_unit_test(bounds),
        cmocka_unit_test(no_password_is_stored_or_told),
        cmocka_unit_test(secret_metadata_in_clear_are_never_written),
        cmocka_unit_test(a_secret_value_may_be_left_out),
        cmocka_unit_test(stored_documents),
        cmocka_unit_test(token_settings),
        cmocka_unit_test(default_token_settings_are_those_of_an_empty_body),
        cmocka_unit_test(organizations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
