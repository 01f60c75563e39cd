#include "identity/http/path.h"

#include "guard.h"
#include "tests.h"

static const char document[] =
    "{\"a\":{\"b\":[{\"c\":1},{\"c\":2},{\"d\":3}],\"x y\":\"z\",\"\":0},\"n\":null,\"l\":[[1,2],[3]]}";

static void paths_lead_to_values(void **state) {
    static const struct {
        const char *path, *found; /* a list */
    } rows[] = {
        {"$.a.b[0].c", "[1]"},
        {"$.a.b[2].c", "[]"},
        {"$.a.b[*].c", "[1,2]"},
        {"$.a[\"x y\"]", "[\"z\"]"},
        {"$['a']['x y']", "[\"z\"]"},
        {"$.l[*][0]", "[1,3]"},
        {"$.l[*][*]", "[1,2,3]"},
        {"$.n", "[null]"},
        {"$.absent", "[]"},
        {"$.a.b[9]", "[]"},
        {"$.a.b.c", "[]"},
        {"$.a[0]", "[]"},
        {"$.n.x", "[]"},
        {"$.a[*]", "[]"},
        /* what is no path leads nowhere */
        {"", "[]"},
        {"a", "[]"},
        {"$.", "[]"},
        {"$..c", "[]"},
        {"$.a.b[0", "[]"},
        {"$.a.b[-1]", "[]"},
        {"$.a.b[0:1]", "[]"},
        {"$.a.b[?(@.c)]", "[]"},
        {"$.a['x y", "[]"},
    };
    json_t *doc = json_loads(document, 0, NULL);
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const json_t *out[8];
        size_t n;
        guard_t g = guard_copy(rows[i].path, strlen(rows[i].path));
        json_t *wanted = json_loads(rows[i].found, 0, NULL);
        tg_json_path_find(doc, tg_strn(g.p, g.n), out, COUNT(out), &n);
        if (n != json_array_size(wanted)) {
            print_error("%s: %zu values\n", rows[i].path, n);
        }
        assert_int_equal(n, json_array_size(wanted));
        for (size_t j = 0; j < n; j++) {
            assert_true(json_equal(out[j], json_array_get(wanted, j)));
        }
        json_decref(wanted);
        guard_free(&g);
    }
    json_decref(doc);
}

static void the_document_itself(void **state) {
    const json_t *out = NULL;
    size_t n;
    json_t *doc = json_true();
    (void)state;
    tg_json_path_find(doc, TG_STR("$"), &out, 1, &n);
    assert_int_equal(n, 1);
    assert_ptr_equal(out, doc);
}

static void more_values_than_there_is_room_for(void **state) {
    const json_t *out[2] = {NULL, NULL};
    size_t n;
    json_t *doc = json_loads("[1,2,3,4]", 0, NULL);
    (void)state;
    tg_json_path_find(doc, TG_STR("$[*]"), out, 2, &n);
    assert_int_equal(n, 4);
    assert_int_equal(json_integer_value(out[1]), 2);
    json_decref(doc);
}

static void lists_are_told(void **state) {
    (void)state;
    assert_true(tg_json_path_is_list(TG_STR("$.a[*].b")));
    assert_false(tg_json_path_is_list(TG_STR("$.a[0].b")));
    assert_false(tg_json_path_is_list(TG_STR("$['[*]']")));
    assert_false(tg_json_path_is_list(TG_STR("")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_lead_to_values),
        cmocka_unit_test(the_document_itself),
        cmocka_unit_test(more_values_than_there_is_room_for),
        cmocka_unit_test(lists_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
