#include "../tests.h"

#include "cli/kinds.h"
#include "cli/suggest.h"

static const struct {
    const char *typed, *meant;
} cases[] = {
    {"proxie", "proxies"},
    {"PROXIES", "proxies"},
    {"porxies", "proxies"},
    {"credential", "credentials"},
    {"envronments", "environments"},
    {"x", NULL},
    {"", NULL},
    {"somethingelse", NULL},
};

static void test_the_nearest_name(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        tg_suggestion_t s = tg_suggestion_start(cases[i].typed);
        for (size_t k = 0; tg_kind_at(k); k++)
            tg_suggestion_try(&s, tg_kind_at(k)->name);
        if (!cases[i].meant)
            assert_null(s.name);
        else
            assert_string_equal(s.name ? s.name : "(none)", cases[i].meant);
    }
}

static void test_long_names_are_passed_over(void **state) {
    (void)state;
    char typed[200];
    memset(typed, 'a', sizeof(typed));
    typed[sizeof(typed) - 1] = '\0';
    tg_suggestion_t s = tg_suggestion_start(typed);
    tg_suggestion_try(&s, typed);
    assert_null(s.name);
    s = tg_suggestion_start("a");
    tg_suggestion_try(&s, typed);
    assert_null(s.name);
}

/* No two kinds answer to one name, and what they can do fits their paths. */
static void test_the_table_of_kinds(void **state) {
    (void)state;
    for (size_t i = 0; tg_kind_at(i); i++) {
        const tg_kind_t *kind = tg_kind_at(i);
        assert_ptr_equal(tg_kind_find(kind->name), kind);
        tg_str_t rest = tg_str(kind->aliases);
        while (rest.n) {
            char alias[64];
            tg_str_t one = tg_str_take(&rest, ' ');
            snprintf(alias, sizeof(alias), "%.*s", TG_STR_ARGS(one));
            assert_ptr_equal(tg_kind_find(alias), kind);
        }
        assert_true(kind->list || kind->item);
        assert_true(kind->item || !(kind->update || kind->remove));
        assert_true(kind->columns[0].title && kind->columns[0].path);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_nearest_name),
        cmocka_unit_test(test_long_names_are_passed_over),
        cmocka_unit_test(test_the_table_of_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
