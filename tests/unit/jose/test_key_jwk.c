#include "support.h"

#include <openssl/err.h>

#include "../alloc.h"
#include "../guard.h"
#include "base/b64.h"

/* RFC 7638 3.1 */
#define RFC7638_N                                                                                                      \
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknj" \
    "hMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQ" \
    "vRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzK" \
    "nqDKgw"

/* RFC 7517 A.1 */
#define P256_X "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"
#define P256_Y "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"
/* RFC 8037 A.2, A.3 */
#define ED_X "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"

static const struct {
    const char *rfc;
    const char *jwk;
    tg_alg_t alg;
    const char *kid;
} thumbprints[] = {
    {"RFC 7638 3.1", "{\"kty\":\"RSA\",\"n\":\"" RFC7638_N "\",\"e\":\"AQAB\"}", TG_ALG_RS256,
     "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"},
    {"RFC 8037 A.3", "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" ED_X "\"}", TG_ALG_EDDSA,
     "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"},
    {"RFC 7517 A.1, thumbprint computed apart",
     "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" P256_X "\",\"y\":\"" P256_Y "\"}", TG_ALG_ES256,
     "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s"},
};

static void thumbprints_are_those_of_rfc7638(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(thumbprints); i++) {
        tg_key_t *key = NULL;
        assert_int_equal(tg_key_from_jwk(tg_str(thumbprints[i].jwk), thumbprints[i].alg, &key, NULL), TG_OK);
        if (!tg_str_eq(tg_key_kid(key), tg_str(thumbprints[i].kid))) {
            fail_msg("%s: %.*s", thumbprints[i].rfc, TG_STR_ARGS(tg_key_kid(key)));
        }
        tg_key_free(key);
    }
}

#define RSA(more)     "{\"kty\":\"RSA\",\"n\":\"" RFC7638_N "\",\"e\":\"AQAB\"" more "}"
#define RSA_E(e)      "{\"kty\":\"RSA\",\"n\":\"" RFC7638_N "\",\"e\":" e "}"
#define RSA_N(n)      "{\"kty\":\"RSA\",\"n\":" n ",\"e\":\"AQAB\"}"
#define EC(crv, x, y) "{\"kty\":\"EC\",\"crv\":" crv ",\"x\":" x ",\"y\":" y "}"
#define Q(text)       "\"" text "\""
#define OKP(crv, x)   "{\"kty\":\"OKP\",\"crv\":" crv ",\"x\":" x "}"

static const struct {
    const char *jwk;
    tg_alg_t alg;
    tg_err_t err;
    const char *field; /* that the fault names */
} keys[] = {
    {RSA(""), TG_ALG_RS256, TG_OK, ""},
    {RSA(""), TG_ALG_PS512, TG_OK, ""},
    {RSA(",\"alg\":\"RS384\""), TG_ALG_NONE_SUCH, TG_OK, ""},
    {RSA(",\"alg\":\"RS384\",\"use\":\"sig\",\"kid\":\"2011-04-29\",\"key_ops\":[\"verify\"]"), TG_ALG_RS384, TG_OK,
     ""},
    {RSA(",\"d\":7,\"p\":null,\"unknown\":[]"), TG_ALG_RS256, TG_OK, ""}, /* private members are ignored */
    {RSA(",\"x5c\":[\"AA==\"],\"x5t\":\"AA\",\"x5u\":\"https://example.org\""), TG_ALG_RS256, TG_OK, ""},
    {RSA(""), TG_ALG_NONE_SUCH, TG_ERR_INVALID, "alg"},
    {RSA(",\"alg\":\"RS384\""), TG_ALG_RS256, TG_ERR_INVALID, "alg"},
    {RSA(",\"alg\":\"PS256\""), TG_ALG_RS256, TG_ERR_INVALID, "alg"},
    {RSA(",\"alg\":\"none\""), TG_ALG_NONE_SUCH, TG_ERR_INVALID, "alg"},
    {RSA(",\"alg\":\"HS256\""), TG_ALG_NONE_SUCH, TG_ERR_INVALID, "alg"},
    {RSA(",\"alg\":\"RSA-OAEP\""), TG_ALG_RS256, TG_ERR_INVALID, "alg"},
    {RSA(",\"alg\":null"), TG_ALG_RS256, TG_ERR_INVALID, "alg"},
    {RSA(",\"alg\":\"\""), TG_ALG_RS256, TG_ERR_INVALID, "alg"},
    {RSA(",\"alg\":\"ES256\""), TG_ALG_NONE_SUCH, TG_ERR_INVALID, "kty"},
    {RSA(",\"use\":\"enc\""), TG_ALG_RS256, TG_ERR_INVALID, "use"},
    {RSA(",\"use\":\"\""), TG_ALG_RS256, TG_ERR_INVALID, "use"},
    {RSA(",\"use\":[\"sig\"]"), TG_ALG_RS256, TG_ERR_INVALID, "use"},
    {RSA(",\"key_ops\":[\"encrypt\"]"), TG_ALG_RS256, TG_ERR_INVALID, "key_ops"},
    {RSA(",\"key_ops\":[]"), TG_ALG_RS256, TG_ERR_INVALID, "key_ops"},
    {RSA(",\"key_ops\":\"verify\""), TG_ALG_RS256, TG_ERR_INVALID, "key_ops"},
    {RSA(",\"kid\":7"), TG_ALG_RS256, TG_ERR_INVALID, "kid"},
    {RSA(",\"kid\":\"\""), TG_ALG_RS256, TG_ERR_INVALID, "kid"},
    {RSA(",\"kid\":\"0123456789012345678901234567890123456789012345678901234567890123\""), TG_ALG_RS256, TG_OK, ""},
    {RSA(",\"kid\":\"01234567890123456789012345678901234567890123456789012345678901234\""), TG_ALG_RS256,
     TG_ERR_INVALID, "kid"},
    {RSA(""), TG_ALG_ES256, TG_ERR_INVALID, "kty"},
    {RSA(""), TG_ALG_EDDSA, TG_ERR_INVALID, "kty"},
    {RSA(",\"n\":\"AQAB\""), TG_ALG_RS256, TG_ERR_INVALID, ""}, /* n twice */
    /* RSA numbers */
    {RSA_E("\"Aw\""), TG_ALG_RS256, TG_OK, ""},                /* 3 */
    {RSA_E("\"f____w\""), TG_ALG_RS256, TG_OK, ""},            /* 2^31 - 1 */
    {RSA_E("\"gAAAAQ\""), TG_ALG_RS256, TG_ERR_INVALID, "e"},  /* 2^31 + 1 */
    {RSA_E("\"AQAAAAE\""), TG_ALG_RS256, TG_ERR_INVALID, "e"}, /* 2^32 + 1 */
    {RSA_E("\"AQ\""), TG_ALG_RS256, TG_ERR_INVALID, "e"},      /* 1 */
    {RSA_E("\"Ag\""), TG_ALG_RS256, TG_ERR_INVALID, "e"},      /* 2 */
    {RSA_E("\"AA\""), TG_ALG_RS256, TG_ERR_INVALID, "e"},      /* 0 */
    {RSA_E("\"AAEAAQ\""), TG_ALG_RS256, TG_ERR_INVALID, "e"},  /* 65537 with a zero byte in front */
    {RSA_E("\"AQAB=\""), TG_ALG_RS256, TG_ERR_INVALID, "e"},
    {RSA_E("\"AR\""), TG_ALG_RS256, TG_ERR_INVALID, "e"}, /* unused bits */
    {RSA_E("\"\""), TG_ALG_RS256, TG_ERR_INVALID, "e"},
    {RSA_E("65537"), TG_ALG_RS256, TG_ERR_INVALID, "e"},
    {RSA_E("null"), TG_ALG_RS256, TG_ERR_INVALID, "e"},
    {RSA_E("\"" RFC7638_N "\""), TG_ALG_RS256, TG_ERR_INVALID, "e"},
    {"{\"kty\":\"RSA\",\"n\":\"" RFC7638_N "\"}", TG_ALG_RS256, TG_ERR_INVALID, "e"},
    {"{\"kty\":\"RSA\",\"e\":\"AQAB\"}", TG_ALG_RS256, TG_ERR_INVALID, "n"},
    {RSA_N("\"AQAB\""), TG_ALG_RS256, TG_ERR_INVALID, "n"},
    {RSA_N("\"AQ+/\""), TG_ALG_RS256, TG_ERR_INVALID, "n"},
    {RSA_N("[]"), TG_ALG_RS256, TG_ERR_INVALID, "n"},
    /* EC */
    {EC("\"P-256\"", Q(P256_X), Q(P256_Y)), TG_ALG_ES256, TG_OK, ""},
    {EC("\"P-256\"", Q(P256_Y), Q(P256_X)), TG_ALG_ES256, TG_ERR_INVALID, "x"}, /* not on the curve */
    {EC("\"P-256\"", Q("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        Q("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")),
     TG_ALG_ES256, TG_ERR_INVALID, "x"},
    {EC("\"P-256\"", Q("__________________________________________8"), Q(P256_Y)), TG_ALG_ES256, TG_ERR_INVALID, "x"},
    {EC("\"P-256\"", Q("AA" P256_X), Q(P256_Y)), TG_ALG_ES256, TG_ERR_INVALID, "x"},
    {EC("\"P-256\"", Q("MKBC"), Q(P256_Y)), TG_ALG_ES256, TG_ERR_INVALID, "x"},
    {EC("\"P-256\"", Q(P256_X), Q("4Etl")), TG_ALG_ES256, TG_ERR_INVALID, "y"},
    {EC("\"P-256\"", Q(P256_X), "null"), TG_ALG_ES256, TG_ERR_INVALID, "y"},
    {EC("\"P-256\"", Q(P256_X), Q("")), TG_ALG_ES256, TG_ERR_INVALID, "y"}, /* a compressed point */
    {EC("\"P-384\"", Q(P256_X), Q(P256_Y)), TG_ALG_ES384, TG_ERR_INVALID, "x"},
    {EC("\"P-384\"", Q(P256_X), Q(P256_Y)), TG_ALG_ES256, TG_ERR_INVALID, "crv"},
    {EC("\"P-256\"", Q(P256_X), Q(P256_Y)), TG_ALG_ES512, TG_ERR_INVALID, "crv"},
    {EC("\"secp256k1\"", Q(P256_X), Q(P256_Y)), TG_ALG_ES256, TG_ERR_INVALID, "crv"},
    {EC("\"p-256\"", Q(P256_X), Q(P256_Y)), TG_ALG_ES256, TG_ERR_INVALID, "crv"},
    {EC("7", Q(P256_X), Q(P256_Y)), TG_ALG_ES256, TG_ERR_INVALID, "crv"},
    {EC("\"P-256\"", Q(P256_X), Q(P256_Y)), TG_ALG_RS256, TG_ERR_INVALID, "kty"},
    /* OKP */
    {OKP("\"Ed25519\"", Q(ED_X)), TG_ALG_EDDSA, TG_OK, ""},
    {OKP("\"X25519\"", Q(ED_X)), TG_ALG_EDDSA, TG_ERR_INVALID, "crv"},
    {OKP("\"Ed448\"", Q(ED_X)), TG_ALG_EDDSA, TG_ERR_INVALID, "crv"},
    {OKP("\"Ed25519\"", Q("11qY")), TG_ALG_EDDSA, TG_ERR_INVALID, "x"},
    {OKP("\"Ed25519\"", Q(ED_X "AA")), TG_ALG_EDDSA, TG_ERR_INVALID, "x"},
    {OKP("\"Ed25519\"", "true"), TG_ALG_EDDSA, TG_ERR_INVALID, "x"},
    /* symmetric keys, and what is no key */
    {"{\"kty\":\"oct\",\"k\":\"AAAA\"}", TG_ALG_RS256, TG_ERR_INVALID, "kty"},
    {"{\"kty\":\"oct\",\"k\":\"AAAA\",\"alg\":\"HS256\"}", TG_ALG_NONE_SUCH, TG_ERR_INVALID, "alg"},
    {"{\"kty\":\"oct\",\"k\":\"AAAA\",\"alg\":\"RS256\"}", TG_ALG_NONE_SUCH, TG_ERR_INVALID, "kty"},
    {"{\"kty\":\"rsa\"}", TG_ALG_RS256, TG_ERR_INVALID, "kty"},
    {"{\"kty\":7}", TG_ALG_RS256, TG_ERR_INVALID, "kty"},
    {"{}", TG_ALG_RS256, TG_ERR_INVALID, "kty"},
    {"{}", TG_ALG_COUNT, TG_ERR_INVALID, ""},
    {"{\"keys\":[]}", TG_ALG_RS256, TG_ERR_INVALID, "kty"},
    {"[]", TG_ALG_RS256, TG_ERR_INVALID, ""},
    {"null", TG_ALG_RS256, TG_ERR_INVALID, ""},
    {"", TG_ALG_RS256, TG_ERR_INVALID, ""},
    {RSA("") "x", TG_ALG_RS256, TG_ERR_INVALID, ""},
    {RSA(",\"x\":[[[[[[[[[]]]]]]]]]"), TG_ALG_RS256, TG_ERR_LIMIT, ""},
};

static void keys_are_taken_or_refused_by_name(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(keys); i++) {
        guard_t g = guard_copy(keys[i].jwk, strlen(keys[i].jwk));
        tg_key_t *key = NULL;
        tg_fault_t fault = {0};
        ERR_clear_error();
        tg_err_t err = tg_key_from_jwk(tg_strn(g.p, g.n), keys[i].alg, &key, &fault);
        if (err != keys[i].err || strcmp(fault.field, keys[i].field) != 0) {
            fail_msg("%zu %s: %s, field \"%s\", %s", i, keys[i].jwk, tg_err_name(err), fault.field, fault.text);
        }
        assert_true((key != NULL) == (err == TG_OK));
        assert_int_equal(ERR_peek_error(), 0);
        tg_key_free(key);
        guard_free(&g);
    }
}

/* An RSA modulus of so many bits: all ones, or all ones but the last. */
static tg_err_t rsa_of(size_t bits, bool odd) {
    uint8_t n[2048];
    size_t bytes = (bits + 7) / 8;
    tg_key_t *key = NULL;
    tg_buf_t jwk;
    memset(n, 0xff, sizeof(n));
    n[0] = (uint8_t)(0xff >> (bytes * 8 - bits));
    n[bytes - 1] = odd ? 0xff : 0xfe;
    tg_buf_init(&jwk, 65536);
    tg_buf_put(&jwk, TG_STR("{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\""));
    tg_buf_put_b64url(&jwk, tg_strn(n, bytes));
    tg_buf_put(&jwk, TG_STR("\"}"));
    assert_int_equal(jwk.err, TG_OK);
    tg_err_t err = tg_key_from_jwk(tg_buf_str(&jwk), TG_ALG_RS256, &key, NULL);
    if (!err) {
        assert_int_equal(key->sig_len, bytes);
        assert_true(key->sig_len <= TG_SIG_MAX);
    }
    tg_key_free(key);
    tg_buf_release(&jwk);
    return err;
}

static void rsa_moduli_have_bounds(void **state) {
    static const struct {
        size_t bits;
        tg_err_t err;
    } moduli[] = {{512, TG_ERR_INVALID}, {1024, TG_ERR_INVALID}, {2047, TG_ERR_INVALID}, {2048, TG_OK},
                  {2049, TG_OK},         {3072, TG_OK},          {4096, TG_OK},          {8191, TG_OK},
                  {8192, TG_OK},         {8193, TG_ERR_INVALID}, {8200, TG_ERR_INVALID}, {16384, TG_ERR_INVALID}};
    (void)state;
    for (size_t i = 0; i < COUNT(moduli); i++) {
        assert_int_equal(rsa_of(moduli[i].bits, true), moduli[i].err);
        assert_int_equal(rsa_of(moduli[i].bits, false), TG_ERR_INVALID);
    }
}

static void oversized_text_is_not_looked_at(void **state) {
    static char text[TG_KEY_TEXT_MAX + 1];
    tg_key_t *key = NULL;
    (void)state;
    const char *jwk = RSA("");
    memset(text, ' ', sizeof(text));
    memcpy(text, jwk, strlen(jwk));
    assert_int_equal(tg_key_from_jwk(tg_strn(text, sizeof(text)), TG_ALG_RS256, &key, NULL), TG_ERR_LIMIT);
    assert_null(key);
    assert_int_equal(tg_key_from_jwk(tg_strn(text, sizeof(text) - 1), TG_ALG_RS256, &key, NULL), TG_OK);
    tg_key_free(key);
}

static void jwks_go_round(void **state) {
    (void)state;
    for (int alg = TG_ALG_RS256; alg < TG_ALG_COUNT; alg++) {
        tg_key_t *key = key_new((tg_alg_t)alg), *back = NULL;
        tg_buf_t one, two;
        tg_buf_init(&one, 8192);
        tg_buf_init(&two, 8192);
        assert_int_equal(tg_key_to_jwk(key, &one), TG_OK);
        assert_int_equal(tg_key_from_jwk(tg_buf_str(&one), TG_ALG_NONE_SUCH, &back, NULL), TG_OK);
        assert_false(tg_key_is_private(back));
        assert_int_equal(tg_key_alg(back), alg);
        assert_int_equal(tg_key_to_jwk(back, &two), TG_OK);
        assert_true(tg_str_eq(tg_buf_str(&one), tg_buf_str(&two)));

        /* its kid is the thumbprint, and its own thumbprint the same */
        char kid[TG_THUMBPRINT_LEN];
        assert_int_equal(tg_key_thumbprint(back, kid), TG_OK);
        assert_true(tg_str_eq(tg_key_kid(key), tg_strn(kid, sizeof(kid))));
        tg_buf_release(&one);
        tg_buf_release(&two);
        tg_key_free(key);
        tg_key_free(back);
    }
}

/* Of base64url: eight zero bits are an 'A' and one of the first sixteen letters. */
static bool first_byte_is_zero(tg_str_t text) {
    return text.p[0] == 'A' && text.p[1] >= 'A' && text.p[1] <= 'P';
}

/* Coordinates keep their leading zeros: keys until one has some. */
static void short_coordinates_keep_their_length(void **state) {
    (void)state;
    bool seen = false;
    for (int i = 0; i < 4096 && !seen; i++) {
        tg_key_t *key = key_new(TG_ALG_ES256);
        json_t *doc = NULL;
        tg_buf_t jwk;
        tg_buf_init(&jwk, 8192);
        assert_int_equal(tg_key_to_jwk(key, &jwk), TG_OK);
        assert_int_equal(tg_json_parse(tg_buf_str(&jwk), 8192, 2, &doc, NULL), TG_OK);
        tg_str_t x = tg_json_str(doc, "x"), y = tg_json_str(doc, "y");
        assert_int_equal(x.n, TG_B64URL_LEN(32));
        assert_int_equal(y.n, TG_B64URL_LEN(32));
        if (first_byte_is_zero(x) || first_byte_is_zero(y)) {
            tg_key_t *public = key_public(key);
            assert_true(tg_str_eq(tg_key_kid(key), tg_key_kid(public)));
            tg_key_free(public);
            seen = true;
        }
        json_decref(doc);
        tg_buf_release(&jwk);
        tg_key_free(key);
    }
    assert_true(seen); /* one in 256 keys, twice: missing 4096 times is not chance */
}

static void a_kid_is_written_as_json(void **state) {
    tg_key_t *key = NULL, *back = NULL;
    tg_buf_t jwk;
    (void)state;
    const char *odd = "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" ED_X "\",\"kid\":\"\\\"},{\\u0001\\u00e9\\\\\"}";
    tg_buf_init(&jwk, 8192);
    assert_int_equal(tg_key_from_jwk(tg_str(odd), TG_ALG_EDDSA, &key, NULL), TG_OK);
    assert_int_equal(tg_key_to_jwk(key, &jwk), TG_OK);
    assert_int_equal(tg_key_from_jwk(tg_buf_str(&jwk), TG_ALG_EDDSA, &back, NULL), TG_OK);
    assert_true(tg_str_eq(tg_key_kid(key), tg_key_kid(back)));
    assert_true(tg_str_eq(tg_key_kid(key), TG_STR("\"},{\001\xc3\xa9\\")));
    tg_buf_release(&jwk);
    tg_key_free(key);
    tg_key_free(back);
}

static void a_full_buffer_is_said(void **state) {
    char mem[64];
    tg_buf_t b;
    (void)state;
    tg_key_t *key = key_new(TG_ALG_ES256);
    tg_buf_init_fixed(&b, mem, sizeof(mem));
    assert_int_equal(tg_key_to_jwk(key, &b), TG_ERR_LIMIT);
    tg_key_free(key);
}

static void each_allocation_may_fail(void **state) {
    (void)state;
    bool done = false;
    for (long n = 0; !done; n++) {
        tg_key_t *key = NULL;
        tg_buf_t b;
        tg_buf_init(&b, 8192);
        alloc_fail_after(n);
        tg_err_t err = tg_key_from_jwk(tg_str(EC("\"P-256\"", Q(P256_X), Q(P256_Y))), TG_ALG_ES256, &key, NULL);
        err = err ? err : tg_key_to_jwk(key, &b);
        done = !alloc_failed();
        assert_int_equal(err, done ? TG_OK : TG_ERR_NOMEM);
        tg_key_free(key);
        tg_buf_release(&b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thumbprints_are_those_of_rfc7638),
        cmocka_unit_test(keys_are_taken_or_refused_by_name),
        cmocka_unit_test(rsa_moduli_have_bounds),
        cmocka_unit_test(oversized_text_is_not_looked_at),
        cmocka_unit_test(jwks_go_round),
        cmocka_unit_test(short_coordinates_keep_their_length),
        cmocka_unit_test(a_kid_is_written_as_json),
        cmocka_unit_test(a_full_buffer_is_said),
        cmocka_unit_test(each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
