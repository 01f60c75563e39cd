#include "base/buf.h"

#include <stdlib.h>

#include "alloc.h"
#include "tests.h"

static void grows_to_its_bound(void **state) {
    (void)state;
    tg_buf_t b;
    tg_buf_init(&b, 1000);
    for (int i = 0; i < 1000; i++) {
        tg_buf_putc(&b, (char)('a' + i % 26));
    }
    assert_int_equal(b.err, TG_OK);
    assert_int_equal(b.n, 1000);
    assert_true(b.cap <= 1000);
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(b.p[i], (char)('a' + i % 26));
    }
    tg_buf_putc(&b, 'x');
    assert_int_equal(b.err, TG_ERR_LIMIT);
    assert_int_equal(b.n, 1000);
    tg_buf_release(&b);
}

static void first_error_sticks(void **state) {
    (void)state;
    tg_buf_t b;
    tg_buf_init(&b, 4);
    tg_buf_put(&b, TG_STR("12345"));
    assert_int_equal(b.err, TG_ERR_LIMIT);
    tg_buf_put(&b, TG_STR("1"));
    tg_buf_putf(&b, "%d", 1);
    tg_buf_put_b64url(&b, TG_STR("a"));
    assert_null(tg_buf_reserve(&b, 1));
    tg_buf_advance(&b, 1);
    assert_int_equal(b.n, 0);
    tg_buf_reset(&b);
    tg_buf_put(&b, TG_STR("1234"));
    assert_int_equal(b.err, TG_OK);
    assert_str(tg_buf_str(&b), "1234");
    tg_buf_release(&b);
}

static void what_is_expected_is_one_piece(void **state) {
    (void)state;
    tg_buf_t b;
    tg_buf_init(&b, 2000);
    tg_buf_putc(&b, 'x');
    tg_buf_expect(&b, 1500);
    const char *piece = b.p;
    assert_true(b.cap >= 1501);
    assert_str(tg_buf_str(&b), "x");
    for (int i = 0; i < 1500; i++) {
        tg_buf_putc(&b, 'y');
    }
    assert_ptr_equal(b.p, piece);
    tg_buf_expect(&b, 2000); /* above the bound: no failure yet */
    assert_int_equal(b.err, TG_OK);
    assert_ptr_equal(b.p, piece);
    tg_buf_release(&b);

    char mem[4];
    tg_buf_init_fixed(&b, mem, sizeof(mem));
    tg_buf_expect(&b, 5);
    assert_ptr_equal(b.p, mem);
    assert_int_equal(b.err, TG_OK);
}

static void numbers(void **state) {
    (void)state;
    static const struct {
        int64_t value;
        const char *text;
    } cases[] = {{0, "0"},
                 {7, "7"},
                 {-1, "-1"},
                 {10, "10"},
                 {-90, "-90"},
                 {INT64_MAX, "9223372036854775807"},
                 {1234567890123, "1234567890123"},
                 {INT64_MIN, "-9223372036854775808"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        tg_buf_t b;
        tg_buf_init(&b, 64);
        tg_buf_put_int(&b, cases[i].value);
        assert_str(tg_buf_str(&b), cases[i].text);
        tg_buf_release(&b);
    }
}

/* Each byte at each place of a text that is looked at in pieces of eight: as one byte after the other. */
static void json_at_every_place(void **state) {
    (void)state;
    for (size_t n = 1; n <= 19; n++) {
        for (size_t at = 0; at < n; at++) {
            for (int c = 0; c < 256; c++) {
                char text[19];
                memset(text, 'a', sizeof(text));
                text[at] = (char)c;
                tg_buf_t whole, single;
                tg_buf_init(&whole, 256);
                tg_buf_init(&single, 256);
                tg_buf_put_json(&whole, tg_strn(text, n));
                tg_buf_put_json(&single, tg_strn(text + at, 1));
                assert_int_equal(whole.n, single.n + n - 1);
                assert_memory_equal(whole.p + 1, text, at);
                assert_memory_equal(whole.p + 1 + at, single.p + 1, single.n - 2);
                assert_memory_equal(whole.p + at + single.n - 1, text + at + 1, n - at - 1);
                tg_buf_release(&whole);
                tg_buf_release(&single);
            }
        }
    }
}

static void fixed_memory_is_never_left(void **state) {
    (void)state;
    char mem[8] = "#######";
    tg_buf_t b;
    tg_buf_init_fixed(&b, mem, 7);
    tg_buf_put(&b, TG_STR("1234567"));
    assert_int_equal(b.err, TG_OK);
    assert_ptr_equal(b.p, mem);
    tg_buf_putc(&b, '8');
    assert_int_equal(b.err, TG_ERR_LIMIT);
    assert_int_equal(mem[7], '\0');
    tg_buf_release(&b);
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(mem[i], 0);
    }
    tg_buf_putc(&b, 'x');
    assert_int_equal(b.err, TG_ERR_LIMIT);
}

static void formats(void **state) {
    (void)state;
    char long_text[700];
    tg_buf_t b;
    memset(long_text, 'y', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    tg_buf_init(&b, 2000);
    tg_buf_putf(&b, "%d-%s.", 42, "abc");
    assert_str(tg_buf_str(&b), "42-abc.");
    tg_buf_putf(&b, "%s", long_text);
    assert_int_equal(b.n, 7 + 699);
    assert_memory_equal(b.p + 7, long_text, 699);
    tg_buf_release(&b);

    /* Exactly full: the NUL of vsnprintf needs no room. */
    tg_buf_init(&b, 699);
    tg_buf_putf(&b, "%s", long_text);
    assert_int_equal(b.err, TG_OK);
    tg_buf_putf(&b, "%s", "");
    assert_int_equal(b.err, TG_OK);
    tg_buf_release(&b);
    tg_buf_init(&b, 698);
    tg_buf_putf(&b, "%s", long_text);
    assert_int_equal(b.err, TG_ERR_LIMIT);
    tg_buf_release(&b);
}

static void json_strings(void **state) {
    static const struct {
        const char *in;
        size_t n;
        const char *out;
    } cases[] = {
        {"", 0, "\"\""},
        {"plain", 5, "\"plain\""},
        {"\"\\/", 3, "\"\\\"\\\\/\""},
        {"\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\""},
        {"\0\x01\x1f\x7f", 4, "\"\\u0000\\u0001\\u001f\\u007f\""},
        {"\xC3\xA4\xF0\x9F\x98\x80", 6, "\"\xC3\xA4\xF0\x9F\x98\x80\""},
        {"a\xFFz", 3, "\"a\xEF\xBF\xBDz\""},
        {"\xED\xA0\x80", 3, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
        {"\xC3", 1, "\"\xEF\xBF\xBD\""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        tg_buf_t b;
        tg_buf_init(&b, 100);
        tg_buf_put_json(&b, tg_strn(cases[i].in, cases[i].n));
        assert_str(tg_buf_str(&b), cases[i].out);
        tg_buf_release(&b);
    }
}

static void escapes_and_encodings(void **state) {
    (void)state;
    tg_buf_t b;
    tg_buf_init(&b, 100);
    tg_buf_put_percent(&b, TG_STR("aZ09-._~ /%\r\n\xC3\xA4"));
    assert_str(tg_buf_str(&b), "aZ09-._~%20%2F%25%0D%0A%C3%A4");
    tg_buf_reset(&b);
    tg_buf_put_b64url(&b, TG_STR("\xFB\xFF\x00"));
    tg_buf_put_hex(&b, TG_STR("\x00\xAB"));
    assert_str(tg_buf_str(&b), "-_8A00ab");
    tg_buf_release(&b);

    tg_buf_init(&b, 4);
    tg_buf_put_hex(&b, TG_STR("abc"));
    assert_int_equal(b.err, TG_ERR_LIMIT);
    tg_buf_reset(&b);
    tg_buf_put_b64url(&b, TG_STR("abcd"));
    assert_int_equal(b.err, TG_ERR_LIMIT);
    tg_buf_release(&b);
}

static void reserves(void **state) {
    (void)state;
    tg_buf_t b;
    tg_buf_init(&b, 500);
    char *p = tg_buf_reserve(&b, 400);
    assert_non_null(p);
    memset(p, 'r', 400);
    tg_buf_advance(&b, 300);
    assert_int_equal(b.n, 300);
    assert_null(tg_buf_reserve(&b, SIZE_MAX));
    assert_int_equal(b.err, TG_ERR_LIMIT);
    tg_buf_release(&b);
}

static void every_allocation_fails_once(void **state) {
    char text[600];
    long n = 0;
    (void)state;
    memset(text, 't', sizeof(text));
    for (bool enough = false; !enough; n++) {
        tg_buf_t b;
        tg_buf_init(&b, 4000);
        alloc_fail_after(n);
        tg_buf_put(&b, TG_STR("start"));
        tg_buf_putf(&b, "%.600s", text);
        tg_buf_put(&b, tg_strn(text, sizeof(text)));
        enough = !alloc_failed();
        assert_int_equal(b.err, enough ? TG_OK : TG_ERR_NOMEM);
        assert_int_equal(enough ? b.n : 1205, 1205);
        tg_buf_release(&b);
    }
    assert_true(n > 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_to_its_bound),
        cmocka_unit_test(first_error_sticks),
        cmocka_unit_test(what_is_expected_is_one_piece),
        cmocka_unit_test(numbers),
        cmocka_unit_test(json_at_every_place),
        cmocka_unit_test(fixed_memory_is_never_left),
        cmocka_unit_test(formats),
        cmocka_unit_test(json_strings),
        cmocka_unit_test(escapes_and_encodings),
        cmocka_unit_test(reserves),
        cmocka_unit_test(every_allocation_fails_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
