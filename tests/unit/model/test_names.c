#include "model/model.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(client_ids),
        cmocka_unit_test(client_secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
