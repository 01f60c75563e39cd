#include "guard.h"
#include "tests.h"

static void equality(void **state) {
    (void)state;
    assert_true(tg_str_eq(TG_STR_NONE, TG_STR("")));
    assert_true(tg_str_eq(TG_STR("abc"), tg_str("abc")));
    assert_false(tg_str_eq(TG_STR("abc"), TG_STR("abC")));
    assert_false(tg_str_eq(TG_STR("abc"), TG_STR("ab")));
    assert_true(tg_str_eq_ci(TG_STR("Content-TYPE"), TG_STR("content-type")));
    assert_false(tg_str_eq_ci(TG_STR("@"), TG_STR("`")));
    assert_false(tg_str_eq_ci(TG_STR("["), TG_STR("{")));
    assert_false(tg_str_eq_ci(TG_STR("\xC3\x84"), TG_STR("\xC3\xA4")));
    assert_false(tg_str_eq_ci(TG_STR("ab"), TG_STR("abc")));
}

static void ends(void **state) {
    (void)state;
    assert_true(tg_str_starts(TG_STR("/api/x"), TG_STR("/api")));
    assert_true(tg_str_starts(TG_STR("x"), TG_STR_NONE));
    assert_true(tg_str_starts(TG_STR_NONE, TG_STR_NONE));
    assert_false(tg_str_starts(TG_STR("/ap"), TG_STR("/api")));
    assert_true(tg_str_ends(TG_STR("a.json"), TG_STR(".json")));
    assert_true(tg_str_ends(TG_STR_NONE, TG_STR_NONE));
    assert_false(tg_str_ends(TG_STR("json"), TG_STR(".json")));
}

static void trimming(void **state) {
    (void)state;
    assert_str(tg_str_trim(TG_STR(" \t a b\t ")), "a b");
    assert_str(tg_str_trim(TG_STR(" \t ")), "");
    assert_str(tg_str_trim(TG_STR_NONE), "");
    assert_str(tg_str_trim(TG_STR("\na\r")), "\na\r");
}

static void taking(void **state) {
    (void)state;
    tg_str_t rest = TG_STR("a,,b,");
    assert_str(tg_str_take(&rest, ','), "a");
    assert_str(tg_str_take(&rest, ','), "");
    assert_str(tg_str_take(&rest, ','), "b");
    assert_int_equal(rest.n, 0);
    assert_str(tg_str_take(&rest, ','), "");
    assert_null(rest.p);

    rest = TG_STR("whole");
    assert_str(tg_str_take(&rest, ','), "whole");
    assert_null(rest.p);
    assert_int_equal(tg_str_find_char(TG_STR("abca"), 'a'), 0);
    assert_int_equal(tg_str_find_char(TG_STR("abca"), 'x'), -1);
    assert_int_equal(tg_str_find_char(TG_STR_NONE, 'x'), -1);
}

static void numbers(void **state) {
    static const struct {
        const char *text;
        uint64_t max;
        bool ok;
        uint64_t value;
    } cases[] = {
        {"0", 10, true, 0},
        {"0010", 10, true, 10},
        {"11", 10, false, 0},
        {"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
        {"18446744073709551616", UINT64_MAX, false, 0},
        {"99999999999999999999999", UINT64_MAX, false, 0},
        {"", 10, false, 0},
        {"+1", 10, false, 0},
        {"-1", 10, false, 0},
        {" 1", 10, false, 0},
        {"1 ", 10, false, 0},
        {"0x1", 10, false, 0},
        {"0", 0, true, 0},
        {"1", 0, false, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint64_t value = 77;
        assert_int_equal(tg_str_to_u64(tg_str(cases[i].text), cases[i].max, &value), cases[i].ok);
        assert_true(value == (cases[i].ok ? cases[i].value : 77));
    }
}

static void utf8(void **state) {
    static const struct {
        const char *bytes;
        bool ok;
    } cases[] = {
        {"", true},
        {"plain", true},
        {"\x7f", true},
        {"\xC2\x80", true},
        {"\xDF\xBF", true},
        {"\xE0\xA0\x80", true},
        {"\xED\x9F\xBF", true},
        {"\xEE\x80\x80", true},
        {"\xF0\x90\x80\x80", true},
        {"\xF4\x8F\xBF\xBF", true},
        {"\x80", false},             /* continuation alone */
        {"\xC0\x80", false},         /* overlong NUL */
        {"\xC1\xBF", false},         /* overlong */
        {"\xE0\x9F\xBF", false},     /* overlong */
        {"\xF0\x8F\xBF\xBF", false}, /* overlong */
        {"\xED\xA0\x80", false},     /* surrogate */
        {"\xED\xBF\xBF", false},     /* surrogate */
        {"\xF4\x90\x80\x80", false}, /* above U+10FFFF */
        {"\xF5\x80\x80\x80", false},
        {"\xFF", false},
        {"\xC2", false}, /* cut off */
        {"\xE2\x82", false},
        {"\xF0\x9F\x98", false},
        {"a\xC2z", false},
        {"\xE2\x82z", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        guard_t g = guard_copy(cases[i].bytes, strlen(cases[i].bytes));
        if (tg_str_is_utf8(tg_strn(g.p, g.n)) != cases[i].ok) {
            fail_msg("case %zu", i);
        }
        guard_free(&g);
    }
    assert_false(tg_str_is_utf8(tg_strn("a\0b", 3)));
    assert_true(tg_str_is_utf8(TG_STR_NONE));
    assert_int_equal(tg_utf8_len("\0", 1), 1);
    assert_int_equal(tg_utf8_len("\xE2\x82\xAC", 3), 3);
    assert_int_equal(tg_utf8_len("\xE2\x82\xAC", 2), 0);
    assert_int_equal(tg_utf8_len("", 0), 0);
}

static void secrets(void **state) {
    (void)state;
    char a[33] = "0123456789abcdef0123456789abcdef";
    char b[33] = "0123456789abcdef0123456789abcdef";
    assert_true(tg_secret_eq(a, b, 32));
    for (size_t i = 0; i < 32; i++) {
        b[i] ^= 0x80;
        assert_false(tg_secret_eq(a, b, 32));
        b[i] ^= 0x80;
    }
    assert_true(tg_secret_eq(a, "x", 0));
    tg_wipe(a, 32);
    for (size_t i = 0; i < 32; i++) {
        assert_int_equal(a[i], 0);
    }
    tg_wipe(NULL, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equality), cmocka_unit_test(ends), cmocka_unit_test(trimming), cmocka_unit_test(taking),
        cmocka_unit_test(numbers),  cmocka_unit_test(utf8), cmocka_unit_test(secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
