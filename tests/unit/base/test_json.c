#include "base/json.h"

#include <stdlib.h>

#include "guard.h"
#include "tests.h"

static tg_err_t parse(const char *text, size_t n, json_t **out, tg_fault_t *fault) {
    guard_t g = guard_copy(text, n);
    tg_err_t err = tg_json_parse(tg_strn(g.p, g.n), 200, 4, out, fault);
    guard_free(&g);
    return err;
}

static void texts(void **state) {
    static const struct {
        const char *text;
        tg_err_t err;
        const char *reason; /* the fault's text must contain it */
    } cases[] = {
        {"{}", TG_OK, NULL},
        {" [1, 2.5, \"x\", null, true] ", TG_OK, NULL},
        {"\"scalar\"", TG_OK, NULL},
        {"17", TG_OK, NULL},
        {"[[[[1]]]]", TG_OK, NULL},
        {"[[[[[1]]]]]", TG_ERR_LIMIT, "deeper than 4"},
        {"[{\"a\":[{\"b\":{}}]}]", TG_ERR_LIMIT, "deeper than 4"},
        {"[\"[[[[[[[[\"]", TG_OK, NULL},
        {"[\"\\\"[[[[[[[[\"]", TG_OK, NULL},
        {"]]]][[[[[[[[", TG_ERR_LIMIT, "deeper"},
        {"]", TG_ERR_INVALID, "not valid JSON"},
        {"", TG_ERR_INVALID, "too early"},
        {"   ", TG_ERR_INVALID, "too early"},
        {"{", TG_ERR_INVALID, "too early"},
        {"\"abc", TG_ERR_INVALID, "too early"},
        {"\"abc\\", TG_ERR_INVALID, "not valid JSON"},
        {"{\"a\":1,\"a\":2}", TG_ERR_INVALID, "twice"},
        {"{\"a\":1,\"\\u0061\":2}", TG_ERR_INVALID, "twice"},
        {"{} {}", TG_ERR_INVALID, "follows"},
        {"{}x", TG_ERR_INVALID, "follows"},
        {"[1,]", TG_ERR_INVALID, "not valid JSON"},
        {"{'a':1}", TG_ERR_INVALID, "not valid JSON"},
        {"[NaN]", TG_ERR_INVALID, "not valid JSON"},
        {"[01]", TG_ERR_INVALID, "not valid JSON"},
        {"[99999999999999999999]", TG_ERR_INVALID, "out of range"},
        {"[1e999]", TG_ERR_INVALID, "out of range"},
        {"\"\\u0000\"", TG_ERR_INVALID, "NUL"},
        {"{\"\\u0000\":1}", TG_ERR_INVALID, "NUL"},
        {"\"\xFF\"", TG_ERR_INVALID, "UTF-8"},
        {"\"\\uD800\"", TG_ERR_INVALID, "not valid JSON"},
        {"\"\n\"", TG_ERR_INVALID, "not valid JSON"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        tg_fault_t fault = {"", ""};
        json_t *value = NULL;
        tg_err_t err = parse(cases[i].text, strlen(cases[i].text), &value, &fault);
        if (err != cases[i].err || (cases[i].reason && strstr(fault.text, cases[i].reason) == NULL)) {
            fail_msg("case %zu %s: %s \"%s\"", i, cases[i].text, tg_err_name(err), fault.text);
        }
        assert_int_equal(value != NULL, err == TG_OK);
        json_decref(value);
    }
    assert_int_equal(parse("{}\0", 3, &(json_t *){NULL}, NULL), TG_ERR_INVALID);
}

static void size_bound(void **state) {
    (void)state;
    char text[202];
    json_t *value = NULL;
    memset(text, ' ', sizeof(text));
    memcpy(text, "{}", 2);
    assert_int_equal(parse(text, 201, &value, NULL), TG_ERR_LIMIT);
    assert_int_equal(parse(text, 200, &value, NULL), TG_OK);
    json_decref(value);
}

static void faults_do_not_quote_the_input(void **state) {
    (void)state;
    tg_fault_t fault = {"", ""};
    json_t *value = NULL;
    assert_int_equal(parse("{\"secret\": sesame}", 18, &value, &fault), TG_ERR_INVALID);
    assert_null(strstr(fault.text, "sesame"));
    assert_non_null(strstr(fault.text, "line 1"));
}

static void writes_one_form(void **state) {
    (void)state;
    json_t *value = NULL;
    tg_buf_t b;
    const char *text = "{ \"b\" : [1, true], \"a\":\"\xC3\xA4\" }";
    assert_int_equal(parse(text, strlen(text), &value, NULL), TG_OK);
    tg_buf_init(&b, 100);
    assert_int_equal(tg_json_write(value, &b), TG_OK);
    assert_str(tg_buf_str(&b), "{\"a\":\"\xC3\xA4\",\"b\":[1,true]}");
    assert_int_equal(tg_json_write(NULL, &b), TG_ERR_BUG);
    tg_buf_release(&b);

    tg_buf_init(&b, 10);
    assert_int_equal(tg_json_write(value, &b), TG_ERR_LIMIT);
    assert_int_equal(tg_json_write(value, &b), TG_ERR_LIMIT);
    tg_buf_release(&b);
    json_decref(value);
}

static void members(void **state) {
    (void)state;
    json_t *object = NULL;
    int64_t number = 5;
    const char *text = "{\"s\":\"text\",\"i\":-9007199254740993,\"r\":1.0,\"t\":true,\"f\":false,\"n\":null}";
    assert_int_equal(parse(text, strlen(text), &object, NULL), TG_OK);
    assert_str(tg_json_str(object, "s"), "text");
    assert_null(tg_json_str(object, "i").p);
    assert_null(tg_json_str(object, "none").p);
    assert_null(tg_json_str(NULL, "s").p);
    assert_false(tg_json_int(object, "r", &number));
    assert_false(tg_json_int(object, "s", &number));
    assert_int_equal(number, 5);
    assert_true(tg_json_int(object, "i", &number));
    assert_true(number == -9007199254740993);
    assert_true(tg_json_bool(object, "t", false));
    assert_false(tg_json_bool(object, "f", true));
    assert_true(tg_json_bool(object, "n", true));
    assert_false(tg_json_bool(object, "none", false));
    json_decref(object);
}

/* jansson's own allocations: each fails once. */
static long json_remaining;

static void *json_malloc(size_t n) {
    return json_remaining-- == 0 ? NULL : malloc(n);
}

static void each_allocation_of_the_parser_fails_once(void **state) {
    static const char text[] = "{\"a\":[1,2.5,\"x\"],\"b\":{\"c\":null}}";
    tg_err_t err = TG_ERR_NOMEM;
    long n = 0;
    int out_of_memory = 0;
    (void)state;
    json_set_alloc_funcs(json_malloc, free);
    for (; err != TG_OK; n++) {
        json_t *value = NULL;
        json_remaining = n;
        err = parse(text, sizeof(text) - 1, &value, NULL);
        /* Where a string cannot be kept, jansson itself calls it bad syntax. */
        assert_true(err == TG_OK || err == TG_ERR_NOMEM || err == TG_ERR_INVALID);
        out_of_memory += err == TG_ERR_NOMEM;
        assert_int_equal(value != NULL, err == TG_OK);
        json_decref(value);
        assert_true(n < 1000);
    }
    json_set_alloc_funcs(malloc, free);
    assert_true(n > 5 && out_of_memory > 5);
}

int main(void) {
    tg_json_init(12345);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(size_bound),
        cmocka_unit_test(faults_do_not_quote_the_input),
        cmocka_unit_test(writes_one_form),
        cmocka_unit_test(members),
        cmocka_unit_test(each_allocation_of_the_parser_fails_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
