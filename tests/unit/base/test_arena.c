#include "base/arena.h"

#include <stdalign.h>

#include "alloc.h"
#include "tests.h"

static void hands_out_zeroed_aligned_memory(void **state) {
    tg_arena_t a;
    char *last = NULL;
    (void)state;
    tg_arena_init(&a, 1 << 20);
    for (size_t n = 0; n < 600; n++) {
        char *p = tg_arena_alloc(&a, n);
        assert_non_null(p);
        assert_ptr_not_equal(p, last);
        assert_int_equal((uintptr_t)p % alignof(max_align_t), 0);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(p[i], 0);
        }
        memset(p, 0xA5, n);
        last = p;
    }
    tg_arena_release(&a);
    assert_int_equal(a.used, 0);
}

static void bound_holds(void **state) {
    tg_arena_t a;
    (void)state;
    tg_arena_init(&a, 1024);
    assert_non_null(tg_arena_alloc(&a, 1000));
    assert_null(tg_arena_alloc(&a, 100));
    assert_non_null(tg_arena_alloc(&a, 16));
    assert_null(tg_arena_alloc(&a, 1));
    tg_arena_release(&a);
    assert_non_null(tg_arena_alloc(&a, 1024));
    tg_arena_release(&a);

    tg_arena_init(&a, SIZE_MAX);
    assert_null(tg_arena_alloc(&a, SIZE_MAX));
    assert_null(tg_arena_alloc(&a, SIZE_MAX - 8));
    assert_null(tg_arena_array(&a, SIZE_MAX / 8, 16));
    assert_null(a.blocks);
    tg_arena_release(&a);
}

/* Small allocations around a large one, none of which may overlap. */
static void large_blocks_stand_beside_small_ones(void **state) {
    tg_arena_t a;
    (void)state;
    tg_arena_init(&a, 1 << 20);
    char *small = tg_arena_alloc(&a, 100);
    char *large = tg_arena_alloc(&a, 10000);
    char *next = tg_arena_alloc(&a, 100);
    memset(small, 1, 100);
    memset(large, 2, 10000);
    memset(next, 3, 100);
    assert_int_equal(small[99], 1);
    assert_int_equal(large[0], 2);
    assert_int_equal(large[9999], 2);
    assert_ptr_equal(next, small + 112);
    tg_arena_release(&a);
}

static void copies_strings(void **state) {
    tg_arena_t a;
    tg_str_t copy;
    (void)state;
    tg_arena_init(&a, 1024);
    assert_true(tg_arena_str(&a, TG_STR("name"), &copy));
    assert_str(copy, "name");
    assert_int_equal(copy.p[4], '\0');
    assert_true(tg_arena_str(&a, TG_STR_NONE, &copy));
    assert_int_equal(copy.n, 0);
    assert_int_equal(copy.p[0], '\0');
    assert_false(tg_arena_str(&a, tg_strn("", SIZE_MAX), &copy));
    tg_arena_release(&a);
}

static void without_memory(void **state) {
    tg_arena_t a;
    tg_str_t copy;
    (void)state;
    tg_arena_init(&a, 1 << 20);
    alloc_fail_after(0);
    assert_null(tg_arena_alloc(&a, 8));
    assert_true(alloc_failed());
    alloc_fail_after(0);
    assert_false(tg_arena_str(&a, TG_STR("x"), &copy));
    assert_true(alloc_failed());
    assert_non_null(tg_arena_alloc(&a, 8));
    tg_arena_release(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hands_out_zeroed_aligned_memory),
        cmocka_unit_test(bound_holds),
        cmocka_unit_test(large_blocks_stand_beside_small_ones),
        cmocka_unit_test(copies_strings),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
