#include "oauth/scope.h"

#include "forge.h"
#include "store/token_store.h"

#define STRICT  TG_MISMATCH_STRICT
#define LENIENT TG_MISMATCH_LENIENT
#define IGNORE  TG_MISMATCH_IGNORE_REQUEST
#define NONE    TG_NOT_REQUESTED_NO_SCOPE
#define ALL     TG_NOT_REQUESTED_ALL_SCOPES

static const tg_str_t two_roles[] = {TG_STR("read"), TG_STR("write")};

/* token-api.md "Scopes", each rule with two roles and with none. `scope` NULL: not resolved; "-": invalid_scope. */
static void rules(void **state) {
    static const struct {
        tg_scope_mismatch_t mismatch;
        tg_scope_not_requested_t not_requested;
        bool reject;
        const char *asked; /* NULL: none requested */
        const char *two, *none;
    } rows[] = {
        {STRICT, NONE, false, NULL, NULL, NULL},
        {STRICT, NONE, false, "read", "read", "-"},
        {STRICT, NONE, false, "write read", "write read", "-"},
        {STRICT, NONE, false, "read read", "read", "-"},
        {STRICT, NONE, false, "read admin", "-", "-"},
        {STRICT, NONE, false, "rea", "-", "-"},
        {STRICT, NONE, false, "Read", "-", "-"},
        {STRICT, ALL, false, NULL, "read write", ""},
        {STRICT, ALL, false, "write", "write", "-"},
        {LENIENT, NONE, false, NULL, NULL, NULL},
        {LENIENT, NONE, false, "admin write", "write", ""},
        {LENIENT, NONE, false, "admin", "", ""},
        {LENIENT, ALL, false, NULL, "read write", ""},
        {IGNORE, NONE, false, "admin", "read write", ""},
        {IGNORE, NONE, false, "write", "read write", ""},
        {IGNORE, NONE, false, NULL, NULL, NULL},
        {IGNORE, ALL, false, NULL, "read write", ""},
        {STRICT, NONE, true, NULL, NULL, "-"},
        {STRICT, ALL, true, NULL, "read write", "-"},
        {LENIENT, NONE, true, "read", "read", "-"},
        {LENIENT, NONE, true, "admin", "", "-"},
        {IGNORE, NONE, true, "admin", "read write", ""},
        {IGNORE, ALL, true, NULL, "read write", ""},
        {IGNORE, NONE, true, NULL, NULL, NULL},
    };
    (void)state;
    for (size_t i = 0; i < 2 * COUNT(rows); i++) {
        tg_token_management_t m = {.mismatch = rows[i / 2].mismatch,
                                   .not_requested = rows[i / 2].not_requested,
                                   .reject_when_no_roles = rows[i / 2].reject};
        const char *asked = rows[i / 2].asked, *wanted = i % 2 == 0 ? rows[i / 2].two : rows[i / 2].none;
        tg_token_request_t req = {.has_scope = asked != NULL, .scope = tg_str(asked)};
        tg_grant_plan_t plan = {.type = TG_TOKEN_OPAQUE};
        tg_arena_t a;
        const char *why = "";
        tg_arena_init(&a, 4096);
        tg_oauth_error_t e = tg_scope_resolve(&m, &req, two_roles, i % 2 == 0 ? 2 : 0, &a, &plan, &why);
        bool refused = wanted != NULL && *wanted == '-';
        if (e != (refused ? TG_OAUTH_INVALID_SCOPE : TG_OAUTH_OK) || (*why != '\0') != refused ||
            plan.has_scope != (wanted != NULL && !refused) ||
            (plan.has_scope && !tg_str_eq(plan.scope, tg_str(wanted)))) {
            fail_msg("row %zu, %s roles: error %d, scope '%.*s'", i / 2, i % 2 == 0 ? "two" : "no", e,
                     TG_STR_ARGS(plan.scope));
        }
        tg_arena_release(&a);
    }
}

/* What cannot be kept is no scope at all, never a part of one. */
static void too_much(void **state) {
    static char long_role[TG_SCOPE_MAX];
    tg_token_management_t m = {.mismatch = IGNORE, .not_requested = ALL};
    tg_token_request_t req = {.has_scope = false};
    tg_grant_plan_t plan = {.type = TG_TOKEN_OPAQUE};
    tg_arena_t a;
    const char *why = "";
    (void)state;
    memset(long_role, 'x', sizeof(long_role));
    const tg_str_t roles[] = {{long_role, sizeof(long_role)}, TG_STR("r")};
    tg_arena_init(&a, 2 * TG_SCOPE_MAX);
    assert_int_equal(tg_scope_resolve(&m, &req, roles, 1, &a, &plan, &why), TG_OAUTH_OK);
    assert_int_equal(plan.scope.n, TG_SCOPE_MAX);
    plan.has_scope = false;
    assert_int_equal(tg_scope_resolve(&m, &req, roles, 2, &a, &plan, &why), TG_OAUTH_SERVER_ERROR);
    assert_false(plan.has_scope);
    tg_arena_release(&a);
    tg_arena_init(&a, 0);
    assert_int_equal(tg_scope_resolve(&m, &req, roles + 1, 1, &a, &plan, &why), TG_OAUTH_SERVER_ERROR);
    assert_false(plan.has_scope);
    tg_arena_release(&a);
}

/* A role that was taken away is gone at once; a token that was asked for with less has less. */
static void roles_that_count(void **state) {
    static const struct {
        const char *scope; /* NULL: not resolved */
        const char *two, *none;
    } rows[] = {
        {NULL, "read write", ""},
        {"read write", "read write", ""},
        {"write", "write", ""},
        {"write read", "read write", ""},
        {"write admin", "write", ""}, /* admin was the principal's once */
        {"admin", "", ""},
        {"", "", ""},
        {"Read", "", ""},
        {"readwrite", "", ""},
        {"rea", "", ""},
        {"reader", "", ""},
    };
    (void)state;
    for (size_t i = 0; i < 2 * COUNT(rows); i++) {
        const char *scope = rows[i / 2].scope;
        tg_str_t out[2];
        char text[64] = "";
        size_t n = tg_roles_effective(two_roles, i % 2 == 0 ? 2 : 0, scope != NULL, tg_str(scope), out), at = 0;
        assert_true(n <= 2);
        for (size_t j = 0; j < n; j++) {
            at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%.*s", j > 0 ? " " : "", TG_STR_ARGS(out[j]));
        }
        assert_string_equal(text, i % 2 == 0 ? rows[i / 2].two : rows[i / 2].none);
    }
}

/* ---- roles that travel in a token ---- */

static void roles_are_carried(void **state) {
    static char long_role[TG_SCOPE_MAX];
    const tg_str_t roles[] = {TG_STR("read"), TG_STR("write"), TG_STR("read")};
    tg_grant_plan_t plan = {.has_scope = false};
    tg_arena_t a;
    const char *why = "";
    (void)state;
    tg_arena_init(&a, 1 << 16);
    assert_int_equal(tg_scope_carry(roles, 3, &a, &plan, &why), TG_OAUTH_OK);
    assert_false(plan.has_scope);
    assert_str(plan.scope, "read write");
    plan = (tg_grant_plan_t){.has_scope = true, .scope = TG_STR("read")}; /* resolved: it says it all */
    assert_int_equal(tg_scope_carry(roles, 3, &a, &plan, &why), TG_OAUTH_OK);
    assert_str(plan.scope, "read");
    memset(long_role, 'x', sizeof(long_role));
    const tg_str_t many[] = {TG_STR("a"), tg_strn(long_role, sizeof(long_role))};
    plan = (tg_grant_plan_t){.has_scope = false};
    assert_int_equal(tg_scope_carry(many, 2, &a, &plan, &why), TG_OAUTH_SERVER_ERROR);
    tg_arena_release(&a);
}

static void a_scope_narrows(void **state) {
    static const struct {
        const char *scope, *left;
    } rows[] = {{"read write", "read write"},
                {"write admin", "write"},
                {"admin", ""},
                {"", ""},
                {"rea write read", "write read"}};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        tg_arena_t a;
        tg_str_t left;
        tg_arena_init(&a, 1 << 16);
        assert_int_equal(tg_scope_narrow(tg_str(rows[i].scope), two_roles, 2, &a, &left), TG_OK);
        assert_str(left, rows[i].left);
        tg_arena_release(&a);
    }
}

static void words_of_a_scope(void **state) {
    tg_str_t out[6];
    (void)state;
    assert_int_equal(tg_scope_words(TG_STR("a b cc"), out), 3);
    assert_str(out[2], "cc");
    assert_int_equal(tg_scope_words(TG_STR(""), out), 0);
    assert_int_equal(tg_scope_words(TG_STR("     "), out), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(roles_are_carried), cmocka_unit_test(a_scope_narrows),
                                       cmocka_unit_test(words_of_a_scope),  cmocka_unit_test(rules),
                                       cmocka_unit_test(too_much),          cmocka_unit_test(roles_that_count)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
