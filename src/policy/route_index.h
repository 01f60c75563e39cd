/* The inside of a tg_router_t. Internal to the policy room. */
#ifndef TG_POLICY_ROUTE_INDEX_H
#define TG_POLICY_ROUTE_INDEX_H

#include "policy/route.h"

#define TG_ROUTE_PATH_MAX 1024 /* bytes of a prefix; the model refuses longer ones */
#define TG_ROUTE_HOST_MAX 253

/* In match order. */
typedef enum { TG_HOST_EXACT = 0, TG_HOST_LEADING, TG_HOST_TRAILING, TG_HOST_ANY } tg_host_kind_t;

/* One path and one host that a proxy takes for itself. */
typedef struct {
    tg_str_t path; /* "" stands for "/", so that a prefix is always what is taken off */
    tg_host_kind_t kind;
    tg_str_t host; /* without its '*': ".example.org", "api." */
    const tg_deployed_proxy_t *proxy;
} tg_claim_t;

/* A run of claims that are equal in path (a path group), or in path and host (a host group). */
typedef struct {
    uint64_t hash;
    uint32_t first, n; /* n is 0 in an empty slot */
    uint32_t kinds;    /* path group: which host kinds it has, 1 << kind */
} tg_claim_group_t;

/* Open addressing with linear probing, at most half full. */
typedef struct {
    tg_claim_group_t *slots;
    size_t mask;
} tg_claim_groups_t;

struct tg_router {
    tg_claim_t *claims; /* sorted: path, host kind, host, then match order */
    size_t n;
    tg_claim_groups_t paths;
    tg_claim_groups_t hosts;
    uint64_t lengths[TG_ROUTE_PATH_MAX / 64 + 1]; /* which prefix lengths there are */
    size_t longest;
};

#endif
