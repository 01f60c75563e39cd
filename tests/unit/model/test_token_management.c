#include "model/token_management.h"

#include "bodies.h"

static json_t *read_settings(const json_t *body, tg_arena_t *a, tg_fault_t *fault, tg_err_t *err) {
    tg_token_management_t m;
    *err = tg_token_management_parse(body, a, &m, fault);
    return *err ? NULL : tg_token_management_write(&m);
}

static void written_is(const char *body, const char *wanted) {
    json_t *got = round_trip(read_settings, body);
    json_t *want = body_load(wanted);
    if (!json_equal(got, want)) {
        fail_msg("%s gives %s", body, json_dumps(got, 0));
    }
    json_decref(got);
    json_decref(want);
}

#define DEFAULTS                                                                                                       \
    "{'scopeMismatchBehavior':'STRICT','scopeNotRequestedBehavior':'NO_SCOPE','rejectWhenNoRoles':false,"              \
    "'fieldNames':{'access_token':'access_token','token_type':'token_type','expires_in':'expires_in',"                 \
    "'refresh_token':'refresh_token','scope':'scope'},'expiresInUnit':'SECONDS','extendedFields':false}"

static void defaults(void **state) {
    static const tg_token_management_t zero;
    (void)state;
    written_is("{}", DEFAULTS);
    written_is("{'fieldNames':{},'expiresInUnit':null}", DEFAULTS);
    written_is(DEFAULTS, DEFAULTS);
    json_t *written = tg_token_management_write(&zero);
    json_t *wanted = body_load(DEFAULTS);
    assert_true(json_equal(written, wanted)); /* as a snapshot without the member */
    json_decref(written);
    json_decref(wanted);
}

static void all_of_it(void **state) {
    (void)state;
    written_is("{'scopeMismatchBehavior':'LENIENT','scopeNotRequestedBehavior':'ALL_SCOPES','rejectWhenNoRoles':true,"
               "'fieldNames':{'access_token':'accessToken','token_type':'','scope':'roles'},"
               "'expiresInUnit':'MILLISECONDS','extendedFields':true}",
               "{'scopeMismatchBehavior':'LENIENT','scopeNotRequestedBehavior':'ALL_SCOPES','rejectWhenNoRoles':true,"
               "'fieldNames':{'access_token':'accessToken','token_type':'','expires_in':'expires_in',"
               "'refresh_token':'refresh_token','scope':'roles'},'expiresInUnit':'MILLISECONDS',"
               "'extendedFields':true}");
}

static void names_in_responses(void **state) {
    tg_token_management_t m = {
        .names = {[TG_FIELD_SCOPE] = {TG_STR("roles"), false}, [TG_FIELD_EXPIRES_IN] = {TG_STR_NONE, true}}};
    (void)state;
    assert_true(tg_str_eq(tg_response_name(&m, TG_FIELD_SCOPE), TG_STR("roles")));
    assert_true(tg_str_eq(tg_response_name(&m, TG_FIELD_TOKEN_TYPE), TG_STR("token_type")));
    assert_int_equal(tg_response_name(&m, TG_FIELD_EXPIRES_IN).n, 0);
    assert_true(tg_response_name_is_taken(TG_STR("x-issuedat")));
    assert_true(tg_response_name_is_taken(TG_STR("tg_x")));
    assert_false(tg_response_name_is_taken(TG_STR("tgx")));
    assert_false(tg_response_name_is_taken(TG_STR("tg")));
    assert_false(tg_response_name_is_taken(TG_STR("")));
}

static void refuses(void **state) {
    static const refusal_t rows[] = {
        {"[]", "", "must be an object"},
        {"{'scopeMismatchBehaviour':'STRICT'}", "scopeMismatchBehaviour", "is not a known field"},
        {"{'scopeMismatchBehavior':'strict'}", "scopeMismatchBehavior", "must be one of"},
        {"{'scopeNotRequestedBehavior':'ALL'}", "scopeNotRequestedBehavior", "must be one of"},
        {"{'rejectWhenNoRoles':'true'}", "rejectWhenNoRoles", "must be"},
        {"{'expiresInUnit':'MILLI_SECONDS'}", "expiresInUnit", "must be one of"},
        {"{'extendedFields':1}", "extendedFields", "must be"},
        {"{'fieldNames':{'id_token':'x'}}", "fieldNames.id_token", "is not a known field"},
        {"{'fieldNames':{'access_token':''}}", "fieldNames.access_token", "cannot be left out"},
        {"{'fieldNames':{'scope':'a b'}}", "fieldNames.scope", "must be at most"},
        {"{'fieldNames':{'scope':7}}", "fieldNames.scope", "must be a string"},
        {"{'fieldNames':{'scope':'rôle'}}", "fieldNames.scope", "must be at most"},
        {"{'fieldNames':{'scope':'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'}}",
         "fieldNames.scope", "must be at most"},
        {"{'fieldNames':{'access_token':'t','scope':'t'}}", "fieldNames.scope", "is the name of access_token already"},
        {"{'fieldNames':{'access_token':'T','scope':'t'}}", "fieldNames.scope", "is the name of access_token already"},
        {"{'fieldNames':{'access_token':'refresh_token'}}", "fieldNames.access_token", "is the standard name"},
        /* also if that one is left out: a client would take it for what it is not */
        {"{'fieldNames':{'access_token':'refresh_token','refresh_token':''}}", "fieldNames.access_token",
         "is the standard name"},
        {"{'fieldNames':{'scope':'error'}}", "fieldNames.scope", "means something else"},
        {"{'fieldNames':{'scope':'X-IssuedAt'}}", "fieldNames.scope", "means something else"},
        {"{'fieldNames':{'scope':'x-maxrefreshcount'}}", "fieldNames.scope", "means something else"},
        {"{'fieldNames':{'scope':'tg_gen'}}", "fieldNames.scope", "means something else"},
    };
    (void)state;
    refused(read_settings, ROWS(rows));
}

static void lack_of_memory(void **state) {
    (void)state;
    survives_lack_of_memory(read_settings, "{'fieldNames':{'access_token':'a','scope':''},'extendedFields':true}");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults), cmocka_unit_test(all_of_it),      cmocka_unit_test(names_in_responses),
        cmocka_unit_test(refuses),  cmocka_unit_test(lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
