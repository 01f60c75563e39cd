#include "policy/endpoint.h"

#include "model/endpoint.h"
#include "model/method.h"
#include "policy/segment.h"

#define ROOT 0
#define NONE UINT32_MAX

/* A pattern up to one of its segments. */
typedef struct {
    uint32_t parameter; /* the child for a parameter, or NONE */
    uint32_t here;      /* the first leaf of patterns that end here, or NONE */
    uint32_t rest;      /* likewise of those that end with "**" here */
    bool literals;      /* has children for literal segments */
} node_t;

/* A literal segment below a node: a row of a hash table, open addressing with linear probing, at most half full. */
typedef struct {
    tg_str_t segment;
    uint32_t parent, child; /* child is 0 in an empty row: the root is nobody's child */
} edge_t;

typedef struct {
    const tg_api_endpoint_t *endpoint;
    const tg_deployed_proxy_t *proxy;
    uint32_t method; /* a bit; 0: every method */
    uint32_t next;   /* of the same path, or NONE */
} leaf_t;

typedef struct {
    node_t *nodes;
    size_t n_nodes;
    edge_t *edges;
    size_t mask;
    leaf_t *leaves; /* as the proxy's endpoints */
} trie_t;

struct tg_endpoints {
    const tg_deployed_proxy_t *proxies; /* of the snapshot */
    trie_t **tries;                     /* as those; NULL for a proxy without endpoints */
};

/* ---- edges ---- */

static uint64_t edge_hash(uint32_t parent, tg_str_t segment) {
    uint64_t h = 0xcbf29ce484222325u ^ parent;
    for (size_t i = 0; i < segment.n; i++) {
        h = (h ^ (unsigned char)segment.p[i]) * 0x100000001b3u;
    }
    h ^= h >> 32;
    h *= 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

/* Its row, or the empty one where it would stand. */
static edge_t *edge_find(const trie_t *t, uint32_t parent, tg_str_t segment) {
    size_t i = edge_hash(parent, segment) & t->mask;
    while (t->edges[i].child != 0 && (t->edges[i].parent != parent || !tg_str_eq(t->edges[i].segment, segment))) {
        i = (i + 1) & t->mask;
    }
    return &t->edges[i];
}

/* ---- building ---- */

static uint32_t node_add(trie_t *t) {
    t->nodes[t->n_nodes] = (node_t){.parameter = NONE, .here = NONE, .rest = NONE};
    return (uint32_t)t->n_nodes++;
}

static uint32_t child_get(trie_t *t, uint32_t at, tg_str_t segment) {
    if (tg_segment_is_parameter(segment)) {
        if (t->nodes[at].parameter == NONE) {
            t->nodes[at].parameter = node_add(t);
        }
        return t->nodes[at].parameter;
    }
    edge_t *edge = edge_find(t, at, segment);
    if (edge->child == 0) {
        *edge = (edge_t){.segment = segment, .parent = at, .child = node_add(t)};
        t->nodes[at].literals = true;
    }
    return edge->child;
}

static void endpoint_add(trie_t *t, const tg_deployed_proxy_t *p, size_t i) {
    const tg_api_endpoint_t *e = &p->proxy.endpoints[i];
    tg_str_t rest = e->path, segment = TG_STR_NONE;
    uint32_t at = ROOT;
    bool any_rest = false;
    while (!any_rest && tg_segment_take(&rest, &segment)) {
        any_rest = tg_str_eq(segment, TG_STR("**"));
        at = any_rest ? at : child_get(t, at, segment);
    }
    uint32_t *first = any_rest ? &t->nodes[at].rest : &t->nodes[at].here;
    t->leaves[i] = (leaf_t){.endpoint = e, .proxy = p, .method = tg_method_bit(e->method), .next = *first};
    *first = (uint32_t)i;
}

static size_t segments_count(const tg_proxy_t *p) {
    size_t n = 0;
    for (size_t i = 0; i < p->n_endpoints; i++) {
        tg_str_t rest = p->endpoints[i].path, segment;
        while (tg_segment_take(&rest, &segment)) {
            n++;
        }
    }
    return n;
}

static bool trie_init(trie_t *t, tg_arena_t *a, const tg_proxy_t *p) {
    size_t segments = segments_count(p), size = 8;
    while (size < 2 * segments) {
        size *= 2;
    }
    t->mask = size - 1;
    t->nodes = tg_arena_array(a, segments + 1, sizeof(*t->nodes));
    t->edges = tg_arena_array(a, size, sizeof(*t->edges));
    t->leaves = tg_arena_array(a, p->n_endpoints, sizeof(*t->leaves));
    return t->nodes != NULL && t->edges != NULL && t->leaves != NULL;
}

static trie_t *trie_new(tg_arena_t *a, const tg_deployed_proxy_t *p) {
    trie_t *t = tg_arena_array(a, 1, sizeof(*t));
    if (t == NULL || !trie_init(t, a, &p->proxy)) {
        return NULL;
    }
    (void)node_add(t);
    for (size_t i = 0; i < p->proxy.n_endpoints; i++) {
        endpoint_add(t, p, i);
    }
    for (size_t i = 0; i < p->n_endpoint_policies; i++) {
        const tg_endpoint_policy_t *policy = &p->endpoint_policies[i];
        t->leaves[policy->endpoint - p->proxy.endpoints].proxy = policy->proxy;
    }
    return t;
}

tg_err_t tg_endpoints_new(const tg_snapshot_t *s, tg_arena_t *a, tg_endpoints_t **out) {
    tg_endpoints_t *x = tg_arena_array(a, 1, sizeof(*x));
    if (x == NULL) {
        return TG_ERR_NOMEM;
    }
    x->proxies = s->proxies;
    x->tries = tg_arena_array(a, s->n_proxies, sizeof(*x->tries));
    if (x->tries == NULL) {
        return TG_ERR_NOMEM;
    }
    for (size_t i = 0; i < s->n_proxies; i++) {
        if (s->proxies[i].proxy.n_endpoints == 0) {
            continue;
        }
        x->tries[i] = trie_new(a, &s->proxies[i]);
        if (x->tries[i] == NULL) {
            return TG_ERR_NOMEM;
        }
    }
    *out = x;
    return TG_OK;
}

/* ---- finding ---- */

typedef struct {
    const trie_t *trie;
    uint32_t method;  /* a bit; 0: one that has none */
    uint32_t methods; /* of all leaves that were met */
} search_t;

static const leaf_t *leaf_with(const search_t *s, uint32_t first, uint32_t method) {
    for (uint32_t i = first; i != NONE; i = s->trie->leaves[i].next) {
        if (s->trie->leaves[i].method == method) {
            return &s->trie->leaves[i];
        }
    }
    return NULL;
}

static const leaf_t *leaf_pick(search_t *s, uint32_t first) {
    const leaf_t *found = NULL;
    for (uint32_t i = first; i != NONE; i = s->trie->leaves[i].next) {
        s->methods |= s->trie->leaves[i].method;
    }
    if (s->method != 0) {
        found = leaf_with(s, first, s->method);
    }
    if (found == NULL && s->method == tg_method_bit(TG_STR("HEAD"))) {
        found = leaf_with(s, first, tg_method_bit(TG_STR("GET")));
    }
    return found != NULL ? found : leaf_with(s, first, 0);
}

/* As deep as the longest pattern at most. Each node stands for one beginning of patterns, so that none is met twice. */
static const leaf_t *leaf_find(search_t *s, uint32_t at, tg_str_t rest) {
    const node_t *node = &s->trie->nodes[at];
    const leaf_t *found = NULL;
    tg_str_t segment = TG_STR_NONE;
    if (!tg_segment_take(&rest, &segment)) {
        found = leaf_pick(s, node->here);
    } else {
        uint32_t child = node->literals ? edge_find(s->trie, at, segment)->child : 0;
        if (child != 0) {
            found = leaf_find(s, child, rest);
        }
        if (found == NULL && node->parameter != NONE && segment.n > 0) {
            found = leaf_find(s, node->parameter, rest);
        }
    }
    return found != NULL ? found : leaf_pick(s, node->rest);
}

void tg_endpoint_find(const tg_endpoints_t *endpoints, const tg_route_match_t *route, tg_str_t method, tg_str_t path,
                      tg_endpoint_match_t *out) {
    const tg_deployed_proxy_t *p = route->proxy;
    *out = (tg_endpoint_match_t){.verdict = TG_ENDPOINT_OPEN, .proxy = p};
    if (p->proxy.n_endpoints > 0) {
        search_t s = {.trie = endpoints->tries[p - endpoints->proxies], .method = tg_method_bit(method)};
        const leaf_t *leaf = leaf_find(&s, ROOT, tg_route_below(path, route->prefix_len));
        if (leaf != NULL) {
            *out = (tg_endpoint_match_t){TG_ENDPOINT_FOUND, leaf->endpoint, leaf->proxy, 0};
            return;
        }
        out->methods = s.methods;
    }
    if (p->proxy.type != TG_PROXY_REVERSE) {
        out->verdict = out->methods != 0 ? TG_ENDPOINT_NO_METHOD : TG_ENDPOINT_NO_PATH;
    }
}
