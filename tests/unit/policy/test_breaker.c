/* The breaker as a list of moments: what is let through, what came of it, and what it says of itself. */
#include "policy/breaker.h"

#include "tests.h"

#define RULE(f, open, probe)                                                                                           \
    (tg_breaker_rule_t) {                                                                                              \
        .failures = (f), .open_ms = (open), .probe_ms = (probe)                                                        \
    }

enum { ASK, REFUSED, OK, FAILED };

typedef struct {
    uint64_t at;
    int what;
    tg_breaker_state_t state; /* behind it */
    uint64_t wait;
} step_t;

static void walk(const tg_breaker_rule_t *rule, const step_t *steps, size_t n) {
    tg_breaker_t b = {0};
    for (size_t i = 0; i < n; i++) {
        const step_t *s = &steps[i];
        if (s->what == ASK || s->what == REFUSED) {
            assert_int_equal(tg_breaker_ask(&b, rule, s->at), s->what == ASK);
        } else {
            tg_breaker_told(&b, rule, s->what == OK, s->at);
        }
        if (tg_breaker_state(&b, rule, s->at) != s->state || tg_breaker_wait(&b, rule, s->at) != s->wait) {
            fail_msg("step %zu: state %d, wait %llu", i, (int)tg_breaker_state(&b, rule, s->at),
                     (unsigned long long)tg_breaker_wait(&b, rule, s->at));
        }
    }
}

static void failures_in_a_row_open_it(void **state) {
    (void)state;
    static const step_t steps[] = {
        {1000, ASK, TG_BREAKER_CLOSED, 0},    {1001, FAILED, TG_BREAKER_CLOSED, 0},
        {1002, ASK, TG_BREAKER_CLOSED, 0},    {1003, OK, TG_BREAKER_CLOSED, 0},
        {1004, FAILED, TG_BREAKER_CLOSED, 0}, {1005, FAILED, TG_BREAKER_CLOSED, 0},
        {1006, FAILED, TG_BREAKER_OPEN, 100}, {1007, REFUSED, TG_BREAKER_OPEN, 99},
        {1105, REFUSED, TG_BREAKER_OPEN, 1},
    };
    tg_breaker_rule_t rule = RULE(3, 100, 50);
    walk(&rule, steps, COUNT(steps));
}

static void one_probe_decides(void **state) {
    (void)state;
    static const step_t steps[] = {
        {1000, FAILED, TG_BREAKER_OPEN, 100},      {1100, ASK, TG_BREAKER_HALF_OPEN, 50},
        {1101, REFUSED, TG_BREAKER_HALF_OPEN, 49}, {1110, FAILED, TG_BREAKER_OPEN, 100},
        {1209, REFUSED, TG_BREAKER_OPEN, 1},       {1210, ASK, TG_BREAKER_HALF_OPEN, 50},
        {1220, OK, TG_BREAKER_CLOSED, 0},          {1221, ASK, TG_BREAKER_CLOSED, 0},
        {1222, ASK, TG_BREAKER_CLOSED, 0},
    };
    tg_breaker_rule_t rule = RULE(1, 100, 50);
    walk(&rule, steps, COUNT(steps));
}

static void a_probe_that_is_lost_is_a_failure(void **state) {
    (void)state;
    static const step_t steps[] = {
        {1000, FAILED, TG_BREAKER_OPEN, 100},  {1100, ASK, TG_BREAKER_HALF_OPEN, 50},
        {1150, REFUSED, TG_BREAKER_OPEN, 100}, {1249, REFUSED, TG_BREAKER_OPEN, 1},
        {1250, ASK, TG_BREAKER_HALF_OPEN, 50}, {1251, REFUSED, TG_BREAKER_HALF_OPEN, 49},
    };
    tg_breaker_rule_t rule = RULE(1, 100, 50);
    walk(&rule, steps, COUNT(steps));
}

/* Checks that were under way when it opened fail one after the other. */
static void late_failures_do_not_keep_it_open(void **state) {
    (void)state;
    static const step_t steps[] = {
        {1000, FAILED, TG_BREAKER_CLOSED, 0},  {1001, FAILED, TG_BREAKER_OPEN, 100},
        {1050, FAILED, TG_BREAKER_OPEN, 51},   {1090, FAILED, TG_BREAKER_OPEN, 11},
        {1101, ASK, TG_BREAKER_HALF_OPEN, 50},
    };
    tg_breaker_rule_t rule = RULE(2, 100, 50);
    walk(&rule, steps, COUNT(steps));
}

static void a_late_success_closes_it(void **state) {
    (void)state;
    static const step_t steps[] = {
        {1000, FAILED, TG_BREAKER_OPEN, 100},
        {1001, OK, TG_BREAKER_CLOSED, 0},
        {1002, FAILED, TG_BREAKER_OPEN, 100},
    };
    tg_breaker_rule_t rule = RULE(1, 100, 50);
    walk(&rule, steps, COUNT(steps));
}

static void without_a_number_it_never_opens(void **state) {
    (void)state;
    tg_breaker_rule_t rule = RULE(0, 100, 50);
    tg_breaker_t b = {0};
    for (uint64_t now = 1; now < 1000; now++) {
        assert_true(tg_breaker_ask(&b, &rule, now));
        tg_breaker_told(&b, &rule, false, now);
        assert_int_equal(tg_breaker_state(&b, &rule, now), TG_BREAKER_CLOSED);
        assert_int_equal(tg_breaker_wait(&b, &rule, now), 0);
    }
}

/* What it lets through while it is open: one in each open time and no more. */
static void a_dead_thing_is_asked_rarely(void **state) {
    (void)state;
    tg_breaker_rule_t rule = RULE(5, 1000, 300);
    tg_breaker_t b = {0};
    int asked = 0;
    for (uint64_t now = 1; now <= 100000; now++) {
        if (tg_breaker_ask(&b, &rule, now)) {
            asked++;
            tg_breaker_told(&b, &rule, false, now);
        }
    }
    assert_in_range(asked, 5 + 98, 5 + 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failures_in_a_row_open_it),         cmocka_unit_test(one_probe_decides),
        cmocka_unit_test(a_probe_that_is_lost_is_a_failure), cmocka_unit_test(late_failures_do_not_keep_it_open),
        cmocka_unit_test(a_late_success_closes_it),          cmocka_unit_test(without_a_number_it_never_opens),
        cmocka_unit_test(a_dead_thing_is_asked_rarely),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
