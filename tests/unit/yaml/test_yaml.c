#include "../tests.h"

#include <stdlib.h>

#include "../alloc.h"
#include "../guard.h"
#include "base/json.h"
#include "yaml/document.h"

static const tg_yaml_limits_t limits = {1 << 20, 16, 10000};

static tg_err_t read_as(const char *text, const tg_yaml_limits_t *l, json_t **out, size_t *line, tg_fault_t *fault) {
    guard_t g = guard_copy(text, strlen(text));
    memset(fault, 0, sizeof(*fault));
    tg_err_t err = tg_yaml_parse(tg_strn(g.p, g.n), l, out, NULL, line, fault);
    guard_free(&g);
    return err;
}

/* ---- what is read ---- */

static const struct {
    const char *yaml, *json;
} meanings[] = {
    {"", "null"},
    {"# nothing\n", "null"},
    {"a: 1\n", "{\"a\":1}"},
    {"a: -1.5\nb: 1e3\n", "{\"a\":-1.5,\"b\":1000.0}"},
    {"a: true\nb: false\nc: null\nd: ~\ne:\n", "{\"a\":true,\"b\":false,\"c\":null,\"d\":null,\"e\":null}"},
    {"[yes, no, on, off, True, NULL]", "[\"yes\",\"no\",\"on\",\"off\",\"True\",\"NULL\"]"},
    {"['1', \"true\", 'null', \"\"]", "[\"1\",\"true\",\"null\",\"\"]"},
    {"[1.2.3, 2026-11-23, 12:30, 0x10, +1, 1_000, .5, 5., 1e]",
     "[\"1.2.3\",\"2026-11-23\",\"12:30\",\"0x10\",\"+1\",\"1_000\",\".5\",\"5.\",\"1e\"]"},
    {"a: |\n  one\n  two\n", "{\"a\":\"one\\ntwo\\n\"}"},
    {"a: >-\n  one\n  two\n", "{\"a\":\"one two\"}"},
    {"- a\n- - b\n- {c: d}\n", "[\"a\",[\"b\"],{\"c\":\"d\"}]"},
    {"1: a\ntrue: b\n", "{\"1\":\"a\",\"true\":\"b\"}"},
    {"x: &k {a: 1}\ny: *k\n", "{\"x\":{\"a\":1},\"y\":{\"a\":1}}"},
    {"x: &k one\ny: *k\n", "{\"x\":\"one\",\"y\":\"one\"}"},
    {"%YAML 1.1\n---\na: 1\n...\n", "{\"a\":1}"},
    {"\"<<\": 1\n", "{\"<<\":1}"},
    {"a: \xc3\xbc\xe2\x82\xac\n", "{\"a\":\"\xc3\xbc\xe2\x82\xac\"}"},
    {"{\"a\":\"\\ud83d\\ude00\",\"b\":[1,2]}", "{\"a\":\"\xf0\x9f\x98\x80\",\"b\":[1,2]}"},
    {"{\n\t\"a\":\t1\n}", "{\"a\":1}"},
    {"9223372036854775807", "9223372036854775807"},
};

static void test_meaning(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(meanings); i++) {
        tg_fault_t fault;
        json_t *got = NULL;
        size_t line;
        if (read_as(meanings[i].yaml, &limits, &got, &line, &fault))
            fail_msg("%s: line %zu: %s", meanings[i].yaml, line, fault.text);
        json_t *want = json_loads(meanings[i].json, JSON_DECODE_ANY, NULL);
        assert_non_null(want);
        if (!json_equal(got, want))
            fail_msg("%s is %s", meanings[i].yaml, json_dumps(got, JSON_ENCODE_ANY));
        json_decref(got);
        json_decref(want);
    }
}

/* ---- what is refused ---- */

static const struct {
    const char *yaml;
    size_t line;
    tg_err_t err;
    const char *text;
} refusals[] = {
    {"a: 1\nb: 2\na: 3\n", 3, TG_ERR_INVALID, "\"a\" stands twice"},
    {"a:\n  b: 1\n  'b': 2\n", 3, TG_ERR_INVALID, "\"b\" stands twice"},
    {"a: 1\nb: 0755\n", 2, TG_ERR_INVALID, "begin with 0"},
    {"a: 99999999999999999999\n", 1, TG_ERR_INVALID, "out of range"},
    {"a: 1e999\n", 1, TG_ERR_INVALID, "out of range"},
    {"a: 1\n---\nb: 1\n", 2, TG_ERR_INVALID, "second document"},
    {"a: !!str 1\n", 1, TG_ERR_INVALID, "a tag"},
    {"a: !x {}\n", 1, TG_ERR_INVALID, "a tag"},
    {"a: &k {}\nb:\n  <<: *k\n", 3, TG_ERR_INVALID, "merge key"},
    {"a: *k\n", 1, TG_ERR_INVALID, "not there"},
    {"a: &k [*k]\n", 1, TG_ERR_INVALID, "inside its own"},
    {"? [a]\n: b\n", 1, TG_ERR_INVALID, "name must be"},
    {"? *a\n: b\n", 1, TG_ERR_INVALID, "name must be"},
    {"?\n: b\n", 1, TG_ERR_INVALID, "name must be"},
    {"a: \"x\\0y\"\n", 1, TG_ERR_INVALID, "NUL"},
    {"a: [1\n", 2, TG_ERR_INVALID, "not valid YAML"},
    {"a: 1\n\tb: 2\n", 2, TG_ERR_INVALID, "not valid YAML"},
    {"a: \xff\n", 1, TG_ERR_INVALID, "not valid YAML"},
    {"{\"a\":1,\"a\":2}", 1, TG_ERR_INVALID, "stands twice"},
    {"[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", 1, TG_ERR_LIMIT, "deeper than 16"},
};

static void test_refusals(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        tg_fault_t fault;
        json_t *got = NULL;
        size_t line = 0;
        tg_err_t err = read_as(refusals[i].yaml, &limits, &got, &line, &fault);
        if (err != refusals[i].err || line != refusals[i].line || !strstr(fault.text, refusals[i].text))
            fail_msg("%s: %d, line %zu, %s", refusals[i].yaml, err, line, fault.text);
        assert_null(got);
    }
}

/* Ten aliases of ten aliases ...: small text, ten thousand million values. */
static void test_billion_laughs(void **state) {
    (void)state;
    char text[4096] = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
    for (int i = 1; i < 10; i++) {
        char line[128];
        snprintf(line, sizeof(line), "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i, i - 1,
                 i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
        strcat(text, line);
    }
    tg_fault_t fault;
    json_t *got = NULL;
    size_t line;
    assert_int_equal(read_as(text, &limits, &got, &line, &fault), TG_ERR_LIMIT);
    assert_int_equal(line, 4);
    assert_non_null(strstr(fault.text, "more than 10000 values"));
}

/* Aliases nest as deep as what they stand for. */
static void test_depth_through_aliases(void **state) {
    (void)state;
    static const tg_yaml_limits_t four = {1000, 4, 1000};
    tg_fault_t fault;
    json_t *got = NULL;
    size_t line;
    assert_int_equal(read_as("a: &a [[1]]\nb: &b [*a]\n", &four, &got, &line, &fault), TG_OK);
    json_decref(got);
    assert_int_equal(read_as("a: &a [[1]]\nb: &b [*a]\nc: [*b]\n", &four, &got, &line, &fault), TG_ERR_LIMIT);
    assert_int_equal(line, 3);
}

static void test_size(void **state) {
    (void)state;
    static const tg_yaml_limits_t small = {8, 4, 10};
    tg_fault_t fault;
    json_t *got = NULL;
    size_t line;
    assert_int_equal(read_as("a: 12345", &small, &got, &line, &fault), TG_OK);
    json_decref(got);
    assert_int_equal(read_as("a: 123456", &small, &got, &line, &fault), TG_ERR_LIMIT);
}

/* ---- lines ---- */

static void lines_check(const char *text, size_t list, size_t second, size_t name, size_t value) {
    json_t *got = NULL;
    tg_yaml_lines_t *lines = NULL;
    size_t line;
    assert_int_equal(tg_yaml_parse(tg_str(text), &limits, &got, &lines, &line, NULL), TG_OK);
    json_t *array = json_object_get(got, "list"), *element = json_array_get(array, 1);
    assert_int_equal(tg_yaml_line_of(lines, got), 1);
    assert_int_equal(tg_yaml_line_of_member(lines, got, "list", 0), list);
    assert_int_equal(tg_yaml_line_of_member(lines, array, NULL, 1), second);
    assert_int_equal(tg_yaml_line_of(lines, element), second);
    assert_int_equal(tg_yaml_line_of_member(lines, element, "name", 0), name);
    assert_int_equal(tg_yaml_line_of_member(lines, element, "value", 0), value);
    assert_int_equal(tg_yaml_line_of_member(lines, element, "other", 0), 0);
    assert_int_equal(tg_yaml_line_of_member(NULL, element, "name", 0), 0);
    tg_yaml_lines_free(lines);
    json_decref(got);
}

static void test_lines(void **state) {
    (void)state;
    lines_check("first: 1\n\nlist:\n  - name: a\n  - name: b\n    value: 2\n", 3, 5, 5, 6);
    lines_check("{\"first\":1,\n\"list\":[\n{\"name\":\"a\"},\n{\"name\":\"b\",\n\"value\":2}]}", 2, 4, 4, 5);
}

/* ---- writing ---- */

static const char *const texts[] = {
    "",
    "a",
    "yes",
    "No",
    "null",
    "~",
    "1",
    "01",
    "-1",
    "1.5",
    "2026-11-23",
    "12:30:45",
    "0x10",
    ".inf",
    "=",
    "<<",
    "- a",
    "a: b",
    "a #b",
    "#",
    "'",
    "\"",
    "\\",
    "&a",
    "*a",
    "!a",
    "%a",
    "@a",
    "`a",
    "|",
    ">",
    "{",
    "[",
    "?",
    ":",
    "a\nb\n",
    "\na",
    "a\n\n",
    " a",
    "a ",
    "\t",
    "a\tb",
    "\x01",
    "\x7f",
    "...",
    "---",
    "--- a",
    "\r\n",
    "a\r\n",
    " a\n b",
    "\xc2\x85",
    "\xe2\x80\xa8",
    "\xf0\x9f\x98\x80",
    "\xef\xbb\xbf"
    "a",
    "on",
    "y",
    "1_000",
    "+1",
};

static void round_trip(json_t *value) {
    tg_buf_t text;
    tg_fault_t fault = {"", ""};
    json_t *again = NULL;
    size_t line;
    tg_buf_init(&text, 1 << 16);
    assert_int_equal(tg_yaml_write(value, &text), TG_OK);
    if (tg_yaml_parse(tg_buf_str(&text), &limits, &again, NULL, &line, &fault))
        fail_msg("%.*s\nline %zu: %s", TG_STR_ARGS(tg_buf_str(&text)), line, fault.text);
    if (!json_equal(value, again))
        fail_msg("%.*s\nis %s", TG_STR_ARGS(tg_buf_str(&text)), json_dumps(again, JSON_ENCODE_ANY));
    json_decref(again);
    tg_buf_release(&text);
}

static void test_round_trip(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        json_t *value = json_pack("{s:s,s:[s,{s:s}]}", "k", texts[i], "list", texts[i], "inner", texts[i]);
        assert_non_null(value);
        round_trip(value);
        assert_int_equal(json_object_set_new(value, texts[i], json_integer(1)), 0);
        round_trip(value);
        json_decref(value);
    }
    json_t *value = json_pack("{s:i,s:f,s:b,s:n,s:[],s:{}}", "i", -3, "f", 0.25, "b", 1, "n", "a", "o");
    assert_non_null(value);
    round_trip(value);
    json_decref(value);
}

static void test_written_form(void **state) {
    (void)state;
    json_t *value = json_loads("{\"name\":\"a\",\"list\":[{\"b\":\"yes\"}],\"none\":[]}", 0, NULL);
    tg_buf_t text;
    tg_buf_init(&text, 1 << 16);
    assert_int_equal(tg_yaml_write(value, &text), TG_OK);
    assert_str(tg_buf_str(&text), "name: a\nlist:\n- b: \"yes\"\nnone: []\n");
    json_decref(value);
    tg_buf_release(&text);
}

static void test_writing_is_bounded(void **state) {
    (void)state;
    json_t *value = json_string("a longer text than the buffer may hold");
    tg_buf_t text;
    tg_buf_init(&text, 8);
    assert_int_equal(tg_yaml_write(value, &text), TG_ERR_LIMIT);
    json_decref(value);
    tg_buf_release(&text);
}

/* Only our own allocations are made to fail: what libyaml and jansson ask for goes another way. */
static void test_memory(void **state) {
    (void)state;
    long n = 0;
    for (; n < 100; n++) {
        json_t *got = NULL;
        tg_yaml_lines_t *lines = NULL;
        size_t line;
        alloc_fail_after(n);
        tg_err_t err = tg_yaml_parse(TG_STR("a: &x [1, 2]\nb: *x\n"), &limits, &got, &lines, &line, NULL);
        bool failed = alloc_failed();
        assert_int_equal(err, failed ? TG_ERR_NOMEM : TG_OK);
        json_decref(got);
        tg_yaml_lines_free(lines);
        if (!failed)
            break;
    }
    assert_in_range(n, 3, 99);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_meaning),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_billion_laughs),
        cmocka_unit_test(test_depth_through_aliases),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_written_form),
        cmocka_unit_test(test_writing_is_bounded),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
