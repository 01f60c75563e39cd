/* Snapshot documents: what is accepted is written, parses again and is written the same; and it can be routed. */
#include <stdlib.h>

#include "policy/endpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

/* Each proxy's own prefix leads somewhere unless hosts, methods or headers are asked for. */
static void route(const tg_snapshot_t *s) {
    tg_router_t *router;
    require(tg_router_new(s, &router) == TG_OK);
    for (size_t i = 0; i < s->n_proxies; i++) {
        const tg_route_t *r = &s->proxies[i].proxy.route;
        tg_route_query_t q = {.method = TG_STR("GET"), .host = TG_STR("a.b"), .path = r->paths[0]};
        tg_route_match_t m;
        tg_err_t err = tg_router_find(router, &q, &m);
        require(err == TG_OK || r->n_hosts + r->n_methods + r->n_headers > 0);
    }
    tg_route_conflict_t c;
    require(!tg_router_conflict(router, &c) || c.first != c.second);
    tg_router_free(router);
}

/* Every key leads to an application, and that of a proxy's policy to the policy. */
static void applications(const tg_snapshot_t *s) {
    require(s->n_applications == s->n_proxies + s->n_groups);
    for (size_t i = 0; i < s->n_applications; i++) {
        require(tg_snapshot_application(s, s->applications[i].key_id)->key_id == s->applications[i].key_id);
        require(i == 0 || s->applications[i - 1].key_id <= s->applications[i].key_id);
    }
    for (size_t i = 0; i < s->n_proxies; i++) {
        const tg_deployed_proxy_t *p = &s->proxies[i];
        require(tg_snapshot_application(s, p->key_id) != NULL && p->n_targets == 1 + p->n_groups);
        require(p->own_policy == NULL || p->policy == p->own_policy);
    }
}

/* A policy of an endpoint is of one that is there, and the proxy as it is there has it and the proxy's own key. */
static void endpoints(const tg_snapshot_t *s) {
    tg_arena_t a;
    tg_endpoints_t *index;
    tg_arena_init(&a, 64u << 20);
    require(tg_endpoints_new(s, &a, &index) == TG_OK);
    for (size_t i = 0; i < s->n_proxies; i++) {
        const tg_deployed_proxy_t *p = &s->proxies[i];
        for (size_t j = 0; j < p->n_endpoint_policies; j++) {
            const tg_endpoint_policy_t *e = &p->endpoint_policies[j];
            require(e->endpoint >= p->proxy.endpoints && e->endpoint < p->proxy.endpoints + p->proxy.n_endpoints);
            require(e->proxy != p && e->proxy->policy == &e->policy && e->proxy->key_id == p->own_key_id);
            require(e->proxy->id == p->id && e->proxy->cors != NULL && e->proxy->forwarded != NULL);
        }
    }
    tg_arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tg_snapshot_t s;
    tg_snapshot_t again;
    tg_buf_t text;
    tg_buf_t text_again;
    tg_buf_init(&text, 16 << 20);
    tg_buf_init(&text_again, 16 << 20);
    if (size <= 1 << 18 && tg_snapshot_parse(tg_strn(data, size), &s, NULL) == TG_OK) {
        route(&s);
        applications(&s);
        endpoints(&s);
        require(tg_snapshot_write(&s, &text) == TG_OK);
        require(tg_snapshot_parse(tg_buf_str(&text), &again, NULL) == TG_OK);
        require(tg_snapshot_write(&again, &text_again) == TG_OK);
        require(tg_str_eq(tg_buf_str(&text), tg_buf_str(&text_again)));
        tg_snapshot_release(&again);
        tg_snapshot_release(&s);
    }
    tg_buf_release(&text);
    tg_buf_release(&text_again);
    return 0;
}
