/* Request ids and traceparent. */
#include "policy/trace.h"

#include "guard.h"
#include "tests.h"

#define TRACE  "0af7651916cd43dd8448eb211c80319c"
#define PARENT "b7ad6b7169203331"

static void traceparents(void **state) {
    (void)state;
    static const struct {
        const char *value;
        bool valid;
    } cases[] = {
        {"00-" TRACE "-" PARENT "-01", true},
        {"00-" TRACE "-" PARENT "-00", true},
        {"00-" TRACE "-" PARENT "-ff", true},
        {"01-" TRACE "-" PARENT "-01", true},
        {"cc-" TRACE "-" PARENT "-01-what the future says", true},
        {"", false},
        {"00", false},
        {"00-" TRACE "-" PARENT "-0", false},
        {"00-" TRACE "-" PARENT "-01-", false},
        {"00-" TRACE "-" PARENT "-011", false},
        {"01-" TRACE "-" PARENT "-01x", false},
        {"ff-" TRACE "-" PARENT "-01", false},
        {"0g-" TRACE "-" PARENT "-01", false},
        {"00-0AF7651916CD43DD8448EB211C80319C-" PARENT "-01", false},
        {"00-" TRACE "-B7AD6B7169203331-01", false},
        {"00-" TRACE "-" PARENT "-0G", false},
        {"00-00000000000000000000000000000000-" PARENT "-01", false},
        {"00-" TRACE "-0000000000000000-01", false},
        {"00_" TRACE "-" PARENT "-01", false},
        {"00-" TRACE "_" PARENT "-01", false},
        {"00-" TRACE "-" PARENT "_01", false},
        {" 00-" TRACE "-" PARENT "-01", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        guard_t g = guard_copy(cases[i].value, strlen(cases[i].value));
        if (tg_traceparent_is_valid(tg_strn(g.p, g.n)) != cases[i].valid) {
            fail_msg("%s", cases[i].value);
        }
        guard_free(&g);
    }
}

static void one_that_is_made_is_valid(void **state) {
    (void)state;
    uint8_t random[24];
    char out[TG_TRACEPARENT_LEN];
    for (size_t i = 0; i < sizeof(random); i++) {
        random[i] = (uint8_t)(i + 1);
    }
    tg_traceparent_write(random, out);
    tg_str_t made = tg_strn(out, sizeof(out));
    assert_str(made, "00-0102030405060708090a0b0c0d0e0f10-1112131415161718-01");
    assert_true(tg_traceparent_is_valid(made));
    assert_str(tg_traceparent_trace_id(made), "0102030405060708090a0b0c0d0e0f10");
}

static void request_ids(void **state) {
    (void)state;
    char longest[TG_REQUEST_ID_MAX + 1];
    memset(longest, 'x', sizeof(longest));
    assert_true(tg_request_id_is_sane(TG_STR("aZ09._-")));
    assert_true(tg_request_id_is_sane(tg_strn(longest, TG_REQUEST_ID_MAX)));
    assert_false(tg_request_id_is_sane(tg_strn(longest, TG_REQUEST_ID_MAX + 1)));
    assert_false(tg_request_id_is_sane(TG_STR_NONE));
    for (int c = 0; c < 256; c++) {
        char text[3] = {'a', (char)c, 'a'};
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
                     c == '_' || c == '-';
        assert_int_equal(tg_request_id_is_sane(tg_strn(text, 3)), plain);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(traceparents),
        cmocka_unit_test(one_that_is_made_is_valid),
        cmocka_unit_test(request_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
