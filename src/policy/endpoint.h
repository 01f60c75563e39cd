/*
 * Which endpoint of a proxy a request is for (OpenAPI 3.1 4.8.8). The most specific path that has the request's method
 * decides: of two segments the literal one comes before a parameter, a parameter before "**", the leftmost difference
 * counts; on one path a named method comes before "*". So what is said of one method of a path changes nothing for the
 * others. GET stands for HEAD where no HEAD is. A trailing slash counts for nothing; a parameter is one segment that is
 * not empty.
 */
#ifndef TG_POLICY_ENDPOINT_H
#define TG_POLICY_ENDPOINT_H

#include "policy/route.h"

/* An index over the endpoints of all proxies of a snapshot. Immutable; lives in the arena. */
typedef struct tg_endpoints tg_endpoints_t;

/* TG_ERR_NOMEM. */
tg_err_t tg_endpoints_new(const tg_snapshot_t *s, tg_arena_t *a, tg_endpoints_t **out) TG_MUST_CHECK;

typedef enum {
    TG_ENDPOINT_NO_PATH = 0, /* an API of endpoints alone has none at this path */
    TG_ENDPOINT_NO_METHOD,   /* it has, for other methods */
    TG_ENDPOINT_FOUND,
    TG_ENDPOINT_OPEN /* none is needed: the proxy takes what is below its route */
} tg_endpoint_verdict_t;

typedef struct {
    tg_endpoint_verdict_t verdict;
    const tg_api_endpoint_t *endpoint; /* FOUND; NULL otherwise */
    const tg_deployed_proxy_t *proxy;  /* as it is at this endpoint */
    uint32_t methods;                  /* NO_METHOD: those that the path has, bits of tg_method_bit */
} tg_endpoint_match_t;

/* `path` is the one that *route was found for, in the snapshot of the index. Cost: that of the segments that patterns
 * have in common with the path; it does not grow with endpoints of literal paths, nor with a path longer than any
 * pattern. No allocation. */
void tg_endpoint_find(const tg_endpoints_t *endpoints, const tg_route_match_t *route, tg_str_t method, tg_str_t path,
                      tg_endpoint_match_t *out);

#endif
