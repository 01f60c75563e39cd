#include "support.h"

#include "base/b64.h"
#include "jose/ecdsa.h"

static const struct {
    const char *name;
    const char *raw; /* R||S */
    const char *der;
} cases[] = {
    {"plain", "0102", "3006020101020102"},
    {"sign bytes", "80ff", "300802020080020200ff"},
    {"leading zeros", "000100000002ff00", "300a0203010000020302ff00"},
    {"zeros", "00000000", "3006020100020100"},
    {"leading zero before a high bit", "00800080", "3008020200800202 0080"},
};

static size_t unhex(const char *hex, uint8_t *out, size_t cap) {
    char plain[512];
    size_t n = 0, len = 0;
    for (; *hex; hex++) {
        if (*hex != ' ') {
            plain[n++] = *hex;
        }
    }
    assert_int_equal(tg_hex_decode(tg_strn(plain, n), out, cap, &len), TG_OK);
    return len;
}

static void both_ways(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t raw[16], der[64], got[TG_ECDSA_DER_MAX], back[16];
        size_t raw_n = unhex(cases[i].raw, raw, sizeof(raw)), der_n = unhex(cases[i].der, der, sizeof(der));
        size_t n = tg_ecdsa_to_der(tg_strn(raw, raw_n), got);
        if (n != der_n || memcmp(got, der, n) != 0) {
            fail_msg("%s", cases[i].name);
        }
        assert_int_equal(tg_ecdsa_from_der(tg_strn(der, der_n), raw_n / 2, back), TG_OK);
        assert_memory_equal(back, raw, raw_n);
    }
}

static void the_longest_fits(void **state) {
    uint8_t raw[2 * TG_ECDSA_COORD_MAX], der[TG_ECDSA_DER_MAX], back[sizeof(raw)];
    (void)state;
    memset(raw, 0xff, sizeof(raw));
    size_t n = tg_ecdsa_to_der(tg_strn(raw, sizeof(raw)), der);
    assert_int_equal(n, TG_ECDSA_DER_MAX);
    assert_int_equal(tg_ecdsa_from_der(tg_strn(der, n), TG_ECDSA_COORD_MAX, back), TG_OK);
    assert_memory_equal(back, raw, sizeof(raw));
}

static void a_number_too_long_and_no_der_are_refused(void **state) {
    uint8_t der[64], raw[16];
    (void)state;
    size_t n = unhex("3008020200ff020201ff", der, sizeof(der));
    assert_int_equal(tg_ecdsa_from_der(tg_strn(der, n), 2, raw), TG_OK);
    assert_int_equal(tg_ecdsa_from_der(tg_strn(der, n), 1, raw), TG_ERR_INVALID);
    assert_int_equal(tg_ecdsa_from_der(tg_strn(der, n - 1), 2, raw), TG_ERR_INVALID);
    assert_int_equal(tg_ecdsa_from_der(TG_STR(""), 2, raw), TG_ERR_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways),
        cmocka_unit_test(the_longest_fits),
        cmocka_unit_test(a_number_too_long_and_no_der_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
