#include "../tests.h"
#include "identity/identity.h"
#include "identity/parts.h"

/* A provider that says yes to whatever reaches it. */
static int asked;

static tg_err_t yes(tg_identity_t *h, const tg_identity_question_t *q, tg_arena_t *a, tg_identity_answer_t *answer) {
    (void)h;
    (void)q;
    (void)a;
    asked++;
    answer->verdict = TG_IDENTITY_OK;
    return TG_OK;
}

static const tg_identity_ops_t both = {.check = yes, .look_up = yes};
static const tg_identity_ops_t checks = {.check = yes};

typedef struct {
    tg_arena_t arena;
    tg_identity_provider_t provider;
    tg_identity_t handle;
    tg_identity_answer_t answer;
} fixture_t;

static int setup(void **state) {
    static fixture_t f;
    f = (fixture_t){.provider = {.timeout_ms = 1000}};
    tg_arena_init(&f.arena, 1 << 20);
    f.handle = (tg_identity_t){.ops = &both, .provider = &f.provider};
    asked = 0;
    *state = &f;
    return 0;
}

static int teardown(void **state) {
    tg_arena_release(&((fixture_t *)*state)->arena);
    return 0;
}

static char long_text[TG_IDENTITY_PASSWORD_MAX + 1];

static void names_and_passwords_that_cannot_be(void **state) {
    fixture_t *f = *state;
    memset(long_text, 'a', sizeof(long_text));
    const struct {
        tg_str_t name, password;
        tg_identity_verdict_t verdict;
    } rows[] = {
        {TG_STR("anna"), TG_STR("secret"), TG_IDENTITY_OK},
        {tg_strn(long_text, TG_IDENTITY_USERNAME_MAX), tg_strn(long_text, TG_IDENTITY_PASSWORD_MAX), TG_IDENTITY_OK},
        {TG_STR("anna"), TG_STR_NONE, TG_IDENTITY_PASSWORD},
        {TG_STR("anna"), TG_STR(""), TG_IDENTITY_PASSWORD},
        {TG_STR("anna"), TG_STR("\0"), TG_IDENTITY_PASSWORD},
        {TG_STR("anna"), TG_STR("sec\0ret"), TG_IDENTITY_PASSWORD},
        {TG_STR("anna"), TG_STR("\xff"), TG_IDENTITY_PASSWORD},
        {TG_STR("anna"), tg_strn(long_text, TG_IDENTITY_PASSWORD_MAX + 1), TG_IDENTITY_PASSWORD},
        {TG_STR_NONE, TG_STR("secret"), TG_IDENTITY_NOBODY},
        {TG_STR(""), TG_STR(""), TG_IDENTITY_NOBODY},
        {TG_STR("an\0na"), TG_STR("secret"), TG_IDENTITY_NOBODY},
        {TG_STR("\xc3"), TG_STR("secret"), TG_IDENTITY_NOBODY},
        {tg_strn(long_text, TG_IDENTITY_USERNAME_MAX + 1), TG_STR("secret"), TG_IDENTITY_NOBODY},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const tg_identity_question_t q = {.username = rows[i].name, .password = rows[i].password};
        asked = 0;
        assert_int_equal(tg_identity_check(&f->handle, &q, &f->arena, &f->answer), TG_OK);
        assert_int_equal(f->answer.verdict, rows[i].verdict);
        assert_int_equal(asked, rows[i].verdict == TG_IDENTITY_OK);
    }
}

static void look_up_asks_without_a_password(void **state) {
    fixture_t *f = *state;
    const tg_identity_question_t anna = {.username = TG_STR("anna")}, bad = {.username = TG_STR("an\0na")};
    assert_int_equal(tg_identity_look_up(&f->handle, &anna, &f->arena, &f->answer), TG_OK);
    assert_int_equal(f->answer.verdict, TG_IDENTITY_OK);
    assert_int_equal(tg_identity_look_up(&f->handle, &bad, &f->arena, &f->answer), TG_OK);
    assert_int_equal(f->answer.verdict, TG_IDENTITY_NOBODY);
    assert_int_equal(asked, 1);
    f->handle.ops = &checks;
    assert_int_equal(tg_identity_look_up(&f->handle, &anna, &f->arena, &f->answer), TG_ERR_INVALID);
    assert_true(f->handle.fault.text[0] != '\0');
}

static void a_type_that_is_none_is_refused(void **state) {
    fixture_t *f = *state;
    tg_identity_t *h;
    tg_fault_t fault = {0};
    f->provider.type = (tg_provider_type_t)99;
    assert_int_equal(tg_identity_open(&f->provider, &h, &fault), TG_ERR_INVALID);
    assert_null(h);
    assert_string_equal(fault.field, "type");
}

/* ---- what is told ---- */

typedef struct {
    int steps;
    bool ok;
    char detail[TG_IDENTITY_TEXT_MAX];
} told_t;

static void hear(void *ctx, const char *step, bool ok, const char *detail, int64_t us) {
    told_t *t = ctx;
    (void)step;
    assert_true(us >= 0);
    t->steps++;
    t->ok = ok;
    snprintf(t->detail, sizeof(t->detail), "%s", detail);
}

static void steps_are_one_line_of_text(void **state) {
    fixture_t *f = *state;
    told_t told = {0};
    f->handle.step = hear;
    f->handle.step_ctx = &told;
    tg_identity_step(&f->handle, "bind", true, tg_identity_now(), "a\nb\x01 \xff \xc3\xbc\x7f");
    assert_string_equal(told.detail, "a?b? ? \xc3\xbc?");
    assert_true(told.ok);
    tg_err_t err = tg_identity_fail(&f->handle, TG_ERR_UNAVAILABLE, "tls", tg_identity_now(), "no\r\n");
    assert_int_equal(err, TG_ERR_UNAVAILABLE);
    assert_string_equal(f->handle.fault.text, "tls: no??");
    assert_false(told.ok);
    assert_int_equal(told.steps, 2);
    memset(long_text, 'x', sizeof(long_text));
    tg_identity_step(&f->handle, "bind", true, tg_identity_now(), "%.*s", (int)sizeof(long_text), long_text);
    assert_int_equal(strlen(told.detail), TG_IDENTITY_TEXT_MAX - 1);
}

static void deadlines(void **state) {
    fixture_t *f = *state;
    int64_t now = tg_identity_now();
    assert_int_equal(tg_identity_left_ms(now - 1), 0);
    assert_int_equal(tg_identity_left_ms(now - 5000000), 0);
    assert_in_range(tg_identity_left_ms(now + 60000000), 1000, 60001);
    assert_in_range(tg_identity_left_ms(tg_identity_now() + 3600000001), 1, 3600001);
    assert_true(tg_identity_deadline(&f->handle) >= now + 1000000);
}

static void verdicts_have_names(void **state) {
    (void)state;
    assert_string_equal(tg_identity_verdict_name(TG_IDENTITY_OK), "ok");
    assert_string_equal(tg_identity_verdict_name(TG_IDENTITY_NOBODY), "nobody");
    assert_string_equal(tg_identity_verdict_name(TG_IDENTITY_PASSWORD), "wrong_password");
    assert_string_equal(tg_identity_verdict_name(TG_IDENTITY_DISABLED), "disabled");
    assert_string_equal(tg_identity_verdict_name((tg_identity_verdict_t)0), "unknown");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_and_passwords_that_cannot_be, setup, teardown),
        cmocka_unit_test_setup_teardown(look_up_asks_without_a_password, setup, teardown),
        cmocka_unit_test_setup_teardown(a_type_that_is_none_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(steps_are_one_line_of_text, setup, teardown),
        cmocka_unit_test_setup_teardown(deadlines, setup, teardown),
        cmocka_unit_test(verdicts_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
