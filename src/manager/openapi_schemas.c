#include "manager/openapi_schemas.h"

#define NAME "{\"type\":\"string\",\"pattern\":\"^[A-Za-z0-9][A-Za-z0-9._-]*$\",\"maxLength\":128}"
#define ALGS                                                                                                           \
    "{\"enum\":[\"RS256\",\"RS384\",\"RS512\",\"PS256\",\"PS384\",\"PS512\",\"ES256\",\"ES384\",\"ES512\",\"EdDSA\"]}"
#define UNITS     "{\"enum\":[\"MILLI_SECONDS\",\"SECONDS\",\"MINUTES\",\"HOURS\",\"DAYS\",\"WEEKS\",\"MONTHS\",\"YEARS\"]}"
#define STR       "{\"type\":\"string\"}"
#define BOOL      "{\"type\":\"boolean\"}"
#define INT       "{\"type\":\"integer\"}"
#define STRS      "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}"
#define TIME      "{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"}"
#define REF(name) "{\"$ref\":\"#/components/schemas/" name "\"}"
/* The members of an object that is described in full. */
#define OBJECT(members) "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{" members "}}"
#define NEEDS(names, members)                                                                                          \
    "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[" names "],\"properties\":{" members "}}"
#define ARRAY(items) "{\"type\":\"array\",\"items\":" items "}"
#define METHODS      "{\"enum\":[\"GET\",\"HEAD\",\"POST\",\"PUT\",\"PATCH\",\"DELETE\",\"OPTIONS\",\"TRACE\",\"CONNECT\"]}"
#define COUNTING                                                                                                       \
    "\"quota\":" REF("Quota") ",\"throttling\":" REF("Throttling") ",\"countingMode\":{\"enum\":[\"ALL\","             \
                                                                   "\"ACCEPTED\"]}"
#define TOKEN                                                                                                          \
    "\"grantType\":{\"enum\":[\"CLIENT_CREDENTIALS\",\"PASSWORD\"]},\"tokenNeverExpires\":" BOOL                       \
    ",\"tokenExpiresInAmount\":" INT ",\"tokenExpiresInUnit\":" UNITS ",\"refreshTokenAllowed\":" BOOL                 \
    ",\"refreshTokenCount\":" INT ",\"refreshTokenExpiresInAmount\":" INT ",\"refreshTokenExpiresInUnit\":" UNITS      \
    ",\"refreshTokenRotation\":" BOOL ",\"allowUrlParameters\":" BOOL ",\"deletePrevious\":" BOOL                      \
    ",\"jwtSignatureAlgorithm\":" ALGS                                                                                 \
    ",\"identityProvider\":{\"enum\":[\"SECRET_MANAGER\"]},\"checkClientIpAddress\":" BOOL
#define ACCESS_SETTINGS COUNTING ",\"disallowedMethods\":" ARRAY(METHODS) ",\"expireTime\":" TIME

#define RIGHTS                                                                                                         \
    "\"role\":{\"enum\":[\"ADMIN\",\"OPERATOR\",\"VIEWER\",null]},\"projects\":" ARRAY(NEEDS(                          \
        "\"name\",\"role\"", "\"name\":" NAME ",\"role\":{\"enum\":[\"ADMIN\",\"OPERATOR\",\"VIEWER\"]}"))

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
                "\"leewaySeconds\":" INT ",\"jwksMaxAgeSeconds\":" INT ",\"trustedProxies\":" STRS ",\"forwardedIp\":" REF("ForwardedIp") ",\"cors\":" REF("Cors")
                ",\"failureLimits\":" OBJECT("\"perClient\":" REF("Throttling") ",\"perAddress\":" REF("Throttling"))
                ",\"tokenRequestLog\":" OBJECT("\"enabled\":" BOOL ",\"retentionDays\":" INT) ","
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
                "\"cors\":" REF("Cors") ",\"forwardedIp\":" REF("ForwardedIp") ",\"limits\":" REF("Limits") ",\"deploy\":" BOOL ",\"deployTargetEnvironmentNameList\":" STRS "}}"},
    {"ApplicationKey", "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"publicKey\":" STR ",\"secretKey\":{\"type\":\"string\",\"minLength\":8},"
                "\"regenerate\":" BOOL ",\"roleNameList\":" STRS "}}"},
    {"Policy", "{\"type\":\"object\",\"required\":[\"policy\"],\"properties\":{\"operationMetadata\":{\"type\":\"object\",\"properties\":{\"targetScope\":{\"enum\":[\"ALL\"]},"
                "\"targetPipeline\":{\"enum\":[\"REQUEST\"]},\"order\":" INT ",\"deploy\":" BOOL ",\"deployTargetEnvironmentNameList\":" STRS "}},"
                "\"policy\":{\"type\":\"object\",\"required\":[\"type\"],\"properties\":{\"type\":{\"enum\":[\"policy-auth-oauth2\",\"policy-auth-jwt\"]},"
                "\"description\":" STR ",\"active\":" BOOL ",\"managedFromThisPolicy\":" BOOL ",\"clientSecretRequired\":" BOOL "," TOKEN
                ",\"authorization\":" OBJECT("\"enabled\":" BOOL ",\"methodAccess\":" ARRAY(OBJECT("\"httpMethod\":" STR ",\"path\":" STR ",\"roles\":" STRS)))
                ",\"regenerate\":" OBJECT("\"enabled\":" BOOL) ",\"clearAuth\":" BOOL ",\"addUserToHeader\":" BOOL ",\"userHeaderName\":" STR
                ",\"addRolesToHeader\":" BOOL ",\"rolesHeaderName\":" STR ",\"errorMessage\":" OBJECT("\"statusCode\":" INT ",\"errorCode\":" STR ",\"message\":" STR) "}}}}"},
    {"Deploy", "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"description\":" STR "}}"},
    {"DeployTargets", OBJECT("\"deploy\":" BOOL ",\"deployTargetEnvironmentNameList\":" STRS)},
    {"Cors", OBJECT("\"enabled\":" BOOL ",\"allowedOrigins\":" STRS ",\"allowedMethods\":" STRS ",\"allowedHeaders\":" STRS ",\"exposedHeaders\":" STRS
                ",\"allowCredentials\":" BOOL ",\"maxAgeSeconds\":" INT)},
    {"ForwardedIp", OBJECT("\"enabled\":" BOOL ",\"headerName\":" STR ",\"xffOrder\":{\"enum\":[\"FIRST\",\"SECOND\",\"THIRD\",\"FOURTH\",\"FIFTH\",\"LAST\"]}")},
    {"Quota", OBJECT("\"limit\":" INT ",\"intervalAmount\":" INT ",\"intervalUnit\":" UNITS ",\"windowType\":{\"const\":\"FIXED\"}")},
    {"Throttling", OBJECT("\"limit\":" INT ",\"intervalAmount\":" INT ",\"intervalUnit\":" UNITS ",\"windowType\":{\"enum\":[\"FIXED\",\"SLIDING\"]}")},
    {"Limits", OBJECT(COUNTING)},
    {"Group", NEEDS("\"name\"", "\"name\":" NAME ",\"description\":" STR ",\"cors\":" REF("Cors") ",\"forwardedIp\":" REF("ForwardedIp")
                ",\"deploy\":" BOOL ",\"deployTargetEnvironmentNameList\":" STRS)},
    {"MetadataEntry", NEEDS("\"key\"", "\"key\":" STR ",\"value\":{\"type\":[\"string\",\"number\",\"boolean\",\"null\"],"
                "\"description\":\"null or absent for a secret entry that is there already: its value is kept\"},"
                "\"secret\":" BOOL ",\"includeInJwt\":" BOOL ",\"includeInTokenResponse\":" BOOL ",\"jwtClaimName\":" STR)},
    {"Credential", NEEDS("\"username\"", "\"username\":{\"type\":\"string\",\"maxLength\":256,\"pattern\":\"^[!-9;-~]+$\"},"
                "\"password\":{\"type\":[\"string\",\"null\"],\"minLength\":8,\"maxLength\":512},\"email\":" STR ",\"fullName\":" STR ",\"description\":" STR
                ",\"organization\":{\"type\":[\"string\",\"null\"]},\"roleNameList\":" STRS ",\"enabled\":" BOOL ",\"ipList\":" STRS ",\"expireDate\":" TIME
                ",\"metadata\":" ARRAY(REF("MetadataEntry")) ",\"environments\":" ARRAY(NEEDS("\"environmentName\"", "\"environmentName\":" NAME
                ",\"password\":{\"type\":[\"string\",\"null\"]},\"ipList\":{\"type\":[\"array\",\"null\"],\"items\":" STR "},\"hasPassword\":" BOOL)))},
    {"CredentialImport", "{\"type\":\"string\",\"description\":\"Lines user#password, UTF-8; at most 10,000\"}"},
    {"CredentialPassword", OBJECT("\"password\":{\"type\":\"string\",\"minLength\":8,\"maxLength\":512},\"regenerate\":" BOOL ",\"environmentName\":" NAME)},
    {"TokenSettings", OBJECT(TOKEN)},
    {"AccessList", NEEDS("\"credentialAccessList\"", "\"credentialAccessList\":" ARRAY(NEEDS("\"name\",\"type\"", "\"name\":" NAME
                ",\"type\":{\"enum\":[\"API_PROXY\",\"API_PROXY_GROUP\",\"POLICY_GROUP\"]},\"settings\":" ARRAY(OBJECT("\"environmentName\":" NAME "," ACCESS_SETTINGS))
                "," ACCESS_SETTINGS)))},
    {"Organization", NEEDS("\"name\"", "\"name\":" NAME ",\"description\":" STR ",\"metadata\":" ARRAY(REF("MetadataEntry")))},
    {"TokenManagement", "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"scopeMismatchBehavior\":{\"enum\":[\"STRICT\",\"LENIENT\",\"IGNORE_REQUEST\"]},"
                "\"scopeNotRequestedBehavior\":{\"enum\":[\"NO_SCOPE\",\"ALL_SCOPES\"]},\"rejectWhenNoRoles\":" BOOL ",\"fieldNames\":{\"type\":\"object\","
                "\"additionalProperties\":false,\"description\":\"The name of each field in responses; the empty string leaves it out\",\"properties\":{"
                "\"access_token\":" STR ",\"token_type\":" STR ",\"expires_in\":" STR ",\"refresh_token\":" STR ",\"scope\":" STR "}},"
                "\"expiresInUnit\":{\"enum\":[\"SECONDS\",\"MILLISECONDS\"]},\"extendedFields\":" BOOL "}}"},
    {"Administrator", "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"name\"],\"properties\":{\"name\":" NAME
                "," RIGHTS ",\"enabled\":" BOOL ",\"password\":{\"type\":\"string\",\"minLength\":12}}}"},
    {"AdministratorPatch", "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"name\":" NAME "," RIGHTS ",\"enabled\":" BOOL "}}"},
    {"Password", "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"password\"],\"properties\":{\"password\":{\"type\":\"string\",\"minLength\":12},"
                "\"revokeTokens\":" BOOL "}}"},
    {"AccessToken", NEEDS("\"name\"", "\"name\":" NAME ",\"role\":{\"enum\":[\"ADMIN\",\"OPERATOR\",\"VIEWER\"]},\"expiresAt\":" TIME)},
};
/* clang-format on */

const size_t tg_schemas_n = sizeof(tg_schemas) / sizeof(tg_schemas[0]);
