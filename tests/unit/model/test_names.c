#include "model/method.h"
#include "model/model.h"
#include "model/path_pattern.h"

#include "tests.h"

static tg_str_t repeat(char *buf, char c, size_t n) {
    memset(buf, c, n);
    return tg_strn(buf, n);
}

static void names(void **state) {
    char buf[200];
    static const char *const good[] = {"a", "0", "A.b_c-D9", "default", "a.."};
    static const char *const bad[] = {"", ".a", "-a", "_a", "a b", "a/b", "a%", "\xc3\xa9", "a\n", ".."};
    tg_fault_t fault = {.field = ""};
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(tg_name_check(tg_str(good[i]), "n", NULL), TG_OK);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(tg_name_check(tg_str(bad[i]), "n", NULL), TG_ERR_INVALID);
    }
    assert_int_equal(tg_name_check(repeat(buf, 'a', TG_NAME_MAX), "n", NULL), TG_OK);
    assert_int_equal(tg_name_check(repeat(buf, 'a', TG_NAME_MAX + 1), "n", &fault), TG_ERR_INVALID);
    assert_string_equal(fault.field, "n");
    assert_non_null(strstr(fault.text, "128"));
    assert_int_equal(tg_name_check(tg_strn("a\0", 2), "n", NULL), TG_ERR_INVALID);
}

static void client_ids(void **state) {
    char buf[300];
    (void)state;
    for (int c = 0; c < 256; c++) {
        char one = (char)c;
        bool good = c > 0x20 && c < 0x7f && c != ':';
        assert_int_equal(tg_client_id_check(tg_strn(&one, 1), "", NULL), good ? TG_OK : TG_ERR_INVALID);
    }
    assert_int_equal(tg_client_id_check(TG_STR_NONE, "", NULL), TG_ERR_INVALID);
    assert_int_equal(tg_client_id_check(repeat(buf, 'a', TG_CLIENT_ID_MAX), "", NULL), TG_OK);
    assert_int_equal(tg_client_id_check(repeat(buf, 'a', TG_CLIENT_ID_MAX + 1), "", NULL), TG_ERR_INVALID);
}

static void client_secrets(void **state) {
    char buf[600];
    tg_fault_t fault = {.field = ""};
    (void)state;
    assert_int_equal(tg_client_secret_check(TG_STR("1234567"), "", NULL), TG_ERR_INVALID);
    assert_int_equal(tg_client_secret_check(TG_STR("12345:78"), "", NULL), TG_OK);
    assert_int_equal(tg_client_secret_check(TG_STR("1234 678"), "", NULL), TG_ERR_INVALID);
    assert_int_equal(tg_client_secret_check(repeat(buf, '~', 512), "", NULL), TG_OK);
    assert_int_equal(tg_client_secret_check(repeat(buf, '~', 513), "", NULL), TG_ERR_INVALID);
    assert_int_equal(tg_client_secret_check(TG_STR("hunter22\x80"), "secretKey", &fault), TG_ERR_INVALID);
    assert_null(strstr(fault.text, "hunter22"));
}

static void roles(void **state) {
    char buf[200];
    (void)state;
    for (int c = 0; c < 256; c++) {
        char one = (char)c;
        bool good = c > 0x20 && c < 0x7f && c != '"' && c != '\\'; /* RFC 6749 3.3 */
        assert_int_equal(tg_role_check(tg_strn(&one, 1), "", NULL), good ? TG_OK : TG_ERR_INVALID);
    }
    assert_int_equal(tg_role_check(TG_STR_NONE, "", NULL), TG_ERR_INVALID);
    assert_int_equal(tg_role_check(repeat(buf, 'a', TG_NAME_MAX), "", NULL), TG_OK);
    assert_int_equal(tg_role_check(repeat(buf, 'a', TG_NAME_MAX + 1), "", NULL), TG_ERR_INVALID);
}

static void methods(void **state) {
    static const char *const names[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"};
    uint32_t all = 0;
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        uint32_t bit = tg_method_bit(tg_str(names[i]));
        assert_int_equal(bit, 1u << i);
        assert_true(tg_str_eq(tg_method_name(bit), tg_str(names[i])));
        all |= bit;
    }
    assert_int_equal(tg_method_bit(TG_STR("get")), 0);
    assert_int_equal(tg_method_bit(TG_STR("")), 0);
    assert_int_equal(tg_method_bit(TG_STR("PROPFIND")), 0);
    assert_int_equal(tg_method_name(0).n, 0);
    assert_int_equal(tg_method_name(all).n, 0);
    assert_int_equal(tg_method_name(1u << 9).n, 0);
}

static void path_patterns(void **state) {
    static const struct {
        const char *pattern, *rule; /* NULL: it is one */
    } rows[] = {
        {"/", NULL},
        {"/a", NULL},
        {"/a/", NULL},
        {"/items/{id}/x-1", NULL},
        {"/*", NULL},
        {"/**", NULL},
        {"/a/*/b/**", NULL},
        {"/a/**/", NULL},
        {"/caf\xc3\xa9/a b", NULL},
        {"/...", NULL},
        {"", "must begin with '/'"},
        {"a", "must begin with '/'"},
        {"*", "must begin with '/'"},
        {"//", "'//'"},
        {"/a//b", "'//'"},
        {"/a//", "'//'"},
        {"/.", "'.' or '..'"},
        {"/a/../b", "'.' or '..'"},
        {"/**/a", "as its last segment only"},
        {"/**/**", "as its last segment only"},
        {"/a*", "as whole segments"},
        {"/***", "as whole segments"},
        {"/{}", "as whole segments"},
        {"/{a", "as whole segments"},
        {"/{a}b", "as whole segments"},
        {"/{a}{b}", "as whole segments"},
        {"/{a/b}", "as whole segments"},
        {"/a%20b", "decoded path"},
        {"/a?b", "decoded path"},
        {"/a#b", "decoded path"},
        {"/a\tb", "control characters"},
        {"/a\x7f", "control characters"},
    };
    char buf[TG_PATH_PATTERN_MAX + 1];
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *rule = tg_path_pattern_check(tg_str(rows[i].pattern));
        if (rows[i].rule == NULL ? rule != NULL : rule == NULL || strstr(rule, rows[i].rule) == NULL) {
            fail_msg("%s: %s", rows[i].pattern, rule != NULL ? rule : "(none)");
        }
    }
    assert_non_null(tg_path_pattern_check(tg_strn("/a\0", 3)));
    repeat(buf, 'a', sizeof(buf));
    buf[0] = '/';
    assert_null(tg_path_pattern_check(tg_strn(buf, TG_PATH_PATTERN_MAX)));
    assert_non_null(tg_path_pattern_check(tg_strn(buf, TG_PATH_PATTERN_MAX + 1)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names), cmocka_unit_test(client_ids), cmocka_unit_test(client_secrets),
        cmocka_unit_test(roles), cmocka_unit_test(methods),    cmocka_unit_test(path_patterns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
