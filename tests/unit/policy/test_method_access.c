#include "policy/method_access.h"

#include "guard.h"
#include "tests.h"

static void patterns(void **state) {
    static const struct {
        const char *pattern, *path;
        bool matches;
    } rows[] = {
        {"/", "/", true},
        {"/", "", true},
        {"/", "/a", false},
        {"/**", "/", true},
        {"/**", "/a", true},
        {"/**", "/a/b/c/", true},
        {"/items", "/items", true},
        {"/items", "/items/", true},
        {"/items/", "/items", true},
        {"/items", "/items/1", false},
        {"/items", "/item", false},
        {"/items", "/itemss", false},
        {"/items", "/Items", false},
        {"/items/*", "/items/1", true},
        {"/items/*", "/items/1/", true},
        {"/items/*", "/items", false},
        {"/items/*", "/items/", false},
        {"/items/*", "/items/1/2", false},
        {"/items/{id}", "/items/1", true},
        {"/items/{id}", "/items/{id}", true},
        {"/items/{id}", "/items", false},
        {"/items/{id}/parts/*", "/items/1/parts/2", true},
        {"/items/{id}/parts/*", "/items/1/part/2", false},
        {"/items/**", "/items", true},
        {"/items/**", "/items/", true},
        {"/items/**", "/items/1/2/3", true},
        {"/items/**", "/itemsx", false},
        {"/items/**", "/", false},
        {"/*/x", "/a/x", true},
        {"/*/x", "/a/b/x", false},
        {"/*/**", "/", false},
        {"/*/**", "/a", true},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        guard_t pattern = guard_copy(rows[i].pattern, strlen(rows[i].pattern));
        guard_t path = guard_copy(rows[i].path, strlen(rows[i].path));
        assert_null(tg_path_pattern_check(tg_strn(pattern.p, pattern.n)));
        if (tg_path_pattern_matches(tg_strn(pattern.p, pattern.n), tg_strn(path.p, path.n)) != rows[i].matches) {
            fail_msg("%s %s", rows[i].pattern, rows[i].path);
        }
        guard_free(&path);
        guard_free(&pattern);
    }
}

/* What looks like a pattern in a path is a path; what a pattern holds for one segment is never two or none. */
static void tricks_of_paths(void **state) {
    static const struct {
        const char *pattern, *path;
    } rows[] = {
        {"/items/x", "/items/*"},      {"/items/x", "/items/**"},     {"/items/x", "/**"},
        {"/items/x", "/items/{id}"},   {"/items/*", "/items//"},      {"/items/*", "/items//x"},
        {"/items/{id}", "/items//"},   {"/a/*/c", "/a//c"},           {"/items/x", "/items/x%00"},
        {"/items/x", "/items/x;y"},    {"/items/x", "//items/x"},     {"/items/x", "/items/x//"},
        {"/items/x", "/items\\x"},     {"/items/x", "/items/X"},      {"/items/x", "/items/./x"},
        {"/items/x", "/items/y/../x"}, {"/items/*", "/items/a\\b/c"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (tg_path_pattern_matches(tg_str(rows[i].pattern), tg_str(rows[i].path))) {
            fail_msg("%s %s", rows[i].pattern, rows[i].path);
        }
    }
    assert_false(tg_path_pattern_matches(TG_STR("/items/x"), tg_strn("/items/x\0", 9)));
    assert_false(tg_path_pattern_matches(TG_STR("/items/x"), tg_strn("/items/x\0y", 10)));
}

static tg_str_t reader = TG_STR("reader"), writer = TG_STR("writer"), admin = TG_STR("admin");

#define ROW(m, p, ...)                                                                                                 \
    { .method = TG_STR(m), .path = TG_STR(p), __VA_ARGS__ }
#define ONLY(role) .roles = &(role), .n_roles = 1

static tg_method_access_t rules[] = {
    ROW("GET", "/items/**", ONLY(reader)),
    ROW("*", "/items/**", ONLY(writer)),
    ROW("DELETE", "/items/{id}", ONLY(admin)),
    ROW("*", "/items/secret", ONLY(admin)),
    ROW("GET", "/items/secret/*", ONLY(admin)),
    ROW("GET", "/items/*/hint", ONLY(reader)),
    ROW("POST", "/items/both", ONLY(reader)),
    ROW("POST", "/items/both/", ONLY(writer)),
    ROW("HEAD", "/quiet", ONLY(admin)),
    ROW("GET", "/quiet", ONLY(reader)),
    ROW("GET", "/open"),
    ROW("PURGE", "/cache", ONLY(admin)),
};

static bool may(const char *method, const char *path, const char *role) {
    const tg_policy_t p = {.authorization = true, .methods = rules, .n_methods = COUNT(rules)};
    const tg_str_t roles[] = {TG_STR("other"), tg_str(role)};
    return tg_method_access_check(&p, tg_str(method), tg_str(path), roles, role != NULL ? 2 : 0);
}

static void the_most_specific_row_decides(void **state) {
    static const struct {
        const char *method, *path, *role;
        bool open;
    } rows[] = {
        {"GET", "/items", "reader", true},
        {"GET", "/items", "writer", false}, /* a named method before "*" */
        {"PUT", "/items/1", "writer", true},
        {"PUT", "/items/1", "reader", false},
        {"DELETE", "/items/1", "admin", true},
        {"DELETE", "/items/1", "writer", false}, /* one segment before any number */
        {"DELETE", "/items/1/parts", "writer", true},
        {"GET", "/items/secret", "admin", true},
        {"GET", "/items/secret", "reader", false}, /* the path before the method */
        {"GET", "/items/secret/hint", "admin", true},
        {"GET", "/items/secret/hint", "reader", false}, /* literal segments from the left */
        {"GET", "/items/x/hint", "reader", true},
        {"POST", "/items/both", "reader", true}, /* of equal ones any */
        {"POST", "/items/both", "writer", true},
        {"POST", "/items/both", "admin", false},
        {"GET", "/open", NULL, true},
        {"GET", "/open", "reader", true},
        {"POST", "/open", "admin", false},
        {"GET", "/nowhere", "admin", false},
        {"GET", "/", "admin", false},
        {"PURGE", "/cache", "admin", true},
        {"PURGE", "/cache", "reader", false},
        {"get", "/items", "reader", false},
        {"get", "/items", "writer", true},
        {"GET", "/items", NULL, false},
        {"GET", "/items", "Reader", false},
        {"GET", "/items", "", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (may(rows[i].method, rows[i].path, rows[i].role) != rows[i].open) {
            fail_msg("%s %s as %s", rows[i].method, rows[i].path, rows[i].role ? rows[i].role : "nobody");
        }
    }
}

static void head_goes_with_get(void **state) {
    (void)state;
    assert_true(may("HEAD", "/items", "reader"));
    assert_false(may("HEAD", "/items", "writer")); /* the row of every method is not for what GET has a row of */
    assert_true(may("HEAD", "/open", NULL));
    assert_true(may("HEAD", "/quiet", "admin"));
    assert_true(may("HEAD", "/quiet", "reader"));
    assert_false(may("GET", "/quiet", "admin"));
    assert_false(may("HEAD", "/items/secret", "reader"));
}

static void the_order_of_rows_means_nothing(void **state) {
    static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "PURGE"};
    static const char *const paths[] = {"/items",      "/items/1",     "/items/secret", "/items/secret/hint",
                                        "/items/both", "/items/1/2",   "/quiet",        "/open",
                                        "/cache",      "/items/x/hint"};
    static const char *const roles[] = {"reader", "writer", "admin", NULL};
    bool before[COUNT(methods) * COUNT(paths) * COUNT(roles)];
    (void)state;
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < COUNT(before); i++) {
            bool open = may(methods[i % COUNT(methods)], paths[i / COUNT(methods) % COUNT(paths)],
                            roles[i / COUNT(methods) / COUNT(paths)]);
            assert_true(round == 0 || before[i] == open);
            before[i] = open;
        }
        for (size_t i = 0; i < COUNT(rules) / 2; i++) {
            tg_method_access_t row = rules[i];
            rules[i] = rules[COUNT(rules) - 1 - i];
            rules[COUNT(rules) - 1 - i] = row;
        }
    }
}

static void without_authorization(void **state) {
    tg_policy_t p = {.authorization = false, .methods = rules, .n_methods = COUNT(rules)};
    (void)state;
    assert_true(tg_method_access_check(&p, TG_STR("GET"), TG_STR("/nowhere"), NULL, 0));
    p.authorization = true;
    p.n_methods = 0; /* nothing is let in by no row */
    assert_false(tg_method_access_check(&p, TG_STR("GET"), TG_STR("/"), &admin, 1));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns),
        cmocka_unit_test(tricks_of_paths),
        cmocka_unit_test(the_most_specific_row_decides),
        cmocka_unit_test(head_goes_with_get),
        cmocka_unit_test(the_order_of_rows_means_nothing),
        cmocka_unit_test(without_authorization),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
