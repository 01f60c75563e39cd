#include "support.h"

#include <openssl/err.h>
#include <pthread.h>

#include "../alloc.h"
#include "../guard.h"
#include "base/b64.h"

#define PAYLOAD TG_STR("{\"sub\":\"client\",\"exp\":1900000000}")

/* Parses text that ends at a page which cannot be read. */
static tg_err_t parse_guarded(tg_str_t text) {
    guard_t g = guard_copy(text.p, text.n);
    tg_arena_t a;
    tg_jws_t jws;
    tg_arena_init(&a, ARENA_MAX);
    tg_err_t err = tg_jws_parse(tg_strn(g.p, g.n), &a, &jws);
    tg_arena_release(&a);
    guard_free(&g);
    return err;
}

static void every_algorithm_signs_what_it_verifies(void **state) {
    (void)state;
    for (int alg = TG_ALG_RS256; alg < TG_ALG_COUNT; alg++) {
        tg_key_t *key = key_new((tg_alg_t)alg), *public = key_public(key), *other = key_other((tg_alg_t)alg);
        tg_buf_t b;
        tg_buf_init(&b, TG_JWS_MAX);
        assert_int_equal(tg_jws_sign(key, TG_STR("at+jwt"), PAYLOAD, &b), TG_OK);
        assert_int_equal(token_check(tg_buf_str(&b), key), TG_OK);
        assert_int_equal(token_check(tg_buf_str(&b), public), TG_OK);
        assert_int_equal(token_check(tg_buf_str(&b), other), TG_ERR_INVALID);

        tg_arena_t a;
        tg_jws_t jws;
        tg_arena_init(&a, ARENA_MAX);
        assert_int_equal(tg_jws_parse(tg_buf_str(&b), &a, &jws), TG_OK);
        assert_true(tg_str_eq(jws.alg, tg_str(tg_alg_name((tg_alg_t)alg))));
        assert_true(tg_str_eq(jws.typ, TG_STR("at+jwt")));
        assert_true(tg_str_eq(jws.kid, tg_key_kid(key)));
        assert_true(tg_str_eq(jws.payload, PAYLOAD));
        assert_true(tg_str_starts(tg_buf_str(&b), jws.signing_input));
        tg_arena_release(&a);
        tg_buf_release(&b);
        tg_key_free(key);
        tg_key_free(public);
        tg_key_free(other);
    }
}

/* Headers as JSON; the payload and the signature are well-formed. */
static const struct {
    const char *name;
    const char *header;
    tg_err_t err;
} headers[] = {
    {"ours", "{\"alg\":\"RS256\",\"typ\":\"at+jwt\",\"kid\":\"k\"}", TG_OK},
    {"other order", "{\"kid\":\"k\",\"alg\":\"RS256\",\"typ\":\"at+jwt\"}", TG_OK},
    {"white space", " {\"alg\" : \"RS256\" , \"typ\":\"at+jwt\",\n\"kid\":\"k\"} ", TG_OK},
    {"escapes", "{\"\\u0061lg\":\"R\\u0053256\",\"typ\":\"at+jwt\",\"kid\":\"k\"}", TG_OK},
    {"alg alone", "{\"alg\":\"RS256\"}", TG_OK},
    {"unknown members", "{\"alg\":\"RS256\",\"x\":[1,{\"y\":null}],\"cty\":\"JWT\"}", TG_OK},
    {"no alg", "{\"typ\":\"at+jwt\",\"kid\":\"k\"}", TG_ERR_INVALID},
    {"empty alg", "{\"alg\":\"\",\"typ\":\"at+jwt\",\"kid\":\"k\"}", TG_ERR_INVALID},
    {"alg a number", "{\"alg\":1}", TG_ERR_INVALID},
    {"alg null", "{\"alg\":null}", TG_ERR_INVALID},
    {"alg a list", "{\"alg\":[\"RS256\"]}", TG_ERR_INVALID},
    {"kid a number", "{\"alg\":\"RS256\",\"kid\":7}", TG_ERR_INVALID},
    {"kid null", "{\"alg\":\"RS256\",\"kid\":null}", TG_ERR_INVALID},
    {"kid an object", "{\"alg\":\"RS256\",\"kid\":{\"a\":1}}", TG_ERR_INVALID},
    {"typ true", "{\"alg\":\"RS256\",\"typ\":true}", TG_ERR_INVALID},
    {"crit", "{\"alg\":\"RS256\",\"crit\":[\"exp\"],\"exp\":1}", TG_ERR_INVALID},
    {"crit empty", "{\"alg\":\"RS256\",\"crit\":[]}", TG_ERR_INVALID},
    {"crit null", "{\"alg\":\"RS256\",\"crit\":null}", TG_ERR_INVALID},
    {"b64 true", "{\"alg\":\"RS256\",\"b64\":true}", TG_ERR_INVALID},
    {"alg twice", "{\"alg\":\"RS256\",\"alg\":\"RS256\"}", TG_ERR_INVALID},
    {"alg twice, one escaped", "{\"alg\":\"RS256\",\"al\\u0067\":\"none\"}", TG_ERR_INVALID},
    {"kid twice behind ours", "{\"alg\":\"RS256\",\"typ\":\"at+jwt\",\"kid\":\"k\",\"kid\":\"l\"}", TG_ERR_INVALID},
    {"nested twice", "{\"alg\":\"RS256\",\"x\":{\"a\":1,\"a\":2}}", TG_ERR_INVALID},
    {"a list", "[\"RS256\"]", TG_ERR_INVALID},
    {"a string", "\"RS256\"", TG_ERR_INVALID},
    {"null", "null", TG_ERR_INVALID},
    {"empty", "", TG_ERR_INVALID},
    {"empty object", "{}", TG_ERR_INVALID},
    {"two values", "{\"alg\":\"RS256\"}{}", TG_ERR_INVALID},
    {"ours and more", "{\"alg\":\"RS256\",\"typ\":\"at+jwt\",\"kid\":\"k\"}x", TG_ERR_INVALID},
    {"cut", "{\"alg\":\"RS256\",\"typ\":\"at+jwt\",\"kid\":\"k\"", TG_ERR_INVALID},
    {"cut in a string", "{\"alg\":\"RS256\",\"typ\":\"at+jwt\",\"kid\":\"k", TG_ERR_INVALID},
    {"trailing comma", "{\"alg\":\"RS256\",}", TG_ERR_INVALID},
    {"comment", "{\"alg\":\"RS256\"/**/}", TG_ERR_INVALID},
    {"NUL escape", "{\"alg\":\"RS256\",\"kid\":\"a\\u0000b\"}", TG_ERR_INVALID},
    {"not UTF-8", "{\"alg\":\"RS256\",\"kid\":\"\xff\"}", TG_ERR_INVALID},
    {"control character", "{\"alg\":\"RS256\",\"kid\":\"\n\"}", TG_ERR_INVALID},
    {"control character in ours", "{\"alg\":\"RS256\",\"typ\":\"at+jwt\",\"kid\":\"\n\"}", TG_ERR_INVALID},
    {"too deep", "{\"alg\":\"RS256\",\"x\":[[[[[[[[1]]]]]]]]}", TG_ERR_INVALID},
};

static void headers_are_read_strictly(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(headers); i++) {
        tg_buf_t b = token_with(headers[i].header, PAYLOAD, TG_STR("signature"));
        tg_err_t err = parse_guarded(tg_buf_str(&b));
        if (err != headers[i].err) {
            fail_msg("%s: %s", headers[i].name, tg_err_name(err));
        }
        tg_buf_release(&b);
    }
}

/* The short way for our own spelling and the JSON parser must agree. */
static void every_spelling_of_a_header_means_the_same(void **state) {
    static const char *const spellings[] = {
        "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"a-b c'\"}",
        "{ \"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"a-b c'\"}",
        "{\"kid\":\"a-b c'\",\"typ\":\"at+jwt\",\"alg\":\"ES256\"}",
        "{\"alg\":\"ES256\",\"typ\":\"at\\u002bjwt\",\"kid\":\"a\\u002db c'\"}",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(spellings); i++) {
        tg_arena_t a;
        tg_jws_t jws;
        tg_buf_t b = token_with(spellings[i], PAYLOAD, TG_STR("s"));
        tg_arena_init(&a, ARENA_MAX);
        assert_int_equal(tg_jws_parse(tg_buf_str(&b), &a, &jws), TG_OK);
        assert_true(tg_str_eq(jws.alg, TG_STR("ES256")));
        assert_true(tg_str_eq(jws.typ, TG_STR("at+jwt")));
        assert_true(tg_str_eq(jws.kid, TG_STR("a-b c'")));
        tg_arena_release(&a);
        tg_buf_release(&b);
    }
}

/* {"alg":"RS256"} is eyJhbGciOiJSUzI1NiJ9 */
static const struct {
    const char *name;
    const char *text;
    tg_err_t err;
} texts[] = {
    {"good", "eyJhbGciOiJSUzI1NiJ9.e30.AAAA", TG_OK},
    {"empty payload", "eyJhbGciOiJSUzI1NiJ9..AAAA", TG_OK},
    {"empty", "", TG_ERR_INVALID},
    {"one dot", ".", TG_ERR_INVALID},
    {"two dots", "..", TG_ERR_INVALID},
    {"three dots", "...", TG_ERR_INVALID},
    {"no dot", "eyJhbGciOiJSUzI1NiJ9", TG_ERR_INVALID},
    {"two parts", "eyJhbGciOiJSUzI1NiJ9.e30", TG_ERR_INVALID},
    {"four parts", "eyJhbGciOiJSUzI1NiJ9.e30.AAAA.AAAA", TG_ERR_INVALID},
    {"five parts, a JWE", "eyJhbGciOiJSUzI1NiJ9.e30.AAAA.AAAA.AAAA", TG_ERR_INVALID},
    {"dot behind", "eyJhbGciOiJSUzI1NiJ9.e30.AAAA.", TG_ERR_INVALID},
    {"dot before", ".eyJhbGciOiJSUzI1NiJ9.e30.AAAA", TG_ERR_INVALID},
    {"padding", "eyJhbGciOiJSUzI1NiJ9.e30=.AAAA", TG_ERR_INVALID},
    {"standard alphabet", "eyJhbGciOiJSUzI1NiJ9.e30.AA+/", TG_ERR_INVALID},
    {"blank", "eyJhbGciOiJSUzI1NiJ9.e30.AAAA ", TG_ERR_INVALID},
    {"newline", "eyJhbGciOiJSUzI1NiJ9.e30.AAAA\n", TG_ERR_INVALID},
    {"blank inside", "eyJhbGciOiJSUzI1NiJ9.e3 0.AAAA", TG_ERR_INVALID},
    {"one character too many", "eyJhbGciOiJSUzI1NiJ9.e30.AAAAA", TG_ERR_INVALID},
    {"unused bits in the payload", "eyJhbGciOiJSUzI1NiJ9.e31.AAAA", TG_ERR_INVALID},
    {"unused bits in the signature", "eyJhbGciOiJSUzI1NiJ9.e30.AAB", TG_ERR_INVALID},
    {"high bit", "eyJhbGciOiJSUzI1NiJ9.e30.AAA\xc1", TG_ERR_INVALID},
};

static void texts_are_read_strictly(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        tg_err_t err = parse_guarded(tg_str(texts[i].text));
        if (err != texts[i].err) {
            fail_msg("%s: %s", texts[i].name, tg_err_name(err));
        }
    }
}

static void every_truncation_fails(void **state) {
    (void)state;
    tg_key_t *key = key_new(TG_ALG_ES256);
    tg_buf_t b;
    tg_buf_init(&b, TG_JWS_MAX);
    assert_int_equal(tg_jws_sign(key, TG_STR("at+jwt"), PAYLOAD, &b), TG_OK);
    for (size_t n = 0; n < b.n; n++) {
        guard_t g = guard_copy(b.p, n);
        assert_int_equal(token_check(tg_strn(g.p, g.n), key), TG_ERR_INVALID);
        guard_free(&g);
    }
    tg_buf_release(&b);
    tg_key_free(key);
}

static void a_token_above_the_limit_is_not_looked_at(void **state) {
    static char text[TG_JWS_MAX + 1];
    (void)state;
    memset(text, 'A', sizeof(text));
    memcpy(text, "eyJhbGciOiJSUzI1NiJ9.", 21);
    text[sizeof(text) - 6] = '.';
    assert_int_equal(parse_guarded(tg_strn(text, sizeof(text))), TG_ERR_LIMIT);
    /* one byte less, and the parts fall into place */
    text[sizeof(text) - 6] = 'A';
    text[TG_JWS_MAX - 5] = '.';
    tg_err_t err = parse_guarded(tg_strn(text, TG_JWS_MAX));
    assert_int_equal(err, TG_OK);
}

static void a_small_arena_is_no_memory(void **state) {
    (void)state;
    tg_buf_t b = token_with("{\"alg\":\"RS256\",\"kid\":\"k\"}", PAYLOAD, TG_STR("signature"));
    for (size_t max = 0;; max += 16) {
        tg_arena_t a;
        tg_jws_t jws;
        tg_arena_init(&a, max);
        tg_err_t err = tg_jws_parse(tg_buf_str(&b), &a, &jws);
        tg_arena_release(&a);
        if (err == TG_OK) {
            assert_true(max > 0);
            break;
        }
        assert_int_equal(err, TG_ERR_NOMEM);
    }
    tg_buf_release(&b);
}

static void each_allocation_may_fail(void **state) {
    (void)state;
    tg_key_t *key = key_new(TG_ALG_EDDSA);
    bool done = false;
    for (long n = 0; !done; n++) {
        tg_buf_t b;
        tg_buf_init(&b, TG_JWS_MAX);
        alloc_fail_after(n);
        tg_err_t err = tg_jws_sign(key, TG_STR("at+jwt"), PAYLOAD, &b);
        err = err ? err : token_check(tg_buf_str(&b), key);
        done = !alloc_failed();
        assert_int_equal(err, done ? TG_OK : TG_ERR_NOMEM);
        tg_buf_release(&b);
    }
    tg_key_free(key);
}

static void sign_appends_and_a_failure_leaves_nothing(void **state) {
    static char large[TG_JWS_MAX];
    (void)state;
    tg_key_t *key = key_new(TG_ALG_ES256), *public = key_public(key);
    tg_buf_t b;
    tg_buf_init(&b, 4 * TG_JWS_MAX);
    tg_buf_put(&b, TG_STR("Bearer "));
    assert_int_equal(tg_jws_sign(key, TG_STR("at+jwt"), PAYLOAD, &b), TG_OK);
    assert_true(tg_str_starts(tg_buf_str(&b), TG_STR("Bearer eyJ")));
    assert_int_equal(token_check(tg_strn(b.p + 7, b.n - 7), public), TG_OK);

    size_t before = b.n;
    assert_int_equal(tg_jws_sign(public, TG_STR("at+jwt"), PAYLOAD, &b), TG_ERR_INVALID);
    assert_int_equal(b.n, before);
    memset(large, 'x', sizeof(large));
    assert_int_equal(tg_jws_sign(key, TG_STR("at+jwt"), tg_strn(large, sizeof(large)), &b), TG_ERR_LIMIT);
    assert_int_equal(b.n, before);
    tg_buf_release(&b);

    char small[64];
    tg_buf_init_fixed(&b, small, sizeof(small));
    assert_int_equal(tg_jws_sign(key, TG_STR("at+jwt"), PAYLOAD, &b), TG_ERR_LIMIT);
    assert_int_equal(b.n, 0);
    tg_key_free(key);
    tg_key_free(public);
}

static void a_kid_with_quotes_cannot_leave_its_string(void **state) {
    (void)state;
    tg_key_t *key = key_new(TG_ALG_EDDSA), *odd = NULL;
    tg_buf_t jwk, b;
    tg_buf_init(&jwk, 8192);
    tg_buf_init(&b, TG_JWS_MAX);
    assert_int_equal(tg_key_to_der(key, &jwk), TG_OK);
    /* A private key with a kid of its own: as tg_key_adopt takes it. */
    const unsigned char *p = (const unsigned char *)jwk.p;
    EVP_PKEY *pkey = d2i_AutoPrivateKey(NULL, &p, (long)jwk.n);
    assert_non_null(pkey);
    tg_str_t kid = TG_STR("a\",\"alg\":\"none\",\"\\x\":\"\n");
    assert_int_equal(tg_key_adopt(pkey, TG_ALG_EDDSA, true, kid, &odd, NULL), TG_OK);
    assert_int_equal(tg_jws_sign(odd, TG_STR("at+jwt"), PAYLOAD, &b), TG_OK);

    tg_arena_t a;
    tg_jws_t jws;
    tg_arena_init(&a, ARENA_MAX);
    assert_int_equal(tg_jws_parse(tg_buf_str(&b), &a, &jws), TG_OK);
    assert_true(tg_str_eq(jws.kid, kid));
    assert_true(tg_str_eq(jws.alg, TG_STR("EdDSA")));
    assert_int_equal(tg_jws_verify(&jws, odd), TG_OK);
    tg_arena_release(&a);
    tg_buf_release(&jwk);
    tg_buf_release(&b);
    tg_key_free(key);
    tg_key_free(odd);
}

static void a_failure_leaves_the_error_queue_as_it_was(void **state) {
    static const tg_alg_t algs[] = {TG_ALG_RS256, TG_ALG_PS256, TG_ALG_ES256, TG_ALG_EDDSA};
    (void)state;
    for (size_t i = 0; i < COUNT(algs); i++) {
        tg_key_t *key = key_new(algs[i]), *other = key_other(algs[i]);
        tg_buf_t b;
        tg_buf_init(&b, TG_JWS_MAX);
        assert_int_equal(tg_jws_sign(key, TG_STR("at+jwt"), PAYLOAD, &b), TG_OK);
        ERR_clear_error();
        assert_int_equal(token_check(tg_buf_str(&b), other), TG_ERR_INVALID);
        assert_int_equal(ERR_peek_error(), 0);

        ERR_raise(ERR_LIB_USER, ERR_R_PASSED_NULL_PARAMETER); /* somebody else's */
        unsigned long theirs = ERR_peek_last_error();
        assert_int_equal(token_check(tg_buf_str(&b), other), TG_ERR_INVALID);
        assert_int_equal(token_check(tg_buf_str(&b), key), TG_OK);
        assert_int_equal(ERR_get_error(), theirs);
        assert_int_equal(ERR_peek_error(), 0);
        tg_buf_release(&b);
        tg_key_free(key);
        tg_key_free(other);
    }
}

static void *sign_and_verify_often(void *arg) {
    const tg_key_t *key = arg;
    for (int i = 0; i < 200; i++) {
        char payload[64];
        tg_buf_t b;
        tg_buf_init(&b, TG_JWS_MAX);
        int n = snprintf(payload, sizeof(payload), "{\"n\":%d}", i);
        if (tg_jws_sign(key, TG_STR("at+jwt"), tg_strn(payload, (size_t)n), &b) || token_check(tg_buf_str(&b), key)) {
            tg_buf_release(&b);
            return arg;
        }
        tg_buf_release(&b);
    }
    return NULL;
}

static void threads_share_a_key(void **state) {
    static const tg_alg_t algs[] = {TG_ALG_RS256, TG_ALG_PS256, TG_ALG_ES256, TG_ALG_EDDSA};
    (void)state;
    for (size_t i = 0; i < COUNT(algs); i++) {
        pthread_t threads[4];
        tg_key_t *key = key_new(algs[i]);
        for (size_t t = 0; t < 4; t++) {
            assert_int_equal(pthread_create(&threads[t], NULL, sign_and_verify_often, key), 0);
        }
        for (size_t t = 0; t < 4; t++) {
            void *failed = key;
            assert_int_equal(pthread_join(threads[t], &failed), 0);
            assert_null(failed);
        }
        tg_key_free(key);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_algorithm_signs_what_it_verifies),
        cmocka_unit_test(headers_are_read_strictly),
        cmocka_unit_test(every_spelling_of_a_header_means_the_same),
        cmocka_unit_test(texts_are_read_strictly),
        cmocka_unit_test(every_truncation_fails),
        cmocka_unit_test(a_token_above_the_limit_is_not_looked_at),
        cmocka_unit_test(a_small_arena_is_no_memory),
        cmocka_unit_test(each_allocation_may_fail),
        cmocka_unit_test(sign_appends_and_a_failure_leaves_nothing),
        cmocka_unit_test(a_kid_with_quotes_cannot_leave_its_string),
        cmocka_unit_test(a_failure_leaves_the_error_queue_as_it_was),
        cmocka_unit_test(threads_share_a_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
