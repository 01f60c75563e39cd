#include "policy/identity_headers.h"

#include "tests.h"

static const struct {
    const char *name;
    bool is_identity; /* without a policy */
    bool with_policy; /* whose headers are X-Who and X-Authenticated-UserRoles */
} rows[] = {
    {"X-Authenticated-UserId", true, true},
    {"x-authenticated-userid", true, true},
    {"X_Authenticated_UserId", true, true},
    {"X-AUTHENTICATED_USERROLES", true, true},
    {"X.Authenticated.UserId", true, true},
    {"X-Authenticated-", true, true},
    {"X-Authenticated-Anything", true, true},
    {"X-Authenticated", false, false},
    {"X-AuthenticatedUserId", false, false},
    {"XX-Authenticated-UserId", false, false},
    {"X-Who", false, true},
    {"x_who", false, true},
    {"X-Whom", false, false},
    {"X-Wh", false, false},
    {"Accept", false, false},
    {"", false, false},
};

static void names_of_identity(void **state) {
    tg_policy_t policy = {.user_header = TG_STR("X-Who"), .roles_header = TG_STR("X-Authenticated-UserRoles")};
    tg_deployed_proxy_t open = {.policy = NULL};
    tg_deployed_proxy_t protected = {.policy = &policy};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        tg_str_t name = tg_str(rows[i].name);
        if (tg_identity_header_is(&open, name) != rows[i].is_identity ||
            tg_identity_header_is(NULL, name) != rows[i].is_identity ||
            tg_identity_header_is(&protected, name) != rows[i].with_policy) {
            fail_msg("%s", rows[i].name);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(names_of_identity)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
