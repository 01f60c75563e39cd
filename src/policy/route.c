#include "policy/route_index.h"

#include <stdlib.h>

/* ---- hashing: FNV-1a, grown byte by byte along a path, and a last mix for its weak low bits ---- */

#define HASH_START 0xcbf29ce484222325u
#define HASH_PRIME 0x100000001b3u

static uint64_t hash_byte(uint64_t h, char c) {
    return (h ^ (unsigned char)c) * HASH_PRIME;
}

static uint64_t hash_mix(uint64_t h) {
    h ^= h >> 32;
    h *= 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

static uint64_t hash_bytes(uint64_t h, tg_str_t s) {
    for (size_t i = 0; i < s.n; i++) {
        h = hash_byte(h, s.p[i]);
    }
    return h;
}

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* The host of a query comes in any case; claims are in lower case. */
static uint64_t hash_host(uint32_t path_group, tg_host_kind_t kind, tg_str_t host) {
    uint64_t h = hash_bytes(HASH_START, tg_strn(&path_group, sizeof(path_group)));
    h = hash_byte(h, (char)kind);
    for (size_t i = 0; i < host.n; i++) {
        h = hash_byte(h, lower(host.p[i]));
    }
    return hash_mix(h);
}

/* ---- building ---- */

static int compare_str(tg_str_t a, tg_str_t b) {
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n > 0 ? memcmp(a.p, b.p, n) : 0;
    return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

static int compare_keys(const tg_claim_t *a, const tg_claim_t *b) {
    int order = compare_str(a->path, b->path);
    if (order == 0) {
        order = (int)a->kind - (int)b->kind;
    }
    return order != 0 ? order : compare_str(a->host, b->host);
}

/* Inside one path and host: more headers first, then those that name methods; the rest only makes the order one. */
static int compare_claims(const void *x, const void *y) {
    const tg_claim_t *a = x;
    const tg_claim_t *b = y;
    const tg_route_t *p = &a->proxy->proxy.route;
    const tg_route_t *q = &b->proxy->proxy.route;
    int order = compare_keys(a, b);
    if (order != 0) {
        return order;
    }
    if (p->n_headers != q->n_headers) {
        return p->n_headers > q->n_headers ? -1 : 1;
    }
    if ((p->n_methods > 0) != (q->n_methods > 0)) {
        return p->n_methods > 0 ? -1 : 1;
    }
    if (a->proxy->id != b->proxy->id) {
        return a->proxy->id < b->proxy->id ? -1 : 1;
    }
    return (a->proxy > b->proxy) - (a->proxy < b->proxy);
}

static tg_claim_t claim_of(const tg_deployed_proxy_t *proxy, tg_str_t path, tg_str_t host) {
    tg_claim_t c = {.path = path, .kind = TG_HOST_EXACT, .host = host, .proxy = proxy};
    if (tg_str_eq(path, TG_STR("/"))) {
        c.path = TG_STR_NONE;
    }
    if (host.n == 0) {
        c.kind = TG_HOST_ANY;
    } else if (host.p[0] == '*') {
        c.kind = TG_HOST_LEADING;
        c.host = tg_strn(host.p + 1, host.n - 1);
    } else if (host.p[host.n - 1] == '*') {
        c.kind = TG_HOST_TRAILING;
        c.host = tg_strn(host.p, host.n - 1);
    }
    return c;
}

static size_t claims_of(const tg_deployed_proxy_t *d, tg_claim_t *out) {
    const tg_route_t *route = &d->proxy.route;
    size_t n = 0;
    for (size_t i = 0; i < route->n_paths; i++) {
        for (size_t j = 0; j < route->n_hosts; j++) {
            out[n++] = claim_of(d, route->paths[i], route->hosts[j]);
        }
        if (route->n_hosts == 0) {
            out[n++] = claim_of(d, route->paths[i], TG_STR_NONE);
        }
    }
    return n;
}

static size_t claims_count(const tg_snapshot_t *s) {
    size_t n = 0;
    for (size_t i = 0; i < s->n_proxies; i++) {
        const tg_route_t *route = &s->proxies[i].proxy.route;
        n += route->n_paths * (route->n_hosts > 0 ? route->n_hosts : 1);
    }
    return n;
}

static bool groups_init(tg_claim_groups_t *g, size_t n) {
    size_t size = 8;
    while (size < 2 * n) {
        size *= 2;
    }
    g->slots = calloc(size, sizeof(*g->slots));
    g->mask = size - 1;
    return g->slots != NULL;
}

static void groups_put(tg_claim_groups_t *g, tg_claim_group_t group) {
    size_t i = group.hash & g->mask;
    while (g->slots[i].n > 0) {
        i = (i + 1) & g->mask;
    }
    g->slots[i] = group;
}

/* The run of claims from `first` on that are equal in path, and in host too if by_host. */
static uint32_t run_length(const tg_router_t *r, uint32_t first, bool by_host) {
    uint32_t end = first + 1;
    while (end < r->n && tg_str_eq(r->claims[end].path, r->claims[first].path) &&
           (!by_host || compare_keys(&r->claims[end], &r->claims[first]) == 0)) {
        end++;
    }
    return end - first;
}

static void index_path(tg_router_t *r, tg_claim_group_t *path) {
    for (uint32_t i = path->first; i < path->first + path->n;) {
        const tg_claim_t *c = &r->claims[i];
        tg_claim_group_t host = {
            .hash = hash_host(path->first, c->kind, c->host), .first = i, .n = run_length(r, i, true)};
        groups_put(&r->hosts, host);
        path->kinds |= 1u << c->kind;
        i += host.n;
    }
}

static void index_claims(tg_router_t *r) {
    for (uint32_t i = 0; i < r->n;) {
        tg_str_t path = r->claims[i].path;
        tg_claim_group_t group = {
            .hash = hash_mix(hash_bytes(HASH_START, path)), .first = i, .n = run_length(r, i, false)};
        index_path(r, &group);
        groups_put(&r->paths, group);
        r->lengths[path.n / 64] |= (uint64_t)1 << (path.n % 64);
        r->longest = path.n > r->longest ? path.n : r->longest;
        i += group.n;
    }
}

static tg_err_t router_build(tg_router_t *r, const tg_snapshot_t *s) {
    size_t count = claims_count(s);
    if (count > UINT32_MAX / 4) {
        return TG_ERR_LIMIT;
    }
    r->claims = calloc(count > 0 ? count : 1, sizeof(*r->claims));
    if (r->claims == NULL || !groups_init(&r->paths, count) || !groups_init(&r->hosts, count)) {
        return TG_ERR_NOMEM;
    }
    for (size_t i = 0; i < s->n_proxies; i++) {
        r->n += claims_of(&s->proxies[i], r->claims + r->n);
    }
    for (size_t i = 0; i < r->n; i++) {
        if (r->claims[i].path.n > TG_ROUTE_PATH_MAX) {
            return TG_ERR_INVALID;
        }
    }
    qsort(r->claims, r->n, sizeof(*r->claims), compare_claims);
    index_claims(r);
    return TG_OK;
}

tg_err_t tg_router_new(const tg_snapshot_t *s, tg_router_t **out) {
    tg_router_t *r = calloc(1, sizeof(*r));
    tg_err_t err = r != NULL ? router_build(r, s) : TG_ERR_NOMEM;
    if (err) {
        tg_router_free(r);
        return err;
    }
    *out = r;
    return TG_OK;
}

void tg_router_free(tg_router_t *r) {
    if (r != NULL) {
        free(r->claims);
        free(r->paths.slots);
        free(r->hosts.slots);
        free(r);
    }
}

/* ---- finding ---- */

static bool claim_matches(const tg_claim_t *c, const tg_route_query_t *q) {
    const tg_route_t *route = &c->proxy->proxy.route;
    for (size_t i = 0; i < route->n_headers; i++) {
        tg_str_t value = q->header != NULL ? q->header(q->ctx, route->header_names[i]) : TG_STR_NONE;
        if (value.p == NULL || !tg_str_eq(value, route->header_values[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < route->n_methods; i++) {
        if (tg_str_eq(q->method, route->methods[i])) {
            return true;
        }
    }
    return route->n_methods == 0;
}

static const tg_claim_t *host_find(const tg_router_t *r, const tg_claim_group_t *path, tg_host_kind_t kind,
                                   tg_str_t host, const tg_route_query_t *q) {
    if ((path->kinds & 1u << kind) == 0) {
        return NULL;
    }
    uint64_t hash = hash_host(path->first, kind, host);
    for (size_t i = hash & r->hosts.mask; r->hosts.slots[i].n > 0; i = (i + 1) & r->hosts.mask) {
        const tg_claim_group_t *g = &r->hosts.slots[i];
        const tg_claim_t *c = &r->claims[g->first];
        /* Claims of one path stand together: the index tells the path. */
        if (g->hash != hash || g->first < path->first || g->first >= path->first + path->n || c->kind != kind ||
            !tg_str_eq_ci(c->host, host)) {
            continue;
        }
        for (uint32_t j = 0; j < g->n; j++) {
            if (claim_matches(&c[j], q)) {
                return &c[j];
            }
        }
        return NULL;
    }
    return NULL;
}

/* Exact, then the one pattern each with a wildcard for the first and for the last label, then claims without host. */
static const tg_claim_t *path_group_find(const tg_router_t *r, const tg_claim_group_t *path,
                                         const tg_route_query_t *q) {
    const tg_claim_t *found = NULL;
    tg_str_t host = q->host;
    if (path->kinds != 1u << TG_HOST_ANY && host.n > 0 && host.n <= TG_ROUTE_HOST_MAX) {
        const char *first = memchr(host.p, '.', host.n);
        const char *last = memrchr(host.p, '.', host.n);
        found = host_find(r, path, TG_HOST_EXACT, host, q);
        if (found == NULL && first != NULL && first > host.p) {
            tg_str_t suffix = tg_strn(first, host.n - (size_t)(first - host.p));
            found = host_find(r, path, TG_HOST_LEADING, suffix, q);
        }
        if (found == NULL && last != NULL && last + 1 < host.p + host.n) {
            found = host_find(r, path, TG_HOST_TRAILING, tg_strn(host.p, (size_t)(last + 1 - host.p)), q);
        }
    }
    return found != NULL ? found : host_find(r, path, TG_HOST_ANY, TG_STR_NONE, q);
}

static const tg_claim_t *prefix_find(const tg_router_t *r, tg_str_t prefix, uint64_t hash, const tg_route_query_t *q) {
    hash = hash_mix(hash);
    for (size_t i = hash & r->paths.mask; r->paths.slots[i].n > 0; i = (i + 1) & r->paths.mask) {
        const tg_claim_group_t *g = &r->paths.slots[i];
        if (g->hash == hash && tg_str_eq(r->claims[g->first].path, prefix)) {
            return path_group_find(r, g, q);
        }
    }
    return NULL;
}

typedef struct {
    uint64_t hash; /* of the path up to there, not mixed yet */
    uint16_t len;
} boundary_t;

/* The segment boundaries at which a registered prefix could end, in one pass that stops at the longest one: a path of
 * thousands of slashes costs no more than the table is deep. */
static size_t boundaries_of(const tg_router_t *r, tg_str_t path, boundary_t out[TG_ROUTE_PATH_MAX + 1]) {
    size_t n = 0;
    uint64_t hash = HASH_START;
    for (size_t len = 0; len <= path.n && len <= r->longest; len++) {
        bool is_boundary = len == path.n || path.p[len] == '/';
        if (is_boundary && (r->lengths[len / 64] >> (len % 64) & 1) != 0) {
            out[n++] = (boundary_t){hash, (uint16_t)len};
        }
        if (len < path.n) {
            hash = hash_byte(hash, path.p[len]);
        }
    }
    return n;
}

tg_err_t tg_router_find(const tg_router_t *r, const tg_route_query_t *q, tg_route_match_t *out) {
    boundary_t at[TG_ROUTE_PATH_MAX + 1];
    if (q->path.n == 0 || q->path.p[0] != '/') {
        return TG_ERR_NOTFOUND;
    }
    for (size_t n = boundaries_of(r, q->path, at); n > 0; n--) {
        const boundary_t *b = &at[n - 1];
        const tg_claim_t *c = prefix_find(r, tg_strn(q->path.p, b->len), b->hash, q);
        if (c != NULL) {
            *out = (tg_route_match_t){.proxy = c->proxy, .prefix_len = b->len};
            return TG_OK;
        }
    }
    return TG_ERR_NOTFOUND;
}
