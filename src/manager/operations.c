#include "manager/handlers.h"

#define P   "/apiops/projects/{project}"
#define X   P "/apiProxies/{apiProxy}"
#define E   "/apiops/environments/{environment}"
#define M   "/apiops/settings/token-management"
#define A   "/apiops/administrators/{administrator}"
#define GET 0
#define SET (TG_OP_WRITES | TG_OP_BODY | TG_OP_ETAG)
#define NEW (TG_OP_WRITES | TG_OP_BODY)
#define DEL (TG_OP_WRITES | TG_OP_BODY_OPTIONAL | TG_OP_ETAG)
#define ACT (TG_OP_WRITES | TG_OP_BODY_OPTIONAL)

/* clang-format off */
const tg_operation_t tg_operations[] = {
    {"login", "POST", "/apiops/auth/token", TG_MAY_ANYONE, TG_OP_FORM | TG_OP_PLAIN, 200, tg_login, "Login",
     "Trade an administrator's name and password for a bearer token"},

    {"projectList", "GET", "/apiops/projects", TG_MAY_READ, TG_OP_LIST, 200, tg_project_list, NULL, "Projects"},
    {"projectCreate", "POST", "/apiops/projects", TG_MAY_WRITE, NEW, 201, tg_project_create, "Project", "Make a project"},
    {"projectGet", "GET", P, TG_MAY_READ, GET, 200, tg_project_get, NULL, "One project"},
    {"projectPut", "PUT", P, TG_MAY_WRITE, SET, 200, tg_project_put, "Project", "Replace a project"},
    {"projectPatch", "PATCH", P, TG_MAY_WRITE, SET, 200, tg_project_patch, "Patch", "Change a project"},
    {"projectDelete", "DELETE", P, TG_MAY_WRITE, DEL, 200, tg_project_delete, NULL, "Delete an empty project"},

    {"environmentList", "GET", "/apiops/environments", TG_MAY_READ, TG_OP_LIST, 200, tg_environment_list, NULL, "Environments"},
    {"environmentCreate", "POST", "/apiops/environments", TG_MAY_WRITE, NEW, 201, tg_environment_create, "Environment",
     "Make an environment, with an RS256 signing key"},
    {"projectEnvironmentList", "GET", P "/environments", TG_MAY_READ, TG_OP_LIST, 200, tg_project_environment_list, NULL,
     "Environments that a project can deploy to"},
    {"environmentGet", "GET", E, TG_MAY_READ, GET, 200, tg_environment_get, NULL, "One environment"},
    {"environmentPut", "PUT", E, TG_MAY_WRITE, SET, 200, tg_environment_put, "Environment", "Replace an environment's settings; live at once"},
    {"environmentPatch", "PATCH", E, TG_MAY_WRITE, SET, 200, tg_environment_patch, "Patch", "Change an environment's settings; live at once"},
    {"environmentDelete", "DELETE", E, TG_MAY_WRITE, DEL, 200, tg_environment_delete, NULL, "Delete an environment with nothing deployed"},
    {"environmentNodes", "GET", E "/nodes", TG_MAY_READ, TG_OP_LIST, 200, tg_environment_nodes, NULL, "Live gateway nodes and their revisions"},

    {"signingKeyList", "GET", E "/keys", TG_MAY_READ, TG_OP_LIST, 200, tg_signing_key_list, NULL, "Signing keys, public parts"},
    {"signingKeyRegenerate", "POST", E "/keys/regenerate", TG_MAY_ADMINISTRATE, ACT, 200, tg_signing_key_regenerate, "KeyRegenerate",
     "Make a new signing key"},
    {"signingKeyUpload", "POST", E "/keys/upload", TG_MAY_ADMINISTRATE, NEW, 200, tg_signing_key_upload, "KeyUpload",
     "Sign with a private key of one's own (PEM)"},
    {"signingKeyRedeploy", "POST", E "/keys/redeploy", TG_MAY_ADMINISTRATE, ACT, 200, tg_signing_key_redeploy, "Empty",
     "Send the keys to the gateways again"},
    {"signingKeyRevoke", "POST", E "/keys/{kid}/revoke", TG_MAY_ADMINISTRATE, ACT, 200, tg_signing_key_revoke, "Empty",
     "Emergency: what this key signed is refused from now on"},

    {"proxyList", "GET", P "/apiProxies", TG_MAY_READ, TG_OP_LIST, 200, tg_proxy_list, NULL, "API proxies of a project"},
    {"proxyCreate", "POST", P "/apiProxies/url", TG_MAY_WRITE, NEW, 201, tg_proxy_create, "Proxy",
     "Make an API proxy; its application key's secret is in the answer, this once"},
    {"proxyGet", "GET", X, TG_MAY_READ, GET, 200, tg_proxy_get, NULL, "One API proxy"},
    {"proxyPut", "PUT", X, TG_MAY_WRITE, SET, 200, tg_proxy_put, "Proxy", "Replace an API proxy"},
    {"proxyPatch", "PATCH", X, TG_MAY_WRITE, SET, 200, tg_proxy_patch, "Patch", "Change an API proxy"},
    {"proxyDelete", "DELETE", X, TG_MAY_WRITE, DEL, 200, tg_proxy_delete, NULL, "Delete an API proxy that is deployed nowhere"},

    {"proxyRouteGet", "GET", X "/settings/client-route", TG_MAY_READ, GET, 200, tg_proxy_route_get, NULL, "Client route"},
    {"proxyRoutePatch", "PATCH", X "/settings/client-route", TG_MAY_WRITE, SET, 200, tg_proxy_route_set, "ClientRoute", "Change the client route"},
    {"proxyRoutePut", "PUT", X "/settings/client-route", TG_MAY_WRITE, SET, 200, tg_proxy_route_set, "ClientRoute", "Replace the client route"},
    {"proxyAddressesGet", "GET", X "/settings/addresses", TG_MAY_READ, GET, 200, tg_proxy_addresses_get, NULL, "Backend addresses"},
    {"proxyAddressesPatch", "PATCH", X "/settings/addresses", TG_MAY_WRITE, SET, 200, tg_proxy_addresses_set, "RoutingInfo", "Change the backend addresses"},
    {"proxyAddressesPut", "PUT", X "/settings/addresses", TG_MAY_WRITE, SET, 200, tg_proxy_addresses_set, "RoutingInfo", "Replace the backend addresses"},
    {"proxyConnectionGet", "GET", X "/settings/connection", TG_MAY_READ, GET, 200, tg_proxy_connection_get, NULL, "How the backend is reached"},
    {"proxyConnectionPatch", "PATCH", X "/settings/connection", TG_MAY_WRITE, SET, 200, tg_proxy_connection_set, "Connection", "Change how the backend is reached"},
    {"proxyConnectionPut", "PUT", X "/settings/connection", TG_MAY_WRITE, SET, 200, tg_proxy_connection_set, "Connection", "Replace how the backend is reached"},
    {"proxyKeysGet", "GET", X "/settings/keys", TG_MAY_READ, GET, 200, tg_proxy_keys_get, NULL, "The application key, without its secret"},
    {"proxyKeysPatch", "PATCH", X "/settings/keys", TG_MAY_WRITE, SET, 200, tg_proxy_keys_set, "ApplicationKey", "Set or regenerate the application key; live at once"},
    {"proxyKeysPut", "PUT", X "/settings/keys", TG_MAY_WRITE, SET, 200, tg_proxy_keys_set, "ApplicationKey", "Set or regenerate the application key; live at once"},

    {"policyList", "GET", X "/policies", TG_MAY_READ, TG_OP_LIST, 200, tg_policy_list, NULL, "Policies of an API proxy"},
    {"policyGet", "GET", X "/policies/{policy}", TG_MAY_READ, GET, 200, tg_policy_get, NULL, "One policy"},
    {"policyCreate", "POST", X "/policies/{policy}", TG_MAY_WRITE, NEW, 201, tg_policy_create, "Policy", "Add a policy"},
    {"policyPut", "PUT", X "/policies/{policy}", TG_MAY_WRITE, SET, 200, tg_policy_put, "Policy", "Replace a policy"},
    {"policyPatch", "PATCH", X "/policies/{policy}", TG_MAY_WRITE, SET, 200, tg_policy_patch, "Patch", "Change a policy"},
    {"policyDelete", "DELETE", X "/policies/{policy}", TG_MAY_WRITE, DEL, 200, tg_policy_delete, NULL, "Delete a policy"},

    {"deploy", "POST", X "/environments/{environment}", TG_MAY_WRITE, ACT, 200, tg_deployment_deploy, "Deploy", "Deploy to an environment"},
    {"undeploy", "DELETE", X "/environments/{environment}", TG_MAY_WRITE, ACT, 200, tg_deployment_undeploy, "Deploy",
     "Take away from an environment; ends the tokens of the proxy's own key there"},
    {"deployStatus", "GET", X "/environments/{environment}/deploy-status", TG_MAY_READ, GET, 200, tg_deployment_status, NULL,
     "What is deployed there, and which nodes serve it"},
    {"deployHistories", "GET", X "/deploy-histories", TG_MAY_READ, TG_OP_LIST, 200, tg_deployment_histories, NULL, "Deploys and undeploys, newest first"},

    {"tokenManagementGet", "GET", M, TG_MAY_READ, GET, 200, tg_token_management_get, NULL, "Token management settings"},
    {"tokenManagementPut", "PUT", M, TG_MAY_WRITE, SET, 200, tg_token_management_put, "TokenManagement",
     "Replace the token management settings; live at once in every environment"},
    {"tokenManagementPatch", "PATCH", M, TG_MAY_WRITE, SET, 200, tg_token_management_patch, "Patch",
     "Change the token management settings; live at once in every environment"},

    {"administratorList", "GET", "/apiops/administrators", TG_MAY_ADMINISTRATE, TG_OP_LIST, 200, tg_administrator_list, NULL, "Administrators"},
    {"administratorCreate", "POST", "/apiops/administrators", TG_MAY_ADMINISTRATE, NEW, 201, tg_administrator_create, "Administrator",
     "Make an administrator; a generated password is in the answer, this once"},
    {"administratorGet", "GET", A, TG_MAY_ADMINISTRATE, GET, 200, tg_administrator_get, NULL, "One administrator"},
    {"administratorPatch", "PATCH", A, TG_MAY_ADMINISTRATE, SET, 200, tg_administrator_patch, "AdministratorPatch", "Change role or enabled"},
    {"administratorDelete", "DELETE", A, TG_MAY_ADMINISTRATE, DEL, 200, tg_administrator_delete, NULL, "Delete an administrator"},
    {"administratorPassword", "PUT", A "/password", TG_MAY_READ, NEW, 200, tg_administrator_password, "Password",
     "Set a password (one's own, or as ADMIN anybody's); ends that administrator's sessions"},

    {"auditList", "GET", "/apiops/auditEvents", TG_MAY_READ, TG_OP_LIST | TG_OP_QUERY, 200, tg_audit_list, NULL,
     "Who changed what, newest first; who, what, from, to narrow it"},
    {"openapi", "GET", "/apiops/openapi.json", TG_MAY_READ, TG_OP_PLAIN, 200, tg_openapi_get, NULL, "This document"},

    {"healthLive", "GET", "/health/live", TG_MAY_ANYONE, TG_OP_PLAIN, 200, tg_health_live, NULL, "The process answers"},
    {"healthReady", "GET", "/health/ready", TG_MAY_ANYONE, TG_OP_PLAIN, 200, tg_health_ready, NULL, "The store can be used"},
    {"metrics", "GET", "/metrics", TG_MAY_ANYONE, TG_OP_PLAIN, 200, tg_metrics_get, NULL, "Prometheus metrics"},
    {"apiopsHealthLive", "GET", "/apiops/health/live", TG_MAY_ANYONE, TG_OP_PLAIN, 200, tg_health_live, NULL, "As /health/live"},
    {"apiopsHealthReady", "GET", "/apiops/health/ready", TG_MAY_ANYONE, TG_OP_PLAIN, 200, tg_health_ready, NULL, "As /health/ready"},
    {"apiopsMetrics", "GET", "/apiops/metrics", TG_MAY_ANYONE, TG_OP_PLAIN, 200, tg_metrics_get, NULL, "As /metrics"},
};
/* clang-format on */

const size_t tg_operations_n = sizeof(tg_operations) / sizeof(tg_operations[0]);
