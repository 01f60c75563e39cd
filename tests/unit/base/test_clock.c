#include "base/clock.h"

#include "guard.h"
#include "tests.h"

static void units(void **state) {
    static const struct {
        const char *name;
        tg_ms_t ms;
    } cases[] = {
        {"MILLI_SECONDS", 1},   {"MILLI_SECOND", 1},
        {"SECONDS", 1000},      {"MINUTE", 60000},
        {"HOURS", 3600000},     {"DAY", 86400000},
        {"WEEKS", 604800000},   {"MONTH", 2592000000},
        {"YEARS", 31536000000}, {"", 0},
        {"HOUR ", 0},           {"hours", 0},
        {"SECONDSS", 0},        {"S", 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_true(tg_unit_ms(tg_str(cases[i].name)) == cases[i].ms);
    }
}

static void lifetimes(void **state) {
    (void)state;
    assert_true(tg_lifetime_seconds(1, TG_STR("HOURS")) == 3600);
    assert_true(tg_lifetime_seconds(1, TG_STR("MILLI_SECONDS")) == 1);
    assert_true(tg_lifetime_seconds(1000, TG_STR("MILLI_SECONDS")) == 1);
    assert_true(tg_lifetime_seconds(1001, TG_STR("MILLI_SECONDS")) == 2);
    assert_true(tg_lifetime_seconds(0, TG_STR("HOURS")) == 0);
    assert_true(tg_lifetime_seconds(-1, TG_STR("HOURS")) == 0);
    assert_true(tg_lifetime_seconds(1, TG_STR("FORTNIGHTS")) == 0);
    assert_true(tg_lifetime_seconds(100, TG_STR("YEARS")) == 3153600000);
    assert_true(tg_lifetime_seconds(101, TG_STR("YEARS")) == 0);
    assert_true(tg_lifetime_seconds(INT64_MAX, TG_STR("MILLI_SECONDS")) == 0);
    assert_true(tg_lifetime_seconds(INT64_MAX, TG_STR("YEARS")) == 0);
}

static const struct {
    const char *text;
    tg_ms_t at;
} moments[] = {
    {"1970-01-01T00:00:00.000Z", 0},
    {"1969-12-31T23:59:59.999Z", -1},
    {"2026-11-23T17:18:42.123Z", 1795454322123},
    {"2000-02-29T12:00:00.000Z", 951825600000},
    {"2038-01-19T03:14:08.000Z", 2147483648000},
    {"1900-03-01T00:00:00.000Z", -2203891200000},
    {"0000-01-01T00:00:00.000Z", -62167219200000},
    {"9999-12-31T23:59:59.999Z", 253402300799999},
};

static void known_moments_both_ways(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(moments); i++) {
        tg_ms_t at = 0;
        tg_buf_t b;
        char mem[24];
        tg_buf_init_fixed(&b, mem, sizeof(mem));
        tg_buf_put_iso8601(&b, moments[i].at);
        assert_str(tg_buf_str(&b), moments[i].text);
        assert_int_equal(tg_iso8601_parse(tg_str(moments[i].text), &at), TG_OK);
        assert_true(at == moments[i].at);
    }
}

static void moments_beyond_four_digit_years_are_clamped(void **state) {
    (void)state;
    tg_buf_t b;
    char mem[48];
    tg_buf_init_fixed(&b, mem, sizeof(mem));
    tg_buf_put_iso8601(&b, INT64_MAX);
    tg_buf_put_iso8601(&b, INT64_MIN);
    assert_str(tg_buf_str(&b), "9999-12-31T23:59:59.999Z0000-01-01T00:00:00.000Z");
}

static void every_day_survives_a_round_trip(void **state) {
    (void)state;
    for (tg_ms_t at = -62167219200000; at <= 253402300799999; at += 17 * TG_DAY_MS + 3601001) {
        tg_ms_t back = 1;
        tg_buf_t b;
        char mem[24];
        tg_buf_init_fixed(&b, mem, sizeof(mem));
        tg_buf_put_iso8601(&b, at);
        assert_int_equal(tg_iso8601_parse(tg_buf_str(&b), &back), TG_OK);
        assert_true(back == at);
    }
}

static void other_forms(void **state) {
    static const struct {
        const char *text;
        bool ok;
        tg_ms_t at;
    } cases[] = {
        {"1970-01-02", true, 86400000},
        {"1970-01-01T00:00:01Z", true, 1000},
        {"1970-01-01T00:00:01.5Z", true, 1500},
        {"1970-01-01T00:00:01.123456789Z", true, 1123},
        {"2024-02-29", true, 1709164800000},
        {"2023-02-29", false, 0},
        {"1900-02-29", false, 0},
        {"1970-04-31", false, 0},
        {"1970-00-01", false, 0},
        {"1970-13-01", false, 0},
        {"1970-01-00", false, 0},
        {"1970-01-32", false, 0},
        {"1970-1-1", false, 0},
        {"1970-01-01T", false, 0},
        {"1970-01-01Z", false, 0},
        {"1970-01-01 00:00:00Z", false, 0},
        {"1970-01-01T00:00:00", false, 0},
        {"1970-01-01T00:00Z", false, 0},
        {"1970-01-01T24:00:00Z", false, 0},
        {"1970-01-01T00:60:00Z", false, 0},
        {"1970-01-01T00:00:60Z", false, 0},
        {"1970-01-01T00:00:00.Z", false, 0},
        {"1970-01-01T00:00:00.1234567890Z", false, 0},
        {"1970-01-01T00:00:00,5Z", false, 0},
        {"1970-01-01T00:00:00+00:00", false, 0},
        {"1970-01-01T00:00:00z", false, 0},
        {"1970-01-01T00:00:00ZZ", false, 0},
        {"+970-01-01", false, 0},
        {"-970-01-01", false, 0},
        {"", false, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        tg_ms_t at = 77;
        guard_t g = guard_copy(cases[i].text, strlen(cases[i].text));
        if ((tg_iso8601_parse(tg_strn(g.p, g.n), &at) == TG_OK) != cases[i].ok ||
            at != (cases[i].ok ? cases[i].at : 77)) {
            fail_msg("%s", cases[i].text);
        }
        guard_free(&g);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units),
        cmocka_unit_test(lifetimes),
        cmocka_unit_test(known_moments_both_ways),
        cmocka_unit_test(moments_beyond_four_digit_years_are_clamped),
        cmocka_unit_test(every_day_survives_a_round_trip),
        cmocka_unit_test(other_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
