/* Deploying and undeploying one API proxy, inside the caller's transaction; and what the gateways say to it afterwards.
 */
#ifndef TG_MANAGER_DEPLOY_H
#define TG_MANAGER_DEPLOY_H

#include "manager/call.h"

/* What a write says about deploying: "deploy" and "deployTargetEnvironmentNameList". */
typedef struct {
    bool wanted;
    tg_str_t *names;
    size_t n;
} tg_deploy_request_t;

/* Reads both members of the object and takes them out of it. `path` goes before their names in faults ("",
 * "operationMetadata."). */
tg_err_t tg_deploy_request_take(tg_call_t *c, json_t *object, const char *path, tg_deploy_request_t *out) TG_MUST_CHECK;
/* Deploys the proxy as it stands now to all that were named. */
tg_err_t tg_deploy_request_apply(tg_call_t *c, const tg_deploy_request_t *r, const tg_resource_t *proxy) TG_MUST_CHECK;

/* Freezes the proxy, its policy and its key's id, checks that no other deployed proxy has the same route (CONFLICT
 * names it), makes a key that the policy needs, and publishes. */
tg_err_t tg_deploy_proxy(tg_call_t *c, const tg_resource_t *environment, const tg_resource_t *proxy,
                         tg_str_t description) TG_MUST_CHECK;
/* Takes it away; ends for good the tokens of the proxy's own key there. CONFLICT: it is not deployed there. */
tg_err_t tg_undeploy_proxy(tg_call_t *c, const tg_resource_t *environment, const tg_resource_t *proxy,
                           tg_str_t description) TG_MUST_CHECK;

/* After the commit: waits until every worker of every live node of each target serves its revision, at most 5 s, and
 * puts "deploymentResult" into the answer. */
void tg_deploy_confirm(tg_call_t *c);

/* Nodes seen since this long ago are alive. */
#define TG_NODE_ALIVE_MS 3000

#endif
