#include "manager/handlers.h"
#include "manager/queries.h"

#define P   "/apiops/projects/{project}"
#define X   P "/apiProxies/{apiProxy}"
#define G   P "/apiProxyGroups"
#define L   P "/policyGroups"
#define C   P "/credentials/{username}"
#define O   P "/credential-organizations"
#define I   P "/identityProviders"
#define E   "/apiops/environments/{environment}"
#define M   "/apiops/settings/token-management"
#define A   "/apiops/administrators/{administrator}"
#define GET 0
#define SET (TG_OP_WRITES | TG_OP_BODY | TG_OP_ETAG)
#define NEW (TG_OP_WRITES | TG_OP_BODY)
#define DEL (TG_OP_WRITES | TG_OP_BODY_OPTIONAL | TG_OP_ETAG)
#define ACT (TG_OP_WRITES | TG_OP_BODY_OPTIONAL)

/* Rows name what else they have. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

/* clang-format off */
/* What API proxies and groups have in common: the handlers are the same. `one` is the path of one of them. */
#define OWNER_ROWS(id, one, what, schema)                                                                                                       \
    {id "Get", "GET", one, TG_MAY_READ, GET, 200, tg_owner_get, NULL, "One " what, .result = schema},                                                             \
    {id "Put", "PUT", one, TG_MAY_WRITE, SET | TG_OP_LARGE, 200, tg_owner_put, schema, "Replace the " what, .result = schema},                                                  \
    {id "Patch", "PATCH", one, TG_MAY_WRITE, SET, 200, tg_owner_patch, schema, "Change the " what, .result = schema},                                            \
    {id "Delete", "DELETE", one, TG_MAY_WRITE, DEL, 200, tg_owner_delete, NULL, "Delete the " what ", which is deployed nowhere"},              \
    {id "CorsGet", "GET", one "/settings/cors", TG_MAY_READ, GET, 200, tg_owner_cors_get, NULL, "CORS in policy mode", .result = "Cors"},                         \
    {id "CorsPatch", "PATCH", one "/settings/cors", TG_MAY_WRITE, SET, 200, tg_owner_cors_set, "Cors", "Change CORS", .result = "Cors"},                          \
    {id "CorsPut", "PUT", one "/settings/cors", TG_MAY_WRITE, SET, 200, tg_owner_cors_set, "Cors", "Replace CORS", .result = "Cors"},                             \
    {id "ForwardedGet", "GET", one "/settings/forwarded-ip-header", TG_MAY_READ, GET, 200, tg_owner_forwarded_get, NULL,                        \
     "Where the client's address is read in policy mode", .result = "ForwardedIp"},                                                                                      \
    {id "ForwardedPatch", "PATCH", one "/settings/forwarded-ip-header", TG_MAY_WRITE, SET, 200, tg_owner_forwarded_set, "ForwardedIp",          \
     "Change where the client's address is read", .result = "ForwardedIp"},                                                                                              \
    {id "ForwardedPut", "PUT", one "/settings/forwarded-ip-header", TG_MAY_WRITE, SET, 200, tg_owner_forwarded_set, "ForwardedIp",              \
     "Replace where the client's address is read", .result = "ForwardedIp"},                                                                                             \
    {id "KeysGet", "GET", one "/settings/keys", TG_MAY_READ, GET, 200, tg_owner_keys_get, NULL, "The application key, without its secret"},     \
    {id "KeysPatch", "PATCH", one "/settings/keys", TG_MAY_WRITE, SET, 200, tg_owner_keys_set, "ApplicationKey",                                \
     "Set or regenerate the application key; live at once"},                                                                                    \
    {id "KeysPut", "PUT", one "/settings/keys", TG_MAY_WRITE, SET, 200, tg_owner_keys_set, "ApplicationKey",                                    \
     "Set or regenerate the application key; live at once"},                                                                                    \
    {id "PolicyList", "GET", one "/policies", TG_MAY_READ, TG_OP_LIST, 200, tg_policy_list, NULL, "Policies of the " what, .result = "Policy"},                     \
    {id "PolicyGet", "GET", one "/policies/{policy}", TG_MAY_READ, GET, 200, tg_policy_get, NULL, "One policy", .result = "Policy"},                                \
    {id "PolicyCreate", "POST", one "/policies/{policy}", TG_MAY_WRITE, NEW, 201, tg_policy_create, "Policy", "Add a policy", .result = "Policy"},                  \
    {id "PolicyPut", "PUT", one "/policies/{policy}", TG_MAY_WRITE, SET, 200, tg_policy_put, "Policy", "Replace a policy", .result = "Policy"},                     \
    {id "PolicyPatch", "PATCH", one "/policies/{policy}", TG_MAY_WRITE, SET, 200, tg_policy_patch, "Policy", "Change a policy", .result = "Policy"},                 \
    {id "PolicyDelete", "DELETE", one "/policies/{policy}", TG_MAY_WRITE, DEL, 200, tg_policy_delete, NULL, "Delete a policy"},                 \
    {id "Deploy", "POST", one "/environments/{environment}", TG_MAY_WRITE, ACT, 200, tg_deployment_deploy, "Deploy",                            \
     "Deploy to an environment, a group with its members"},                                                                                     \
    {id "Undeploy", "DELETE", one "/environments/{environment}", TG_MAY_WRITE, ACT, 200, tg_deployment_undeploy, "Deploy",                      \
     "Take away from an environment, a group with its members; ends the tokens of their own keys there"},                                       \
    {id "DeployStatus", "GET", one "/environments/{environment}/deploy-status", TG_MAY_READ, GET, 200, tg_deployment_status, NULL,              \
     "What is deployed there, and which nodes serve it", .result = "Deployment"},                                                                                       \
    {id "DeployHistories", "GET", one "/deploy-histories", TG_MAY_READ, TG_OP_LIST, 200, tg_deployment_histories, NULL,           \
     "Deploys and undeploys, newest first, the last 100 of each environment; environmentName: of that one", .result = "Deployment", .query = tg_query_environment},                                    \
    {id "DeployHistoryGet", "GET", one "/deploy-histories/{revision}", TG_MAY_READ, GET, 200, tg_deployment_history_get, NULL,          \
     "One of them and what it changed; environmentName: where several have that revision", .result = "DeploymentChanges", .query = tg_query_environment},                                                     \
    {id "Rollback", "POST", one "/deploy-histories/{revision}/rollback", TG_MAY_WRITE, ACT, 200, tg_deployment_rollback,          \
     "Deploy", "Deploy what that revision froze once more, as a new revision, in its environment or in environmentName; where several have "    \
     "that revision sourceEnvironmentName says whose. The " what "'s own settings stay as they are, and so does its key", .result = "Rollback", .query = tg_query_rollback}

#define GROUP_ROWS(id, all, one, what)                                                                                                          \
    {id "List", "GET", all, TG_MAY_READ, TG_OP_LIST, 200, tg_owner_list, NULL, "The " what "s of a project", .result = "Group"},                                   \
    {id "Create", "POST", all, TG_MAY_WRITE, NEW, 201, tg_owner_create, "Group",                                                                \
     "Make a " what "; its application key's secret is in the answer, this once", .result = "Group"},                                                              \
    OWNER_ROWS(id, one, what, "Group"),                                                                                                         \
    {id "MemberList", "GET", one "/apiProxies", TG_MAY_READ, TG_OP_LIST, 200, tg_member_list, NULL, "Members of the " what, .result = "Member"},                    \
    {id "MemberPut", "PUT", one "/apiProxies/{apiProxy}", TG_MAY_WRITE, ACT, 200, tg_member_put, "DeployTargets",                               \
     "Put an API proxy into the " what "; live with its next deploy", .result = "Member"},                                                                          \
    {id "MemberDelete", "DELETE", one "/apiProxies/{apiProxy}", TG_MAY_WRITE, ACT, 200, tg_member_delete, NULL,                                 \
     "Take an API proxy that is not deployed as a member out of the " what}

const tg_operation_t tg_operations[] = {
    {"login", "POST", "/apiops/auth/token", TG_MAY_ANYONE, TG_OP_FORM | TG_OP_PLAIN, 200, tg_login, "Login",
     "Trade an administrator's name and password for a bearer token"},
    {"logout", "DELETE", "/apiops/auth/token", TG_MAY_READ, TG_OP_WRITES | TG_OP_OWN_AUDIT | TG_OP_ANY_PROJECT, 200, tg_logout, NULL,
     "End the session of the bearer token that comes with the call"},

    {"projectList", "GET", "/apiops/projects", TG_MAY_READ, TG_OP_LIST | TG_OP_ANY_PROJECT, 200, tg_project_list, NULL, "Projects", .result = "Project"},
    {"projectCreate", "POST", "/apiops/projects", TG_MAY_WRITE, NEW, 201, tg_project_create, "Project", "Make a project", .result = "Project"},
    {"projectGet", "GET", P, TG_MAY_READ, GET, 200, tg_project_get, NULL, "One project", .result = "Project"},
    {"projectPut", "PUT", P, TG_MAY_WRITE, SET, 200, tg_project_put, "Project", "Replace a project", .result = "Project"},
    {"projectPatch", "PATCH", P, TG_MAY_WRITE, SET, 200, tg_project_patch, "Project", "Change a project", .result = "Project"},
    {"projectDelete", "DELETE", P, TG_MAY_WRITE, DEL, 200, tg_project_delete, NULL, "Delete an empty project"},

    {"environmentList", "GET", "/apiops/environments", TG_MAY_READ, TG_OP_LIST | TG_OP_ANY_PROJECT, 200, tg_environment_list, NULL, "Environments", .result = "Environment"},
    {"environmentCreate", "POST", "/apiops/environments", TG_MAY_WRITE, NEW, 201, tg_environment_create, "Environment",
     "Make an environment, with an RS256 signing key", .result = "Environment"},
    {"projectEnvironmentList", "GET", P "/environments", TG_MAY_READ, TG_OP_LIST, 200, tg_project_environment_list, NULL,
     "Environments that a project can deploy to", .result = "Environment"},
    {"environmentGet", "GET", E, TG_MAY_READ, GET | TG_OP_ANY_PROJECT, 200, tg_environment_get, NULL, "One environment", .result = "Environment"},
    {"environmentPut", "PUT", E, TG_MAY_WRITE, SET, 200, tg_environment_put, "Environment", "Replace an environment's settings; live at once", .result = "Environment"},
    {"environmentPatch", "PATCH", E, TG_MAY_WRITE, SET, 200, tg_environment_patch, "Environment", "Change an environment's settings; live at once", .result = "Environment"},
    {"environmentDelete", "DELETE", E, TG_MAY_WRITE, DEL, 200, tg_environment_delete, NULL, "Delete an environment with nothing deployed"},
    {"environmentNodes", "GET", E "/nodes", TG_MAY_READ, TG_OP_LIST | TG_OP_ANY_PROJECT, 200, tg_environment_nodes, NULL, "Live gateway nodes: revisions, state, requests under way", .result = "Node"},
    {"nodeDrain", "POST", E "/nodes/{node}/drain", TG_MAY_WRITE, ACT, 200, tg_node_drain, "Empty",
     "Ask a node to drain: it serves on, its readiness says 503 and connections are closed after their request; until it starts again", .result = "Node"},
    {"nodeDrainCancel", "DELETE", E "/nodes/{node}/drain", TG_MAY_WRITE, ACT, 200, tg_node_drain_cancel, NULL, "Let a node that drains serve again", .result = "Node"},

    {"signingKeyList", "GET", E "/keys", TG_MAY_READ, TG_OP_LIST, 200, tg_signing_key_list, NULL, "Signing keys, public parts", .result = "SigningKey"},
    {"signingKeyRegenerate", "POST", E "/keys/regenerate", TG_MAY_ADMINISTRATE, ACT, 200, tg_signing_key_regenerate, "KeyRegenerate",
     "Make a new signing key", .result = "SigningKey"},
    {"signingKeyUpload", "POST", E "/keys/upload", TG_MAY_ADMINISTRATE, NEW, 200, tg_signing_key_upload, "KeyUpload",
     "Sign with a private key of one's own (PEM)", .result = "SigningKey"},
    {"signingKeyRedeploy", "POST", E "/keys/redeploy", TG_MAY_ADMINISTRATE, ACT, 200, tg_signing_key_redeploy, "Empty",
     "Send the keys to the gateways again"},
    {"signingKeyRevoke", "POST", E "/keys/{kid}/revoke", TG_MAY_ADMINISTRATE, ACT, 200, tg_signing_key_revoke, "Empty",
     "Emergency: what this key signed is refused from now on", .result = "SigningKey"},

    {"proxyList", "GET", P "/apiProxies", TG_MAY_READ, TG_OP_LIST, 200, tg_owner_list, NULL, "API proxies of a project", .result = "Proxy"},
    {"proxyCreate", "POST", P "/apiProxies/url", TG_MAY_WRITE, NEW | TG_OP_LARGE, 201, tg_definition_proxy_create, "ProxyNew",
     "Make an API proxy; its application key's secret is in the answer, this once. OPEN_API: of a definition (OpenAPI 3.0, 3.1, Swagger 2.0) inline or at a URL", .result = "Proxy"},
    {"proxyUpload", "POST", P "/apiProxies/file", TG_MAY_WRITE, TG_OP_WRITES | TG_OP_DEFINITION | TG_OP_LARGE, 201, tg_definition_proxy_upload, "Definition",
     "Make an OPEN_API proxy: the body is its definition, in JSON or YAML; ?apiProxyName=&relativePath=&address=", .result = "Proxy", .query = tg_query_upload},
    {"proxyDefinitionPut", "PUT", X "/definition", TG_MAY_WRITE, SET | TG_OP_LARGE, 200, tg_definition_put, "DefinitionChange",
     "Read a definition again: what it adds, removes and changes; with dryRun it only tells. Names, roles and backend paths of endpoints that stay are kept", .result = "DefinitionResult"},
    OWNER_ROWS("proxy", X, "API proxy", "Proxy"),
    {"proxyRouteGet", "GET", X "/settings/client-route", TG_MAY_READ, GET, 200, tg_owner_route_get, NULL, "Client route", .result = "ClientRoute"},
    {"proxyRoutePatch", "PATCH", X "/settings/client-route", TG_MAY_WRITE, SET, 200, tg_owner_route_set, "ClientRoute", "Change the client route", .result = "ClientRoute"},
    {"proxyRoutePut", "PUT", X "/settings/client-route", TG_MAY_WRITE, SET, 200, tg_owner_route_set, "ClientRoute", "Replace the client route", .result = "ClientRoute"},
    {"proxyAddressesGet", "GET", X "/settings/addresses", TG_MAY_READ, GET, 200, tg_owner_addresses_get, NULL, "Backend addresses", .result = "RoutingInfo"},
    {"proxyAddressesPatch", "PATCH", X "/settings/addresses", TG_MAY_WRITE, SET, 200, tg_owner_addresses_set, "RoutingInfo", "Change the backend addresses", .result = "RoutingInfo"},
    {"proxyAddressesPut", "PUT", X "/settings/addresses", TG_MAY_WRITE, SET, 200, tg_owner_addresses_set, "RoutingInfo", "Replace the backend addresses", .result = "RoutingInfo"},
    {"proxyConnectionGet", "GET", X "/settings/connection", TG_MAY_READ, GET, 200, tg_owner_connection_get, NULL, "How the backend is reached", .result = "Connection"},
    {"proxyConnectionPatch", "PATCH", X "/settings/connection", TG_MAY_WRITE, SET, 200, tg_owner_connection_set, "Connection", "Change how the backend is reached", .result = "Connection"},
    {"proxyConnectionPut", "PUT", X "/settings/connection", TG_MAY_WRITE, SET, 200, tg_owner_connection_set, "Connection", "Replace how the backend is reached", .result = "Connection"},
    {"proxyLimitsGet", "GET", X "/settings/limits", TG_MAY_READ, GET, 200, tg_owner_limits_get, NULL, "Quota and throttling, whoever calls", .result = "Limits"},
    {"proxyLimitsPatch", "PATCH", X "/settings/limits", TG_MAY_WRITE, SET, 200, tg_owner_limits_set, "Limits", "Change quota and throttling", .result = "Limits"},
    {"proxyLimitsPut", "PUT", X "/settings/limits", TG_MAY_WRITE, SET, 200, tg_owner_limits_set, "Limits", "Replace quota and throttling", .result = "Limits"},

    {"proxyEndpointList", "GET", X "/endpoints", TG_MAY_READ, TG_OP_LIST, 200, tg_endpoint_list, NULL, "Endpoints of an API proxy", .result = "Endpoint"},
    {"proxyEndpointCreate", "POST", X "/endpoints", TG_MAY_WRITE, NEW, 201, tg_endpoint_create, "Endpoint",
     "Add an endpoint; without a name it gets one of method and path", .result = "Endpoint"},
    {"proxyEndpointGet", "GET", X "/endpoints/{endpoint}", TG_MAY_READ, GET, 200, tg_endpoint_get, NULL, "One endpoint, by its name", .result = "Endpoint"},
    {"proxyEndpointPut", "PUT", X "/endpoints/{endpoint}", TG_MAY_WRITE, SET, 200, tg_endpoint_set, "Endpoint", "Replace an endpoint", .result = "Endpoint"},
    {"proxyEndpointPatch", "PATCH", X "/endpoints/{endpoint}", TG_MAY_WRITE, SET, 200, tg_endpoint_set, "Endpoint", "Change an endpoint", .result = "Endpoint"},
    {"proxyEndpointDelete", "DELETE", X "/endpoints/{endpoint}", TG_MAY_WRITE, DEL, 200, tg_endpoint_delete, NULL,
     "Delete an endpoint that no policy is of"},

    GROUP_ROWS("proxyGroup", G, G "/{apiProxyGroup}", "API proxy group"),

    GROUP_ROWS("policyGroup", L, L "/{policyGroup}", "policy group"),

    {"credentialList", "GET", P "/credentials", TG_MAY_READ, TG_OP_LIST, 200, tg_credential_list, NULL, "Credentials of a project", .result = "CredentialShown"},
    {"credentialCreate", "POST", P "/credentials", TG_MAY_WRITE, NEW, 201, tg_credential_create, "Credential",
     "Make a credential; without a password one is generated, which is in the answer, this once", .result = "CredentialShown"},
    {"credentialImport", "POST", P "/credentials/import", TG_MAY_WRITE, TG_OP_WRITES | TG_OP_CSV, 201, tg_credential_import, "CredentialImport",
     "Make a credential of each line user#password; all or nothing", .result = "CredentialImportResult"},
    {"credentialGet", "GET", C, TG_MAY_READ, GET, 200, tg_credential_get, NULL, "One credential", .result = "CredentialShown"},
    {"credentialPut", "PUT", C, TG_MAY_WRITE, SET, 200, tg_credential_put, "Credential", "Replace a credential; passwords that are left out are kept; live at once", .result = "CredentialShown"},
    {"credentialPatch", "PATCH", C, TG_MAY_WRITE, SET, 200, tg_credential_patch, "Credential", "Change a credential; live at once", .result = "CredentialShown"},
    {"credentialDelete", "DELETE", C, TG_MAY_WRITE, DEL, 200, tg_credential_delete, NULL, "Delete a credential; its tokens end"},
    {"credentialPasswordPut", "PUT", C "/password", TG_MAY_WRITE, SET, 200, tg_credential_password_put, "CredentialPassword",
     "Set or generate a password, the general one or that of an environment; the tokens of the old one end"},
    {"credentialPasswordDelete", "DELETE", C "/password", TG_MAY_WRITE, DEL, 200, tg_credential_password_delete, NULL,
     "Drop the password of an environment (?environmentName=); the general one holds there again", .query = tg_query_environment_needed},
    {"credentialTokensDelete", "DELETE", C "/tokens", TG_MAY_WRITE, DEL, 200, tg_credential_tokens_delete, NULL,
     "End every token of a credential, as a client and as a user"},
    {"credentialTokenGet", "GET", C "/token", TG_MAY_READ, GET, 200, tg_credential_token_get, NULL, "Token settings of a credential", .result = "TokenSettings"},
    {"credentialTokenPut", "PUT", C "/token", TG_MAY_WRITE, SET, 200, tg_credential_token_put, "TokenSettings", "Set the token settings of a credential; live at once", .result = "TokenSettings"},
    {"credentialTokenDelete", "DELETE", C "/token", TG_MAY_WRITE, DEL, 200, tg_credential_token_delete, NULL, "Go back to the default token settings", .result = "TokenSettings"},
    {"accessGet", "GET", C "/access", TG_MAY_READ, TG_OP_LIST, 200, tg_access_get, NULL, "What a credential may call", .result = "AccessRow"},
    {"accessPut", "PUT", C "/access", TG_MAY_WRITE, SET, 200, tg_access_put, "AccessList", "Grant: add these rows, or replace those of the same name; live at once", .result = "AccessList"},
    {"accessDelete", "DELETE", C "/access", TG_MAY_WRITE, DEL, 200, tg_access_delete, "AccessList",
     "Revoke: end these rows, or the one of ?name=&type=; live at once", .result = "AccessList", .query = tg_query_access},

    {"organizationList", "GET", O, TG_MAY_READ, TG_OP_LIST, 200, tg_organization_list, NULL, "Organizations of a project", .result = "Organization"},
    {"organizationCreate", "POST", O, TG_MAY_WRITE, NEW, 201, tg_organization_create, "Organization", "Make an organization", .result = "Organization"},
    {"organizationGet", "GET", O "/{organization}", TG_MAY_READ, GET, 200, tg_organization_get, NULL, "One organization", .result = "Organization"},
    {"organizationPut", "PUT", O "/{organization}", TG_MAY_WRITE, SET, 200, tg_organization_put, "Organization",
     "Replace an organization; its members have the new defaults at once", .result = "Organization"},
    {"organizationPatch", "PATCH", O "/{organization}", TG_MAY_WRITE, SET, 200, tg_organization_patch, "Organization",
     "Change an organization; its members have the new defaults at once", .result = "Organization"},
    {"organizationDelete", "DELETE", O "/{organization}", TG_MAY_WRITE, DEL, 200, tg_organization_delete, NULL, "Delete an organization without members"},

    {"identityProviderList", "GET", I, TG_MAY_READ, TG_OP_LIST, 200, tg_identity_provider_list, NULL,
     "Where users of a project are kept; SECRET_MANAGER, its credentials, is built in", .result = "IdentityProviderShown"},
    {"identityProviderCreate", "POST", I, TG_MAY_WRITE, NEW, 201, tg_identity_provider_create, "IdentityProvider",
     "Make an identity provider; live at once in every environment", .result = "IdentityProviderShown"},
    {"identityProviderGet", "GET", I "/{identityProvider}", TG_MAY_READ, GET, 200, tg_identity_provider_get, NULL, "One identity provider", .result = "IdentityProviderShown"},
    {"identityProviderPut", "PUT", I "/{identityProvider}", TG_MAY_WRITE, SET, 200, tg_identity_provider_put, "IdentityProvider",
     "Replace an identity provider; secrets that are left out are kept; live at once in every environment", .result = "IdentityProviderShown"},
    {"identityProviderPatch", "PATCH", I "/{identityProvider}", TG_MAY_WRITE, SET, 200, tg_identity_provider_patch, "IdentityProvider",
     "Change an identity provider; live at once in every environment", .result = "IdentityProviderShown"},
    {"identityProviderDelete", "DELETE", I "/{identityProvider}", TG_MAY_WRITE, DEL, 200, tg_identity_provider_delete, NULL,
     "Delete an identity provider that nothing names"},
    {"identityProviderTest", "POST", I "/{identityProvider}/test", TG_MAY_WRITE, ACT, 200, tg_identity_provider_test, "ProviderTest",
     "Ask an identity provider and tell each step: a user with a password, or without one where it looks users up; without a user whether it is reached", .result = "ProviderTestResult"},
    {"identityProviderSync", "POST", I "/{identityProvider}/sync", TG_MAY_WRITE, ACT, 200, tg_identity_provider_sync, "ProviderSync",
     "Make credentials of the users of a provider, or with dryRun tell what would change; live at once. Credentials that are not from it are never touched", .result = "ProviderSyncResult"},
    {"identityProviderSyncGet", "GET", I "/{identityProvider}/sync", TG_MAY_READ, GET, 200, tg_identity_provider_sync_get, NULL,
     "What the last synchronisation came to, by hand or on schedule", .result = "ProviderSyncLast"},

    {"tokenManagementGet", "GET", M, TG_MAY_READ, GET, 200, tg_token_management_get, NULL, "Token management settings", .result = "TokenManagement"},
    {"tokenManagementPut", "PUT", M, TG_MAY_WRITE, SET, 200, tg_token_management_put, "TokenManagement",
     "Replace the token management settings; live at once in every environment", .result = "TokenManagement"},
    {"tokenManagementPatch", "PATCH", M, TG_MAY_WRITE, SET, 200, tg_token_management_patch, "TokenManagement",
     "Change the token management settings; live at once in every environment", .result = "TokenManagement"},

    {"administratorList", "GET", "/apiops/administrators", TG_MAY_ADMINISTRATE, TG_OP_LIST, 200, tg_administrator_list, NULL, "Administrators", .result = "AdministratorShown"},
    {"administratorCreate", "POST", "/apiops/administrators", TG_MAY_ADMINISTRATE, NEW, 201, tg_administrator_create, "Administrator",
     "Make an administrator; a generated password is in the answer, this once", .result = "AdministratorShown"},
    {"administratorGet", "GET", A, TG_MAY_ADMINISTRATE, GET | TG_OP_SELF, 200, tg_administrator_get, NULL, "One administrator, or oneself", .result = "AdministratorShown"},
    {"administratorPatch", "PATCH", A, TG_MAY_ADMINISTRATE, SET, 200, tg_administrator_patch, "AdministratorPatch", "Change role, roles in projects or enabled", .result = "AdministratorShown"},
    {"administratorDelete", "DELETE", A, TG_MAY_ADMINISTRATE, DEL, 200, tg_administrator_delete, NULL, "Delete an administrator, with access tokens"},
    {"administratorPassword", "PUT", A "/password", TG_MAY_ADMINISTRATE, NEW | TG_OP_SELF, 200, tg_administrator_password, "Password",
     "Set a password (one's own, or as ADMIN anybody's); ends that administrator's sessions, access tokens with revokeTokens only"},
    {"accessTokenList", "GET", A "/tokens", TG_MAY_ADMINISTRATE, TG_OP_LIST | TG_OP_SELF, 200, tg_access_token_list, NULL,
     "Personal access tokens (one's own, or as ADMIN anybody's), without their secrets", .result = "AccessTokenShown"},
    {"accessTokenCreate", "POST", A "/tokens", TG_MAY_ADMINISTRATE, NEW | TG_OP_SELF, 201, tg_access_token_create, "AccessToken",
     "Make a personal access token (one's own, or as ADMIN anybody's); id and secret log in as name and password do; the secret is in the answer, this once", .result = "AccessTokenShown"},
    {"accessTokenDelete", "DELETE", A "/tokens/{token}", TG_MAY_ADMINISTRATE, ACT | TG_OP_SELF, 200, tg_access_token_delete, NULL,
     "End a personal access token, by its id"},

    {"tokenRequestList", "GET", "/apiops/tokenRequests", TG_MAY_READ, TG_OP_ANY_PROJECT, 200, tg_token_request_list, NULL,
     "Requests to token endpoints, newest first; environment, project, proxy, user, clientId, statusFrom, statusTo, from, to, error, before, pageSize", .result = "TokenRequest", .query = tg_query_requests},
    {"auditList", "GET", "/apiops/auditEvents", TG_MAY_READ, TG_OP_LIST | TG_OP_ANY_PROJECT, 200, tg_audit_list, NULL,
     "Who changed what and what was refused, newest first; who, what, project, from, to narrow it; before: those before that id", .result = "AuditEvent", .query = tg_query_audit},
    {"auditHead", "GET", "/apiops/auditEvents/head", TG_MAY_READ, GET, 200, tg_audit_head, NULL,
     "Number and hash of the newest audit event, to keep elsewhere", .result = "AuditHead"},
    {"export", "GET", "/apiops/export", TG_MAY_READ, GET, 200, tg_export, NULL, "Environments, settings and projects as one document; project: that one alone", .result = "Document", .query = tg_query_export},
    {"import", "POST", "/apiops/import", TG_MAY_WRITE, TG_OP_WRITES | TG_OP_BODY | TG_OP_LARGE | TG_OP_OWN_AUDIT, 200, tg_import, "Import",
     "Make everything that a document names what it says, in one transaction", .result = "ImportResult"},

    {"openapi", "GET", "/apiops/openapi.json", TG_MAY_READ, TG_OP_PLAIN | TG_OP_ANY_PROJECT, 200, tg_openapi_get, NULL, "This document"},

    {"healthLive", "GET", "/health/live", TG_MAY_ANYONE, TG_OP_PLAIN, 200, tg_health_live, NULL, "The process answers"},
    {"healthReady", "GET", "/health/ready", TG_MAY_ANYONE, TG_OP_PLAIN, 200, tg_health_ready, NULL, "The store can be used"},
    {"metrics", "GET", "/metrics", TG_MAY_ANYONE, TG_OP_PLAIN, 200, tg_metrics_get, NULL, "Prometheus metrics"},
    {"apiopsHealthLive", "GET", "/apiops/health/live", TG_MAY_ANYONE, TG_OP_PLAIN, 200, tg_health_live, NULL, "As /health/live"},
    {"apiopsHealthReady", "GET", "/apiops/health/ready", TG_MAY_ANYONE, TG_OP_PLAIN, 200, tg_health_ready, NULL, "As /health/ready"},
    {"apiopsMetrics", "GET", "/apiops/metrics", TG_MAY_ANYONE, TG_OP_PLAIN, 200, tg_metrics_get, NULL, "As /metrics"},
};
/* clang-format on */

const size_t tg_operations_n = sizeof(tg_operations) / sizeof(tg_operations[0]);
