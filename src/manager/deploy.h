/* Deploying and undeploying API proxies and groups, inside the caller's transaction; and what the gateways say to it
 * afterwards. */
#ifndef TG_MANAGER_DEPLOY_H
#define TG_MANAGER_DEPLOY_H

#include "manager/call.h"
#include "model/model.h"

/* What a write says about deploying: "deploy" and "deployTargetEnvironmentNameList". */
typedef struct {
    bool wanted;
    tg_str_t *names;
    size_t n;
} tg_deploy_request_t;

/* Reads both members of the object and takes them out of it. `member` is the object's own name in the body, for faults;
 * "": it is the body. */
tg_err_t tg_deploy_request_take(tg_call_t *c, json_t *object, const char *member,
                                tg_deploy_request_t *out) TG_MUST_CHECK;
/* Deploys the owner as it stands now to all that were named. */
tg_err_t tg_deploy_request_apply(tg_call_t *c, const tg_deploy_request_t *r, const tg_resource_t *owner) TG_MUST_CHECK;

/* One revision of the environment. Freezes the API proxy, its policy, its key's id and its groups, and deploys those of
 * its groups that are not deployed there; or the group with all its members as they stand now, and their other groups
 * likewise. Checks that no two deployed proxies have the same route (CONFLICT names them), makes keys that policies
 * need, and publishes. */
tg_err_t tg_deploy(tg_call_t *c, const tg_resource_t *environment, const tg_resource_t *owner,
                   tg_str_t description) TG_MUST_CHECK;
/* Likewise all of these at once, those whose frozen state is there already left out: done[i] tells which were not.
 * Groups come without their members. Without any there is no revision. */
tg_err_t tg_deploy_changed(tg_call_t *c, const tg_resource_t *environment, const tg_resource_t *owners, size_t n,
                           bool *done) TG_MUST_CHECK;
/* Deploys what this row of its history froze, as it was then: keys, members and groups as they are now. CONFLICT says
 * what of it is not there any more. */
tg_err_t tg_deploy_frozen(tg_call_t *c, const tg_resource_t *environment, const tg_resource_t *owner,
                          const tg_deployment_t *frozen, tg_str_t description) TG_MUST_CHECK;
/* Takes it away, a group with all that are deployed there as its members: without it they would be reachable under
 * other rules. Ends for good the tokens of their own keys there. CONFLICT: it is not deployed there. */
tg_err_t tg_undeploy(tg_call_t *c, const tg_resource_t *environment, const tg_resource_t *owner,
                     tg_str_t description) TG_MUST_CHECK;

/* Whether the row is of a group; else it is of a proxy. */
bool tg_deployment_is_group(const tg_deployment_t *row);
/* The policy in a deployment's row that its key gets JWTs by, in the arena; NULL: none. */
tg_err_t tg_deployment_policy(const tg_deployment_t *row, tg_arena_t *a, const tg_policy_t **policy) TG_MUST_CHECK;
/* Whether the proxy is deployed there as a member of this group. */
tg_err_t tg_deployed_as_member(tg_call_t *c, int64_t environment_id, int64_t proxy_id, int64_t group_id,
                               bool *is) TG_MUST_CHECK;

/* After the commit: waits until every worker of every live node of each target serves its revision, at most 5 s, and
 * puts "deploymentResult" into the answer. */
void tg_deploy_confirm(tg_call_t *c);

/* Nodes seen since this long ago are alive. */
#define TG_NODE_ALIVE_MS 3000

#endif
