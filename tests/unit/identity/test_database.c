/* What of the database kind needs no database: statements, UTF-16, cells, threads that are given up. */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "guard.h"
#include "identity/database/aside.h"
#include "identity/database/database.h"
#include "identity/database/row.h"
#include "tests.h"

/* ---- statements ---- */

static void statement(tg_arena_t *a, const char *sql, tg_err_t expected, tg_odbc_statement_t *out, tg_buf_t *text) {
    guard_t g = guard_copy(sql, strlen(sql));
    assert_int_equal(tg_odbc_statement(a, tg_strn(g.p, g.n), out), expected);
    guard_free(&g);
    tg_buf_reset(text);
    tg_buf_put_wide(text, out->sql.p, expected ? 0 : out->sql.n);
}

static void names_become_markers(void **state) {
    static const struct {
        const char *sql, *odbc, *kinds; /* u and p */
    } rows[] = {
        {"SELECT 1", "SELECT 1", ""},
        {"SELECT p FROM u WHERE n=:username", "SELECT p FROM u WHERE n=?", "u"},
        {"SELECT p FROM u WHERE n = lower(:username) AND p = crypt(:password, p) AND x=:username",
         "SELECT p FROM u WHERE n = lower(?) AND p = crypt(?, p) AND x=?", "upu"},
        {"SELECT ':username' , \":password\", x::text FROM u WHERE n=:username::text",
         "SELECT ':username' , \":password\", x::text FROM u WHERE n=?::text", "u"},
        {"SELECT 'it''s :username' FROM u WHERE n=:username", "SELECT 'it''s :username' FROM u WHERE n=?", "u"},
        {"SELECT \xc3\xa4 FROM u WHERE n=:username", "SELECT \xc3\xa4 FROM u WHERE n=?", "u"},
    };
    tg_arena_t a;
    tg_buf_t text;
    (void)state;
    tg_arena_init(&a, 1 << 20);
    tg_buf_init(&text, 4096);
    for (size_t i = 0; i < COUNT(rows); i++) {
        tg_odbc_statement_t s;
        statement(&a, rows[i].sql, TG_OK, &s, &text);
        assert_str(tg_buf_str(&text), rows[i].odbc);
        assert_int_equal(s.n_markers, strlen(rows[i].kinds));
        for (size_t j = 0; j < s.n_markers; j++) {
            assert_int_equal(s.is_password[j], rows[i].kinds[j] == 'p');
        }
    }
    tg_buf_release(&text);
    tg_arena_release(&a);
}

static void markers_have_a_bound(void **state) {
    char sql[512] = "SELECT 1 WHERE 1=1";
    tg_arena_t a;
    tg_buf_t text;
    tg_odbc_statement_t s;
    (void)state;
    tg_arena_init(&a, 1 << 20);
    tg_buf_init(&text, 4096);
    for (int i = 0; i < TG_ODBC_MARKERS_MAX; i++) {
        strcat(sql, " AND :username=1"); // NOLINT(clang-analyzer-security.insecureAPI.strcpy)
    }
    statement(&a, sql, TG_OK, &s, &text);
    strcat(sql, " AND :username=1"); // NOLINT(clang-analyzer-security.insecureAPI.strcpy)
    statement(&a, sql, TG_ERR_LIMIT, &s, &text);
    tg_buf_release(&text);
    tg_arena_release(&a);
}

/* ---- UTF-16 ---- */

static void text_goes_there_and_back(void **state) {
    static const char *const rows[] = {"", "abc", "\xc3\xa4\xe2\x82\xac", "\xf0\x9f\x98\x80x\xf4\x8f\xbf\xbf", "\x7f"};
    tg_arena_t a;
    tg_buf_t text;
    (void)state;
    tg_arena_init(&a, 1 << 20);
    tg_buf_init(&text, 4096);
    for (size_t i = 0; i < COUNT(rows); i++) {
        tg_wide_t w;
        guard_t g = guard_copy(rows[i], strlen(rows[i]));
        assert_true(tg_wide(&a, tg_strn(g.p, g.n), &w));
        assert_int_equal(w.p[w.n], 0);
        tg_buf_reset(&text);
        tg_buf_put_wide(&text, w.p, w.n);
        assert_str(tg_buf_str(&text), rows[i]);
        guard_free(&g);
    }
    tg_buf_release(&text);
    tg_arena_release(&a);
}

static void half_pairs_and_broken_bytes_are_replaced(void **state) {
    static const SQLWCHAR halves[] = {'a', 0xd83d, 'b', 0xde00, 0xd83d};
    tg_arena_t a;
    tg_buf_t text;
    tg_wide_t w;
    (void)state;
    tg_arena_init(&a, 1 << 20);
    tg_buf_init(&text, 4096);
    tg_buf_put_wide(&text, halves, COUNT(halves));
    assert_str(tg_buf_str(&text), "a\xef\xbf\xbd"
                                  "b\xef\xbf\xbd\xef\xbf\xbd");
    assert_true(tg_wide(&a, TG_STR("a\xff\xc3"), &w));
    assert_int_equal(w.n, 3);
    assert_int_equal(w.p[1], 0xfffd);
    assert_int_equal(w.p[2], 0xfffd);
    tg_buf_release(&text);
    tg_arena_release(&a);
}

/* ---- cells ---- */

static void what_is_yes(void **state) {
    static const char *const no[] = {"", " ", "0", "false", "FALSE", "f", "N", "n", "no", "Off", " 0 "};
    static const char *const yes[] = {"1", "true", "T", "Y", "yes", "on", "x", "00", "-1", "2"};
    (void)state;
    for (size_t i = 0; i < COUNT(no); i++) {
        assert_false(tg_cell_is_yes(&(tg_cell_t){.text = tg_str(no[i])}));
    }
    for (size_t i = 0; i < COUNT(yes); i++) {
        assert_true(tg_cell_is_yes(&(tg_cell_t){.text = tg_str(yes[i])}));
    }
    assert_false(tg_cell_is_yes(&(tg_cell_t){.text = TG_STR("1"), .is_null = true}));
}

static void cells_as_json(void **state) {
    static const struct {
        tg_odbc_kind_t kind;
        const char *text, *json;
    } rows[] = {
        {TG_COLUMN_TEXT, "12", "\"12\""},
        {TG_COLUMN_NUMBER, "12", "12"},
        {TG_COLUMN_NUMBER, "-9223372036854775808", "-9223372036854775808"},
        {TG_COLUMN_NUMBER, "9223372036854775808", "\"9223372036854775808\""},
        {TG_COLUMN_NUMBER, "1.5", "1.5"},
        {TG_COLUMN_NUMBER, ".5", "0.5"},
        {TG_COLUMN_NUMBER, "1e400", "\"1e400\""},
        {TG_COLUMN_NUMBER, "NaN", "\"NaN\""},
        {TG_COLUMN_NUMBER, "Infinity", "\"Infinity\""},
        {TG_COLUMN_NUMBER, "", "\"\""},
        {TG_COLUMN_NUMBER, "1 x", "\"1 x\""},
        {TG_COLUMN_BOOLEAN, "1", "true"},
        {TG_COLUMN_BOOLEAN, "f", "false"},
        {TG_COLUMN_TEXT, "", "\"\""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        json_t *got = tg_cell_json(&(tg_cell_t){.kind = rows[i].kind, .text = tg_str(rows[i].text)});
        char *text = json_dumps(got, JSON_ENCODE_ANY);
        assert_string_equal(text, rows[i].json);
        free(text);
        json_decref(got);
    }
    assert_null(tg_cell_json(&(tg_cell_t){.text = TG_STR("1"), .is_null = true}));
    assert_null(tg_cell_json(&(tg_cell_t){.text = TG_STR("\xff")}));
}

/* ---- threads that are given up ---- */

typedef struct {
    atomic_int calls, ended;
    atomic_bool hang;
} work_t;

static void work_run(void *arg) {
    work_t *w = arg;
    atomic_fetch_add(&w->calls, 1);
    while (atomic_load(&w->hang)) {
        usleep(1000);
    }
}

static void work_end(void *arg) {
    atomic_fetch_add(&((work_t *)arg)->ended, 1);
}

static int64_t soon(int64_t ms) {
    return tg_identity_now() + ms * 1000;
}

static void calls_are_made_and_end(void **state) {
    work_t w = {0};
    tg_aside_t *a = tg_aside_new(&w, work_end);
    (void)state;
    assert_non_null(a);
    for (int i = 0; i < 100; i++) {
        assert_true(tg_aside_call(a, work_run, soon(60000)));
    }
    assert_int_equal(atomic_load(&w.calls), 100);
    assert_false(tg_aside_has_ended(a));
    tg_aside_free(a, soon(60000));
    assert_int_equal(atomic_load(&w.ended), 1);
}

static void a_call_that_hangs_is_given_up_and_ends_later(void **state) {
    work_t w = {.hang = true};
    tg_aside_t *a = tg_aside_new(&w, work_end);
    (void)state;
    int64_t before = tg_identity_now();
    assert_false(tg_aside_call(a, work_run, soon(30)));
    assert_true(tg_identity_now() - before >= 30000);
    assert_false(tg_aside_has_ended(a));
    atomic_store(&w.hang, false);
    while (!tg_aside_has_ended(a)) {
        usleep(1000);
    }
    assert_int_equal(atomic_load(&w.ended), 1);
    tg_aside_free(a, 0);
}

static void one_that_is_freed_while_it_hangs_ends_by_itself(void **state) {
    static work_t w = {.hang = true}; /* outlives the test's frame, as it must */
    tg_aside_t *a = tg_aside_new(&w, work_end);
    (void)state;
    assert_false(tg_aside_call(a, work_run, soon(10)));
    tg_aside_free(a, soon(10));
    assert_int_equal(atomic_load(&w.ended), 0);
    atomic_store(&w.hang, false);
    while (atomic_load(&w.ended) == 0) {
        usleep(1000);
    }
    usleep(50000); /* the thread frees its memory last; leak checkers look at it */
}

/* ---- open ---- */

static void statements_that_are_refused(void **state) {
    static const struct {
        const char *field;
        tg_database_provider_t d;
    } rows[] = {
        {"query", {.query = {"DELETE FROM u WHERE n=:username", 31}}},
        {"query", {.query = {"SELECT 1", 8}}},
        {"query", {.query = {"SELECT 1 WHERE :username=:password", 34}, .format = TG_PASSWORD_CLEAR}},
        {"query", {.query = {"SELECT 1 WHERE :username=1; DROP TABLE u", 40}, .format = TG_PASSWORD_CLEAR}},
        {"roleQuery",
         {.query = {"SELECT 1 WHERE :username=1", 26}, .role_query = {"SELECT 1", 8}, .format = TG_PASSWORD_CLEAR}},
        {"listQuery",
         {.query = {"SELECT 1 WHERE :username=1", 26},
          .list_query = {"SELECT 1 WHERE :username=1", 26},
          .format = TG_PASSWORD_CLEAR}},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const tg_identity_provider_t p = {.timeout_ms = 1000, .of.database = rows[i].d};
        tg_identity_t *h = NULL;
        tg_fault_t fault = {0};
        assert_int_equal(tg_identity_database_open(&p, &h, &fault), TG_ERR_INVALID);
        assert_string_equal(fault.field, rows[i].field);
        assert_null(h);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_become_markers),
        cmocka_unit_test(markers_have_a_bound),
        cmocka_unit_test(text_goes_there_and_back),
        cmocka_unit_test(half_pairs_and_broken_bytes_are_replaced),
        cmocka_unit_test(what_is_yes),
        cmocka_unit_test(cells_as_json),
        cmocka_unit_test(calls_are_made_and_end),
        cmocka_unit_test(a_call_that_hangs_is_given_up_and_ends_later),
        cmocka_unit_test(one_that_is_freed_while_it_hangs_ends_by_itself),
        cmocka_unit_test(statements_that_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
