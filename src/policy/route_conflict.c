#include "policy/route_index.h"

static bool headers_include(const tg_route_t *a, tg_str_t name, tg_str_t value) {
    for (size_t i = 0; i < a->n_headers; i++) {
        if (tg_str_eq_ci(a->header_names[i], name) && tg_str_eq(a->header_values[i], value)) {
            return true;
        }
    }
    return false;
}

/* Names stand in a list once, so that equal counts and one inclusion make equal sets. */
static bool headers_equal(const tg_route_t *a, const tg_route_t *b) {
    if (a->n_headers != b->n_headers) {
        return false;
    }
    for (size_t i = 0; i < a->n_headers; i++) {
        if (!headers_include(b, a->header_names[i], a->header_values[i])) {
            return false;
        }
    }
    return true;
}

/* A list of methods beside none is no conflict: the list is tried first. */
static bool methods_overlap(const tg_route_t *a, const tg_route_t *b) {
    for (size_t i = 0; i < a->n_methods; i++) {
        for (size_t j = 0; j < b->n_methods; j++) {
            if (tg_str_eq(a->methods[i], b->methods[j])) {
                return true;
            }
        }
    }
    return a->n_methods == 0 && b->n_methods == 0;
}

static bool claims_conflict(const tg_claim_t *a, const tg_claim_t *b) {
    const tg_route_t *p = &a->proxy->proxy.route;
    const tg_route_t *q = &b->proxy->proxy.route;
    return a->proxy != b->proxy && headers_equal(p, q) && methods_overlap(p, q);
}

static bool group_conflict(const tg_claim_t *c, size_t n, tg_route_conflict_t *out) {
    for (size_t i = 0; i < n; i++) {
        for (size_t j = i + 1; j < n; j++) {
            if (claims_conflict(&c[i], &c[j])) {
                tg_str_t path = c[i].path.n > 0 ? c[i].path : TG_STR("/");
                *out = (tg_route_conflict_t){.first = c[i].proxy, .second = c[j].proxy, .path = path};
                return true;
            }
        }
    }
    return false;
}

bool tg_router_conflict(const tg_router_t *r, tg_route_conflict_t *out) {
    for (size_t i = 0; i <= r->hosts.mask; i++) {
        const tg_claim_group_t *g = &r->hosts.slots[i];
        if (g->n > 1 && group_conflict(&r->claims[g->first], g->n, out)) {
            return true;
        }
    }
    return false;
}
