#include "bodies.h"

static json_t *read_limits(const json_t *body, tg_arena_t *a, tg_fault_t *fault, tg_err_t *err) {
    tg_limits_t l;
    *err = tg_limits_parse(body, a, &l, fault);
    return *err ? NULL : tg_limits_write(&l);
}

static tg_limits_t parse(const char *text) {
    tg_arena_t a;
    tg_limits_t l;
    tg_fault_t fault = {.field = ""};
    json_t *body = body_load(text);
    tg_arena_init(&a, 1 << 16);
    if (tg_limits_parse(body, &a, &l, &fault)) {
        fail_msg("%s: %s: %s", text, fault.field, fault.text);
    }
    json_decref(body);
    tg_arena_release(&a);
    return l;
}

static void none_by_default(void **state) {
    static const tg_limits_t none;
    (void)state;
    tg_limits_t l = parse("{}");
    assert_memory_equal(&l, &none, sizeof(none));
    l = parse("{'quota':null,'throttling':{'limit':0},'countingMode':'ALL'}");
    assert_memory_equal(&l, &none, sizeof(none));
    /* what a window would be without a limit has no meaning */
    l = parse("{'throttling':{'limit':0,'intervalAmount':5,'intervalUnit':'DAYS','windowType':'SLIDING'}}");
    assert_memory_equal(&l, &none, sizeof(none));
}

static void reads_both(void **state) {
    (void)state;
    tg_limits_t l = parse("{'quota':{'limit':1000000000,'intervalAmount':1,'intervalUnit':'MONTHS'},'throttling':"
                          "{'limit':5,'intervalAmount':250,'intervalUnit':'MILLI_SECOND','windowType':'SLIDING'},"
                          "'countingMode':'ACCEPTED'}");
    assert_int_equal(l.quota.limit, 1000000000);
    assert_int_equal(l.quota.interval_ms, 30 * TG_DAY_MS);
    assert_false(l.quota.sliding);
    assert_int_equal(l.throttling.limit, 5);
    assert_int_equal(l.throttling.interval_ms, 250);
    assert_true(l.throttling.sliding);
    assert_true(l.accepted_only);
    l = parse("{'throttling':{'limit':5,'intervalAmount':1,'intervalUnit':'MINUTE'}}");
    assert_false(l.throttling.sliding);
}

static void writes_the_largest_unit(void **state) {
    static const struct {
        const char *amount, *unit;
        int64_t written;
        const char *in;
    } rows[] = {
        {"1", "YEAR", 1, "YEARS"},
        {"365", "DAYS", 1, "YEARS"},
        {"60", "DAYS", 2, "MONTHS"},
        {"14", "DAYS", 2, "WEEKS"},
        {"48", "HOURS", 2, "DAYS"},
        {"90", "MINUTES", 90, "MINUTES"},
        {"120", "MINUTES", 2, "HOURS"},
        {"90", "SECONDS", 90, "SECONDS"},
        {"1500", "MILLI_SECONDS", 1500, "MILLI_SECONDS"},
        {"1", "MILLI_SECONDS", 1, "MILLI_SECONDS"},
        {"2000", "MILLI_SECONDS", 2, "SECONDS"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[256];
        snprintf(text, sizeof(text), "{'throttling':{'limit':1,'intervalAmount':%s,'intervalUnit':'%s'}}",
                 rows[i].amount, rows[i].unit);
        json_t *written = round_trip(read_limits, text);
        json_t *limit = json_object_get(written, "throttling");
        assert_int_equal(json_integer_value(json_object_get(limit, "intervalAmount")), rows[i].written);
        assert_string_equal(json_string_value(json_object_get(limit, "intervalUnit")), rows[i].in);
        json_decref(written);
    }
}

#define QUOTA(members)    "{'quota':{" members "}}"
#define THROTTLE(members) "{'throttling':{" members "}}"

static void refuses(void **state) {
    static const refusal_t rows[] = {
        {"[]", "", "must be an object"},
        {"{'rate':{}}", "rate", "is not a known field"},
        {"{'quota':5}", "quota", "must be an object"},
        {"{'countingMode':'all'}", "countingMode", "must be one of ALL, ACCEPTED"},
        {"{'countingMode':true}", "countingMode", "must be a string"},
        {QUOTA(""), "quota.limit", "is required"},
        {QUOTA("'limit':1,'intervalUnit':'DAYS'"), "quota.intervalAmount", "is required with a limit"},
        {QUOTA("'limit':1,'intervalAmount':1"), "quota.intervalUnit", "is required with a limit"},
        {QUOTA("'limit':-1,'intervalAmount':1,'intervalUnit':'DAYS'"), "quota.limit", "from 0 to 1000000000"},
        {QUOTA("'limit':1000000001,'intervalAmount':1,'intervalUnit':'DAYS'"), "quota.limit", "from 0 to 1000000000"},
        {QUOTA("'limit':'1','intervalAmount':1,'intervalUnit':'DAYS'"), "quota.limit", "must be a whole number"},
        {QUOTA("'limit':1,'intervalAmount':0,'intervalUnit':'DAYS'"), "quota.intervalAmount", "from 1 to"},
        {QUOTA("'limit':1,'intervalAmount':366,'intervalUnit':'DAYS'"), "quota.intervalAmount", "at most one year"},
        {QUOTA("'limit':1,'intervalAmount':31536000000,'intervalUnit':'YEARS'"), "quota.intervalAmount",
         "at most one year"},
        {QUOTA("'limit':1,'intervalAmount':1,'intervalUnit':'days'"), "quota.intervalUnit", "must be one of MILLI"},
        {QUOTA("'limit':1,'intervalAmount':999,'intervalUnit':'MILLI_SECONDS'"), "quota.intervalAmount",
         "at least a second"},
        {QUOTA("'limit':1,'intervalAmount':1,'intervalUnit':'DAYS','windowType':'SLIDING'"), "quota.windowType",
         "must be FIXED here"},
        {QUOTA("'limit':1,'window':'FIXED'"), "quota.window", "is not a known field"},
        {THROTTLE("'limit':1,'intervalAmount':1,'intervalUnit':'DAYS','windowType':'ROLLING'"), "throttling.windowType",
         "must be one of FIXED, SLIDING"},
        {THROTTLE("'limit':1,'intervalAmount':0,'intervalUnit':'MILLI_SECONDS'"), "throttling.intervalAmount",
         "from 1 to"},
    };
    (void)state;
    refused(read_limits, ROWS(rows));
}

static void round_trips(void **state) {
    static const char *const bodies[] = {
        "{}",
        "{'countingMode':'ACCEPTED'}",
        "{'quota':{'limit':1,'intervalAmount':1000,'intervalUnit':'MILLI_SECONDS','windowType':'FIXED'}}",
        "{'throttling':{'limit':1,'intervalAmount':7,'intervalUnit':'MILLI_SECONDS','windowType':'SLIDING'}}",
    };
    (void)state;
    accepted(read_limits, ROWS(bodies));
    survives_lack_of_memory(read_limits, bodies[3]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none_by_default), cmocka_unit_test(reads_both),  cmocka_unit_test(writes_the_largest_unit),
        cmocka_unit_test(refuses),         cmocka_unit_test(round_trips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
