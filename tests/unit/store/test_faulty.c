/* The decorator that makes calls fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "store/faulty.h"
#include "store/store.h"

#define assert_ok(expr) assert_int_equal((expr), TG_OK)

static tg_config_store_t *config_of(const char *uri, tg_fault_plan_t *plan) {
    tg_config_store_t *inner;
    assert_ok(tg_config_store_open(tg_str(uri), &(tg_store_options_t){.create = true}, &inner, NULL));
    tg_config_store_t *s = tg_config_faulty(inner, plan);
    assert_non_null(s);
    return s;
}

/* One transaction of three calls. */
static tg_err_t transaction(tg_config_store_t *s) {
    tg_err_t err = s->ops->begin(s, 100);
    if (err != TG_OK) {
        return err;
    }
    err = s->ops->meta_put(s, TG_STR("k"), TG_STR("v"));
    if (err != TG_OK) {
        s->ops->rollback(s);
        return err;
    }
    return s->ops->commit(s);
}

static bool written(tg_config_store_t *s) {
    tg_arena_t arena;
    tg_str_t value;
    tg_arena_init(&arena, 1000);
    tg_err_t err = s->ops->meta_get(s, TG_STR("k"), &arena, &value);
    tg_arena_release(&arena);
    return err == TG_OK;
}

static void the_nth_call_fails_and_leaves_no_transaction(void **state) {
    (void)state;
    for (long n = 1; n <= 3; n++) {
        tg_fault_plan_t plan = {.fail_at = n, .err = TG_ERR_UNAVAILABLE};
        tg_config_store_t *s = config_of("memory:faulty", &plan);
        assert_int_equal(transaction(s), TG_ERR_UNAVAILABLE);
        assert_int_not_equal(s->fault.text[0], '\0');
        assert_false(written(s));
        assert_ok(transaction(s));
        assert_true(written(s));
        s->ops->close(s);
    }
}

static void an_answer_can_be_lost_after_the_work(void **state) {
    (void)state;
    tg_fault_plan_t plan = {.fail_at = 3, .err = TG_ERR_UNAVAILABLE, .after = true};
    tg_config_store_t *s = config_of("memory:faulty", &plan);
    assert_int_equal(transaction(s), TG_ERR_UNAVAILABLE);
    assert_true(written(s));
    s->ops->close(s);
}

static void several_calls_in_a_row_fail(void **state) {
    (void)state;
    tg_fault_plan_t plan = {.fail_at = 2, .fail_count = 2, .err = TG_ERR_NOMEM};
    tg_token_store_t *inner, *s;
    int64_t epoch = -1;
    assert_ok(tg_token_store_open(TG_STR("memory:faulty"), &(tg_store_options_t){.create = true}, &inner, NULL));
    s = tg_token_faulty(inner, &plan);
    assert_non_null(s);
    const tg_err_t expected[] = {TG_OK, TG_ERR_NOMEM, TG_ERR_NOMEM, TG_OK};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(s->ops->epoch_raise(s, 1, TG_CLIENT_APPLICATION, TG_STR("a"), TG_STR_NONE, &epoch),
                         expected[i]);
    }
    assert_int_equal(epoch, 2);
    assert_int_equal(plan.calls, 4);
    s->ops->close(s);
}

static void a_batch_that_fails_says_so_of_each_write(void **state) {
    (void)state;
    tg_fault_plan_t plan = {.fail_at = 1, .fail_count = 2, .err = TG_ERR_UNAVAILABLE};
    tg_token_store_t *inner, *s;
    int64_t seq = -1;
    assert_ok(tg_token_store_open(TG_STR("memory:faulty"), &(tg_store_options_t){.create = true}, &inner, NULL));
    s = tg_token_faulty(inner, &plan);
    assert_non_null(s);
    const tg_write_t raise = {.kind = TG_WRITE_EPOCH, .client_kind = TG_CLIENT_APPLICATION, .client_id = TG_STR("a")};
    for (int64_t i = 0; i < 3; i++) {
        tg_write_t w[] = {raise, raise};
        const tg_err_t expected = i < 2 ? TG_ERR_UNAVAILABLE : TG_OK;
        plan.after = i == 1; /* the answer is lost, the work is not */
        assert_int_equal(s->ops->write_many(s, w, 2, NULL), expected);
        assert_int_equal(w[0].result, expected);
        assert_int_equal(w[1].result, expected);
        assert_ok(inner->ops->change_head(inner, &seq));
        assert_int_equal(seq, 2 * i);
    }
    s->ops->close(s);
}

static void the_request_log_fails_as_planned(void **state) {
    (void)state;
    tg_fault_plan_t plan = {.fail_at = 1, .fail_count = 3, .err = TG_ERR_UNAVAILABLE};
    tg_token_store_t *inner, *s;
    tg_arena_t arena;
    tg_request_row_t *rows;
    size_t n;
    int64_t pruned;
    tg_arena_init(&arena, 1u << 20);
    assert_ok(tg_token_store_open(TG_STR("memory:faulty"), &(tg_store_options_t){.create = true}, &inner, NULL));
    s = tg_token_faulty(inner, &plan);
    assert_non_null(s);
    for (int round = 0; round < 2; round++) {
        const tg_err_t expected = round == 0 ? TG_ERR_UNAVAILABLE : TG_OK;
        assert_int_equal(s->ops->request_put(s, &(tg_request_row_t){.at = 1, .environment_id = 1}, 1), expected);
        assert_int_equal(s->ops->request_list(s, &(tg_request_query_t){.limit = 9}, &arena, &rows, &n), expected);
        assert_int_equal(s->ops->request_prune(s, 1, 2, 9, &pruned), expected);
    }
    assert_int_equal(n, 1);
    assert_int_equal(pruned, 1);
    assert_int_equal(plan.calls, 6);
    s->ops->close(s);
    tg_arena_release(&arena);
}

static void principals_fail_as_planned(void **state) {
    (void)state;
    tg_fault_plan_t plan = {.fail_at = 0, .err = TG_ERR_UNAVAILABLE};
    tg_config_store_t *s = config_of("memory:faulty", &plan);
    tg_client_t c = {.kind = TG_CLIENT_CREDENTIAL, .client_id = TG_STR("a")};
    tg_arena_t arena;
    tg_access_entry_t *rows, entry;
    tg_str_t client_id, details, *ids;
    size_t n;
    int64_t project, version;
    tg_arena_init(&arena, 1u << 20);
    assert_ok(s->ops->begin(s, 100));
    assert_ok(s->ops->resource_create(s, TG_RES_PROJECT, 0, TG_STR("a"), TG_STR("{}"), 1, &project));
    assert_ok(s->ops->client_create(s, &c, &c.key_id));
    plan.fail_at = plan.calls + 1;
    plan.fail_count = 8;
    for (int round = 0; round < 2; round++) {
        const tg_err_t expected = round == 0 ? TG_ERR_UNAVAILABLE : TG_OK;
        const tg_client_secret_t secret = {.key_id = c.key_id, .environment_id = project};
        assert_int_equal(s->ops->client_secret_put(s, &secret), expected);
        assert_int_equal(s->ops->client_secret_delete(s, c.key_id, project), expected);
        assert_int_equal(s->ops->client_details(s, c.key_id, &arena, &client_id, &details, &version), expected);
        assert_int_equal(s->ops->access_put(s, &(tg_access_entry_t){c.key_id, project, TG_STR("{}")}), expected);
        assert_int_equal(s->ops->access_list(s, c.key_id, &arena, &rows, &n), expected);
        assert_int_equal(s->ops->access_find(s, c.key_id, &project, 1, &arena, &entry, &version), expected);
        assert_int_equal(s->ops->access_clients(s, project, &arena, &ids, &n), expected);
        assert_int_equal(s->ops->access_delete(s, c.key_id, project), expected);
    }
    assert_int_equal(version, 4); /* at access_find, after three changes */
    assert_true(n == 1 && tg_str_eq(ids[0], TG_STR("a")));
    s->ops->rollback(s);
    s->ops->close(s);
    tg_arena_release(&arena);
}

/* A table with a hole would only be found by the caller that needs it. */
static void no_verb_is_missing(void **state) {
    (void)state;
    tg_fault_plan_t plan = {.fail_at = 0};
    tg_config_store_t *config = config_of("memory:faulty", &plan);
    tg_token_store_t *inner, *tokens;
    assert_ok(tg_token_store_open(TG_STR("memory:faulty"), &(tg_store_options_t){.create = true}, &inner, NULL));
    tokens = tg_token_faulty(inner, &plan);
    const void *const *verbs = (const void *const *)config->ops;
    for (size_t i = 0; i < sizeof(*config->ops) / sizeof(void *); i++) {
        assert_non_null(verbs[i]);
    }
    verbs = (const void *const *)tokens->ops;
    for (size_t i = 0; i < sizeof(*tokens->ops) / sizeof(void *); i++) {
        assert_non_null(verbs[i]);
    }
    config->ops->close(config);
    tokens->ops->close(tokens);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nth_call_fails_and_leaves_no_transaction),
        cmocka_unit_test(an_answer_can_be_lost_after_the_work),
        cmocka_unit_test(several_calls_in_a_row_fail),
        cmocka_unit_test(a_batch_that_fails_says_so_of_each_write),
        cmocka_unit_test(the_request_log_fails_as_planned),
        cmocka_unit_test(principals_fail_as_planned),
        cmocka_unit_test(no_verb_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
