#include "manager/openapi_schemas.h"

#define NAME "{\"type\":\"string\",\"pattern\":\"^[A-Za-z0-9][A-Za-z0-9._-]*$\",\"maxLength\":128}"
#define ALGS                                                                                                           \
    "{\"enum\":[\"RS256\",\"RS384\",\"RS512\",\"PS256\",\"PS384\",\"PS512\",\"ES256\",\"ES384\",\"ES512\",\"EdDSA\"]}"
#define UNITS "{\"enum\":[\"MILLI_SECONDS\",\"SECONDS\",\"MINUTES\",\"HOURS\",\"DAYS\",\"WEEKS\",\"MONTHS\",\"YEARS\"]}"
#define STR   "{\"type\":\"string\"}"
#define BOOL  "{\"type\":\"boolean\"}"
#define INT   "{\"type\":\"integer\"}"
#define STRS  "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}"

/* clang-format off */
const tg_schema_t tg_schemas[] = {
    {"Success", "{\"type\":\"object\",\"required\":[\"status\"],\"properties\":{\"status\":{\"const\":\"SUCCESS\"},\"result\":{\"type\":\"object\"},"
                "\"resultList\":{\"type\":\"array\"},\"resultCount\":" INT ",\"deploymentResult\":{\"$ref\":\"#/components/schemas/DeploymentResult\"}}}"},
    {"Failure", "{\"type\":\"object\",\"required\":[\"status\",\"resultMessage\"],\"properties\":{\"status\":{\"const\":\"FAILURE\"},\"resultMessage\":" STR "}}"},
    {"DeploymentResult", "{\"type\":\"object\",\"properties\":{\"success\":" BOOL ",\"deploymentResults\":{\"type\":\"array\",\"items\":{\"type\":\"object\","
                "\"properties\":{\"environmentName\":" STR ",\"success\":" BOOL ",\"message\":" STR ",\"revision\":" INT "}}}}}"},
    {"Login", "{\"type\":\"object\",\"required\":[\"grant_type\",\"client_id\",\"client_secret\"],\"properties\":{\"grant_type\":{\"const\":\"client_credentials\"},"
                "\"client_id\":" STR ",\"client_secret\":" STR "}}"},
    {"Patch", "{\"type\":\"object\",\"description\":\"Merged into the object (RFC 7396): null goes back to the default\"}"},
    {"Empty", "{\"type\":\"object\",\"additionalProperties\":false}"},
    {"Project", "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"name\"],\"properties\":{\"name\":" NAME ",\"description\":" STR "}}"},
    {"Environment", "{\"type\":\"object\",\"required\":[\"name\"],\"properties\":{\"name\":" NAME ",\"accessUrl\":{\"type\":[\"string\",\"null\"]},"
                "\"leewaySeconds\":" INT ",\"jwksMaxAgeSeconds\":" INT ",\"trustedProxies\":" STRS ",\"forwardedIp\":{\"type\":\"object\",\"properties\":{\"enabled\":" BOOL
                ",\"headerName\":" STR ",\"xffOrder\":{\"enum\":[\"FIRST\",\"SECOND\",\"THIRD\",\"FOURTH\",\"FIFTH\",\"LAST\"]}}},"
                "\"propagationBoundMillis\":" INT ",\"jwtWhenFeedLost\":{\"enum\":[\"accept\",\"refuse\"]}}}"},
    {"KeyRegenerate", "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"algorithm\":" ALGS ",\"activateNow\":" BOOL "}}"},
    {"KeyUpload", "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"algorithm\",\"privateKey\"],\"properties\":{\"algorithm\":" ALGS
                ",\"privateKey\":{\"type\":\"string\",\"description\":\"PEM\"},\"activateNow\":" BOOL "}}"},
    {"ClientRoute", "{\"type\":\"object\",\"properties\":{\"relativePathList\":" STRS ",\"hostList\":" STRS ",\"methodList\":" STRS
                ",\"headerList\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"name\":" STR ",\"value\":" STR "}}},\"stripPath\":" BOOL "}}"},
    {"RoutingInfo", "{\"type\":\"object\",\"properties\":{\"routingAddressList\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"address\"],"
                "\"properties\":{\"address\":{\"type\":\"string\",\"format\":\"uri\"},\"weight\":" INT ",\"addressType\":{\"enum\":[\"PRIMARY\",\"FAILOVER_ONLY\"]}}}},"
                "\"routingEnabled\":" BOOL "}}"},
    {"Connection", "{\"type\":\"object\",\"description\":\"Timeouts, retries, TLS and Host of the way to the backend\"}"},
    {"Proxy", "{\"type\":\"object\",\"required\":[\"apiProxyName\",\"apiProxyCreationType\",\"clientRoute\",\"routingInfo\"],\"properties\":{\"apiProxyName\":" NAME
                ",\"apiProxyDescription\":" STR ",\"apiProxyCreationType\":{\"enum\":[\"REVERSE_PROXY\"]},\"clientRoute\":{\"$ref\":\"#/components/schemas/ClientRoute\"},"
                "\"routingInfo\":{\"$ref\":\"#/components/schemas/RoutingInfo\"},\"connection\":{\"$ref\":\"#/components/schemas/Connection\"},"
                "\"deploy\":" BOOL ",\"deployTargetEnvironmentNameList\":" STRS "}}"},
    {"ApplicationKey", "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"publicKey\":" STR ",\"secretKey\":{\"type\":\"string\",\"minLength\":8},"
                "\"regenerate\":" BOOL "}}"},
    {"Policy", "{\"type\":\"object\",\"required\":[\"policy\"],\"properties\":{\"operationMetadata\":{\"type\":\"object\",\"properties\":{\"targetScope\":{\"enum\":[\"ALL\"]},"
                "\"targetPipeline\":{\"enum\":[\"REQUEST\"]},\"order\":" INT ",\"deploy\":" BOOL ",\"deployTargetEnvironmentNameList\":" STRS "}},"
                "\"policy\":{\"type\":\"object\",\"required\":[\"type\"],\"properties\":{\"type\":{\"enum\":[\"policy-auth-oauth2\",\"policy-auth-jwt\"]},"
                "\"description\":" STR ",\"active\":" BOOL ",\"grantType\":{\"enum\":[\"CLIENT_CREDENTIALS\"]},\"tokenNeverExpires\":" BOOL
                ",\"tokenExpiresInAmount\":" INT ",\"tokenExpiresInUnit\":" UNITS ",\"jwtSignatureAlgorithm\":" ALGS ",\"allowUrlParameters\":" BOOL ",\"regenerate\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"enabled\":" BOOL "}},\"clearAuth\":" BOOL ",\"addUserToHeader\":" BOOL
                ",\"userHeaderName\":" STR ",\"addRolesToHeader\":" BOOL ",\"rolesHeaderName\":" STR ",\"errorMessage\":{\"type\":\"object\"}}}}}"},
    {"Deploy", "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"description\":" STR "}}"},
    {"TokenManagement", "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"scopeMismatchBehavior\":{\"enum\":[\"STRICT\",\"LENIENT\",\"IGNORE_REQUEST\"]},"
                "\"scopeNotRequestedBehavior\":{\"enum\":[\"NO_SCOPE\",\"ALL_SCOPES\"]},\"rejectWhenNoRoles\":" BOOL ",\"fieldNames\":{\"type\":\"object\","
                "\"additionalProperties\":false,\"description\":\"The name of each field in responses; the empty string leaves it out\",\"properties\":{"
                "\"access_token\":" STR ",\"token_type\":" STR ",\"expires_in\":" STR ",\"refresh_token\":" STR ",\"scope\":" STR "}},"
                "\"expiresInUnit\":{\"enum\":[\"SECONDS\",\"MILLISECONDS\"]},\"extendedFields\":" BOOL "}}"},
    {"Administrator", "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"name\",\"role\"],\"properties\":{\"name\":" NAME
                ",\"role\":{\"enum\":[\"ADMIN\",\"OPERATOR\",\"VIEWER\"]},\"password\":{\"type\":\"string\",\"minLength\":12}}}"},
    {"AdministratorPatch", "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"name\":" NAME
                ",\"role\":{\"enum\":[\"ADMIN\",\"OPERATOR\",\"VIEWER\"]},\"enabled\":" BOOL "}}"},
    {"Password", "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"password\"],\"properties\":{\"password\":{\"type\":\"string\",\"minLength\":12}}}"},
};
/* clang-format on */

const size_t tg_schemas_n = sizeof(tg_schemas) / sizeof(tg_schemas[0]);
