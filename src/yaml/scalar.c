#include "yaml/scalar.h"

#include <errno.h>
#include <stdlib.h>

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static size_t digits(tg_str_t s, size_t at) {
    size_t n = 0;
    while (at + n < s.n && is_digit(s.p[at + n]))
        n++;
    return n;
}

typedef enum { NO_NUMBER, INTEGER, REAL, LEADING_ZERO } number_t;

/* RFC 8259 6; also what would be a number but for zeros before it. */
static number_t number_kind(tg_str_t s) {
    size_t at = s.n > 0 && (s.p[0] == '-' || s.p[0] == '+'), n = digits(s, at);
    bool zero = n > 1 && s.p[at] == '0', real = false;
    if (n == 0 || (s.n > 0 && s.p[0] == '+'))
        return NO_NUMBER;
    at += n;
    if (at < s.n && s.p[at] == '.') {
        n = digits(s, at + 1);
        if (n == 0)
            return NO_NUMBER;
        at += n + 1;
        real = true;
    }
    if (at < s.n && (s.p[at] == 'e' || s.p[at] == 'E')) {
        size_t sign = at + 1 < s.n && (s.p[at + 1] == '+' || s.p[at + 1] == '-');
        n = digits(s, at + 1 + sign);
        if (n == 0)
            return NO_NUMBER;
        at += 1 + sign + n;
        real = true;
    }
    if (at != s.n)
        return NO_NUMBER;
    return zero ? LEADING_ZERO : real ? REAL : INTEGER;
}

static tg_err_t number_read(tg_str_t text, number_t kind, json_t **out, tg_fault_t *fault) {
    char copy[64], *end;
    if (kind == LEADING_ZERO)
        return tg_fault(fault, TG_ERR_INVALID, "", "a number must not begin with 0; put it in quotes if it is text");
    if (text.n >= sizeof(copy))
        return tg_fault(fault, TG_ERR_INVALID, "", "a number is too long; put it in quotes if it is text");
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    errno = 0;
    if (kind == INTEGER) {
        long long n = strtoll(copy, &end, 10);
        *out = errno ? NULL : json_integer(n);
    } else {
        double d = strtod(copy, &end);
        *out = json_real(d); /* NULL if it is infinite */
    }
    if (!*out)
        return tg_fault(fault, TG_ERR_INVALID, "", "a number is out of range");
    return TG_OK;
}

static bool is_null(tg_str_t s) {
    return s.n == 0 || tg_str_eq(s, TG_STR("~")) || tg_str_eq(s, TG_STR("null"));
}

tg_err_t tg_scalar_read(tg_str_t text, bool quoted, json_t **out, tg_fault_t *fault) {
    number_t kind = quoted ? NO_NUMBER : number_kind(text);
    if (kind != NO_NUMBER)
        return number_read(text, kind, out, fault);
    if (!quoted && is_null(text))
        *out = json_null();
    else if (!quoted && tg_str_eq(text, TG_STR("true")))
        *out = json_true();
    else if (!quoted && tg_str_eq(text, TG_STR("false")))
        *out = json_false();
    else if (!tg_str_is_utf8(text))
        return tg_fault(fault, TG_ERR_INVALID, "", "a string is not UTF-8, or has a NUL");
    else
        *out = json_stringn(text.p, text.n);
    return *out ? TG_OK : tg_fault(fault, TG_ERR_NOMEM, "", "out of memory");
}

bool tg_scalar_needs_quotes(tg_str_t s) {
    static const char *const words[] = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"};
    if (s.n == 0)
        return true;
    /* Numbers in any base, dates, times of day, and .inf, .nan, =, <<, ~. */
    if (is_digit(s.p[0]) || strchr("+-.=<~", s.p[0]))
        return true;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (tg_str_eq_ci(s, tg_str(words[i])))
            return true;
    return false;
}
