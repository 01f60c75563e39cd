#include "model/credential.h"

#include "bodies.h"

/* Credential and organization (NULL: none) as bodies; the details as gateways of `environment` read them. */
static void details_of(const char *credential, const char *organization, const char *environment, tg_arena_t *a,
                       tg_details_t *out) {
    tg_credential_t c;
    tg_organization_t o;
    tg_buf_t text;
    tg_fault_t fault = {.field = ""};
    tg_arena_init(a, 1 << 20);
    json_t *body = body_load(credential);
    assert_int_equal(tg_credential_parse(body, a, &c, NULL), TG_OK);
    json_decref(body);
    if (organization != NULL) {
        body = body_load(organization);
        assert_int_equal(tg_organization_parse(body, a, &o, NULL), TG_OK);
        json_decref(body);
    }
    tg_buf_init(&text, TG_DETAILS_MAX);
    assert_int_equal(tg_credential_details_write(&c, organization != NULL ? &o : NULL, &text), TG_OK);
    if (tg_details_parse(tg_buf_str(&text), tg_str(environment), a, out, &fault)) {
        fail_msg("%.*s: %s: %s", TG_STR_ARGS(tg_buf_str(&text)), fault.field, fault.text);
    }
    tg_buf_release(&text);
}

static void reads_what_was_written(void **state) {
    tg_arena_t a;
    tg_details_t d;
    (void)state;
    details_of("{'username':'u','password':'12345678','roleNameList':['r','w'],'ipList':['10.0.0.0/8'],'metadata':[{"
               "'key':'tier','value':'gold','includeInJwt':true,'jwtClaimName':'x'}]}",
               NULL, "test", &a, &d);
    assert_int_equal(d.n_roles, 2);
    assert_true(tg_str_eq(d.roles[1], TG_STR("w")));
    assert_int_equal(d.n_ips, 1);
    assert_true(tg_str_eq(d.ips[0], TG_STR("10.0.0.0/8")));
    assert_int_equal(d.token.expires_in, 3600);
    assert_int_equal(d.n_metadata, 1);
    assert_true(tg_str_eq(d.metadata[0].key, TG_STR("tier")));
    assert_true(tg_str_eq(d.metadata[0].value, TG_STR("\"gold\"")));
    assert_true(tg_str_eq(d.metadata[0].jwt_claim, TG_STR("x")));
    assert_true(d.metadata[0].in_jwt);
    tg_arena_release(&a);
}

static void the_environments_addresses_replace_the_general_ones(void **state) {
    static const char credential[] = "{'username':'u','ipList':['::1'],'environments':[{'environmentName':'a','ipList':"
                                     "['::2','::3']},{'environmentName':'b','ipList':[]},{'environmentName':'c',"
                                     "'password':'12345678'}]}";
    static const struct {
        const char *environment;
        size_t n;
        const char *first;
    } rows[] = {{"a", 2, "::2"}, {"b", 0, ""}, {"c", 1, "::1"}, {"d", 1, "::1"}, {"", 1, "::1"}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        tg_arena_t a;
        tg_details_t d;
        details_of(credential, NULL, rows[i].environment, &a, &d);
        assert_int_equal(d.n_ips, rows[i].n);
        assert_true(d.n_ips == 0 || tg_str_eq(d.ips[0], tg_str(rows[i].first)));
        tg_arena_release(&a);
    }
}

static const tg_metadata_entry_t *entry(const tg_details_t *d, const char *key) {
    for (size_t i = 0; i < d->n_metadata; i++) {
        if (tg_str_eq(d->metadata[i].key, tg_str(key))) {
            return &d->metadata[i];
        }
    }
    return NULL;
}

static void an_organizations_metadata_are_defaults(void **state) {
    tg_arena_t a;
    tg_details_t d;
    (void)state;
    details_of("{'username':'u','metadata':[{'key':'tier','value':'gold'},{'key':'b','value':1,'includeInJwt':true,"
               "'jwtClaimName':'shown'},{'key':'same','value':1}]}",
               "{'name':'acme','metadata':[{'key':'tier','value':'tin','includeInJwt':true},{'key':'c','value':2,"
               "'includeInJwt':true,'jwtClaimName':'shown'},{'key':'region','value':'eu'},{'key':'d','value':3,"
               "'includeInJwt':true,'jwtClaimName':'same'}]}",
               "test", &a, &d);
    assert_int_equal(d.n_metadata, 5);
    assert_true(tg_str_eq(entry(&d, "tier")->value, TG_STR("\"gold\"")));
    assert_false(entry(&d, "tier")->in_jwt); /* whole entries replace, not parts of them */
    assert_true(tg_str_eq(entry(&d, "region")->value, TG_STR("\"eu\"")));
    assert_null(entry(&d, "c"));     /* a token has each claim once */
    assert_non_null(entry(&d, "d")); /* "same" is no claim of the credential's */
    tg_arena_release(&a);
}

static void secret_metadata_stay_sealed(void **state) {
    tg_arena_t a;
    tg_details_t d;
    tg_credential_t c;
    tg_buf_t text;
    tg_organization_t o = {.name = TG_STR("acme")};
    tg_metadata_entry_t clear = {.key = TG_STR("org"), .value = TG_STR("\"readable\""), .secret = true};
    (void)state;
    json_t *doc = body_load("{'username':'u','metadata':[{'key':'pin','sealed':'" SEALED_TEXT
                            "','secret':true,'includeInTokenResponse':true}]}");
    tg_arena_init(&a, 1 << 16);
    tg_buf_init(&text, TG_DETAILS_MAX);
    assert_int_equal(tg_credential_read_stored(doc, &a, &c, NULL), TG_OK);
    assert_int_equal(tg_credential_details_write(&c, NULL, &text), TG_OK);
    assert_int_equal(tg_details_parse(tg_buf_str(&text), TG_STR("e"), &a, &d, NULL), TG_OK);
    assert_true(d.metadata[0].secret && d.metadata[0].in_response);
    assert_true(tg_str_eq(d.metadata[0].sealed, TG_STR(SEALED)));
    assert_int_equal(d.metadata[0].value.n, 0);

    o.metadata = &clear;
    o.n_metadata = 1;
    tg_buf_reset(&text);
    assert_int_equal(tg_credential_details_write(&c, &o, &text), TG_OK);
    assert_null(memmem(text.p, text.n, "readable", 8));
    assert_int_equal(tg_details_parse(tg_buf_str(&text), TG_STR("e"), &a, &d, NULL), TG_ERR_INVALID);
    json_decref(doc);
    tg_buf_release(&text);
    tg_arena_release(&a);
}

static void token_settings_are_kept(void **state) {
    tg_arena_t a;
    tg_details_t d;
    tg_credential_t c;
    tg_buf_t text;
    (void)state;
    json_t *doc = body_load("{'username':'u','token':{'grantType':'PASSWORD','deletePrevious':true}}");
    tg_arena_init(&a, 1 << 16);
    tg_buf_init(&text, TG_DETAILS_MAX);
    assert_int_equal(tg_credential_read_stored(doc, &a, &c, NULL), TG_OK);
    assert_int_equal(tg_credential_details_write(&c, NULL, &text), TG_OK);
    assert_int_equal(tg_details_parse(tg_buf_str(&text), TG_STR("e"), &a, &d, NULL), TG_OK);
    assert_int_equal(d.token.grant, TG_GRANT_PASSWORD);
    assert_true(tg_str_eq(d.token.identity_provider, TG_SECRET_MANAGER));
    assert_true(d.token.delete_previous);
    json_decref(doc);
    tg_buf_release(&text);
    tg_arena_release(&a);
}

static void nothing_is_the_defaults(void **state) {
    tg_arena_t a;
    tg_details_t d;
    (void)state;
    tg_arena_init(&a, 1 << 16);
    assert_int_equal(tg_details_parse(TG_STR_NONE, TG_STR("e"), &a, &d, NULL), TG_OK);
    assert_int_equal(d.n_roles + d.n_ips + d.n_metadata, 0);
    assert_int_equal(d.token.expires_in, 3600);
    assert_int_equal(d.token.grant, TG_GRANT_CLIENT_CREDENTIALS);
    tg_arena_release(&a);
}

static void of_an_application_key(void **state) {
    static const tg_str_t roles[] = {TG_STR("r"), TG_STR("w")};
    tg_arena_t a;
    tg_details_t d;
    tg_buf_t text;
    (void)state;
    tg_arena_init(&a, 1 << 16);
    tg_buf_init(&text, TG_DETAILS_MAX);
    assert_int_equal(tg_application_details_write(roles, 2, &text), TG_OK);
    assert_int_equal(tg_details_parse(tg_buf_str(&text), TG_STR("e"), &a, &d, NULL), TG_OK);
    assert_int_equal(d.n_roles, 2);
    assert_true(tg_str_eq(d.roles[0], TG_STR("r")));
    assert_int_equal(d.n_ips + d.n_metadata, 0);
    tg_buf_release(&text);
    tg_arena_release(&a);
}

static void too_much_is_told(void **state) {
    static char value[4096];
    static tg_metadata_entry_t entries[300];
    tg_credential_t c = {.metadata = entries, .n_metadata = sizeof(entries) / sizeof(entries[0])};
    tg_buf_t text;
    (void)state;
    memset(value, 'v', sizeof(value));
    value[0] = value[sizeof(value) - 1] = '"';
    for (size_t i = 0; i < c.n_metadata; i++) {
        entries[i] = (tg_metadata_entry_t){.key = TG_STR("k"), .value = tg_strn(value, sizeof(value))};
    }
    tg_buf_init(&text, 8 * TG_DETAILS_MAX);
    assert_int_equal(tg_credential_details_write(&c, NULL, &text), TG_ERR_LIMIT);
    tg_buf_release(&text);
}

static void refuses(void **state) {
    static const refusal_t rows[] = {
        {"[]", "", "must be an object"},
        {"{'roles':[]}", "roles", "is not a known field"},
        {"{'roleNameList':['a b']}", "roleNameList[0]", "visible ASCII"},
        {"{'ipList':['x']}", "ipList[0]", "must be an IP address"},
        {"{'environments':[{'environmentName':'e'}]}", "environments[0].ipList", "is required"},
        {"{'environments':[{'ipList':[]}]}", "environments[0].environmentName", "is required"},
        {"{'token':{'grantType':7}}", "token.grantType", "must be a string"},
        {"{'metadata':[{'key':'iss','value':1,'includeInJwt':true}]}", "metadata[0].key", "registered claim"},
        {"{'metadata':[{'key':'k','value':1,'secret':true}]}", "metadata[0].value", "must be sealed"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        tg_arena_t a;
        tg_details_t d;
        tg_buf_t text;
        tg_fault_t fault = {.field = ""};
        json_t *doc = body_load(rows[i].body);
        tg_arena_init(&a, 1 << 16);
        tg_buf_init(&text, 4096);
        assert_int_equal(tg_json_write(doc, &text), TG_OK);
        assert_int_equal(tg_details_parse(tg_buf_str(&text), TG_STR("e"), &a, &d, &fault), TG_ERR_INVALID);
        if (strcmp(fault.field, rows[i].field) != 0 || strstr(fault.text, rows[i].text) == NULL) {
            fail_msg("%s: %s: %s", rows[i].body, fault.field, fault.text);
        }
        json_decref(doc);
        tg_buf_release(&text);
        tg_arena_release(&a);
    }
    tg_details_t d;
    tg_arena_t a;
    tg_arena_init(&a, 1 << 16);
    assert_int_equal(tg_details_parse(TG_STR("{"), TG_STR("e"), &a, &d, NULL), TG_ERR_INVALID);
    tg_arena_release(&a);
}

static void lack_of_memory(void **state) {
    static const tg_str_t roles[] = {TG_STR("r")};
    (void)state;
    for (long n = 0;; n++) {
        tg_buf_t text;
        tg_arena_t a;
        tg_details_t d;
        tg_arena_init(&a, 1 << 16);
        tg_buf_init(&text, TG_DETAILS_MAX);
        alloc_fail_after(n);
        tg_err_t err = tg_application_details_write(roles, 1, &text);
        if (!err) {
            err = tg_details_parse(tg_buf_str(&text), TG_STR("e"), &a, &d, NULL);
        }
        bool failed = alloc_failed();
        assert_int_equal(err, failed ? TG_ERR_NOMEM : TG_OK);
        tg_buf_release(&text);
        tg_arena_release(&a);
        if (!failed) {
            break;
        }
    }
}

static void the_provider_that_it_is_synchronised_from(void **state) {
    (void)state;
    tg_arena_t a;
    tg_details_t d;
    tg_arena_init(&a, 1 << 20);
    assert_int_equal(tg_details_parse(TG_STR("{\"identityProvider\":\"staff\"}"), TG_STR("e"), &a, &d, NULL), TG_OK);
    assert_str(d.identity_provider, "staff");
    assert_int_equal(tg_details_parse(TG_STR("{\"identityProvider\":null}"), TG_STR("e"), &a, &d, NULL), TG_OK);
    assert_str(d.identity_provider, "");
    assert_int_equal(tg_details_parse(TG_STR("{\"identityProvider\":\"a b\"}"), TG_STR("e"), &a, &d, NULL),
                     TG_ERR_INVALID);
    tg_arena_release(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_was_written),
        cmocka_unit_test(the_environments_addresses_replace_the_general_ones),
        cmocka_unit_test(an_organizations_metadata_are_defaults),
        cmocka_unit_test(secret_metadata_stay_sealed),
        cmocka_unit_test(token_settings_are_kept),
        cmocka_unit_test(nothing_is_the_defaults),
        cmocka_unit_test(of_an_application_key),
        cmocka_unit_test(too_much_is_told),
        cmocka_unit_test(refuses),
        cmocka_unit_test(lack_of_memory),
        cmocka_unit_test(the_provider_that_it_is_synchronised_from),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
