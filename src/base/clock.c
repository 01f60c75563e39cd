#include "base/clock.h"

#define MINUTE_MS  (60 * TG_SECOND_MS)
#define YEAR_MS    (365 * TG_DAY_MS)
#define LONGEST_MS (100 * YEAR_MS)

#define MIN_AT (-62167219200000LL) /* 0000-01-01T00:00:00.000Z */
#define MAX_AT 253402300799999LL   /* 9999-12-31T23:59:59.999Z */

static const struct {
    tg_str_t name; /* plural */
    tg_ms_t ms;
} units[] = {
    {TG_STR("MILLI_SECONDS"), 1},       {TG_STR("SECONDS"), TG_SECOND_MS}, {TG_STR("MINUTES"), MINUTE_MS},
    {TG_STR("HOURS"), TG_HOUR_MS},      {TG_STR("DAYS"), TG_DAY_MS},       {TG_STR("WEEKS"), 7 * TG_DAY_MS},
    {TG_STR("MONTHS"), 30 * TG_DAY_MS}, {TG_STR("YEARS"), YEAR_MS},
};

tg_ms_t tg_unit_ms(tg_str_t unit) {
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        tg_str_t singular = tg_strn(units[i].name.p, units[i].name.n - 1);
        if (tg_str_eq(unit, units[i].name) || tg_str_eq(unit, singular)) {
            return units[i].ms;
        }
    }
    return 0;
}

int64_t tg_lifetime_seconds(int64_t amount, tg_str_t unit) {
    tg_ms_t ms = tg_unit_ms(unit);
    if (ms == 0 || amount < 1 || amount > LONGEST_MS / ms) {
        return 0;
    }
    return (amount * ms + TG_SECOND_MS - 1) / TG_SECOND_MS;
}

/* Days since 1970-01-01 of a date in the proleptic Gregorian calendar. Years are counted from March, so that the leap
 * day is the last of its year; 400 years have 146097 days. */
static int64_t days_of(int64_t year, int64_t month, int64_t day) {
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

/* The inverse of days_of. */
static void date_of(int64_t days, int64_t *year, int64_t *month, int64_t *day) {
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    *day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    *month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    *year = year_of_era + era * 400 + (*month <= 2);
}

void tg_buf_put_iso8601(tg_buf_t *b, tg_ms_t at) {
    int64_t year;
    int64_t month;
    int64_t day;
    at = at < MIN_AT ? MIN_AT : at > MAX_AT ? MAX_AT : at;
    int64_t days = (at - MIN_AT) / TG_DAY_MS + MIN_AT / TG_DAY_MS;
    int of_day = (int)(at - days * TG_DAY_MS);
    date_of(days, &year, &month, &day);
    tg_buf_putf(b, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", (int)year, (int)month, (int)day, of_day / 3600000,
                of_day / 60000 % 60, of_day / 1000 % 60, of_day % 1000);
}

static int month_length(int64_t year, int64_t month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

/* Takes `digits` digits off the front, of a value from min to max, and then `behind` unless that is 0. */
static bool take_number(tg_str_t *s, size_t digits, int min, int max, char behind, int *out) {
    uint64_t value;
    size_t len = digits + (behind != '\0');
    if (s->n < len || !tg_str_to_u64(tg_strn(s->p, digits), (uint64_t)max, &value) || value < (uint64_t)min ||
        (behind != '\0' && s->p[digits] != behind)) {
        return false;
    }
    *out = (int)value;
    *s = tg_strn(s->p + len, s->n - len);
    return true;
}

static bool take_date(tg_str_t *s, int64_t *days) {
    int year;
    int month;
    int day;
    if (!take_number(s, 4, 0, 9999, '-', &year) || !take_number(s, 2, 1, 12, '-', &month) ||
        !take_number(s, 2, 1, month_length(year, month), '\0', &day)) {
        return false;
    }
    *days = days_of(year, month, day);
    return true;
}

/* ".123" of any length up to nanoseconds; digits behind milliseconds are cut off. Nothing is no fraction. */
static bool take_fraction(tg_str_t *s, int *ms) {
    size_t digits = 0;
    int scale = 100;
    *ms = 0;
    if (s->n == 0 || s->p[0] != '.') {
        return true;
    }
    for (size_t i = 1; i < s->n && s->p[i] >= '0' && s->p[i] <= '9'; i++) {
        *ms += (s->p[i] - '0') * scale;
        scale /= 10;
        digits++;
    }
    *s = tg_strn(s->p + 1 + digits, s->n - 1 - digits);
    return digits >= 1 && digits <= 9;
}

tg_err_t tg_iso8601_parse(tg_str_t s, tg_ms_t *out) {
    int64_t days;
    int hour;
    int minute;
    int second;
    int ms;
    if (!take_date(&s, &days)) {
        return TG_ERR_INVALID;
    }
    if (s.n == 0) {
        *out = days * TG_DAY_MS;
        return TG_OK;
    }
    if (s.p[0] != 'T') {
        return TG_ERR_INVALID;
    }
    s = tg_strn(s.p + 1, s.n - 1);
    if (!take_number(&s, 2, 0, 23, ':', &hour) || !take_number(&s, 2, 0, 59, ':', &minute) ||
        !take_number(&s, 2, 0, 59, '\0', &second) || !take_fraction(&s, &ms) || !tg_str_eq(s, TG_STR("Z"))) {
        return TG_ERR_INVALID;
    }
    *out = days * TG_DAY_MS + hour * TG_HOUR_MS + minute * MINUTE_MS + second * TG_SECOND_MS + ms;
    return TG_OK;
}
