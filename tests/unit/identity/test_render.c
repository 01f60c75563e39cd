#include "identity/http/render.h"

#include "guard.h"
#include "model/template.h"
#include "tests.h"

static int render(const char *text, tg_render_t where, const char *name, tg_buf_t *out) {
    guard_t t = guard_copy(text, strlen(text)), n = guard_copy(name, strlen(name));
    const tg_identity_question_t q = {.username = tg_strn(n.p, n.n),
                                      .password = TG_STR("p\"&"),
                                      .client_id = TG_STR("cl"),
                                      .address = TG_STR("2001:db8::1")};
    tg_buf_reset(out);
    int refused = tg_render(tg_strn(t.p, t.n), where, &q, out);
    guard_free(&t);
    guard_free(&n);
    return refused;
}

static void values_are_escaped_for_their_place(void **state) {
    static const struct {
        tg_render_t where;
        const char *text, *name, *expected;
    } rows[] = {
        {TG_RENDER_URL, "http://h/u/{{username}}/x", "a/b?c#d e", "http://h/u/a%2Fb%3Fc%23d%20e/x"},
        {TG_RENDER_URL, "http://h/?a={{username}}&c={{clientId}}&i={{address}}", "\xc3\xa4&b=c",
         "http://h/?a=%C3%A4%26b%3Dc&c=cl&i=2001%3Adb8%3A%3A1"},
        {TG_RENDER_URL, "http://h/{{username}}", "", "http://h/"},
        {TG_RENDER_JSON, "{\"u\":\"{{username}}\",\"p\":\"x{{password}}y\"}", "a\"b\\c\n\x01",
         "{\"u\":\"a\\\"b\\\\c\\n\\u0001\",\"p\":\"xp\\\"&y\"}"},
        {TG_RENDER_JSON, "\"{{username}}\"", "", "\"\""},
        {TG_RENDER_JSON, "\"{{username}}\"", "{{password}}", "\"{{password}}\""},
        {TG_RENDER_FORM, "a b {{username}}", "x=1&y=2", "a%20b%20x%3D1%26y%3D2"},
        {TG_RENDER_HEADER, "u {{username}} {{clientId}}", "a b", "u a b cl"},
        {TG_RENDER_HEADER, "{{username}}", "", ""},
    };
    tg_buf_t out;
    (void)state;
    tg_buf_init(&out, 4096);
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(render(rows[i].text, rows[i].where, rows[i].name, &out), 0);
        assert_int_equal(out.err, TG_OK);
        assert_str(tg_buf_str(&out), rows[i].expected);
    }
    tg_buf_release(&out);
}

static void what_cannot_stand_there_is_refused(void **state) {
    static const struct {
        tg_render_t where;
        const char *text, *name;
    } rows[] = {
        {TG_RENDER_URL, "http://h/u/{{username}}", "."},
        {TG_RENDER_URL, "http://h/u/{{username}}/x", ".."},
        {TG_RENDER_URL, "http://h/u/{{username}}", "../../admin"},
        {TG_RENDER_URL, "http://h/u/{{username}}", "..\\admin"},
        {TG_RENDER_URL, "http://h/u/{{username}}", "a/./b"},
        {TG_RENDER_URL, "http://h/u/.{{username}}", "."},
        {TG_RENDER_URL, "http://h/u/.{{username}}/x?y=1", ""},
        {TG_RENDER_HEADER, "{{username}}", "a\r\nX: 1"},
        {TG_RENDER_HEADER, "{{username}}", "a\tb"},
        {TG_RENDER_HEADER, "{{username}}", "\xc3\xa4"},
        {TG_RENDER_HEADER, "{{username}}", "\x7f"},
        {TG_RENDER_HEADER, "x{{username}}x", " a"},
        {TG_RENDER_HEADER, "x{{username}}x", "a "},
    };
    tg_buf_t out;
    (void)state;
    tg_buf_init(&out, 4096);
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (render(rows[i].text, rows[i].where, rows[i].name, &out) != TG_PLACE_USERNAME) {
            print_error("%s: %s\n", rows[i].text, rows[i].name);
            fail();
        }
    }
    tg_buf_release(&out);
}

static void dots_are_only_dots_where_they_are_a_segment(void **state) {
    static const char *const names[] = {"a.b", "...", ".a", "a..", "..a/b", "a/b", "a\\b", ".hidden"};
    tg_buf_t out;
    (void)state;
    tg_buf_init(&out, 4096);
    for (size_t i = 0; i < COUNT(names); i++) {
        assert_int_equal(render("http://h/u/{{username}}", TG_RENDER_URL, names[i], &out), 0);
    }
    assert_int_equal(render("http://h/u?n={{username}}", TG_RENDER_URL, "..", &out), 0);
    assert_str(tg_buf_str(&out), "http://h/u?n=..");
    assert_int_equal(render("http://h/u?n=/{{username}}/", TG_RENDER_URL, "../x", &out), 0);
    tg_buf_release(&out);
}

static void a_bound_is_kept(void **state) {
    tg_buf_t out;
    (void)state;
    tg_buf_init(&out, 8);
    assert_int_equal(render("\"{{username}}\"", TG_RENDER_JSON, "123456789", &out), 0);
    assert_int_equal(out.err, TG_ERR_LIMIT);
    assert_int_equal(render("http://h/{{username}}", TG_RENDER_URL, "x", &out), 0);
    assert_int_equal(out.err, TG_ERR_LIMIT);
    tg_buf_release(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_escaped_for_their_place),
        cmocka_unit_test(what_cannot_stand_there_is_refused),
        cmocka_unit_test(dots_are_only_dots_where_they_are_a_segment),
        cmocka_unit_test(a_bound_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
