#include "manager/openapi_schemas.h"

#include <string.h>

#include "manager/schemas.h"
#include "model/parts.h"

#define OBJECT(members)       "{\"type\":\"object\",\"properties\":{" members "}}"
#define NEEDS(names, members) "{\"type\":\"object\",\"required\":[" names "],\"properties\":{" members "}}"
#define CLOSED(names, members)                                                                                         \
    "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[" names "],\"properties\":{" members "}}"
#define ARRAY(items) "{\"type\":\"array\",\"items\":" items "}"
#define REF(name)    "{\"$ref\":\"#/components/schemas/" name "\"}"
#define STR          "{\"type\":\"string\"}"
#define ENDPOINTS    ARRAY(NEEDS("\"name\",\"method\",\"path\"", "\"name\":" STR ",\"method\":" STR ",\"path\":" STR))
#define STR_OR_NULL  "{\"type\":[\"string\",\"null\"]}"
#define BOOL         "{\"type\":\"boolean\"}"
#define INT          "{\"type\":\"integer\"}"
#define INT_OR_NULL  "{\"type\":[\"integer\",\"null\"]}"
#define TIME         "{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"}"

/* ---- what has no table of its own ---- */

static json_t *empty_schema(void) {
    return tg_fields_schema(NULL, 0);
}

static const tg_field_t deploy_fields[] = {
    {.name = "deploy", .read = tg_read_deploy},
    {.name = "deployTargetEnvironmentNameList", .read = tg_read_deploy_targets},
};

static json_t *deploy_targets_schema(void) {
    return tg_fields_schema(deploy_fields, sizeof(deploy_fields) / sizeof(deploy_fields[0]));
}

/* The name stands in the path, and in answers. */
static const tg_field_t policy_fields[] = {{.name = "policyName", .read = tg_read_name}};

static json_t *policy_schema(void) {
    return tg_schema_join(tg_policy_schema(), tg_fields_schema(policy_fields, 1));
}

/* "definition" and "definitionUrl" of a body: one of them, an object or a text of JSON or YAML. */
#define DEFINITION                                                                                                     \
    "\"definition\":{\"type\":[\"object\",\"string\",\"null\"],\"writeOnly\":true},\"definitionUrl\":{\"type\":["      \
    "\"string\","                                                                                                      \
    "\"null\"],\"format\":\"uri\",\"maxLength\":2048,\"writeOnly\":true}"

static json_t *with_definition(json_t *schema) {
    return tg_schema_join(schema, json_loads(OBJECT(DEFINITION), 0, NULL));
}

/* The definition may name the backend. */
static json_t *proxy_new_schema(void) {
    json_t *schema = with_definition(tg_proxy_schema()), *required = json_object_get(schema, "required"), *name;
    size_t i;
    json_array_foreach(required, i, name) {
        if (strcmp(json_string_value(name), "routingInfo") == 0) {
            json_array_remove(required, i);
            break;
        }
    }
    return schema;
}

static const tg_field_t definition_fields[] = {
    {.name = "dryRun", .read = tg_read_bool},
    {.name = "deploy", .read = tg_read_deploy},
    {.name = "deployTargetEnvironmentNameList", .read = tg_read_deploy_targets},
};

static json_t *definition_change_schema(void) {
    return with_definition(
        tg_fields_schema(definition_fields, sizeof(definition_fields) / sizeof(definition_fields[0])));
}

/* The one that is built in has a type of its own. */
static json_t *provider_shown_schema(void) {
    json_t *schema = tg_identity_provider_schema();
    json_t *types = json_object_get(json_object_get(json_object_get(schema, "properties"), "type"), "enum");
    if (types == NULL || json_array_append_new(types, json_string("SECRET_MANAGER")) != 0) {
        json_decref(schema);
        schema = NULL;
    }
    return schema;
}

/* ---- the table ---- */

#define ROUTE   "\"clientRoute\":{\"relativePathList\":[\"/orders\"]}"
#define ROUTING "\"routingInfo\":{\"routingAddressList\":[{\"address\":\"http://127.0.0.1:9000\"}]}"
#define PROXY   "{\"apiProxyName\":\"orders\",\"apiProxyCreationType\":\"REVERSE_PROXY\"," ROUTE "," ROUTING "}"
#define POLICY                                                                                                         \
    "{\"operationMetadata\":{\"targetScope\":\"ALL\",\"order\":1},\"policy\":{\"type\":\"policy-auth-jwt\","           \
    "\"tokenExpiresInAmount\":1,"                                                                                      \
    "\"tokenExpiresInUnit\":\"HOURS\",\"jwtSignatureAlgorithm\":\"RS256\",\"addUserToHeader\":true}}"
#define OPENAPI                                                                                                        \
    "{\"openapi\":\"3.0.3\",\"info\":{\"title\":\"Orders\",\"version\":\"1\"},\"servers\":[{\"url\":\"http://"         \
    "127.0.0.1:9000\"}],\"paths\":{\"/items\":{\"get\":{}}}}"
#define SYNC                                                                                                           \
    "\"dryRun\":" BOOL ",\"users\":" INT ",\"counts\":" OBJECT(                                                        \
        "\"create\":" INT ",\"update\":" INT ",\"disable\":" INT ",\"delete\":" INT ",\"conflict\":" INT               \
        ",\"unfit\":" INT                                                                                              \
        ",\"keep\":" INT) ",\"changes\":" ARRAY(NEEDS("\"action\",\"username\"",                                       \
                                                      "\"action\":" STR ",\"username\":" STR                           \
                                                      ",\"reason\":" STR)) ",\"changesComplete\":" BOOL
#define LDAP                                                                                                           \
    "{\"name\":\"corp\",\"type\":\"LDAP\",\"url\":\"ldap://ldap.example.org:389\",\"startTls\":true,"                  \
    "\"authenticationType\":\"SIMPLE\",\"userConfigurationExpression\":\"uid={{username}},dc=example,dc=org\"}"
#define ACCESS_ROW "{\"name\":\"orders\",\"type\":\"API_PROXY\"}"
#define LIMIT      "{\"limit\":1000,\"intervalAmount\":1,\"intervalUnit\":\"HOURS\"}"

/* clang-format off */
const tg_schema_t tg_schemas[] = {
    {"Project", tg_project_schema, NULL, "{\"name\":\"shop\",\"description\":\"The shop\"}", "{\"description\":\"The new shop\"}"},
    {"Environment", tg_environment_schema, NULL, "{\"name\":\"staging\",\"leewaySeconds\":5,\"trustedProxies\":[\"10.0.0.0/8\"]}", "{\"leewaySeconds\":10}"},
    {"KeyRegenerate", tg_key_regenerate_schema, NULL, "{\"algorithm\":\"ES256\",\"activateNow\":true}", NULL},
    {"KeyUpload", tg_key_upload_schema, NULL, NULL, NULL},
    {"Proxy", tg_proxy_schema, NULL, PROXY, "{\"apiProxyDescription\":\"Orders\"}"},
    {"ProxyNew", proxy_new_schema, NULL, PROXY, NULL},
    {"DefinitionChange", definition_change_schema, NULL, "{\"definition\":{\"openapi\":\"3.1.0\",\"paths\":{\"/items\":{\"get\":{}}}},\"dryRun\":true}", NULL},
    {"ClientRoute", tg_client_route_schema, NULL, "{\"relativePathList\":[\"/orders\"],\"methodList\":[\"GET\",\"POST\"]}", "{\"stripPath\":false}"},
    {"RoutingInfo", tg_routing_info_schema, NULL, "{\"routingAddressList\":[{\"address\":\"http://127.0.0.1:9000\",\"weight\":2}]}", "{\"routingEnabled\":true}"},
    {"Connection", tg_connection_schema, NULL, "{\"connectTimeoutMillis\":2000,\"readTimeoutMillis\":30000}", "{\"retries\":1}"},
    {"Cors", tg_cors_schema, NULL, "{\"enabled\":true,\"allowedOrigins\":[\"https://app.example.org\"]}", "{\"maxAgeSeconds\":60}"},
    {"ForwardedIp", tg_forwarded_schema, NULL, "{\"enabled\":true,\"headerName\":\"X-Forwarded-For\",\"xffOrder\":\"LAST\"}", "{\"xffOrder\":\"FIRST\"}"},
    {"Limits", tg_limits_schema, NULL, "{\"quota\":" LIMIT "}", "{\"throttling\":{\"limit\":10,\"intervalAmount\":1,\"intervalUnit\":\"SECONDS\"}}"},
    {"Endpoint", tg_api_endpoint_schema, NULL, "{\"method\":\"GET\",\"path\":\"/items/{id}\",\"name\":\"item\"}", "{\"description\":\"One item\"}"},
    {"ApplicationKey", tg_application_key_schema, NULL, "{\"regenerate\":true}", "{\"roleNameList\":[\"read\"]}"},
    {"Policy", policy_schema, NULL, POLICY, "{\"policy\":{\"clearAuth\":true}}"},
    {"Group", tg_group_schema, NULL, "{\"name\":\"group\",\"description\":\"What belongs together\"}", "{\"description\":\"New\"}"},
    {"Deploy", tg_deploy_schema, NULL, "{\"description\":\"The new prices\"}", NULL},
    {"DeployTargets", deploy_targets_schema, NULL, "{\"deploy\":false}", NULL},
    {"Credential", tg_credential_schema, NULL, "{\"username\":\"api-user\",\"password\":\"correct-horse-battery\",\"roleNameList\":[\"read\"],\"ipList\":[\"127.0.0.1\"]}",
     "{\"email\":\"a@example.org\"}"},
    {"CredentialShown", tg_credential_shown_schema, NULL, NULL, NULL},
    {"CredentialPassword", tg_credential_password_schema, NULL, "{\"regenerate\":true}", NULL},
    {"TokenSettings", tg_credential_token_schema, NULL, "{\"grantType\":\"CLIENT_CREDENTIALS\",\"tokenExpiresInAmount\":2,\"tokenExpiresInUnit\":\"HOURS\"}", NULL},
    {"AccessList", tg_access_list_schema, NULL, "{\"credentialAccessList\":[" ACCESS_ROW "]}", NULL},
    {"AccessRow", tg_access_row_schema, NULL, NULL, NULL},
    {"Organization", tg_organization_schema, NULL, "{\"name\":\"acme\",\"metadata\":[{\"key\":\"tier\",\"value\":\"gold\"}]}", "{\"description\":\"New\"}"},
    {"IdentityProvider", tg_identity_provider_schema, NULL, LDAP, "{\"description\":\"New\"}"},
    {"IdentityProviderShown", provider_shown_schema, NULL, NULL, NULL},
    {"ProviderTest", tg_provider_test_schema, NULL, "{\"username\":\"anna\",\"password\":\"correct-horse-battery\"}", NULL},
    {"ProviderTestResult", NULL, NEEDS("\"success\",\"verdict\",\"steps\"", "\"success\":" BOOL ",\"verdict\":" STR ",\"message\":" STR ",\"steps\":" ARRAY(NEEDS("\"step\",\"success\"",
                "\"step\":" STR ",\"success\":" BOOL ",\"detail\":" STR ",\"durationMillis\":{\"type\":\"number\"}")) ",\"user\":{\"type\":[\"object\",\"null\"]}"), NULL, NULL},
    {"ProviderSync", tg_provider_sync_schema, NULL, "{\"dryRun\":true}", NULL},
    {"ProviderSyncResult", NULL, NEEDS("\"counts\",\"changes\"", SYNC), NULL, NULL},
    {"ProviderSyncLast", NULL, OBJECT("\"last\":{\"type\":[\"object\",\"null\"]}"), NULL, NULL},
    {"TokenManagement", tg_token_management_schema, NULL, "{\"scopeMismatchBehavior\":\"LENIENT\"}", "{\"expiresInUnit\":\"SECONDS\"}"},
    {"Import", tg_import_schema, NULL, "{\"document\":{\"tollgate\":1,\"projects\":[{\"name\":\"imported\",\"proxies\":[" PROXY "]}]},\"dryRun\":true}", NULL},
    {"Document", tg_document_schema, NULL, NULL, NULL},
    {"Empty", empty_schema, NULL, "{}", NULL},

    {"Login", NULL, CLOSED("\"grant_type\",\"client_id\",\"client_secret\"", "\"grant_type\":{\"type\":\"string\",\"enum\":[\"client_credentials\"]},\"client_id\":" STR ",\"client_secret\":" STR), NULL, NULL},
    {"CredentialImport", NULL, "{\"type\":\"string\",\"description\":\"Lines user#password, UTF-8; at most 10,000\"}", NULL, NULL},
    {"Definition", NULL, "{\"description\":\"An API definition: OpenAPI 3.0 or 3.1, or Swagger 2.0\",\"type\":\"object\"}", OPENAPI, NULL},
    {"Administrator", tg_administrator_schema, NULL, "{\"name\":\"alice\",\"role\":\"VIEWER\"}", NULL},
    {"AdministratorPatch", tg_administrator_patch_schema, NULL, NULL, "{\"role\":\"OPERATOR\"}"},
    {"Password", tg_administrator_password_schema, NULL, "{\"password\":\"a long password here\"}", NULL},
    {"AccessToken", tg_access_token_schema, NULL, "{\"name\":\"pipeline\",\"role\":\"VIEWER\"}", NULL},

    {"Failure", NULL, NEEDS("\"status\",\"resultMessage\"", "\"status\":{\"const\":\"FAILURE\"},\"resultMessage\":" STR), NULL, NULL},
    {"Metadata", NULL, NEEDS("\"id\",\"version\"", "\"id\":" INT ",\"version\":" INT ",\"createdAt\":" TIME ",\"updatedAt\":" TIME), NULL, NULL},
    {"DeploymentResult", NULL, NEEDS("\"success\",\"deploymentResults\"", "\"success\":" BOOL ",\"deploymentResults\":" ARRAY(NEEDS("\"environmentName\",\"success\",\"message\"",
                "\"environmentName\":" STR ",\"success\":" BOOL ",\"message\":" STR ",\"revision\":" INT))), NULL, NULL},
    {"ApplicationKeyShown", NULL, NEEDS("\"clientId\"", "\"clientId\":" STR ",\"clientSecret\":{\"type\":\"string\",\"description\":\"Once, when it was made\"},\"roleNameList\":" ARRAY(STR)), NULL, NULL},
    {"SigningKey", NULL, NEEDS("\"kid\",\"algorithm\",\"state\"", "\"kid\":" STR ",\"algorithm\":" STR ",\"state\":{\"enum\":[\"published\",\"active\",\"retiring\",\"revoked\"]},"
                "\"createdAt\":" TIME ",\"activateAt\":" TIME ",\"retireAt\":" TIME ",\"publicKey\":{\"type\":\"object\"}"), NULL, NULL},
    {"Node", NULL, NEEDS("\"nodeId\"", "\"nodeId\":" STR ",\"environmentName\":" STR ",\"address\":" STR ",\"version\":" STR ",\"startedAt\":" TIME ",\"lastSeen\":" TIME
                ",\"revision\":" INT ",\"wantedRevision\":" INT ",\"state\":{\"enum\":[\"SERVING\",\"DRAINING\"]},\"drainRequested\":" BOOL ",\"requestsInFlight\":" INT ",\"workers\":" ARRAY(OBJECT("\"pid\":" INT ",\"revision\":" INT ",\"error\":" STR_OR_NULL))), NULL, NULL},
    {"Deployment", NULL, NEEDS("\"environmentName\"", "\"environmentName\":" STR_OR_NULL ",\"action\":" STR ",\"deployed\":" BOOL ",\"revision\":" INT_OR_NULL
                ",\"deployedAt\":" TIME ",\"deployedBy\":" STR ",\"description\":" STR ",\"nodes\":" ARRAY(REF("Node"))), NULL, NULL},
    {"AdministratorShown", NULL, NEEDS("\"name\",\"role\",\"enabled\"", "\"name\":" STR ",\"role\":" STR_OR_NULL ",\"enabled\":" BOOL ",\"projects\":" ARRAY(OBJECT("\"name\":" STR ",\"role\":" STR))), NULL, NULL},
    {"AccessTokenShown", NULL, NEEDS("\"id\",\"name\",\"role\"", "\"id\":" STR ",\"name\":" STR ",\"role\":" STR ",\"createdAt\":" TIME ",\"expiresAt\":" TIME), NULL, NULL},
    {"AuditHead", NULL, NEEDS("\"seq\",\"hash\"", "\"seq\":" INT ",\"hash\":" STR), NULL, NULL},
    {"DefinitionResult", NULL, NEEDS("\"added\",\"removed\",\"changed\"", "\"added\":" ENDPOINTS ",\"removed\":" ENDPOINTS ",\"changed\":" ENDPOINTS), NULL, NULL},
    {"Member", NULL, NEEDS("\"apiProxyName\"", "\"apiProxyName\":" STR), NULL, NULL},
    {"TokenRequest", NULL, "{\"type\":\"object\"}", NULL, NULL},
    {"AuditEvent", NULL, NEEDS("\"id\",\"at\",\"who\",\"what\",\"previousHash\",\"hash\"", "\"id\":" INT ",\"at\":" TIME ",\"who\":" STR ",\"what\":" STR ",\"project\":" STR_OR_NULL
                ",\"before\":{},\"after\":{},\"previousHash\":" STR ",\"hash\":" STR), NULL, NULL},
    {"DeploymentChanges", NULL, NEEDS("\"revision\",\"changes\"", "\"environmentName\":" STR_OR_NULL ",\"action\":" STR ",\"revision\":" INT ",\"deployedAt\":" TIME ",\"deployedBy\":" STR
                ",\"description\":" STR ",\"comparedWith\":" INT_OR_NULL ",\"changesComplete\":" BOOL ",\"changes\":" ARRAY(NEEDS("\"path\"", "\"path\":" STR ",\"before\":{},\"after\":{}"))), NULL, NULL},
    {"Rollback", NULL, NEEDS("\"environmentName\",\"revision\",\"rollbackTo\"", "\"environmentName\":" STR ",\"revision\":" INT ",\"rollbackTo\":" INT ",\"signingKeysMade\":" ARRAY(NEEDS("\"environmentName\",\"algorithm\",\"kid\"",
                "\"environmentName\":" STR ",\"algorithm\":" STR ",\"kid\":" STR))), NULL, NULL},
    {"ImportResult", NULL, NEEDS("\"changes\",\"secrets\"", "\"changes\":" ARRAY(NEEDS("\"action\",\"kind\",\"path\",\"fields\"", "\"action\":{\"enum\":[\"create\",\"update\",\"delete\",\"deploy\","
                "\"undeploy\"]},\"kind\":" STR ",\"path\":" STR ",\"fields\":" ARRAY(STR))) ",\"secrets\":" ARRAY(NEEDS("\"path\",\"clientId\",\"clientSecret\"",
                "\"path\":" STR ",\"clientId\":" STR ",\"clientSecret\":" STR))), NULL, NULL},
    {"CredentialImportResult", NULL, NEEDS("\"imported\"", "\"imported\":" INT), NULL, NULL},
};
/* clang-format on */

const size_t tg_schemas_n = sizeof(tg_schemas) / sizeof(tg_schemas[0]);

const tg_schema_t *tg_schema_find(const char *name) {
    for (size_t i = 0; name != NULL && i < tg_schemas_n; i++) {
        if (strcmp(tg_schemas[i].name, name) == 0) {
            return &tg_schemas[i];
        }
    }
    return NULL;
}

json_t *tg_schema_new(const tg_schema_t *s) {
    return s->schema != NULL ? s->schema() : json_loads(s->json, 0, NULL);
}

/* ---- results ---- */

static void result_make(json_t *schema) {
    static const char *const bodies_only[] = {"deploy", "deployTargetEnvironmentNameList"};
    json_t *members = json_object_get(schema, "properties"), *member;
    const char *name;
    void *next;
    json_object_del(schema, "additionalProperties");
    for (size_t i = 0; i < sizeof(bodies_only) / sizeof(bodies_only[0]); i++) {
        json_object_del(members, bodies_only[i]);
    }
    json_object_foreach_safe(members, next, name, member) {
        if (json_is_true(json_object_get(member, "writeOnly"))) {
            json_object_del(members, name);
            continue;
        }
        json_object_del(member, "default");
        result_make(member);
    }
    if (json_object_get(schema, "items") != NULL) {
        result_make(json_object_get(schema, "items"));
    }
}

json_t *tg_schema_result(json_t *schema) {
    json_t *copy = json_deep_copy(schema);
    json_decref(schema);
    result_make(copy);
    return copy;
}

static bool list_join(json_t *schema, const json_t *more, const char *name) {
    json_t *list = json_object_get(schema, name), *other = json_object_get(more, name);
    if (other == NULL) {
        return true;
    }
    return list == NULL ? json_object_set(schema, name, other) == 0 : json_array_extend(list, other) == 0;
}

json_t *tg_schema_join(json_t *schema, json_t *more) {
    json_t *members = json_object_get(schema, "properties");
    bool ok = schema != NULL && more != NULL && json_object_update(members, json_object_get(more, "properties")) == 0 &&
              list_join(schema, more, "required");
    json_decref(more);
    if (!ok) {
        json_decref(schema);
        schema = NULL;
    }
    return schema;
}
