#include "oauth/opaque.h"

#include "guard.h"
#include "tests.h"

#define NOW ((tg_ms_t)1790000000 * 1000)

static const uint8_t random_bytes[TG_OPAQUE_RANDOM] = {0xff, 0xfe, 0xfd, 1, 2, 3, 4, 5, 6, 7, 8, 9};

static tg_err_t parse(const char *bytes, size_t n, tg_ms_t now, tg_opaque_kind_t *kind, tg_bucket_t *b) {
    guard_t g = guard_copy(bytes, n);
    tg_err_t err = tg_opaque_parse(tg_strn(g.p, g.n), now, kind, b);
    guard_free(&g);
    return err;
}

/* The layout of docs/decisions/0002-tokens.md, byte for byte: 0x11 0x07 0x95 0x5c, then the random bits. */
static void layout(void **state) {
    char token[TG_OPAQUE_LEN];
    (void)state;
    tg_opaque_write(TG_OPAQUE_ACCESS, (tg_bucket_t){TG_BUCKET_DAY, 0x07955c}, random_bytes, token);
    assert_str(tg_strn(token, sizeof(token)), "tga_EQeVXP_-_QECAwQFBgcICQAAAAAAAAAAAAAAAAAAAAAAAAAA");
    tg_opaque_write(TG_OPAQUE_REFRESH, (tg_bucket_t){TG_BUCKET_NEVER, 0}, random_bytes, token);
    assert_str(tg_strn(token, sizeof(token)), "tgr_EwAAAP_-_QECAwQFBgcICQAAAAAAAAAAAAAAAAAAAAAAAAAA");
}

static void there_and_back(void **state) {
    static const tg_ms_t lives[] = {0, 1, 1000, 3600 * 1000, 48 * TG_HOUR_MS, 60 * TG_DAY_MS, 36500 * TG_DAY_MS};
    (void)state;
    for (size_t i = 0; i < COUNT(lives); i++) {
        for (tg_opaque_kind_t kind = TG_OPAQUE_ACCESS; kind <= TG_OPAQUE_REFRESH; kind++) {
            char token[TG_OPAQUE_LEN];
            tg_opaque_kind_t k;
            tg_bucket_t b, in = tg_bucket_for(NOW, lives[i] ? NOW + lives[i] : 0);
            tg_opaque_write(kind, in, random_bytes, token);
            assert_int_equal(parse(token, sizeof(token), NOW, &k, &b), TG_OK);
            assert_int_equal(k, kind);
            assert_int_equal(b.cls, in.cls);
            assert_int_equal(b.index, in.index);
        }
    }
}

static void unknown_without_a_query(void **state) {
    static const struct {
        const char *what;
        const char *token;
    } cases[] = {
        {"empty", ""},
        {"prefix alone", "tga_"},
        {"good", "tga_EwAAAP_-_QECAwQFBgcICQAAAAAAAAAAAAAAAAAAAAAAAAAA"},
        {"one short", "tga_EwAAAP_-_QECAwQFBgcICQAAAAAAAAAAAAAAAAAAAAAAAAA"},
        {"one long", "tga_EwAAAP_-_QECAwQFBgcICQAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
        {"other prefix", "tgx_EwAAAP_-_QECAwQFBgcICQAAAAAAAAAAAAAAAAAAAAAAAAAA"},
        {"prefix in capitals", "TGA_EwAAAP_-_QECAwQFBgcICQAAAAAAAAAAAAAAAAAAAAAAAAAA"},
        {"base64, not base64url", "tga_EwAAAP/+/QECAwQFBgcICQAAAAAAAAAAAAAAAAAAAAAAAAAA"},
        {"padding", "tga_EwAAAP_-_QECAwQFBgcICQAAAAAAAAAAAAAAAAAAAAAAAAA="},
        {"a space", "tga_EwAAAP_-_QECAwQFBgcICQAAAAAAAAAAAAAAAAAAAAAAAAA "},
        {"version 0", "tga_AwAAAP_-_QECAwQFBgcICQAAAAAAAAAAAAAAAAAAAAAAAAAA"},
        {"version 2", "tga_IwAAAP_-_QECAwQFBgcICQAAAAAAAAAAAAAAAAAAAAAAAAAA"},
        {"class 4", "tga_FAAAAP_-_QECAwQFBgcICQAAAAAAAAAAAAAAAAAAAAAAAAAA"},
        {"class 15", "tga_HwAAAP_-_QECAwQFBgcICQAAAAAAAAAAAAAAAAAAAAAAAAAA"},
        {"never with an index", "tga_EwAAAf_-_QECAwQFBgcICQAAAAAAAAAAAAAAAAAAAAAAAAAA"},
        {"hour 0", "tga_EAAAAP_-_QECAwQFBgcICQAAAAAAAAAAAAAAAAAAAAAAAAAA"},
        {"the last month", "tga_Ev____8-_QECAwQFBgcICQAAAAAAAAAAAAAAAAAAAAAAAAAA"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        tg_opaque_kind_t kind;
        tg_bucket_t b;
        tg_err_t err = parse(cases[i].token, strlen(cases[i].token), NOW, &kind, &b);
        if ((err == TG_OK) != (strcmp(cases[i].what, "good") == 0)) {
            fail_msg("%s: %s", cases[i].what, tg_err_name(err));
        }
    }
}

static void bucket_past_and_far(void **state) {
    static const tg_bucket_class_t classes[] = {TG_BUCKET_HOUR, TG_BUCKET_DAY, TG_BUCKET_MONTH};
    const tg_ms_t century = 36500 * TG_DAY_MS;
    (void)state;
    for (size_t i = 0; i < COUNT(classes); i++) {
        char token[TG_OPAQUE_LEN];
        tg_opaque_kind_t kind;
        tg_bucket_t b = {classes[i], 1000};
        tg_ms_t end = tg_bucket_end(b), start = end - end / 1001; /* end is 1001 spans */
        tg_opaque_write(TG_OPAQUE_ACCESS, b, random_bytes, token);
        assert_int_equal(parse(token, sizeof(token), end - 1, &kind, &b), TG_OK);
        assert_int_equal(parse(token, sizeof(token), end, &kind, &b), TG_ERR_INVALID);
        assert_int_equal(parse(token, sizeof(token), start - century, &kind, &b), TG_OK);
        assert_int_equal(parse(token, sizeof(token), start - century - 1, &kind, &b), TG_ERR_INVALID);
    }
}

static void prefixes(void **state) {
    (void)state;
    assert_true(tg_opaque_has_prefix(TG_STR("tga_")));
    assert_true(tg_opaque_has_prefix(TG_STR("tgr_x.y.z")));
    assert_false(tg_opaque_has_prefix(TG_STR("tga")));
    assert_false(tg_opaque_has_prefix(TG_STR("tgm_x")));
    assert_false(tg_opaque_has_prefix(TG_STR_NONE));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layout),
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(unknown_without_a_query),
        cmocka_unit_test(bucket_past_and_far),
        cmocka_unit_test(prefixes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
