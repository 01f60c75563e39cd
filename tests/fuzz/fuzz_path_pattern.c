/*
 * Two patterns and a path, a line each. What the model accepts as a pattern matches by segments alone, as a second and
 * slower reading of the same words says, and method access lets nobody in whom no row lets in.
 */
#include <stdlib.h>

#include "policy/method_access.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SEGMENTS_MAX 1024

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

/* Without the slash at the very end; -1: too many. */
static int split(tg_str_t s, tg_str_t *out) {
    int n = 0;
    if (s.n > 0 && s.p[s.n - 1] == '/') {
        s.n--;
    }
    for (size_t i = 0, start = 1; i <= s.n && s.n > 0; i++) {
        if (i > 0 && (i == s.n || s.p[i] == '/')) {
            if (n == SEGMENTS_MAX) {
                return -1;
            }
            out[n++] = tg_strn(s.p + start, i - start);
            start = i + 1;
        }
    }
    return n;
}

static bool matches(const tg_str_t *wanted, int n_wanted, const tg_str_t *given, int n_given) {
    if (n_wanted == 0) {
        return n_given == 0;
    }
    if (tg_str_eq(*wanted, TG_STR("**"))) {
        return true;
    }
    if (n_given == 0) {
        return false;
    }
    bool any = tg_str_eq(*wanted, TG_STR("*")) || wanted->p[0] == '{';
    return (any ? given->n > 0 : tg_str_eq(*wanted, *given)) &&
           matches(wanted + 1, n_wanted - 1, given + 1, n_given - 1);
}

static void compare(tg_str_t pattern, tg_str_t path) {
    static tg_str_t wanted[SEGMENTS_MAX], given[SEGMENTS_MAX];
    int n_wanted = split(pattern, wanted), n_given = split(path, given);
    if (n_wanted >= 0 && n_given >= 0) {
        require(tg_path_pattern_matches(pattern, path) == matches(wanted, n_wanted, given, n_given));
    }
}

static void access(tg_str_t first, tg_str_t second, tg_str_t path) {
    tg_str_t a = TG_STR("a"), b = TG_STR("b");
    tg_method_access_t rows[] = {{.method = TG_STR("GET"), .path = first, .roles = &a, .n_roles = 1},
                                 {.method = TG_STR("GET"), .path = second, .roles = &b, .n_roles = 1}};
    const tg_policy_t p = {.authorization = true, .methods = rows, .n_methods = 2};
    bool as_a = tg_method_access_check(&p, TG_STR("GET"), path, &a, 1);
    bool as_b = tg_method_access_check(&p, TG_STR("GET"), path, &b, 1);
    require((as_a || as_b) == (tg_path_pattern_matches(first, path) || tg_path_pattern_matches(second, path)));
    require(!as_a || tg_path_pattern_matches(first, path));
    require(!as_b || tg_path_pattern_matches(second, path));
    require(!tg_method_access_check(&p, TG_STR("GET"), path, NULL, 0));
    require(!tg_method_access_check(&p, TG_STR("POST"), path, &a, 1));
    tg_method_access_t row = rows[0];
    rows[0] = rows[1];
    rows[1] = row;
    require(tg_method_access_check(&p, TG_STR("HEAD"), path, &a, 1) == as_a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tg_str_t path = tg_strn(data, size);
    tg_str_t first = tg_str_take(&path, '\n'), second = tg_str_take(&path, '\n');
    if (path.n == 0 || path.p[0] != '/' || tg_path_pattern_check(first) != NULL ||
        tg_path_pattern_check(second) != NULL) {
        return 0;
    }
    compare(first, path);
    compare(second, path);
    access(first, second, path);
    return 0;
}
