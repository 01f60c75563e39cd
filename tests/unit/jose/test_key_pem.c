#include "support.h"

#include <openssl/err.h>

#include "../alloc.h"
#include "../guard.h"

static const struct {
    const char *file;
    tg_alg_t alg;
    tg_err_t err;
} files[] = {
    {"rsa-2048-pkcs8.pem", TG_ALG_RS256, TG_OK},
    {"rsa-2048-pkcs8.pem", TG_ALG_RS512, TG_OK},
    {"rsa-2048-pkcs8.pem", TG_ALG_PS384, TG_OK},
    {"rsa-2048-traditional.pem", TG_ALG_RS256, TG_OK},
    {"ec-p256-pkcs8.pem", TG_ALG_ES256, TG_OK},
    {"ec-p256-traditional.pem", TG_ALG_ES256, TG_OK}, /* with EC PARAMETERS in front */
    {"ec-p384.pem", TG_ALG_ES384, TG_OK},
    {"ec-p521.pem", TG_ALG_ES512, TG_OK},
    {"ed25519.pem", TG_ALG_EDDSA, TG_OK},
    /* another algorithm's key */
    {"rsa-2048-pkcs8.pem", TG_ALG_ES256, TG_ERR_INVALID},
    {"rsa-2048-pkcs8.pem", TG_ALG_EDDSA, TG_ERR_INVALID},
    {"ec-p256-pkcs8.pem", TG_ALG_RS256, TG_ERR_INVALID},
    {"ec-p256-pkcs8.pem", TG_ALG_ES384, TG_ERR_INVALID},
    {"ec-p384.pem", TG_ALG_ES256, TG_ERR_INVALID},
    {"ec-p521.pem", TG_ALG_ES384, TG_ERR_INVALID},
    {"ec-secp256k1.pem", TG_ALG_ES256, TG_ERR_INVALID},
    {"ed25519.pem", TG_ALG_ES256, TG_ERR_INVALID},
    {"ed448.pem", TG_ALG_EDDSA, TG_ERR_INVALID},
    {"x25519.pem", TG_ALG_EDDSA, TG_ERR_INVALID},
    {"rsa-pss-2048.pem", TG_ALG_PS256, TG_ERR_INVALID},
    {"rsa-pss-2048.pem", TG_ALG_RS256, TG_ERR_INVALID},
    {"rsa-2048-pkcs8.pem", TG_ALG_NONE_SUCH, TG_ERR_INVALID},
    {"rsa-2048-pkcs8.pem", TG_ALG_COUNT, TG_ERR_INVALID},
    /* weak or broken keys */
    {"rsa-1024.pem", TG_ALG_RS256, TG_ERR_INVALID},
    {"rsa-exponent-1.pem", TG_ALG_RS256, TG_ERR_INVALID},
    {"rsa-even-modulus.pem", TG_ALG_RS256, TG_ERR_INVALID},
    {"rsa-even-primes.pem", TG_ALG_RS256, TG_ERR_INVALID},
    {"rsa-mismatched.pem", TG_ALG_RS256, TG_ERR_INVALID},
    {"rsa-mismatched.pem", TG_ALG_PS512, TG_ERR_INVALID},
    {"ec-p256-mismatched.pem", TG_ALG_ES256, TG_ERR_INVALID},
    {"ec-p256-off-curve.pem", TG_ALG_ES256, TG_ERR_INVALID},
    {"ec-p256-explicit.pem", TG_ALG_ES256, TG_ERR_INVALID},
    /* not one plain private key */
    {"rsa-2048-encrypted-pkcs8.pem", TG_ALG_RS256, TG_ERR_INVALID},
    {"rsa-2048-encrypted-traditional.pem", TG_ALG_RS256, TG_ERR_INVALID},
    {"rsa-2048-public.pem", TG_ALG_RS256, TG_ERR_INVALID},
    {"certificate.pem", TG_ALG_RS256, TG_ERR_INVALID},
    {"two-keys.pem", TG_ALG_RS256, TG_ERR_INVALID},
    {"key-and-certificate.pem", TG_ALG_RS256, TG_ERR_INVALID},
    {"trailing-bytes.pem", TG_ALG_RS256, TG_ERR_INVALID},
    {"README.md", TG_ALG_RS256, TG_ERR_INVALID},
};

static tg_buf_t file_read(const char *name) {
    char path[128];
    snprintf(path, sizeof(path), "keys/%s", name);
    return vector_read(path);
}

static void files_are_taken_or_refused_with_a_reason(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(files); i++) {
        tg_buf_t pem = file_read(files[i].file);
        tg_key_t *key = NULL;
        tg_fault_t fault = {0};
        ERR_clear_error();
        tg_err_t err = tg_key_from_pem(tg_buf_str(&pem), files[i].alg, &key, &fault);
        if (err != files[i].err) {
            fail_msg("%s for %s: %s, %s", files[i].file, tg_alg_name(files[i].alg), tg_err_name(err), fault.text);
        }
        assert_int_equal(ERR_peek_error(), 0);
        if (!err) {
            assert_true(tg_key_is_private(key));
            assert_int_equal(tg_key_alg(key), files[i].alg);
            assert_int_equal(tg_key_kid(key).n, TG_THUMBPRINT_LEN);
        } else {
            assert_null(key);
            assert_true(fault.text[0] != '\0' || tg_alg_info(files[i].alg) == NULL);
        }
        tg_key_free(key);
        tg_buf_release(&pem);
    }
}

static void both_forms_are_the_same_key(void **state) {
    static const char *const pairs[][2] = {{"rsa-2048-pkcs8.pem", "rsa-2048-traditional.pem"},
                                           {"ec-p256-pkcs8.pem", "ec-p256-traditional.pem"}};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        tg_alg_t alg = i == 0 ? TG_ALG_RS256 : TG_ALG_ES256;
        tg_key_t *one = key_read(pairs[i][0], alg), *two = key_read(pairs[i][1], alg);
        assert_true(tg_str_eq(tg_key_kid(one), tg_key_kid(two)));
        tg_key_free(one);
        tg_key_free(two);
    }
}

/* Cut anywhere, with a guard page behind. */
static void every_truncation_is_refused(void **state) {
    (void)state;
    tg_buf_t pem = file_read("ec-p256-pkcs8.pem");
    for (size_t n = 0; n < pem.n; n++) {
        guard_t g = guard_copy(pem.p, n);
        tg_key_t *key = NULL;
        tg_err_t err = tg_key_from_pem(tg_strn(g.p, g.n), TG_ALG_ES256, &key, NULL);
        /* without the last newline it is whole */
        assert_int_equal(err, n == pem.n - 1 ? TG_OK : TG_ERR_INVALID);
        tg_key_free(key);
        guard_free(&g);
    }
    tg_buf_release(&pem);
}

static void oversized_text_is_not_looked_at(void **state) {
    (void)state;
    tg_buf_t pem = file_read("ec-p256-pkcs8.pem");
    tg_key_t *key = NULL;
    while (pem.n <= TG_KEY_TEXT_MAX) {
        tg_buf_putc(&pem, '\n');
    }
    assert_int_equal(tg_key_from_pem(tg_buf_str(&pem), TG_ALG_ES256, &key, NULL), TG_ERR_LIMIT);
    assert_int_equal(tg_key_from_der(tg_buf_str(&pem), TG_ALG_ES256, &key, NULL), TG_ERR_LIMIT);
    assert_null(key);
    pem.n--;
    assert_int_equal(tg_key_from_pem(tg_buf_str(&pem), TG_ALG_ES256, &key, NULL), TG_OK);
    tg_key_free(key);
    tg_buf_release(&pem);
}

static void der_goes_round(void **state) {
    (void)state;
    for (int alg = TG_ALG_RS256; alg < TG_ALG_COUNT; alg++) {
        tg_key_t *key = key_new((tg_alg_t)alg), *back = NULL, *public = key_public(key);
        tg_buf_t der, token;
        tg_buf_init(&der, 8192);
        tg_buf_init(&token, TG_JWS_MAX);
        assert_int_equal(tg_key_to_der(key, &der), TG_OK);
        assert_int_equal(tg_key_from_der(tg_buf_str(&der), (tg_alg_t)alg, &back, NULL), TG_OK);
        assert_true(tg_key_is_private(back));
        assert_false(tg_key_is_private(public));
        assert_true(tg_str_eq(tg_key_kid(key), tg_key_kid(back)));
        assert_int_equal(tg_jws_sign(back, TG_STR("at+jwt"), TG_STR("{}"), &token), TG_OK);
        assert_int_equal(token_check(tg_buf_str(&token), public), TG_OK);

        /* a byte more, a byte less, a public key: nothing comes of it */
        tg_key_t *none = NULL;
        assert_int_equal(tg_key_from_der(tg_strn(der.p, der.n - 1), (tg_alg_t)alg, &none, NULL), TG_ERR_INVALID);
        size_t before = der.n;
        assert_int_equal(tg_key_to_der(public, &der), TG_ERR_INVALID);
        assert_int_equal(der.n, before);
        tg_buf_putc(&der, '\0');
        assert_int_equal(tg_key_from_der(tg_buf_str(&der), (tg_alg_t)alg, &none, NULL), TG_ERR_INVALID);
        assert_null(none);
        tg_buf_release(&der);
        tg_buf_release(&token);
        tg_key_free(key);
        tg_key_free(back);
        tg_key_free(public);
    }
}

/* The private numbers of the DER never come out again in the public form. */
static void a_jwk_of_a_private_key_is_public(void **state) {
    static const char *const members[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};
    (void)state;
    for (int alg = TG_ALG_RS256; alg < TG_ALG_COUNT; alg++) {
        tg_key_t *key = key_new((tg_alg_t)alg);
        json_t *doc = NULL;
        tg_buf_t jwk;
        tg_buf_init(&jwk, 8192);
        assert_int_equal(tg_key_to_jwk(key, &jwk), TG_OK);
        assert_int_equal(tg_json_parse(tg_buf_str(&jwk), 8192, 2, &doc, NULL), TG_OK);
        for (size_t i = 0; i < COUNT(members); i++) {
            assert_null(json_object_get(doc, members[i]));
        }
        json_decref(doc);
        tg_buf_release(&jwk);
        tg_key_free(key);
    }
}

static void each_allocation_may_fail(void **state) {
    (void)state;
    tg_buf_t pem = file_read("ed25519.pem");
    bool done = false;
    for (long n = 0; !done; n++) {
        tg_key_t *key = NULL;
        tg_buf_t der;
        tg_buf_init(&der, 8192);
        alloc_fail_after(n);
        tg_err_t err = tg_key_from_pem(tg_buf_str(&pem), TG_ALG_EDDSA, &key, NULL);
        err = err ? err : tg_key_to_der(key, &der);
        done = !alloc_failed();
        assert_int_equal(err, done ? TG_OK : TG_ERR_NOMEM);
        tg_key_free(key);
        tg_buf_release(&der);
    }
    tg_buf_release(&pem);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_taken_or_refused_with_a_reason),
        cmocka_unit_test(both_forms_are_the_same_key),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(oversized_text_is_not_looked_at),
        cmocka_unit_test(der_goes_round),
        cmocka_unit_test(a_jwk_of_a_private_key_is_public),
        cmocka_unit_test(each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
