#include "../tests.h"

#include <locale.h>
#include <stdlib.h>

#include "cli/table.h"

static void shows(const char *json, const tg_column_t *columns, size_t width, const char *expected) {
    json_t *rows = json_loads(json, 0, NULL);
    tg_buf_t out;
    assert_non_null(rows);
    tg_buf_init(&out, 65536);
    assert_int_equal(tg_table_write(rows, columns, width, true, &out), TG_OK);
    assert_str(tg_buf_str(&out), expected);
    tg_buf_release(&out);
    json_decref(rows);
}

static const tg_column_t two[] = {{"NAME", "name"}, {"TEXT", "text"}, {NULL, NULL}};

static void test_columns_stand_under_each_other(void **state) {
    (void)state;
    shows("[]", two, 0, "NAME  TEXT\n");
    shows("[{\"name\":\"a\",\"text\":\"b\"},{\"name\":\"longer\"}]", two, 0, "NAME    TEXT\na       b\nlonger  -\n");
}

/* Two columns a character for CJK, none for a combining accent. */
static void test_widths_are_columns_of_the_screen(void **state) {
    (void)state;
    shows("[{\"name\":\"\xe6\x97\xa5\xe6\x9c\xac\",\"text\":\"x\"},{\"name\":\"e\xcc\x81\",\"text\":\"x\"}]", two, 0,
          "NAME  TEXT\n\xe6\x97\xa5\xe6\x9c\xac  x\ne\xcc\x81     x\n");
}

static void test_the_widest_column_is_cut(void **state) {
    (void)state;
    shows("[{\"name\":\"abcdefghijklmnop\",\"text\":\"x\"}]", two, 16, "NAME        TEXT\nabcdefghi\xe2\x80\xa6  x\n");
    shows("[{\"name\":\"\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\",\"text\":\"x\"}]", two, 14,
          "NAME      TEXT\n\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe2\x80\xa6   x\n");
}

/* A name in the store must not draw on the terminal of who lists it. */
static void test_control_characters_do_not_reach_the_terminal(void **state) {
    (void)state;
    shows("[{\"name\":\"a\\u001b[2Jb\",\"text\":\"\\u009b1m\\r\\n\\u202ex\"}]", two, 0,
          "NAME    TEXT\na?[2Jb  ?1m???x\n");
}

static const struct {
    const char *path, *expected;
} cells[] = {
    {"s", "text"}, {"n", "-3"},      {"r", "0.5"},   {"t", "yes"},           {"f", "no"},       {"z", "-"},
    {"none", "-"}, {"o.inner", "1"}, {"l[]", "a,b"}, {"objects[].x", "1,2"}, {"objects#", "3"}, {"empty[]", "-"},
    {"o", "(1)"},  {"l", "(2)"},     {"l[].x", "-"}, {"s.x", "-"},           {"none#", "0"},    {"nulls[]", "c"},
};

static void test_cells(void **state) {
    (void)state;
    json_t *row = json_loads("{\"s\":\"text\",\"n\":-3,\"r\":0.5,\"t\":true,\"f\":false,\"z\":null,\"o\":{\"inner\":1},"
                             "\"l\":[\"a\",\"b\"],\"objects\":[{\"x\":1},{},{\"x\":2}],\"empty\":[],\"nulls\":[null,"
                             "\"c\",null]}",
                             0, NULL);
    assert_non_null(row);
    for (size_t i = 0; i < COUNT(cells); i++) {
        tg_buf_t out;
        tg_buf_init(&out, 1024);
        tg_cell_write(row, cells[i].path, &out);
        assert_str(tg_buf_str(&out), cells[i].expected);
        tg_buf_release(&out);
    }
    json_decref(row);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_stand_under_each_other),
        cmocka_unit_test(test_widths_are_columns_of_the_screen),
        cmocka_unit_test(test_the_widest_column_is_cut),
        cmocka_unit_test(test_control_characters_do_not_reach_the_terminal),
        cmocka_unit_test(test_cells),
    };
    setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
