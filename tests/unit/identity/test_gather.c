#include <stdlib.h>

#include "../alloc.h"
#include "../tests.h"
#include "identity/parts.h"

static const tg_provider_claim_t rule = {.claim = {"dept", 4}, .in_jwt = true};

typedef struct {
    tg_arena_t arena;
    tg_identity_t handle;
    tg_identity_answer_t answer;
    tg_identity_gather_t gather;
} fixture_t;

static int setup(void **state) {
    static fixture_t f;
    f = (fixture_t){0};
    tg_arena_init(&f.arena, 1 << 20);
    *state = &f;
    return tg_identity_gather(&f.gather, &f.handle, &f.arena, 8, &f.answer);
}

static int teardown(void **state) {
    tg_arena_release(&((fixture_t *)*state)->arena);
    return 0;
}

static void roles_are_roles_and_stand_once(void **state) {
    fixture_t *f = *state;
    static const char *const words[] = {"admin", "Domain Users", "admin", "", "a\"b", "\xc3\xbc", "reader"};
    for (size_t i = 0; i < COUNT(words); i++) {
        assert_int_equal(tg_identity_role(&f->gather, tg_str(words[i])), TG_OK);
    }
    assert_int_equal(f->answer.n_roles, 2);
    assert_str(f->answer.roles[0], "admin");
    assert_str(f->answer.roles[1], "reader");
}

static void too_many_roles_are_a_limit(void **state) {
    fixture_t *f = *state;
    char name[16];
    for (int i = 0; i < TG_IDENTITY_ROLES_MAX; i++) {
        snprintf(name, sizeof(name), "r%d", i);
        assert_int_equal(tg_identity_role(&f->gather, tg_str(name)), TG_OK);
    }
    assert_int_equal(tg_identity_role(&f->gather, TG_STR("r0")), TG_OK);
    assert_int_equal(tg_identity_role(&f->gather, TG_STR("one-more")), TG_ERR_LIMIT);
    assert_true(f->handle.fault.text[0] != '\0');
}

static void texts_become_a_string_or_a_list(void **state) {
    fixture_t *f = *state;
    const tg_str_t two[] = {TG_STR("a\"b"), TG_STR("\xff"), TG_STR("c")}, none[] = {TG_STR("\xff"), TG_STR("a\0b")};
    assert_int_equal(tg_identity_claim_texts(&f->gather, &rule, two, 1), TG_OK);
    assert_int_equal(tg_identity_claim_texts(&f->gather, &rule, two, 3), TG_OK);
    assert_int_equal(tg_identity_claim_texts(&f->gather, &rule, none, 2), TG_OK);
    assert_int_equal(tg_identity_claim_texts(&f->gather, &rule, NULL, 0), TG_OK);
    assert_int_equal(f->answer.n_claims, 2);
    assert_str(f->answer.claims[0].claim, "dept");
    assert_str(f->answer.claims[0].value, "\"a\\\"b\"");
    assert_str(f->answer.claims[1].value, "[\"a\\\"b\",\"c\"]");
    assert_true(f->answer.claims[0].in_jwt);
    assert_false(f->answer.claims[0].in_response);
}

static void json_is_a_scalar_or_a_list_of_them(void **state) {
    static const struct {
        const char *json, *value; /* NULL: left out */
    } rows[] = {
        {"\"x\"", "\"x\""}, {"7", "7"},     {"true", "true"}, {"[1,\"a\",false]", "[1,\"a\",false]"},
        {"null", NULL},     {"{}", NULL},   {"[]", NULL},     {"[1,null]", NULL},
        {"[[1]]", NULL},    {"[{}]", NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        fixture_t *f = *state;
        json_t *v = json_loads(rows[i].json, JSON_DECODE_ANY, NULL);
        f->answer.n_claims = 0;
        assert_int_equal(tg_identity_claim_json(&f->gather, &rule, v), TG_OK);
        assert_int_equal(f->answer.n_claims, rows[i].value != NULL);
        if (rows[i].value != NULL) {
            assert_str(f->answer.claims[0].value, rows[i].value);
        }
        json_decref(v);
    }
}

static void claims_are_bounded(void **state) {
    fixture_t *f = *state;
    static char big[TG_IDENTITY_CLAIMS_MAX];
    tg_str_t many[TG_IDENTITY_VALUES_MAX + 1];
    memset(big, 'x', sizeof(big));
    const tg_str_t fits = tg_strn(big, sizeof(big) / 2 - 2);
    for (size_t i = 0; i < COUNT(many); i++) {
        many[i] = TG_STR("v");
    }
    assert_int_equal(tg_identity_claim_texts(&f->gather, &rule, many, COUNT(many)), TG_ERR_LIMIT);
    assert_int_equal(tg_identity_claim_texts(&f->gather, &rule, &fits, 1), TG_OK);
    assert_int_equal(tg_identity_claim_texts(&f->gather, &rule, &fits, 1), TG_OK);
    assert_int_equal(tg_identity_claim_texts(&f->gather, &rule, many, 1), TG_ERR_LIMIT);
    json_t *v = json_integer(1);
    assert_int_equal(tg_identity_claim_json(&f->gather, &rule, v), TG_ERR_LIMIT);
    json_decref(v);
    assert_int_equal(f->answer.n_claims, 2);
}

static void a_subject_that_is_no_text_is_as_asked(void **state) {
    fixture_t *f = *state;
    static char big[TG_IDENTITY_USERNAME_MAX + 1];
    memset(big, 'x', sizeof(big));
    const struct {
        tg_str_t name;
        const char *subject;
    } rows[] = {
        {TG_STR("Anna"), "Anna"}, {TG_STR_NONE, "anna"}, {TG_STR("\xff"), "anna"}, {tg_strn(big, sizeof(big)), "anna"}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(tg_identity_subject(&f->gather, rows[i].name, TG_STR("anna")), TG_OK);
        assert_str(f->answer.subject, rows[i].subject);
    }
    tg_str_t out;
    assert_int_equal(tg_identity_text(&f->gather, TG_STR("a\0b"), 10, &out), TG_OK);
    assert_str(out, "");
    assert_int_equal(tg_identity_text(&f->gather, TG_STR("abc"), 2, &out), TG_OK);
    assert_str(out, "");
}

static tg_err_t gather_all(tg_arena_t *a) {
    tg_identity_t handle = {0};
    tg_identity_answer_t answer;
    tg_identity_gather_t g;
    const tg_str_t values[] = {TG_STR("x"), TG_STR("y")};
    tg_err_t err = tg_identity_gather(&g, &handle, a, 8, &answer);
    if (!err) {
        err = tg_identity_role(&g, TG_STR("admin"));
    }
    if (!err) {
        err = tg_identity_subject(&g, TG_STR("anna"), TG_STR("x"));
    }
    return err ? err : tg_identity_claim_texts(&g, &rule, values, 2);
}

static void memory_runs_out(void **state) {
    (void)state;
    for (long n = 0; n < 100; n++) {
        tg_arena_t a;
        tg_arena_init(&a, 1 << 20);
        alloc_fail_after(n);
        tg_err_t err = gather_all(&a);
        bool failed = alloc_failed();
        tg_arena_release(&a);
        if (!failed) {
            assert_int_equal(err, TG_OK);
            assert_true(n > 0);
            return;
        }
        assert_int_equal(err, TG_ERR_NOMEM);
    }
    fail();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(roles_are_roles_and_stand_once, setup, teardown),
        cmocka_unit_test_setup_teardown(too_many_roles_are_a_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(texts_become_a_string_or_a_list, setup, teardown),
        cmocka_unit_test_setup_teardown(json_is_a_scalar_or_a_list_of_them, setup, teardown),
        cmocka_unit_test_setup_teardown(claims_are_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(a_subject_that_is_no_text_is_as_asked, setup, teardown),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
