#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "store/token_store.h"

#define NOW      ((tg_ms_t)1774000000123)
#define MONTH_MS (30 * TG_DAY_MS)

static const struct {
    const char *what;
    tg_ms_t until;
    tg_bucket_class_t cls;
    tg_ms_t span;
} cases[] = {
    {"one second", NOW + 1000, TG_BUCKET_HOUR, TG_HOUR_MS},
    {"now", NOW, TG_BUCKET_HOUR, TG_HOUR_MS},
    {"already past", NOW - 7 * TG_DAY_MS, TG_BUCKET_HOUR, TG_HOUR_MS},
    {"the epoch's first moment after 0", 1, TG_BUCKET_HOUR, TG_HOUR_MS},
    {"48 hours", NOW + 48 * TG_HOUR_MS, TG_BUCKET_HOUR, TG_HOUR_MS},
    {"48 hours and a bit", NOW + 48 * TG_HOUR_MS + 1, TG_BUCKET_DAY, TG_DAY_MS},
    {"60 days", NOW + 60 * TG_DAY_MS, TG_BUCKET_DAY, TG_DAY_MS},
    {"60 days and a bit", NOW + 60 * TG_DAY_MS + 1, TG_BUCKET_MONTH, MONTH_MS},
    {"100 years", NOW + 36500 * TG_DAY_MS, TG_BUCKET_MONTH, MONTH_MS},
};

static void names_class_and_index(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        tg_bucket_t b = tg_bucket_for(NOW, cases[i].until);
        print_message("%s\n", cases[i].what);
        assert_int_equal(b.cls, cases[i].cls);
        assert_int_equal(b.index, cases[i].until / cases[i].span);
        assert_true(b.index < 1u << 24);
        /* it is kept at least until it no longer matters, and at most one span longer */
        assert_true(tg_bucket_end(b) > cases[i].until);
        assert_true(tg_bucket_end(b) - cases[i].until <= cases[i].span);
    }
}

static void what_never_ends_is_never_dropped(void **state) {
    (void)state;
    tg_bucket_t b = tg_bucket_for(NOW, 0);
    assert_int_equal(b.cls, TG_BUCKET_NEVER);
    assert_int_equal(b.index, 0);
    assert_true(tg_bucket_end(b) == INT64_MAX);
}

static void extremes_keep_the_index_in_bounds(void **state) {
    (void)state;
    static const tg_ms_t moments[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, NOW, INT64_MAX - 1, INT64_MAX};
    for (size_t i = 0; i < 8; i++) {
        for (size_t k = 0; k < 8; k++) {
            if (moments[i] < 0) {
                continue; /* a clock before 1970 is not ours */
            }
            tg_bucket_t b = tg_bucket_for(moments[i], moments[k]);
            assert_true(b.index < 1u << 24);
            assert_true(tg_bucket_end(b) > moments[k] || moments[k] == INT64_MAX);
        }
    }
    assert_int_equal(tg_bucket_for(NOW, INT64_MAX).cls, TG_BUCKET_NEVER);
    assert_true(tg_bucket_end((tg_bucket_t){(tg_bucket_class_t)9, 1}) == INT64_MAX);
}

static void the_next_bucket_begins_where_one_ends(void **state) {
    (void)state;
    for (int cls = TG_BUCKET_HOUR; cls <= TG_BUCKET_MONTH; cls++) {
        const tg_bucket_t b = {(tg_bucket_class_t)cls, 700}, next = tg_bucket_next(b);
        assert_int_equal(next.cls, cls);
        assert_int_equal(next.index, 701);
        assert_int_equal(tg_bucket_next((tg_bucket_t){(tg_bucket_class_t)cls, (1u << 24) - 1}).cls, TG_BUCKET_NEVER);
    }
    assert_int_equal(tg_bucket_next((tg_bucket_t){TG_BUCKET_NEVER, 0}).cls, TG_BUCKET_NEVER);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_class_and_index),
        cmocka_unit_test(what_never_ends_is_never_dropped),
        cmocka_unit_test(the_next_bucket_begins_where_one_ends),
        cmocka_unit_test(extremes_keep_the_index_in_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
