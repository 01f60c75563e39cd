#include "support.h"

static void generated_keys_are_private_and_named_by_their_thumbprint(void **state) {
    static const tg_alg_t algs[] = {TG_ALG_RS256, TG_ALG_PS512, TG_ALG_ES256, TG_ALG_ES384, TG_ALG_ES512, TG_ALG_EDDSA};
    (void)state;
    for (size_t i = 0; i < COUNT(algs); i++) {
        tg_key_t *key = NULL;
        char kid[TG_THUMBPRINT_LEN];
        assert_int_equal(tg_key_generate(algs[i], &key), TG_OK);
        assert_true(tg_key_is_private(key));
        assert_int_equal(tg_key_alg(key), algs[i]);
        assert_int_equal(tg_key_thumbprint(key, kid), TG_OK);
        assert_true(tg_str_eq(tg_key_kid(key), tg_strn(kid, sizeof(kid))));
        if (!key->info->coord) {
            assert_int_equal(EVP_PKEY_get_bits(key->pkey), 2048);
        }
        tg_key_free(key);
    }
}

static void two_generated_keys_differ(void **state) {
    (void)state;
    tg_key_t *one = key_new(TG_ALG_ES256), *two = key_new(TG_ALG_ES256);
    assert_false(tg_str_eq(tg_key_kid(one), tg_key_kid(two)));
    tg_key_free(one);
    tg_key_free(two);
}

static void unknown_algorithms_have_no_keys(void **state) {
    tg_key_t *key = NULL;
    (void)state;
    assert_int_equal(tg_key_generate(TG_ALG_NONE_SUCH, &key), TG_ERR_INVALID);
    assert_int_equal(tg_key_generate(TG_ALG_COUNT, &key), TG_ERR_INVALID);
    assert_null(key);
    tg_key_free(NULL);
}

static void raw_signatures_have_one_length(void **state) {
    (void)state;
    for (int alg = TG_ALG_RS256; alg < TG_ALG_COUNT; alg++) {
        tg_key_t *key = key_new((tg_alg_t)alg), *public = key_public(key);
        uint8_t sig[TG_SIG_MAX];
        for (int i = 0; i < 8; i++) {
            size_t n = 0;
            assert_int_equal(tg_key_sign(key, TG_STR("input"), sig, &n), TG_OK);
            assert_int_equal(n, key->info->coord ? 2 * key->info->coord : 256);
            assert_int_equal(tg_key_verify(public, TG_STR("input"), tg_strn(sig, n)), TG_OK);
            assert_int_equal(tg_key_verify(public, TG_STR("inpuu"), tg_strn(sig, n)), TG_ERR_INVALID);
            assert_int_equal(tg_key_verify(public, TG_STR_NONE, tg_strn(sig, n)), TG_ERR_INVALID);
            assert_int_equal(tg_key_sign(public, TG_STR("input"), sig, &n), TG_ERR_INVALID);
        }
        tg_key_free(key);
        tg_key_free(public);
    }
}

/* RFC 7518 3.4: ECDSA signatures are randomised; RS256 and EdDSA ones are not. A nonce used twice would give the key
 * away. */
static void es_and_ps_signatures_differ_each_time(void **state) {
    (void)state;
    for (int alg = TG_ALG_RS256; alg < TG_ALG_COUNT; alg++) {
        tg_key_t *key = key_new((tg_alg_t)alg);
        uint8_t one[TG_SIG_MAX], two[TG_SIG_MAX];
        size_t n, m;
        assert_int_equal(tg_key_sign(key, TG_STR("input"), one, &n), TG_OK);
        assert_int_equal(tg_key_sign(key, TG_STR("input"), two, &m), TG_OK);
        bool random = key->info->family == TG_FAMILY_EC || key->info->family == TG_FAMILY_PSS;
        assert_int_equal(memcmp(one, two, n) != 0, random);
        if (key->info->family == TG_FAMILY_EC) {
            assert_memory_not_equal(one, two, key->info->coord); /* R alone, which the nonce decides */
        }
        tg_key_free(key);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(generated_keys_are_private_and_named_by_their_thumbprint),
        cmocka_unit_test(two_generated_keys_differ),
        cmocka_unit_test(unknown_algorithms_have_no_keys),
        cmocka_unit_test(raw_signatures_have_one_length),
        cmocka_unit_test(es_and_ps_signatures_differ_each_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
