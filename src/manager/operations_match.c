#include <stdio.h>

#include "base/form.h"
#include "manager/operations.h"

#define SEGMENTS_MAX 12

typedef struct {
    tg_str_t segment[SEGMENTS_MAX];
    size_t n;
} split_t;

/* "/a/b" and "/a/b/" have two segments; an empty one between slashes fits no operation. */
static bool split(tg_str_t path, split_t *out) {
    out->n = 0;
    if (path.n == 0 || path.p[0] != '/') {
        return false;
    }
    tg_str_t rest = tg_strn(path.p + 1, path.n - 1);
    if (rest.n > 0 && rest.p[rest.n - 1] == '/') {
        rest.n--;
    }
    while (rest.p != NULL && rest.n > 0) {
        tg_str_t segment = tg_str_take(&rest, '/');
        if (segment.n == 0 || out->n == SEGMENTS_MAX || (rest.p != NULL && rest.n == 0)) {
            return false;
        }
        out->segment[out->n++] = segment;
    }
    return true;
}

static bool is_parameter(tg_str_t segment) {
    return segment.p[0] == '{';
}

/* How well a template fits: one bit per literal segment, the first the highest; -1: not at all. */
static int fit(const split_t *path, const split_t *template) {
    if (path->n != template->n) {
        return -1;
    }
    int score = 0;
    for (size_t i = 0; i < path->n; i++) {
        score *= 2;
        if (!is_parameter(template->segment[i])) {
            if (!tg_str_eq(path->segment[i], template->segment[i])) {
                return -1;
            }
            score++;
        }
    }
    return score;
}

static tg_err_t params_take(const split_t *path, const split_t *template, tg_arena_t *a, tg_match_t *out) {
    size_t n = 0;
    for (size_t i = 0; i < path->n; i++) {
        if (!is_parameter(template->segment[i])) {
            continue;
        }
        tg_str_t value;
        tg_err_t err = tg_form_decode(path->segment[i], false, a, &value);
        if (err) {
            return err == TG_ERR_NOMEM ? err : TG_ERR_NOTFOUND;
        }
        if (n == TG_PARAMS_MAX || !tg_str_is_utf8(value)) {
            return TG_ERR_NOTFOUND;
        }
        out->params[n++] = value;
    }
    return TG_OK;
}

static void allow_add(tg_match_t *out, const char *method) {
    size_t n = strlen(out->allow);
    snprintf(out->allow + n, sizeof(out->allow) - n, "%s%s", n > 0 ? ", " : "", method);
}

/* Path first: all operations of the best template, then the one with this method among them. */
static const tg_operation_t *pick(tg_str_t method, const split_t *path, split_t *template, tg_match_t *out) {
    const tg_operation_t *found = NULL;
    int best = -1;
    for (size_t i = 0; i < tg_operations_n; i++) {
        const tg_operation_t *op = &tg_operations[i];
        split_t candidate;
        int score = split(tg_str(op->path), &candidate) ? fit(path, &candidate) : -1;
        if (score < best || score < 0) {
            continue;
        }
        if (score > best) {
            best = score;
            found = op;
            *template = candidate;
            out->allow[0] = '\0';
            out->op = NULL;
        }
        allow_add(out, op->method);
        if (tg_str_eq(method, tg_str(op->method))) {
            out->op = op;
        }
    }
    return found;
}

tg_err_t tg_operation_match(tg_str_t method, tg_str_t path, tg_arena_t *a, tg_match_t *out) {
    memset(out, 0, sizeof(*out));
    split_t parts, template;
    if (tg_str_eq(method, TG_STR("HEAD"))) {
        method = TG_STR("GET");
    }
    if (!split(path, &parts) || pick(method, &parts, &template, out) == NULL) {
        return TG_ERR_NOTFOUND;
    }
    return params_take(&parts, &template, a, out);
}
