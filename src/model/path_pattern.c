#include "model/path_pattern.h"

#include "model/names.h"

static bool is_parameter(tg_str_t s) {
    if (s.n < 3 || s.p[0] != '{' || s.p[s.n - 1] != '}') {
        return false;
    }
    for (size_t i = 1; i + 1 < s.n; i++) {
        if (!tg_name_char(s.p[i])) {
            return false;
        }
    }
    return true;
}

/* What the gateway's normalised paths can never contain would make a pattern that never matches. */
static const char *literal_rule(tg_str_t s) {
    if (s.n == 0) {
        return "must not have '//'";
    }
    if (tg_str_eq(s, TG_STR(".")) || tg_str_eq(s, TG_STR(".."))) {
        return "must not have '.' or '..' as a segment";
    }
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f) {
            return "must not have control characters";
        }
        if (s.p[i] == '*' || s.p[i] == '{' || s.p[i] == '}') {
            return "must have '*', '**' and '{name}' as whole segments";
        }
        /* An escape would be compared as it stands, and the row would never match. */
        if (s.p[i] == '?' || s.p[i] == '#' || s.p[i] == '%') {
            return "must be a decoded path, without '?', '#' or '%'";
        }
    }
    return NULL;
}

const char *tg_path_pattern_check(tg_str_t pattern) {
    if (pattern.n == 0 || pattern.p[0] != '/') {
        return "must begin with '/'";
    }
    if (pattern.n > TG_PATH_PATTERN_MAX) {
        return "must be at most 512 bytes long";
    }
    tg_str_t rest = tg_strn(pattern.p + 1, pattern.n - 1);
    while (rest.n > 0) {
        tg_str_t segment = tg_str_take(&rest, '/');
        if (tg_str_eq(segment, TG_STR("**"))) {
            return rest.n == 0 ? NULL : "must have '**' as its last segment only";
        }
        if (tg_str_eq(segment, TG_STR("*")) || is_parameter(segment)) {
            continue;
        }
        const char *why = literal_rule(segment);
        if (why != NULL) {
            return why;
        }
    }
    return NULL;
}
