#include "policy/method_access.h"

#include "policy/segment.h"

/* What a segment of a pattern demands, the more specific the greater. */
typedef enum { ANY_NUMBER = 0, END, ANY_ONE, LITERAL } demand_t;

static demand_t demand_take(tg_str_t *pattern, tg_str_t *segment) {
    if (!tg_segment_take(pattern, segment)) {
        return END;
    }
    if (tg_str_eq(*segment, TG_STR("**"))) {
        return ANY_NUMBER;
    }
    return tg_str_eq(*segment, TG_STR("*")) || (segment->n > 0 && segment->p[0] == '{') ? ANY_ONE : LITERAL;
}

bool tg_path_pattern_matches(tg_str_t pattern, tg_str_t path) {
    tg_str_t wanted = TG_STR_NONE, given = TG_STR_NONE;
    for (;;) {
        demand_t demand = demand_take(&pattern, &wanted);
        if (demand == ANY_NUMBER) {
            return true;
        }
        bool more = tg_segment_take(&path, &given);
        if (demand == END || !more) {
            return demand == END && !more;
        }
        if (demand == LITERAL ? !tg_str_eq(wanted, given) : given.n == 0) {
            return false;
        }
    }
}

/* Above 0: a is more specific than b; both match the same path. */
static int patterns_compare(tg_str_t a, tg_str_t b) {
    tg_str_t ignored = TG_STR_NONE;
    for (;;) {
        demand_t x = demand_take(&a, &ignored), y = demand_take(&b, &ignored);
        if (x != y || x <= END) {
            return (int)x - (int)y;
        }
    }
}

static bool is_any_method(const tg_method_access_t *row) {
    return tg_str_eq(row->method, TG_STR("*"));
}

static int rows_compare(const tg_method_access_t *a, const tg_method_access_t *b) {
    int paths = patterns_compare(a->path, b->path);
    return paths != 0 ? paths : (int)is_any_method(b) - (int)is_any_method(a);
}

bool tg_roles_let_in(const tg_str_t *wanted, size_t n_wanted, const tg_str_t *roles, size_t n_roles) {
    for (size_t i = 0; i < n_wanted; i++) {
        for (size_t j = 0; j < n_roles; j++) {
            if (tg_str_eq(wanted[i], roles[j])) {
                return true;
            }
        }
    }
    return n_wanted == 0;
}

/* HEAD is GET without the body (RFC 9110 9.3.2): what guards the one guards the other. */
static bool row_is_for(const tg_method_access_t *row, tg_str_t method) {
    return is_any_method(row) || tg_str_eq(row->method, method) ||
           (tg_str_eq(method, TG_STR("HEAD")) && tg_str_eq(row->method, TG_STR("GET")));
}

static bool method_is_open(const tg_policy_t *p, tg_str_t method, tg_str_t path, const tg_str_t *roles,
                           size_t n_roles) {
    const tg_method_access_t *best = NULL;
    bool open = false;
    for (size_t i = 0; i < p->n_methods; i++) {
        const tg_method_access_t *row = &p->methods[i];
        if (!row_is_for(row, method) || !tg_path_pattern_matches(row->path, path)) {
            continue;
        }
        int better = best != NULL ? rows_compare(row, best) : 1;
        if (better > 0) {
            best = row;
            open = false;
        }
        open |= better >= 0 && tg_roles_let_in(row->roles, row->n_roles, roles, n_roles);
    }
    return open;
}

bool tg_method_access_check(const tg_policy_t *p, tg_str_t method, tg_str_t path, const tg_str_t *roles,
                            size_t n_roles) {
    return !p->authorization || method_is_open(p, method, path, roles, n_roles);
}
