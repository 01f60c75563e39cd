/* Meters against a list of moments: what was let through, and what counts of it by the words of the specification. */
#include "policy/meter.h"

#include "tests.h"

#define EVENTS_MAX 4096
#define START      ((tg_ms_t)1790000000 * 1000)

typedef struct {
    tg_ms_t at[EVENTS_MAX];
    size_t n;
    uint64_t rng;
} model_t;

static uint64_t below(model_t *m, uint64_t n) {
    m->rng ^= m->rng << 13;
    m->rng ^= m->rng >> 7;
    m->rng ^= m->rng << 17;
    return (m->rng >> 20) % n;
}

static int64_t count_between(const model_t *m, tg_ms_t from, tg_ms_t to) {
    int64_t n = 0;
    for (size_t i = 0; i < m->n; i++) {
        n += m->at[i] >= from && m->at[i] < to;
    }
    return n;
}

/* The window that `now` is in, counted one by one; sliding: and the part of the one before that lies within the last
 * interval. */
static int64_t counts(const model_t *m, const tg_limit_t *l, tg_ms_t now) {
    tg_ms_t start = now - now % l->interval_ms;
    int64_t n = count_between(m, start, start + l->interval_ms);
    if (l->sliding) {
        tg_ms_t within = start - (now - l->interval_ms);
        n += count_between(m, start - l->interval_ms, start) * within / l->interval_ms;
    }
    return n;
}

/* The first millisecond at which one more may come, found by trying. */
static int64_t wait_of(const model_t *m, const tg_limit_t *l, int64_t limit, tg_ms_t now) {
    for (int64_t wait = 0; wait <= 2 * l->interval_ms; wait++) {
        if (counts(m, l, now + wait) < limit) {
            return wait;
        }
    }
    fail_msg("never");
    return -1;
}

static void run(bool sliding, uint64_t seed) {
    static const int64_t intervals[] = {1, 2, 7, 100, 1000};
    model_t m = {.rng = seed * 0x9e3779b97f4a7c15u};
    const tg_limit_t l = {.limit = 1000, .interval_ms = intervals[below(&m, COUNT(intervals))], .sliding = sliding};
    int64_t limit = 1 + (int64_t)below(&m, 9);
    tg_ms_t now = START + (tg_ms_t)below(&m, 2000);
    tg_meter_t meter = {0};
    bool all = below(&m, 2) == 0; /* ALL counts what was refused as well */
    for (int i = 0; i < 400; i++) {
        int64_t retry = -1, expected = counts(&m, &l, now);
        if (tg_meter_read(&meter, &l, now) != expected) {
            fail_msg("seed %llu, step %d: %u, not %lld", (unsigned long long)seed, i, tg_meter_read(&meter, &l, now),
                     (long long)expected);
        }
        bool open = tg_meter_check(&meter, &l, limit, now, &retry);
        assert_int_equal(open, expected < limit);
        if (retry != wait_of(&m, &l, limit, now)) {
            fail_msg("seed %llu, step %d: wait %lld", (unsigned long long)seed, i, (long long)retry);
        }
        if (open || all) {
            tg_meter_add(&meter, &l, now);
            m.at[m.n++] = now;
        }
        now += below(&m, 3) == 0 ? 0 : (tg_ms_t)below(&m, (uint64_t)l.interval_ms * (1 + below(&m, 3)) + 1);
        if (below(&m, 4) == 0 && !open) {
            now += retry; /* who waits as told gets through */
        }
    }
}

static void fixed_windows(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        run(false, seed);
    }
}

static void sliding_windows(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        run(true, seed);
    }
}

static void who_waits_as_told_gets_through(void **state) {
    const tg_limit_t l = {.limit = 3, .interval_ms = 1000, .sliding = true};
    tg_meter_t m = {0};
    int64_t retry;
    tg_ms_t now = START;
    (void)state;
    for (int i = 0; i < 1000; i++) {
        if (!tg_meter_check(&m, &l, 3, now, &retry)) {
            int64_t wait = retry;
            assert_in_range(wait, 1, 2000);
            assert_false(tg_meter_check(&m, &l, 3, now + wait - 1, &retry));
            assert_int_equal(retry, 1);
            now += wait;
            assert_true(tg_meter_check(&m, &l, 3, now, &retry));
        }
        tg_meter_add(&m, &l, now);
    }
    assert_in_range(now - START, 1000 / 3 * 1000 - 2000, 1000 / 3 * 1000 + 2000); /* as many as the limit says */
}

static void no_limit(void **state) {
    const tg_limit_t none = {.limit = 0};
    tg_meter_t m = {0};
    int64_t retry = 7;
    (void)state;
    assert_true(tg_meter_check(&m, &none, 1, START, &retry));
    assert_int_equal(retry, 0);
    tg_meter_add(&m, &none, START); /* and no division by an interval of 0 */
}

static void a_step_back_in_time(void **state) {
    const tg_limit_t l = {.limit = 2, .interval_ms = 1000};
    tg_meter_t m = {0};
    int64_t retry;
    (void)state;
    tg_meter_add(&m, &l, START + 500);
    tg_meter_add(&m, &l, START + 500);
    assert_false(tg_meter_check(&m, &l, 2, START + 500, &retry));
    assert_int_equal(retry, 500);
    assert_false(tg_meter_check(&m, &l, 2, START - 30000, &retry)); /* no way round a limit */
    assert_int_equal(retry, 31000);
    assert_true(tg_meter_check(&m, &l, 2, START + 1000, &retry));
}

/* The number of a window is another one then; the meter must not stand still until the end of days. */
static void the_interval_was_changed(void **state) {
    const tg_limit_t small = {.limit = 2, .interval_ms = 1000}, large = {.limit = 2, .interval_ms = TG_DAY_MS};
    tg_meter_t m = {0};
    int64_t retry;
    (void)state;
    tg_meter_add(&m, &small, START);
    tg_meter_add(&m, &small, START);
    assert_true(tg_meter_check(&m, &large, 2, START, &retry));
    tg_meter_add(&m, &large, START);
    tg_meter_add(&m, &large, START);
    assert_false(tg_meter_check(&m, &large, 2, START, &retry));
    assert_true(tg_meter_check(&m, &large, 2, START + TG_DAY_MS, &retry));
    assert_true(tg_meter_check(&m, &small, 2, START, &retry));
}

static void counters_do_not_wrap(void **state) {
    const tg_limit_t l = {.limit = 1, .interval_ms = (int64_t)100 * 365 * TG_DAY_MS, .sliding = true};
    tg_meter_t m = {.window = 1, .count = UINT32_MAX, .before = UINT32_MAX};
    tg_ms_t now = l.interval_ms + l.interval_ms / 2;
    int64_t retry;
    (void)state;
    tg_meter_add(&m, &l, now);
    assert_int_equal(m.count, UINT32_MAX);
    assert_true(tg_meter_read(&m, &l, now) == UINT32_MAX);
    assert_false(tg_meter_check(&m, &l, 1, now, &retry));
    assert_in_range(retry, l.interval_ms, 2 * l.interval_ms);
    tg_meter_t ancient = {.window = UINT64_MAX, .count = 1};
    assert_int_equal(tg_meter_read(&ancient, &l, now), 0);
}

static void shares(void **state) {
    static const struct {
        int64_t limit, nodes, share;
    } rows[] = {
        {10, 1, 10},
        {10, 2, 5},
        {10, 3, 4},
        {10, 10, 1},
        {10, 11, 1},
        {1, 100, 1},
        {10, 0, 10},
        {10, -1, 10},
        {INT64_MAX, 1, INT64_MAX},
        {INT64_MAX, 2, INT64_MAX / 2 + 1},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_true(tg_limit_share(rows[i].limit, rows[i].nodes) == rows[i].share);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed_windows),
        cmocka_unit_test(sliding_windows),
        cmocka_unit_test(who_waits_as_told_gets_through),
        cmocka_unit_test(no_limit),
        cmocka_unit_test(a_step_back_in_time),
        cmocka_unit_test(the_interval_was_changed),
        cmocka_unit_test(counters_do_not_wrap),
        cmocka_unit_test(shares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
