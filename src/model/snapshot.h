/*
 * The snapshot: everything that a gateway of one environment serves at one revision, as one JSON document that the
 * manager makes and the gateway reads (docs/decisions/0004-snapshot.md). It holds no client id, no secret hash: those
 * are live state.
 */
#ifndef TG_MODEL_SNAPSHOT_H
#define TG_MODEL_SNAPSHOT_H

#include "model/identity_provider.h"
#include "model/model.h"
#include "model/token_management.h"

#define TG_SNAPSHOT_FORMAT "tollgate-snapshot/1"
#define TG_SNAPSHOT_MAX    (256u << 20)

/* Whose an application key is, and what its tokens are issued by: a proxy, a proxy group or a policy group. */
typedef enum { TG_OWNER_PROXY = 1, TG_OWNER_PROXY_GROUP, TG_OWNER_POLICY_GROUP } tg_owner_kind_t;

typedef struct {
    tg_owner_kind_t kind;
    int64_t id;         /* resource id of the owner */
    int64_t key_id;     /* its application key */
    int64_t project_id; /* resource id */
    tg_str_t name;
    /* What its key gets tokens by at /auth/token, or NULL: it gets none. Its own authentication policy; a proxy whose
     * own is none of policy mode, or inactive: that of an endpoint. */
    const tg_policy_t *policy;
    const tg_policy_t *other; /* the one for tokens of the other type, of an endpoint; or NULL */
    const tg_cors_t *cors;
    const tg_forwarded_t *forwarded;
} tg_application_t;

typedef struct {
    tg_group_t group;
    tg_owner_kind_t kind;
    int64_t id; /* resource id */
    int64_t project_id;
    int64_t revision;
    int64_t key_id;
    tg_policy_t *policy; /* or NULL */
} tg_deployed_group_t;

#define TG_GROUPS_OF_PROXY       2
#define TG_ENDPOINT_POLICIES_MAX 500

typedef struct tg_deployed_proxy tg_deployed_proxy_t;

/* An authentication policy of one endpoint; of the proxy's own application key. */
typedef struct {
    tg_policy_t policy;
    const tg_api_endpoint_t *endpoint; /* of proxy.endpoints: the one that the policy names */
    /* Filled in by tg_snapshot_parse: the proxy as it is at this endpoint, with this policy and what goes with it. */
    const tg_deployed_proxy_t *proxy;
} tg_endpoint_policy_t;

struct tg_deployed_proxy {
    tg_proxy_t proxy;
    int64_t id;                            /* resource id of the proxy */
    int64_t project_id;                    /* resource id; 0 in documents of earlier releases */
    int64_t revision;                      /* its deployment's revision */
    int64_t own_key_id;                    /* "keyId": its own application key */
    tg_policy_t *own_policy;               /* "policy": its own authentication policy, or NULL */
    int64_t group_ids[TG_GROUPS_OF_PROXY]; /* "groupIds": policy group first, then proxy group; those that are there */
    size_t n_groups;
    tg_endpoint_policy_t *endpoint_policies; /* "endpointPolicies": [{"policyName","policy"}] */
    size_t n_endpoint_policies;

    /* Filled in by tg_snapshot_parse: what decides at a request. The proxy's own policy, else that of the first of its
     * groups that is deployed and has one; key and settings are those of the policy's owner, the proxy's own if there
     * is none. */
    const tg_policy_t *policy; /* NULL: open */
    int64_t key_id;
    const tg_cors_t *cors;           /* of the environment in ACL mode */
    const tg_forwarded_t *forwarded; /* likewise */
    /* What an access list may name to let a credential in: the proxy, then its groups, deployed or not. */
    int64_t targets[1 + TG_GROUPS_OF_PROXY];
    size_t n_targets;
};

/* One identity provider of a project that has something deployed, or credentials. Its secrets are sealed. */
typedef struct {
    int64_t id;         /* resource id */
    int64_t project_id; /* resource id */
    int64_t version;    /* of the resource: another one is another provider */
    tg_identity_provider_t provider;
} tg_snapshot_provider_t;

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
    tg_deployed_group_t *groups; /* absent in the document: none */
    size_t n_groups;
    tg_snapshot_provider_t *providers; /* "identityProviders"; absent: none */
    size_t n_providers;
    tg_application_t *applications; /* made by tg_snapshot_parse: of each proxy, then of each group; by key_id */
    size_t n_applications;
    tg_arena_t arena; /* owns all of the above */
} tg_snapshot_t;

/* *out owns everything; tg_snapshot_release. TG_ERR_INVALID with the reason in *fault: another format, a broken part
 * ("proxies[3].clientRoute..."). */
tg_err_t tg_snapshot_parse(tg_str_t document, tg_snapshot_t *out, tg_fault_t *fault) TG_MUST_CHECK;
void tg_snapshot_release(tg_snapshot_t *s);

/* The document, from the parts that the manager holds. */
tg_err_t tg_snapshot_write(const tg_snapshot_t *s, tg_buf_t *out) TG_MUST_CHECK;
/* The application whose key this is, or NULL. */
const tg_application_t *tg_snapshot_application(const tg_snapshot_t *s, int64_t key_id);
/* The provider of this name in a project, or NULL. */
const tg_snapshot_provider_t *tg_snapshot_provider(const tg_snapshot_t *s, int64_t project_id, tg_str_t name);
/* What its key gets tokens of this type by, or NULL. */
const tg_policy_t *tg_application_policy(const tg_application_t *a, tg_token_type_t type);
/* Whether it has a policy of policy mode that is active. */
bool tg_application_issues(const tg_application_t *a);

/* One deployed proxy as it stands in the document and in a deployment's row:
 * {"id","projectId","revision","keyId","project","proxy":{...},"policyName","policy":{...}|null,"groupIds":[...],"endpointPolicies":[{"policyName","policy":{...}}]}.
 * Parsing one alone leaves what tg_snapshot_parse fills in as if it were in no group. */
json_t *tg_deployed_proxy_write(const tg_deployed_proxy_t *p) TG_MUST_CHECK;
tg_err_t tg_deployed_proxy_parse(const json_t *doc, tg_arena_t *a, tg_deployed_proxy_t *out,
                                 tg_fault_t *fault) TG_MUST_CHECK;
/* Likewise {"kind":"API_PROXY_GROUP"|"POLICY_GROUP","id","projectId","revision","keyId","project","group":{...},
 * "policyName","policy":{...}|null}. */
json_t *tg_deployed_group_write(const tg_deployed_group_t *g) TG_MUST_CHECK;
tg_err_t tg_deployed_group_parse(const json_t *doc, tg_arena_t *a, tg_deployed_group_t *out,
                                 tg_fault_t *fault) TG_MUST_CHECK;

#endif
