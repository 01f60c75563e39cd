/*
 * Which proxy a request belongs to, and the target that its backend gets. The path is decided on once, decoded and
 * normalised (by nginx: %xx decoded, "//", "/./", "/../" removed), and the backend gets what was decided on,
 * re-escaped; so policy and backend never disagree.
 */
#ifndef TG_POLICY_ROUTE_H
#define TG_POLICY_ROUTE_H

#include "base/buf.h"
#include "model/snapshot.h"

/* An index over the routes of a snapshot, which must outlive it. Immutable. */
typedef struct tg_router tg_router_t;

tg_err_t tg_router_new(const tg_snapshot_t *s, tg_router_t **out) TG_MUST_CHECK;
void tg_router_free(tg_router_t *r);

typedef struct {
    tg_str_t method;
    tg_str_t host; /* without port; any case */
    tg_str_t path; /* decoded and normalised, starts with '/' */
    /* The value of the request header `name` (case-insensitive), or TG_STR_NONE. Called only for routes that name
     * headers. */
    tg_str_t (*header)(void *ctx, tg_str_t name);
    void *ctx;
} tg_route_query_t;

typedef struct {
    const tg_deployed_proxy_t *proxy;
    size_t prefix_len; /* bytes of path taken by the matched prefix (0 for "/") */
} tg_route_match_t;

/* The path below the matched prefix, at least "/": what patterns of paths are compared with. */
static inline tg_str_t tg_route_below(tg_str_t path, size_t prefix_len) {
    return path.n > prefix_len ? tg_strn(path.p + prefix_len, path.n - prefix_len) : TG_STR("/");
}

/* Match order: path (longest prefix at a segment boundary), host (exact before wildcard before none), header, method. A
 * proxy that does not match in host, header or method gives way to the next one, also to one with a shorter prefix.
 * TG_ERR_NOTFOUND: none. Cost does not grow with the number of proxies, nor with a path longer than the longest prefix.
 * No allocation. The wildcard of a host stands for exactly one label. */
tg_err_t tg_router_find(const tg_router_t *r, const tg_route_query_t *q, tg_route_match_t *out) TG_MUST_CHECK;

/* Two proxies that claim the very same path, host, headers and method: which of them got the request would be chance,
 * so a deploy refuses the second. */
typedef struct {
    const tg_deployed_proxy_t *first, *second; /* in the order of their ids */
    tg_str_t path;                             /* the prefix that both claim, decoded */
} tg_route_conflict_t;
/* false: there is none, *out is untouched. For the manager; cost grows with the proxies that share a path and host. */
bool tg_router_conflict(const tg_router_t *r, tg_route_conflict_t *out) TG_MUST_CHECK;

/* True if a byte below 0x20 or 0x7f stands in the decoded path: such a request is answered 400. */
bool tg_path_has_control(tg_str_t path);

/* Appends base_path + (path with the prefix taken off if strip_path, at least "/") percent-escaped (all but unreserved,
 * sub-delims, ':', '@', '/'; RFC 3986 3.3), then '?' and the query byte for byte if has_query; only bytes that would
 * end the target (0x00-0x20, 0x7f), which no query has that nginx lets through, are escaped there. `endpoint` (NULL:
 * none) is the one that the path matched: if it has a backend path, that is put behind base_path instead, with the
 * path's own segments for its parameters. */
void tg_target_write(const tg_deployed_proxy_t *p, const tg_api_endpoint_t *endpoint, const tg_address_t *address,
                     size_t prefix_len, tg_str_t path, bool has_query, tg_str_t query, tg_buf_t *out);

#endif
