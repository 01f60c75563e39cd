/*
 * The snapshot: everything that a gateway of one environment serves at one revision, as one JSON document that the
 * manager makes and the gateway reads (docs/decisions/0004-snapshot.md). It holds no client id, no secret hash: those
 * are live state.
 */
#ifndef TG_MODEL_SNAPSHOT_H
#define TG_MODEL_SNAPSHOT_H

#include "model/model.h"
#include "model/token_management.h"

#define TG_SNAPSHOT_FORMAT "tollgate-snapshot/1"
#define TG_SNAPSHOT_MAX    (256u << 20)

typedef struct {
    tg_proxy_t proxy;
    int64_t id;          /* resource id of the proxy */
    int64_t revision;    /* its deployment's revision */
    int64_t key_id;      /* its application key */
    tg_policy_t *policy; /* the one authentication policy, or NULL: open */
} tg_deployed_proxy_t;

typedef struct {
    int64_t environment_id;
    int64_t revision;
    tg_ms_t made_at;
    tg_environment_t environment;
    tg_token_management_t token_management; /* absent in the document: the defaults */
    tg_signing_key_t *keys;
    size_t n_keys;
    tg_deployed_proxy_t *proxies;
    size_t n_proxies;
    tg_arena_t arena; /* owns all of the above */
} tg_snapshot_t;

/* *out owns everything; tg_snapshot_release. TG_ERR_INVALID with the reason in *fault: another format, a broken part
 * ("proxies[3].clientRoute..."). */
tg_err_t tg_snapshot_parse(tg_str_t document, tg_snapshot_t *out, tg_fault_t *fault) TG_MUST_CHECK;
void tg_snapshot_release(tg_snapshot_t *s);

/* The document, from the parts that the manager holds. */
tg_err_t tg_snapshot_write(const tg_snapshot_t *s, tg_buf_t *out) TG_MUST_CHECK;
/* One deployed proxy as it stands in the document and in a deployment's row:
 * {"id","revision","keyId","project","proxy":{...},"policyName","policy":{...}|null}. */
json_t *tg_deployed_proxy_write(const tg_deployed_proxy_t *p) TG_MUST_CHECK;
tg_err_t tg_deployed_proxy_parse(const json_t *doc, tg_arena_t *a, tg_deployed_proxy_t *out,
                                 tg_fault_t *fault) TG_MUST_CHECK;

#endif
