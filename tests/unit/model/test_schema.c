/* Schemas are whole, or not there: a row whose reader nobody knows the schema of would make one missing. */
#include "bodies.h"
#include "model/fields.h"
#include "model/schemas.h"

typedef struct {
    const char *name;
    json_t *(*make)(void);
    const char *required; /* one of them; NULL: none */
} schema_row_t;

static const schema_row_t schemas[] = {
    {"environment", tg_environment_schema, "name"},
    {"proxy", tg_proxy_schema, "apiProxyName"},
    {"client route", tg_client_route_schema, "relativePathList"},
    {"routing info", tg_routing_info_schema, "routingAddressList"},
    {"connection", tg_connection_schema, NULL},
    {"cors", tg_cors_schema, NULL},
    {"forwarded", tg_forwarded_schema, NULL},
    {"limits", tg_limits_schema, NULL},
    {"endpoint", tg_api_endpoint_schema, "path"},
    {"policy", tg_policy_schema, "policy"},
    {"group", tg_group_schema, "name"},
    {"identity provider", tg_identity_provider_schema, "type"},
    {"organization", tg_organization_schema, "name"},
    {"credential", tg_credential_schema, "username"},
    {"credential shown", tg_credential_shown_schema, "username"},
    {"credential token", tg_credential_token_schema, NULL},
    {"access list", tg_access_list_schema, "credentialAccessList"},
    {"access row", tg_access_row_schema, "type"},
    {"token management", tg_token_management_schema, NULL},
};

static bool requires(const json_t *schema, const char *name) {
    size_t i;
    const json_t *element;
    json_array_foreach(json_object_get(schema, "required"), i, element) {
        if (strcmp(json_string_value(element), name) == 0) {
            return true;
        }
    }
    return false;
}

static void every_schema_is_whole(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(schemas) / sizeof(schemas[0]); i++) {
        json_t *schema = schemas[i].make();
        if (schema == NULL) {
            fail_msg("%s", schemas[i].name);
        }
        assert_string_equal(json_string_value(json_object_get(schema, "type")), "object");
        assert_true(json_is_false(json_object_get(schema, "additionalProperties")));
        assert_true(schemas[i].required == NULL ? json_object_get(schema, "required") == NULL
                                                : requires(schema, schemas[i].required));
        json_t *partial = tg_schema_partial(schema);
        assert_null(json_object_get(partial, "required"));
        json_decref(partial);
    }
}

static void lack_of_memory_gives_none(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(schemas) / sizeof(schemas[0]); i++) {
        bool failed = true;
        for (long n = 0; failed && n < 20000; n += 1 + n / 50) {
            alloc_fail_after(n);
            json_t *schema = tg_schema_partial(schemas[i].make());
            failed = alloc_failed();
            assert_true(failed ? schema == NULL : schema != NULL);
            json_decref(schema);
        }
        assert_false(failed);
    }
}

static json_t *member(json_t *schema, const char *name) {
    return json_object_get(json_object_get(schema, "properties"), name);
}

static void bounds_choices_and_defaults_are_those_of_the_table(void **state) {
    (void)state;
    json_t *schema = tg_environment_schema();
    json_t *leeway = member(schema, "leewaySeconds"), *lost = member(schema, "jwtWhenFeedLost");
    assert_int_equal(json_integer_value(json_object_get(leeway, "maximum")), 300);
    assert_int_equal(json_integer_value(json_object_get(leeway, "default")), 0);
    assert_string_equal(json_string_value(json_array_get(json_object_get(lost, "enum"), 1)), "refuse");
    assert_string_equal(json_string_value(json_object_get(lost, "default")), "accept");
    /* failed logins are counted in sliding windows only */
    json_t *window = member(member(member(schema, "failureLimits"), "perClient"), "windowType");
    assert_int_equal(json_array_size(json_object_get(window, "enum")), 2);
    assert_string_equal(json_string_value(json_array_get(json_object_get(window, "enum"), 0)), "SLIDING");
    json_decref(schema);
}

static void what_has_a_refusal_of_its_own_is_in_no_schema(void **state) {
    (void)state;
    json_t *body = tg_credential_schema(), *shown = tg_credential_shown_schema();
    assert_null(member(body, "token"));
    assert_non_null(member(body, "password"));
    assert_null(member(shown, "password"));
    json_decref(body);
    json_decref(shown);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_schema_is_whole),
        cmocka_unit_test(lack_of_memory_gives_none),
        cmocka_unit_test(bounds_choices_and_defaults_are_those_of_the_table),
        cmocka_unit_test(what_has_a_refusal_of_its_own_is_in_no_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
