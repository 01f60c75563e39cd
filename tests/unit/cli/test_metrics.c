#include "../tests.h"

#include "cli/metrics.h"

static const char node[] = "# HELP tollgate_requests_total Requests.\n"
                           "# TYPE tollgate_requests_total counter\n"
                           "tollgate_requests_total{result=\"forwarded\"} 90\n"
                           "tollgate_requests_total{result=\"refused\"} 10\n"
                           "tollgate_token_cache_total{result=\"hit\"} 7\n"
                           "tollgate_token_cache_total{result=\"negative\"} 1\n"
                           "tollgate_token_cache_total{result=\"miss\"} 2\n"
                           "tollgate_tokens_issued_total{type=\"jwt\"} 4\n"
                           "tollgate_tokens_issued_total{type=\"opaque\"} 5\n"
                           "tollgate_pool_tasks_total{pool=\"crypto\",result=\"busy\"} 3\n"
                           "tollgate_pool_tasks_total{pool=\"crypto\",result=\"posted\"} 100\n"
                           "tollgate_pool_crypto_pending 6\n"
                           "tollgate_unknown{a=\"}\"} 1 1700000000\n";

static void test_samples_are_summed(void **state) {
    (void)state;
    tg_metrics_t m = {0};
    assert_int_equal(tg_metrics_add(tg_str(node), &m), TG_OK);
    assert_int_equal(tg_metrics_add(tg_str(node), &m), TG_OK);
    assert_int_equal(m.value[TG_TOP_REQUESTS], 200);
    assert_int_equal(m.value[TG_TOP_REQUESTS_REFUSED], 20);
    assert_int_equal(m.value[TG_TOP_CACHE_HITS], 16);
    assert_int_equal(m.value[TG_TOP_CACHE_ALL], 20);
    assert_int_equal(m.value[TG_TOP_ISSUED_JWT], 8);
    assert_int_equal(m.value[TG_TOP_ISSUED_OPAQUE], 10);
    assert_int_equal(m.value[TG_TOP_BUSY], 6);
    assert_int_equal(m.value[TG_TOP_QUEUE_CRYPTO], 12);
}

static void test_what_is_no_metrics(void **state) {
    (void)state;
    static const char *const texts[] = {"",
                                        "<html>",
                                        "tollgate_requests_total",
                                        "tollgate_requests_total x",
                                        "tollgate_requests_total{result=\"refused\"",
                                        "tollgate_requests_total inf",
                                        "other_total 1\n",
                                        "tollgate_requests_totals 1\n"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        tg_metrics_t m = {0};
        if (tg_metrics_add(tg_str(texts[i]), &m) != TG_ERR_INVALID)
            fail_msg("%s", texts[i]);
    }
}

static void test_rates(void **state) {
    (void)state;
    tg_metrics_t before = {0}, after = {0}, rate;
    before.value[TG_TOP_REQUESTS] = 100;
    after.value[TG_TOP_REQUESTS] = 150;
    before.value[TG_TOP_CHECKS] = 100; /* the gateway was started anew */
    after.value[TG_TOP_CHECKS] = 20;
    before.value[TG_TOP_CONNECTIONS] = 9;
    after.value[TG_TOP_CONNECTIONS] = 4;
    tg_metrics_rate(&before, &after, 2, &rate);
    assert_int_equal(rate.value[TG_TOP_REQUESTS], 25);
    assert_int_equal(rate.value[TG_TOP_CHECKS], 10);
    assert_int_equal(rate.value[TG_TOP_CONNECTIONS], 4);
    tg_metrics_rate(&before, &after, 0, &rate);
    assert_int_equal(rate.value[TG_TOP_REQUESTS], 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples_are_summed),
        cmocka_unit_test(test_what_is_no_metrics),
        cmocka_unit_test(test_rates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
