#include "policy/cors.h"

#define ORIGIN_MAX 512

static bool list_has(const tg_str_t *list, size_t n, tg_str_t s) {
    for (size_t i = 0; i < n; i++) {
        if (tg_str_eq(list[i], s)) {
            return true;
        }
    }
    return false;
}

static bool list_has_ci(const tg_str_t *list, size_t n, tg_str_t s) {
    for (size_t i = 0; i < n; i++) {
        if (tg_str_eq_ci(list[i], s)) {
            return true;
        }
    }
    return false;
}

/* With credentials "*" stands for nothing: else any site could act as the user of the browser. */
static bool allows_every_origin(const tg_cors_t *c) {
    return !c->credentials && list_has(c->origins, c->n_origins, TG_STR("*"));
}

/* An origin is a scheme, a host and a port: case counts in none of them (RFC 6454 4). */
bool tg_cors_allows_origin(const tg_cors_t *c, tg_str_t origin) {
    if (!c->enabled || origin.n == 0 || origin.n > ORIGIN_MAX) {
        return false;
    }
    if (tg_str_eq(origin, TG_STR("*")) || tg_str_eq_ci(origin, TG_STR("null"))) {
        return allows_every_origin(c); /* "null" is whoever hides where he comes from: nobody can be meant by it */
    }
    return allows_every_origin(c) || list_has_ci(c->origins, c->n_origins, origin);
}

static bool is_token(tg_str_t s) {
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!alnum && (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL)) {
            return false;
        }
    }
    return true;
}

static bool allows_header(const tg_cors_t *c, tg_str_t name) {
    if (list_has_ci(c->headers, c->n_headers, name)) {
        return true;
    }
    return !c->credentials && list_has(c->headers, c->n_headers, TG_STR("*")) &&
           !tg_str_eq_ci(name, TG_STR("Authorization"));
}

static bool allows_headers(const tg_cors_t *c, tg_str_t names) {
    while (names.n > 0) {
        tg_str_t name = tg_str_trim(tg_str_take(&names, ','));
        /* empty elements do not count (RFC 9110 5.6.1.2) */
        if (name.n > 0 && (!is_token(name) || !allows_header(c, name))) {
            return false;
        }
    }
    return true;
}

bool tg_cors_allows_preflight(const tg_cors_t *c, tg_str_t origin, tg_str_t method, tg_str_t headers) {
    return tg_cors_allows_origin(c, origin) && list_has(c->methods, c->n_methods, method) && allows_headers(c, headers);
}

/* Where a list stands in the scratch, which may move while it grows. */
typedef struct {
    size_t at, n;
} span_t;

static span_t list_put(tg_buf_t *out, const tg_str_t *list, size_t n) {
    size_t at = out->n;
    for (size_t i = 0; i < n; i++) {
        if (i > 0) {
            tg_buf_put(out, TG_STR(", "));
        }
        tg_buf_put(out, list[i]);
    }
    return (span_t){at, out->n - at};
}

static span_t number_put(tg_buf_t *out, int64_t number) {
    size_t at = out->n;
    tg_buf_putf(out, "%lld", (long long)number);
    return (span_t){at, out->n - at};
}

/* Of a list that did not fit none is told. */
static tg_str_t view(const tg_buf_t *scratch, span_t s) {
    return scratch->err != TG_OK || s.n == 0 ? TG_STR_NONE : tg_strn(scratch->p + s.at, s.n);
}

void tg_cors_answer(const tg_cors_t *c, tg_str_t origin, bool preflight, tg_buf_t *scratch, tg_cors_answer_t *out) {
    bool every = allows_every_origin(c);
    *out = (tg_cors_answer_t){.vary = c->enabled && !every};
    if (!tg_cors_allows_origin(c, origin)) {
        return;
    }
    out->allow_origin = every ? TG_STR("*") : origin;
    out->allow_credentials = c->credentials;
    if (!preflight) {
        out->expose_headers = view(scratch, list_put(scratch, c->exposed, c->n_exposed));
        return;
    }
    span_t methods = list_put(scratch, c->methods, c->n_methods);
    span_t headers = list_put(scratch, c->headers, c->n_headers);
    span_t max_age = number_put(scratch, c->max_age_s);
    out->allow_methods = view(scratch, methods);
    out->allow_headers = view(scratch, headers);
    out->max_age = view(scratch, max_age);
}

const tg_cors_t *tg_cors_find(const tg_snapshot_t *s, tg_str_t origin, tg_str_t method, tg_str_t headers) {
    for (size_t i = 0; i < s->n_applications; i++) {
        const tg_application_t *a = &s->applications[i];
        if (a->cors == NULL || !tg_application_issues(a)) {
            continue;
        }
        if (method.n > 0 ? tg_cors_allows_preflight(a->cors, origin, method, headers)
                         : tg_cors_allows_origin(a->cors, origin)) {
            return a->cors;
        }
    }
    return NULL;
}
