#include "base/form.h"

#include "alloc.h"
#include "guard.h"
#include "tests.h"

#define ARENA 65536

/* Parses and prints back as "name=value;", so that a table can say what is expected. */
static const char *parsed(const char *body, size_t n, size_t max_pairs) {
    static char text[1024];
    tg_arena_t a;
    tg_form_t f;
    guard_t g = guard_copy(body, n);
    tg_arena_init(&a, ARENA);
    tg_err_t err = tg_form_parse(tg_strn(g.p, g.n), max_pairs, &a, &f);
    size_t at = 0;
    snprintf(text, sizeof(text), "%s", err ? tg_err_name(err) : "");
    for (size_t i = 0; !err && i < f.n; i++) {
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%.*s=%.*s;", TG_STR_ARGS(f.pairs[i].name),
                               TG_STR_ARGS(f.pairs[i].value));
    }
    tg_arena_release(&a);
    guard_free(&g);
    return text;
}

static void bodies(void **state) {
    static const struct {
        const char *body;
        const char *expected;
    } cases[] = {
        {"", ""},
        {"a=1", "a=1;"},
        {"grant_type=client_credentials&scope=a+b", "grant_type=client_credentials;scope=a b;"},
        {"a", "a=;"},
        {"a=", "a=;"},
        {"=b", "=b;"},
        {"a=b=c", "a=b=c;"},
        {"&&a=1&&b=2&&", "a=1;b=2;"},
        {"%61=%62%2B%26%3D", "a=b+&=;"},
        {"a=1&a=2", "a=1;a=2;"},
        {"a=%C3%A4", "a=\xC3\xA4;"},
        {"a=%", "invalid"},
        {"a=%4", "invalid"},
        {"a=%zz", "invalid"},
        {"a=%4z", "invalid"},
        {"a=%%41", "invalid"},
        {"%=1", "invalid"},
        {"a=%00", "invalid"},
        {"a=%FF", "invalid"},
        {"a=\xC3", "invalid"},
        {"a=%C3&b=%A4", "invalid"},
        {"1&2&3&4&5&6&7&8", "1=;2=;3=;4=;5=;6=;7=;8=;"},
        {"1&2&3&4&5&6&7&8&9", "limit"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_string_equal(parsed(cases[i].body, strlen(cases[i].body), 8), cases[i].expected);
    }
    assert_string_equal(parsed("a=\0", 3, 8), "invalid");
}

static void repeated_parameters_are_found(void **state) {
    tg_arena_t a;
    tg_form_t f;
    tg_str_t value = TG_STR("untouched");
    (void)state;
    tg_arena_init(&a, ARENA);
    assert_int_equal(tg_form_parse(TG_STR("a=1&b=2&%61=3"), 8, &a, &f), TG_OK);
    assert_int_equal(tg_form_find(&f, TG_STR("x"), &value), 0);
    assert_str(value, "untouched");
    assert_int_equal(tg_form_find(&f, TG_STR("a"), &value), 2);
    assert_str(value, "1");
    const tg_form_pair_t *twice = tg_form_repeated(&f);
    assert_non_null(twice);
    assert_str(twice->name, "a");
    assert_str(twice->value, "3");

    assert_int_equal(tg_form_parse(TG_STR("a=1&A=2&b=1"), 8, &a, &f), TG_OK);
    assert_null(tg_form_repeated(&f));
    tg_arena_release(&a);
}

static void decodes_paths_and_forms(void **state) {
    tg_arena_t a;
    tg_str_t out;
    (void)state;
    tg_arena_init(&a, ARENA);
    assert_int_equal(tg_form_decode(TG_STR("a+b%2Bc"), true, &a, &out), TG_OK);
    assert_str(out, "a b+c");
    assert_int_equal(tg_form_decode(TG_STR("a+b%2bc"), false, &a, &out), TG_OK);
    assert_str(out, "a+b+c");
    assert_int_equal(tg_form_decode(TG_STR_NONE, false, &a, &out), TG_OK);
    assert_int_equal(out.n, 0);
    tg_arena_release(&a);
}

static void basic_credentials(void **state) {
    static const struct {
        const char *credentials;
        tg_err_t err;
        const char *id;
        const char *secret;
    } cases[] = {
        {"QWxhZGRpbjpvcGVuIHNlc2FtZQ==", TG_OK, "Aladdin", "open sesame"}, /* RFC 7617 2 */
        {"dGVzdDoxMjPCow==", TG_OK, "test", "123\xC2\xA3"},                /* RFC 7617 2.1 */
        {"  YTpi ", TG_OK, "a", "b"},
        {"YTpiOmM=", TG_OK, "a", "b:c"},                 /* a:b:c */
        {"Og==", TG_OK, "", ""},                         /* : */
        {"YSUzQWI6YyUyQmQrZQ==", TG_OK, "a:b", "c+d e"}, /* a%3Ab:c%2Bd+e */
        {"", TG_ERR_INVALID, "", ""},
        {"YWI=", TG_ERR_INVALID, "", ""}, /* ab: no colon */
        {"YTpi=", TG_ERR_INVALID, "", ""},
        {"YT pi", TG_ERR_INVALID, "", ""},
        {"YTpi,", TG_ERR_INVALID, "", ""},
        {"YTol", TG_ERR_INVALID, "", ""},     /* a:% */
        {"YQA6Yg==", TG_ERR_INVALID, "", ""}, /* a NUL : b */
        {"YTpiDQo=", TG_ERR_INVALID, "", ""}, /* a:b CR LF */
        {"YTolMGQ=", TG_ERR_INVALID, "", ""}, /* a:%0d */
        {"YTol/w==", TG_ERR_INVALID, "", ""}, /* not UTF-8 */
        {"YTr/", TG_ERR_INVALID, "", ""},
        {"YTp/", TG_ERR_INVALID, "", ""}, /* DEL */
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        tg_arena_t a;
        tg_str_t id = TG_STR_NONE;
        tg_str_t secret = TG_STR_NONE;
        guard_t g = guard_copy(cases[i].credentials, strlen(cases[i].credentials));
        tg_arena_init(&a, ARENA);
        if (tg_basic_parse(tg_strn(g.p, g.n), &a, &id, &secret) != cases[i].err) {
            fail_msg("case %zu: %s", i, cases[i].credentials);
        }
        assert_str(id, cases[i].id);
        assert_str(secret, cases[i].secret);
        tg_arena_release(&a);
        guard_free(&g);
    }
}

/* Each bound of the arena up to what is enough, and the failure of each allocation. */
static void without_memory(void **state) {
    static const tg_str_t body = {"a=1&b=%32", 9};
    tg_arena_t a;
    tg_form_t f;
    tg_str_t id;
    tg_str_t secret;
    (void)state;
    for (size_t max = 0; max < 64; max += 16) {
        tg_arena_init(&a, max);
        assert_int_equal(tg_form_parse(body, 8, &a, &f), TG_ERR_NOMEM);
        tg_arena_release(&a);
    }
    for (size_t max = 0; max < 48; max += 16) {
        tg_arena_init(&a, max);
        assert_int_equal(tg_basic_parse(TG_STR("YTpi"), &a, &id, &secret), TG_ERR_NOMEM);
        tg_arena_release(&a);
    }
    tg_arena_init(&a, ARENA);
    alloc_fail_after(0);
    assert_int_equal(tg_form_parse(body, 8, &a, &f), TG_ERR_NOMEM);
    assert_true(alloc_failed());
    alloc_fail_after(0);
    assert_int_equal(tg_basic_parse(TG_STR("YTpi"), &a, &id, &secret), TG_ERR_NOMEM);
    assert_true(alloc_failed());
    tg_arena_release(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies),
        cmocka_unit_test(repeated_parameters_are_found),
        cmocka_unit_test(decodes_paths_and_forms),
        cmocka_unit_test(basic_credentials),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
