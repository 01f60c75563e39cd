#include "cli/kinds.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/say.h"
#include "cli/suggest.h"

#define P "/projects/{project}"

/* clang-format off */
static const tg_kind_t kinds[] = {
    {"projects", "project", "project", "/projects/", "/projects/{name}/", "/projects/", "name", true, true, true, TG_KIND_PLAIN,
     {{"NAME", "name"}, {"DESCRIPTION", "description"}}},
    {"environments", "environment", "environment env envs", "/environments/", "/environments/{name}/", "/environments/", "name", true, true, true, TG_KIND_PLAIN,
     {{"NAME", "name"}, {"ACCESS URL", "accessUrl"}, {"FEED LOST", "jwtWhenFeedLost"}, {"DESCRIPTION", "description"}}},
    {"proxies", "API proxy", "proxy apiproxy apiproxies", P "/apiProxies/", P "/apiProxies/{name}/", P "/apiProxies/url/", "apiProxyName", true, true, true, TG_KIND_PLAIN,
     {{"NAME", "apiProxyName"}, {"TYPE", "apiProxyCreationType"}, {"PATHS", "clientRoute.relativePathList[]"}, {"HOSTS", "clientRoute.hostList[]"},
      {"ADDRESSES", "routingInfo.routingAddressList[].address"}, {"DESCRIPTION", "apiProxyDescription"}}},
    {"endpoints", "endpoint", "endpoint", P "/{owner}/endpoints/", P "/{owner}/endpoints/{name}/", P "/{owner}/endpoints/", "name", true, true, true, TG_KIND_PLAIN,
     {{"NAME", "name"}, {"METHOD", "method"}, {"PATH", "path"}, {"BACKEND PATH", "backendPath"}, {"ROLES", "roles[]"}}},
    {"policies", "policy", "policy", P "/{owner}/policies/", P "/{owner}/policies/{name}/", P "/{owner}/policies/{name}/", "policyName", true, true, true, TG_KIND_BY_NAME,
     {{"NAME", "policyName"}, {"TYPE", "policy.type"}, {"ACTIVE", "policy.active"}, {"SCOPE", "operationMetadata.targetScope"}, {"ORDER", "operationMetadata.order"},
      {"DESCRIPTION", "policy.description"}}},
    {"groups", "API proxy group", "group proxygroup proxygroups", P "/apiProxyGroups/", P "/apiProxyGroups/{name}/", P "/apiProxyGroups/", "name", true, true, true, TG_KIND_PLAIN,
     {{"NAME", "name"}, {"CORS", "cors.enabled"}, {"DESCRIPTION", "description"}}},
    {"policygroups", "policy group", "policygroup", P "/policyGroups/", P "/policyGroups/{name}/", P "/policyGroups/", "name", true, true, true, TG_KIND_PLAIN,
     {{"NAME", "name"}, {"CORS", "cors.enabled"}, {"DESCRIPTION", "description"}}},
    {"members", "member", "member", P "/{owner}/apiProxies/", NULL, NULL, NULL, false, false, true, TG_KIND_PLAIN,
     {{"NAME", "apiProxyName"}, {"DESCRIPTION", "apiProxyDescription"}}},
    {"deployments", "deployment", "deployment history histories", P "/{owner}/deploy-histories/", NULL, NULL, "revision", false, false, false, TG_KIND_PLAIN,
     {{"REVISION", "revision"}, {"ENVIRONMENT", "environmentName"}, {"ACTION", "action"}, {"AT", "deployedAt"}, {"BY", "deployedBy"}, {"DESCRIPTION", "description"}}},
    {"credentials", "credential", "credential cred creds", P "/credentials/", P "/credentials/{name}/", P "/credentials/", "username", true, true, true, TG_KIND_PLAIN,
     {{"USERNAME", "username"}, {"FULL NAME", "fullName"}, {"EMAIL", "email"}, {"ENABLED", "enabled"}, {"ROLES", "roleNameList[]"}, {"ORGANIZATION", "organization"},
      {"EXPIRES", "expireDate"}}},
    {"access", "access list", "acl", P "/credentials/{name}/access/", NULL, NULL, "name", false, false, false, TG_KIND_PLAIN,
     {{"NAME", "name"}, {"TYPE", "type"}, {"SETTINGS", "settings#"}}},
    {"organizations", "organization", "organization org orgs", P "/credential-organizations/", P "/credential-organizations/{name}/", P "/credential-organizations/", "name",
     true, true, true, TG_KIND_PLAIN,
     {{"NAME", "name"}, {"DESCRIPTION", "description"}, {"METADATA", "metadata#"}}},
    {"identityproviders", "identity provider", "identityprovider identity-provider identity-providers idp idps", P "/identityProviders/",
     P "/identityProviders/{name}/", P "/identityProviders/", "name", true, true, true, TG_KIND_PLAIN,
     {{"NAME", "name"}, {"TYPE", "type"}, {"ENABLED", "enabled"}, {"URL", "url"}, {"SYNCHRONISED", "synchronisation.enabled"}, {"DESCRIPTION", "description"}}},
    {"administrators", "administrator", "administrator admin admins", "/administrators/", "/administrators/{name}/", "/administrators/", "name", true, true, true, TG_KIND_PLAIN,
     {{"NAME", "name"}, {"ROLE", "role"}, {"ENABLED", "enabled"}}},
    {"accesstokens", "access token", "accesstoken pat pats", "/administrators/{administrator}/tokens/", "/administrators/{administrator}/tokens/{name}/",
     "/administrators/{administrator}/tokens/", "name", false, true, false, TG_KIND_DELETE_ONLY, {{"ID", "id"}, {"NAME", "name"}, {"ROLE", "role"}, {"CREATED", "createdAt"}, {"EXPIRES", "expiresAt"}}},
    {"keys", "signing key", "key", "/environments/{environment}/keys/", NULL, NULL, "kid", false, false, true, TG_KIND_PLAIN,
     {{"KID", "kid"}, {"ALGORITHM", "algorithm"}, {"STATE", "state"}, {"ACTIVE FROM", "activateAt"}, {"RETIRES", "retireAt"}}},
    {"nodes", "node", "node", "/environments/{environment}/nodes/", NULL, NULL, "nodeId", false, false, false, TG_KIND_PLAIN,
     {{"NODE", "nodeId"}, {"ENVIRONMENT", "environmentName"}, {"ADDRESS", "address"}, {"VERSION", "version"}, {"STATE", "state"}, {"REQUESTS", "requestsInFlight"},
      {"REVISION", "revision"}, {"WANTED", "wantedRevision"}, {"WORKERS", "workers#"}, {"ERRORS", "workers[].error"}, {"LAST SEEN", "lastSeen"}}},
    {"settings", "settings", "tokensettings token-management", NULL, "/settings/token-management/", NULL, NULL, true, false, false, TG_KIND_PLAIN,
     {{"SCOPE MISMATCH", "scopeMismatchBehavior"}, {"NO SCOPE", "scopeNotRequestedBehavior"}, {"UNIT", "expiresInUnit"}, {"EXTENDED", "extendedFields"}}},
    {"audit", "audit event", "events auditevents", "/auditEvents/", NULL, NULL, "id", false, false, true, TG_KIND_PLAIN,
     {{"ID", "id"}, {"AT", "at"}, {"WHO", "who"}, {"PROJECT", "project"}, {"WHAT", "what"}}},
};
/* clang-format on */

#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

const tg_kind_t *tg_kind_at(size_t i) {
    return i < N_KINDS ? &kinds[i] : NULL;
}

static bool is_named(const tg_kind_t *kind, tg_str_t name) {
    tg_str_t rest = tg_str(kind->aliases);
    if (tg_str_eq_ci(name, tg_str(kind->name)))
        return true;
    while (rest.n)
        if (tg_str_eq_ci(name, tg_str_take(&rest, ' ')))
            return true;
    return false;
}

const tg_kind_t *tg_kind_find(const char *name) {
    tg_suggestion_t near = tg_suggestion_start(name);
    for (size_t i = 0; i < N_KINDS; i++) {
        if (is_named(&kinds[i], tg_str(name)))
            return &kinds[i];
        tg_suggestion_try(&near, kinds[i].name);
    }
    if (near.name) {
        tg_say("there is no kind \"%s\"; did you mean %s?", name, near.name);
        return NULL;
    }
    char all[512];
    size_t n = 0;
    for (size_t i = 0; i < N_KINDS; i++)
        n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%s", i ? ", " : "", kinds[i].name);
    tg_say("there is no kind \"%s\"; there are %s", name, all);
    return NULL;
}
