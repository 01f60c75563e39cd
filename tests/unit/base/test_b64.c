#include "base/b64.h"

#include "guard.h"
#include "tests.h"

/* RFC 4648 10 without padding, and the bytes whose digits differ between the alphabets. */
static const struct {
    const char *plain;
    const char *url;
    const char *padded;
} vectors[] = {
    {"", "", ""},
    {"f", "Zg", "Zg=="},
    {"fo", "Zm8", "Zm8="},
    {"foo", "Zm9v", "Zm9v"},
    {"foob", "Zm9vYg", "Zm9vYg=="},
    {"fooba", "Zm9vYmE", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
    {"\xFB\xEF\xBE\xFF\xFF\xFF", "----____", "++++////"},
};

static void known_answers(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(vectors); i++) {
        tg_str_t plain = tg_str(vectors[i].plain);
        char text[16];
        char back[16];
        size_t n = 99;
        size_t len = tg_b64url_encode(plain, text);
        assert_int_equal(len, TG_B64URL_LEN(plain.n));
        assert_str(tg_strn(text, len), vectors[i].url);

        guard_t g = guard_copy(vectors[i].url, len);
        assert_int_equal(tg_b64url_decode(tg_strn(g.p, g.n), back, plain.n, &n), TG_OK);
        assert_bytes(tg_strn(back, n), plain.p, plain.n);
        guard_free(&g);

        g = guard_copy(vectors[i].padded, strlen(vectors[i].padded));
        assert_int_equal(tg_b64_decode(tg_strn(g.p, g.n), back, plain.n, &n), TG_OK);
        assert_bytes(tg_strn(back, n), plain.p, plain.n);
        guard_free(&g);
    }
}

static void one_value_has_one_spelling(void **state) {
    static const char *const bad_url[] = {"Z",   "Zh",    "Zm9",  "Zg==", "Zm8=",  "Zg=",      "Z g",    "Zg\n",
                                          " Zg", "Zm9v+", "Zm/v", "====", "Zm9vY", "Zm9vYgA=", "\x80Zg", "Zm9vYmF"};
    static const char *const bad_std[] = {"Zg",   "Zm8",  "Zg=",          "Zh==",     "Zm9=",  "Z===", "====",
                                          "Zg=g", "Zm-_", "Zm9vZg==Zm9v", "Zm9v====", " Zg==", "=Zg="};
    char out[16];
    size_t n;
    (void)state;
    for (size_t i = 0; i < COUNT(bad_url); i++) {
        if (tg_b64url_decode(tg_str(bad_url[i]), out, sizeof(out), &n) != TG_ERR_INVALID) {
            fail_msg("base64url \"%s\" was accepted", bad_url[i]);
        }
    }
    for (size_t i = 0; i < COUNT(bad_std); i++) {
        if (tg_b64_decode(tg_str(bad_std[i]), out, sizeof(out), &n) != TG_ERR_INVALID) {
            fail_msg("base64 \"%s\" was accepted", bad_std[i]);
        }
    }
}

static void round_trip_of_all_bytes(void **state) {
    (void)state;
    char bytes[256];
    char text[TG_B64URL_LEN(256)];
    char back[256];
    for (int i = 0; i < 256; i++) {
        bytes[i] = (char)i;
    }
    for (size_t len = 0; len <= 256; len++) {
        size_t n = tg_b64url_encode(tg_strn(bytes, len), text);
        size_t got = 0;
        assert_true(len <= TG_B64_DECODED_MAX(n));
        assert_int_equal(tg_b64url_decode(tg_strn(text, n), back, len, &got), TG_OK);
        assert_bytes(tg_strn(back, got), bytes, len);
        if (len > 0) {
            assert_int_equal(tg_b64url_decode(tg_strn(text, n), back, len - 1, &got), TG_ERR_LIMIT);
        }
    }
}

static void hex(void **state) {
    static const char *const bad[] = {"0", "AB", "0g", "g0", "0x00", " 00"};
    char text[8];
    char back[4];
    size_t n = 0;
    (void)state;
    assert_int_equal(tg_hex_encode(TG_STR("\x00\x7f\xAB\xFF"), text), 8);
    assert_bytes(tg_strn(text, 8), "007fabff", 8);
    assert_int_equal(tg_hex_decode(tg_strn(text, 8), back, 4, &n), TG_OK);
    assert_bytes(tg_strn(back, n), "\x00\x7f\xAB\xFF", 4);
    assert_int_equal(tg_hex_decode(tg_strn(text, 8), back, 3, &n), TG_ERR_LIMIT);
    assert_int_equal(tg_hex_decode(TG_STR_NONE, back, 4, &n), TG_OK);
    assert_int_equal(n, 0);
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(tg_hex_decode(tg_str(bad[i]), back, 4, &n), TG_ERR_INVALID);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(one_value_has_one_spelling),
        cmocka_unit_test(round_trip_of_all_bytes),
        cmocka_unit_test(hex),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
