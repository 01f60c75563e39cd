#include "policy/reading.h"

enum { CUT_PARAMETERS = 1, BACKSLASH_SEPARATES = 2, BOTH = 3 };

bool tg_path_has_readings(tg_str_t path) {
    return tg_str_find_char(path, ';') >= 0 || tg_str_find_char(path, '\\') >= 0;
}

static bool is_separator(char c, int how) {
    return c == '/' || (c == '\\' && (how & BACKSLASH_SEPARATES) != 0);
}

/* false: ".." with nothing left to take back. */
static bool segment_put(tg_str_t segment, int how, char *out, size_t *n) {
    tg_str_t name = (how & CUT_PARAMETERS) != 0 ? tg_str_take(&segment, ';') : segment;
    if (name.n == 0 || tg_str_eq(name, TG_STR("."))) {
        return true;
    }
    if (tg_str_eq(name, TG_STR(".."))) {
        if (*n == 0) {
            return false;
        }
        while (out[--*n] != '/') {
        }
        return true;
    }
    out[(*n)++] = '/';
    memcpy(out + *n, name.p, name.n);
    *n += name.n;
    return true;
}

/* Never longer than path, which is empty or starts with '/'. false: climbs above its root. */
static bool path_read(tg_str_t path, int how, char *out, size_t *n) {
    *n = 0;
    for (size_t i = 0; i < path.n; i++) {
        size_t start = i;
        while (i < path.n && !is_separator(path.p[i], how)) {
            i++;
        }
        if (!segment_put(tg_strn(path.p + start, i - start), how, out, n)) {
            return false;
        }
    }
    return true;
}

bool tg_path_reading(tg_str_t path, int how, char *out, size_t *n) {
    return path_read(path, how + 1, out, n);
}

typedef struct {
    const tg_router_t *router;
    const tg_endpoints_t *endpoints;
    const tg_route_query_t *query;
    const tg_route_match_t *match;
    const tg_endpoint_match_t *endpoint;
} decided_t;

static bool same_endpoint(const tg_endpoint_match_t *a, const tg_endpoint_match_t *b) {
    return a->verdict == b->verdict && a->endpoint == b->endpoint;
}

/* The prefix itself is as the administrator wrote it. */
static bool reading_agrees(const decided_t *d, int how, char *scratch) {
    size_t n, taken = d->match->prefix_len;
    tg_str_t path = d->query->path;
    memcpy(scratch, path.p, taken);
    if (!path_read(tg_strn(path.p + taken, path.n - taken), how, scratch + taken, &n)) {
        return false;
    }
    tg_route_query_t other = *d->query;
    tg_route_match_t found;
    tg_endpoint_match_t endpoint;
    other.path = taken + n > 0 ? tg_strn(scratch, taken + n) : TG_STR("/");
    if (tg_router_find(d->router, &other, &found) != TG_OK || found.proxy != d->match->proxy) {
        return false;
    }
    tg_endpoint_find(d->endpoints, &found, other.method, other.path, &endpoint);
    return same_endpoint(&endpoint, d->endpoint);
}

static bool has_backend_path(const tg_endpoint_match_t *m) {
    return m->endpoint != NULL && m->endpoint->backend_path.n > 0;
}

bool tg_route_is_certain(const tg_router_t *r, const tg_endpoints_t *endpoints, const tg_route_query_t *q,
                         const tg_route_match_t *match, const tg_endpoint_match_t *endpoint, char *scratch) {
    const decided_t d = {r, endpoints, q, match, endpoint};
    if (has_backend_path(endpoint) && tg_str_find_char(q->path, '\\') >= 0) {
        return false;
    }
    return reading_agrees(&d, CUT_PARAMETERS, scratch) && reading_agrees(&d, BACKSLASH_SEPARATES, scratch) &&
           reading_agrees(&d, BOTH, scratch);
}
