#include "model/json_path.h"

#include "model/chars.h"

bool tg_json_path_begin(tg_str_t *path) {
    if (path->n == 0 || path->p[0] != '$') {
        return false;
    }
    *path = tg_strn(path->p + 1, path->n - 1);
    return true;
}

static bool is_name_char(char c, bool first) {
    return c == '_' || (unsigned char)c >= 0x80 || (tg_is_alnum(c) && !(first && tg_is_digit(c))) ||
           (c == '-' && !first);
}

/* s stands behind the dot. */
static size_t name_len(tg_str_t s) {
    size_t n = 0;
    while (n < s.n && is_name_char(s.p[n], n == 0)) {
        n++;
    }
    return n;
}

/* A name in quotes, without escapes; its length with both quotes, 0: it is none. */
static size_t quoted_len(tg_str_t s) {
    for (size_t n = 1; n < s.n; n++) {
        if (s.p[n] == s.p[0]) {
            return n > 1 ? n + 1 : 0;
        }
        if (s.p[n] == '\\') {
            return 0;
        }
    }
    return 0;
}

/* s stands behind the bracket; how much of it belongs to the step, 0: it is none. */
static size_t bracket_take(tg_str_t s, tg_json_step_t *out) {
    uint64_t index;
    size_t n = 0;
    ptrdiff_t end = tg_str_find_char(s, ']');
    if (s.n > 0 && (s.p[0] == '"' || s.p[0] == '\'')) {
        n = quoted_len(s);
        *out = (tg_json_step_t){.kind = TG_STEP_NAME, .name = tg_strn(s.p + 1, n > 0 ? n - 2 : 0)};
    } else if (s.n > 0 && s.p[0] == '*') {
        n = 1;
        *out = (tg_json_step_t){.kind = TG_STEP_EACH};
    } else if (end > 0 && tg_str_to_u64(tg_strn(s.p, (size_t)end), TG_JSON_PATH_INDEX_MAX, &index)) {
        n = (size_t)end;
        *out = (tg_json_step_t){.kind = TG_STEP_INDEX, .index = (size_t)index};
    }
    return n > 0 && n < s.n && s.p[n] == ']' ? n + 1 : 0;
}

bool tg_json_path_take(tg_str_t *rest, tg_json_step_t *out) {
    if (rest->n == 0) {
        return false;
    }
    tg_str_t behind = tg_strn(rest->p + 1, rest->n - 1);
    size_t n = 0;
    if (rest->p[0] == '.') {
        n = name_len(behind);
        *out = (tg_json_step_t){.kind = TG_STEP_NAME, .name = tg_strn(behind.p, n)};
    } else if (rest->p[0] == '[') {
        n = bracket_take(behind, out);
    }
    if (n > 0) {
        *rest = tg_strn(behind.p + n, behind.n - n);
    }
    return n > 0;
}

const char *tg_json_path_rule(tg_str_t path, bool each) {
    tg_json_step_t step;
    size_t n = 0;
    if (path.n > TG_JSON_PATH_MAX || !tg_json_path_begin(&path)) {
        return "must be a path of at most 512 bytes that begins with $";
    }
    while (tg_json_path_take(&path, &step)) {
        if (step.kind == TG_STEP_EACH && !each) {
            return "must name one value, without [*]";
        }
        n++;
    }
    if (path.n > 0) {
        return "must be $ and steps like .name, [\"any name\"], [0] or [*] (RFC 9535)";
    }
    return n <= TG_JSON_PATH_STEPS_MAX ? NULL : "must have at most 16 steps";
}
