#include "support.h"

#include "jose/alg.h"

static const struct {
    const char *name;
    tg_alg_t alg;
} table[] = {
    {"RS256", TG_ALG_RS256}, {"RS384", TG_ALG_RS384}, {"RS512", TG_ALG_RS512}, {"PS256", TG_ALG_PS256},
    {"PS384", TG_ALG_PS384}, {"PS512", TG_ALG_PS512}, {"ES256", TG_ALG_ES256}, {"ES384", TG_ALG_ES384},
    {"ES512", TG_ALG_ES512}, {"EdDSA", TG_ALG_EDDSA},
};

static void names_and_algorithms_match(void **state) {
    (void)state;
    assert_int_equal(COUNT(table), TG_ALG_COUNT - 1);
    for (size_t i = 0; i < COUNT(table); i++) {
        assert_int_equal(tg_alg_parse(tg_str(table[i].name)), table[i].alg);
        assert_string_equal(tg_alg_name(table[i].alg), table[i].name);
        assert_non_null(tg_alg_info(table[i].alg));
    }
}

static void other_names_are_not_in_the_table(void **state) {
    static const char *const names[] = {"",      "none",    "None",   "NONE",   "HS256",   "HS384",  "HS512",
                                        "rs256", "RS256 ",  " RS256", "RS2566", "RS25",    "ES256K", "eddsa",
                                        "EDDSA", "Ed25519", "RSA1_5", "dir",    "A256GCM", "RS1",    "RS-256"};
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        assert_int_equal(tg_alg_parse(tg_str(names[i])), TG_ALG_NONE_SUCH);
    }
    assert_int_equal(tg_alg_parse(TG_STR("RS256\0")), TG_ALG_NONE_SUCH);
    assert_int_equal(tg_alg_parse(TG_STR_NONE), TG_ALG_NONE_SUCH);
    assert_string_equal(tg_alg_name(TG_ALG_NONE_SUCH), "");
    assert_string_equal(tg_alg_name(TG_ALG_COUNT), "");
    assert_null(tg_alg_info((tg_alg_t)-1));
}

static void only_es256_and_eddsa_are_cheap(void **state) {
    (void)state;
    for (int alg = TG_ALG_NONE_SUCH; alg <= TG_ALG_COUNT; alg++) {
        assert_int_equal(tg_alg_is_cheap((tg_alg_t)alg), alg == TG_ALG_ES256 || alg == TG_ALG_EDDSA);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_algorithms_match),
        cmocka_unit_test(other_names_are_not_in_the_table),
        cmocka_unit_test(only_es256_and_eddsa_are_cheap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
