#include "base/err.h"

#include "tests.h"

static void first_fault_wins(void **state) {
    (void)state;
    tg_fault_t fault = {"", ""};
    assert_int_equal(tg_fault(&fault, TG_ERR_INVALID, "name", "must be %d long", 3), TG_ERR_INVALID);
    assert_int_equal(tg_fault(&fault, TG_ERR_LIMIT, "other", "too late"), TG_ERR_LIMIT);
    assert_string_equal(fault.field, "name");
    assert_string_equal(fault.text, "must be 3 long");
    assert_int_equal(tg_fault(NULL, TG_ERR_AGAIN, "x", "y"), TG_ERR_AGAIN);
}

static void long_texts_are_cut(void **state) {
    (void)state;
    char text[1000];
    tg_fault_t fault = {"", ""};
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(tg_fault(&fault, TG_ERR_INVALID, text, "%s", text), TG_ERR_INVALID);
    assert_int_equal(strlen(fault.field), sizeof(fault.field) - 1);
    assert_int_equal(strlen(fault.text), sizeof(fault.text) - 1);
    fault = (tg_fault_t){"", ""};
    assert_int_equal(tg_fault(&fault, TG_ERR_INVALID, NULL, "no field"), TG_ERR_INVALID);
    assert_string_equal(fault.field, "");
}

static void names(void **state) {
    (void)state;
    for (int err = TG_OK; err >= TG_ERR_BUG; err--) {
        assert_string_not_equal(tg_err_name((tg_err_t)err), "unknown");
        for (int other = TG_OK; other > err; other--) {
            assert_string_not_equal(tg_err_name((tg_err_t)err), tg_err_name((tg_err_t)other));
        }
    }
    assert_string_equal(tg_err_name((tg_err_t)-99), "unknown");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_fault_wins),
        cmocka_unit_test(long_texts_are_cut),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
