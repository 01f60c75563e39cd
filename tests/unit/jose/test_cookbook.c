/* RFC 7520 section 4 and RFC 8037 appendix A.4: tests/vectors/jose-cookbook. */
#include "support.h"

typedef struct {
    json_t *doc;
    tg_str_t compact; /* "" where the example has none */
    char *key;        /* the JWK as text */
} example_t;

static example_t example_read(const char *file) {
    char path[128];
    example_t e = {0};
    snprintf(path, sizeof(path), "jose-cookbook/%s", file);
    tg_buf_t text = vector_read(path);
    assert_int_equal(tg_json_parse(tg_buf_str(&text), 65536, 16, &e.doc, NULL), TG_OK);
    tg_buf_release(&text);
    e.compact = tg_json_str(json_object_get(e.doc, "output"), "compact");
    e.key = json_dumps(json_object_get(json_object_get(e.doc, "input"), "key"), 0);
    assert_non_null(e.key);
    return e;
}

static void example_release(example_t *e) {
    free(e->key);
    json_decref(e->doc);
}

static const struct {
    const char *file;
    tg_alg_t alg;
    size_t step; /* of the bits that are flipped; 1: each one */
} good[] = {
    {"4_1.rsa_v15_signature.json", TG_ALG_RS256, 1},
    {"4_2.rsa-pss_signature.json", TG_ALG_PS384, 13},
    {"4_3.ecdsa_signature.json", TG_ALG_ES512, 37},
    {"jws.json", TG_ALG_EDDSA, 7},
};

static void an_example_verifies(const example_t *e, const tg_key_t *key) {
    tg_str_t payload = tg_json_str(json_object_get(e->doc, "input"), "payload");
    tg_arena_t a;
    tg_jws_t jws;
    tg_arena_init(&a, ARENA_MAX);
    assert_int_equal(tg_jws_parse(e->compact, &a, &jws), TG_OK);
    assert_true(tg_str_eq(jws.payload, payload));
    assert_true(tg_str_eq(jws.alg, tg_str(tg_alg_name(tg_key_alg(key)))));
    assert_int_equal(tg_jws_verify(&jws, key), TG_OK);
    tg_arena_release(&a);
}

/* In the text of the token, where some bits make it no base64url any more. */
static void any_text_bit_changed_fails(const example_t *e, const tg_key_t *key, size_t step) {
    char text[TG_JWS_MAX];
    memcpy(text, e->compact.p, e->compact.n);
    for (size_t bit = 0; bit < e->compact.n * 8; bit += step) {
        text[bit / 8] ^= (char)(1 << bit % 8);
        assert_int_equal(token_check(tg_strn(text, e->compact.n), key), TG_ERR_INVALID);
        text[bit / 8] ^= (char)(1 << bit % 8);
    }
    assert_int_equal(token_check(tg_strn(text, e->compact.n), key), TG_OK);
}

/* In the decoded signature, so that each change reaches the cryptography. */
static void any_signature_bit_changed_fails(const example_t *e, const tg_key_t *key, size_t step) {
    uint8_t sig[TG_SIG_MAX];
    tg_arena_t a;
    tg_jws_t jws;
    tg_arena_init(&a, ARENA_MAX);
    assert_int_equal(tg_jws_parse(e->compact, &a, &jws), TG_OK);
    memcpy(sig, jws.signature.p, jws.signature.n);
    jws.signature.p = (const char *)sig;
    for (size_t bit = 0; bit < jws.signature.n * 8; bit += step) {
        sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(tg_jws_verify(&jws, key), TG_ERR_INVALID);
        sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_equal(tg_jws_verify(&jws, key), TG_OK);
    tg_arena_release(&a);
}

static void examples_verify_and_fail_with_any_bit_changed(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        example_t e = example_read(good[i].file);
        tg_key_t *key = NULL;
        assert_int_equal(tg_key_from_jwk(tg_str(e.key), good[i].alg, &key, NULL), TG_OK);
        an_example_verifies(&e, key);
        any_text_bit_changed_fails(&e, key, good[i].step);
        any_signature_bit_changed_fails(&e, key, good[i].step);
        tg_key_free(key);
        example_release(&e);
    }
}

/* No example verifies with the key and the algorithm of another. */
static void examples_fail_with_each_others_keys(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        example_t of_key = example_read(good[i].file);
        for (int alg = TG_ALG_RS256; alg < TG_ALG_COUNT; alg++) {
            tg_key_t *key = NULL;
            if (tg_key_from_jwk(tg_str(of_key.key), (tg_alg_t)alg, &key, NULL)) {
                continue; /* another type or curve */
            }
            for (size_t j = 0; j < COUNT(good); j++) {
                example_t e = example_read(good[j].file);
                bool own = alg == (int)good[j].alg && strcmp(of_key.key, e.key) == 0;
                assert_int_equal(token_check(e.compact, key), own ? TG_OK : TG_ERR_INVALID);
                example_release(&e);
            }
            tg_key_free(key);
        }
        example_release(&of_key);
    }
}

static void the_hmac_example_is_refused(void **state) {
    (void)state;
    example_t e = example_read("4_4.hmac-sha2_integrity_protection.json");
    for (int alg = TG_ALG_NONE_SUCH; alg < TG_ALG_COUNT; alg++) {
        tg_key_t *key = NULL;
        assert_int_equal(tg_key_from_jwk(tg_str(e.key), (tg_alg_t)alg, &key, NULL), TG_ERR_INVALID);
        assert_null(key);
    }
    for (int alg = TG_ALG_RS256; alg < TG_ALG_COUNT; alg++) {
        if (alg != TG_ALG_RS256 && !tg_alg_is_cheap((tg_alg_t)alg)) {
            continue;
        }
        tg_key_t *key = key_new((tg_alg_t)alg);
        assert_int_equal(token_check(e.compact, key), TG_ERR_INVALID);
        tg_key_free(key);
    }
    example_release(&e);
}

static void the_example_with_several_signatures_is_refused(void **state) {
    tg_arena_t a;
    tg_jws_t jws;
    (void)state;
    example_t e = example_read("4_8.multiple_signatures.json");
    assert_int_equal(e.compact.n, 0);
    char *json = json_dumps(json_object_get(json_object_get(e.doc, "output"), "json"), JSON_COMPACT);
    assert_non_null(json);
    tg_arena_init(&a, ARENA_MAX);
    assert_int_equal(tg_jws_parse(tg_str(json), &a, &jws), TG_ERR_INVALID);
    tg_arena_release(&a);
    free(json);
    example_release(&e);
}

/* The JSON serializations of the good examples are no compact ones either (RFC 7515 7.2). */
static void json_serializations_are_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        example_t e = example_read(good[i].file);
        for (int flat = 0; flat < 2; flat++) {
            tg_arena_t a;
            tg_jws_t jws;
            const json_t *value = json_object_get(json_object_get(e.doc, "output"), flat ? "json_flat" : "json");
            char *json = json_dumps(value, JSON_COMPACT);
            assert_non_null(json);
            tg_arena_init(&a, ARENA_MAX);
            assert_int_equal(tg_jws_parse(tg_str(json), &a, &jws), TG_ERR_INVALID);
            tg_arena_release(&a);
            free(json);
        }
        example_release(&e);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_verify_and_fail_with_any_bit_changed),
        cmocka_unit_test(examples_fail_with_each_others_keys),
        cmocka_unit_test(the_hmac_example_is_refused),
        cmocka_unit_test(the_example_with_several_signatures_is_refused),
        cmocka_unit_test(json_serializations_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
