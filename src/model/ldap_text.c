#include "model/ldap_text.h"

#include "model/chars.h"

static tg_str_t behind(tg_str_t s, size_t n) {
    return tg_strn(s.p + n, s.n - n);
}

/* ---- attributes ---- */

static bool is_descr(tg_str_t s) {
    for (size_t i = 0; i < s.n; i++) {
        if (!tg_is_alnum(s.p[i]) && s.p[i] != '-') {
            return false;
        }
    }
    return s.n > 0 && tg_is_alnum(s.p[0]) && !tg_is_digit(s.p[0]);
}

static bool is_oid(tg_str_t s) {
    uint64_t number;
    size_t n = 0;
    while (s.n > 0) {
        bool last = tg_str_find_char(s, '.') < 0;
        tg_str_t arc = tg_str_take(&s, '.');
        if (!tg_str_to_u64(arc, UINT32_MAX, &number) || (!last && s.n == 0)) {
            return false;
        }
        n++;
    }
    return n >= 2;
}

bool tg_is_attribute(tg_str_t s, bool options) {
    tg_str_t rest = s;
    tg_str_t name = tg_str_take(&rest, ';');
    if (!is_descr(name) && !is_oid(name)) {
        return false;
    }
    while (rest.p != NULL) {
        tg_str_t option = tg_str_take(&rest, ';');
        bool valid = options && option.n > 0;
        for (size_t i = 0; i < option.n; i++) {
            valid &= tg_is_alnum(option.p[i]) || option.p[i] == '-';
        }
        if (!valid) {
            return false;
        }
    }
    return true;
}

/* ---- names ---- */

static bool is_hex_pair(tg_str_t s) {
    return s.n >= 2 && tg_hex_value(s.p[0]) >= 0 && tg_hex_value(s.p[1]) >= 0;
}

/* The length of what a backslash escapes; 0: nothing that may be. */
static size_t escaped_len(tg_str_t s) {
    if (is_hex_pair(s)) {
        return 2;
    }
    return s.n > 0 && s.p[0] != '\0' && strchr(" \"#+,;<=>\\", s.p[0]) != NULL ? 1 : 0;
}

/* Takes a value up to the ',' or '+' behind it. */
static bool take_value(tg_str_t *s) {
    size_t n = 0;
    while (s->n > 0 && s->p[0] != ',' && s->p[0] != '+') {
        size_t len = s->p[0] == '\\' ? escaped_len(behind(*s, 1)) : 0;
        if (s->p[0] == '\\' ? len == 0 : strchr("\";<>", s->p[0]) != NULL) { /* NUL is one of them */
            return false;
        }
        *s = behind(*s, 1 + len);
        n++;
    }
    return n > 0;
}

static bool take_hex_value(tg_str_t *s) {
    size_t n = 0;
    for (*s = behind(*s, 1); is_hex_pair(*s); n++) {
        *s = behind(*s, 2);
    }
    return n > 0 && (s->n == 0 || s->p[0] == ',' || s->p[0] == '+');
}

const char *tg_dn_rule(tg_str_t dn) {
    static const char *const rule = "must be a distinguished name, like uid=x,dc=example,dc=org (RFC 4514)";
    bool more = true;
    while (more) {
        ptrdiff_t sign = tg_str_find_char(dn, '=');
        if (sign < 0 || !tg_is_attribute(tg_str_trim(tg_strn(dn.p, (size_t)sign)), false)) {
            return rule;
        }
        dn = behind(dn, (size_t)sign + 1);
        if (dn.n > 0 && dn.p[0] == '#' ? !take_hex_value(&dn) : !take_value(&dn)) {
            return rule;
        }
        more = dn.n > 0;
        dn = more ? behind(dn, 1) : dn;
    }
    return NULL;
}

/* ---- filters ---- */

static bool take_char(tg_str_t *s, char c) {
    bool is = s->n > 0 && s->p[0] == c;
    *s = is ? behind(*s, 1) : *s;
    return is;
}

/* [attribute][:dn][:rule], of "...:=" */
static bool is_extensible(tg_str_t s) {
    tg_str_t attribute = tg_str_take(&s, ':');
    bool dn = false, rule = false;
    while (s.p != NULL) {
        tg_str_t part = tg_str_take(&s, ':');
        bool is_dn = !dn && !rule && tg_str_eq_ci(part, TG_STR("dn"));
        if (!is_dn && (rule || !tg_is_attribute(part, false))) {
            return false;
        }
        dn |= is_dn;
        rule |= !is_dn;
    }
    return attribute.n > 0 ? tg_is_attribute(attribute, true) : rule;
}

static bool value_is_valid(tg_str_t value, bool stars) {
    for (size_t i = 0; i < value.n; i++) {
        char c = value.p[i];
        if (c == '(' || c == '\0' || (c == '*' && !stars)) {
            return false;
        }
        if (c == '\\' && !is_hex_pair(behind(value, i + 1))) {
            return false;
        }
    }
    return true;
}

/* attribute, relation and value, up to the ')' behind them */
static bool take_item(tg_str_t *s) {
    ptrdiff_t end = tg_str_find_char(*s, ')');
    tg_str_t item = tg_strn(s->p, end < 0 ? 0 : (size_t)end);
    ptrdiff_t sign = tg_str_find_char(item, '=');
    if (sign <= 0) {
        return false;
    }
    tg_str_t value = behind(item, (size_t)sign + 1);
    bool relation = strchr("~<>:", item.p[sign - 1]) != NULL;
    tg_str_t left = tg_strn(item.p, (size_t)sign - relation);
    *s = behind(*s, item.n);
    if (!value_is_valid(value, !relation)) {
        return false;
    }
    return item.p[sign - 1] == ':' ? is_extensible(left) : tg_is_attribute(left, true);
}

static bool take_filter(tg_str_t *s, int depth) {
    if (depth > TG_FILTER_DEPTH_MAX || !take_char(s, '(')) {
        return false;
    }
    bool list = take_char(s, '&') || take_char(s, '|');
    bool ok;
    if (list) {
        do {
            ok = take_filter(s, depth + 1);
        } while (ok && s->n > 0 && s->p[0] == '(');
    } else {
        ok = take_char(s, '!') ? take_filter(s, depth + 1) : take_item(s);
    }
    return ok && take_char(s, ')');
}

const char *tg_filter_rule(tg_str_t filter) {
    return take_filter(&filter, 1) && filter.n == 0
               ? NULL
               : "must be a filter in parentheses, like (objectClass=person), at most 16 deep (RFC 4515)";
}
