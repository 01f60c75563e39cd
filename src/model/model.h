/*
 * What administrators describe: environments, API proxies, policies, signing keys. Parsed from the JSON bodies of the
 * management API (or of the snapshot document), validated, printed back in one canonical form.
 *
 * Every parse function takes a JSON object, allocates from the arena only, refuses unknown fields by name, fills in the
 * defaults of token-api.md and management-api.md, and on TG_ERR_INVALID names the field (its path, as
 * "clientRoute.relativePathList[0]") and the rule in *fault. A member that is null counts as absent. Views point into
 * the arena, never into the json_t. Every write function returns a new json_t reference (NULL: out of memory) that
 * parses to the same thing again.
 */
#ifndef TG_MODEL_MODEL_H
#define TG_MODEL_MODEL_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"

#define TG_NAME_MAX      128 /* names of projects, environments, proxies, policies: [A-Za-z0-9][A-Za-z0-9._-]* */
#define TG_CLIENT_ID_MAX 256 /* client ids: visible ASCII without ':' (RFC 6749 A.1, RFC 7617) */

/* Name rule above; *fault names `field`. */
tg_err_t tg_name_check(tg_str_t name, const char *field, tg_fault_t *fault) TG_MUST_CHECK;
/* 1..TG_CLIENT_ID_MAX visible ASCII characters (0x21-0x7e) without ':'. */
tg_err_t tg_client_id_check(tg_str_t id, const char *field, tg_fault_t *fault) TG_MUST_CHECK;
/* Visible ASCII, for a chosen client secret. */
#define TG_CLIENT_SECRET_MIN 8
#define TG_CLIENT_SECRET_MAX 512
tg_err_t tg_client_secret_check(tg_str_t secret, const char *field, tg_fault_t *fault) TG_MUST_CHECK;

/* ---- token settings and policies (management-api.md "Policy bodies") ---- */

typedef enum { TG_TOKEN_OPAQUE = 1, TG_TOKEN_JWT = 2 } tg_token_type_t;
typedef enum { TG_GRANT_NONE = 0, TG_GRANT_CLIENT_CREDENTIALS, TG_GRANT_PASSWORD, TG_GRANT_REFRESH } tg_grant_t;

#define TG_REFRESH_COUNT_MAX 1000000

typedef struct {
    tg_grant_t grant;           /* grantType: CLIENT_CREDENTIALS (default) or PASSWORD */
    bool never_expires;         /* tokenNeverExpires */
    int64_t expires_in_amount;  /* tokenExpiresInAmount, kept as given for printing */
    tg_str_t expires_in_unit;   /* tokenExpiresInUnit, canonical plural */
    int64_t expires_in;         /* seconds; 0 when never_expires */
    bool refresh_allowed;       /* refreshTokenAllowed */
    int64_t refresh_count;      /* refreshTokenCount, 1..TG_REFRESH_COUNT_MAX */
    int64_t refresh_amount;     /* refreshTokenExpiresInAmount */
    tg_str_t refresh_unit;      /* refreshTokenExpiresInUnit */
    int64_t refresh_expires_in; /* seconds */
    bool refresh_rotation;      /* refreshTokenRotation */
    bool allow_url_parameters;  /* allowUrlParameters */
    bool delete_previous;       /* deletePrevious */
    tg_str_t jwt_algorithm;     /* jwtSignatureAlgorithm; "RS256" by default; a name of the algorithm table */
    tg_str_t identity_provider; /* identityProvider: "SECRET_MANAGER" (the default of PASSWORD) or a name; "" with other
                                 * grants */
    bool check_client_ip;       /* checkClientIpAddress */
} tg_token_settings_t;

#define TG_SECRET_MANAGER TG_STR("SECRET_MANAGER") /* users are credentials */

/* ---- what proxies, groups and environments share ---- */

/* {"enabled","allowedOrigins","allowedMethods","allowedHeaders","exposedHeaders","allowCredentials","maxAgeSeconds"}
 * (Fetch 3.2). "*" as origin or header stands for all, and is refused with allowCredentials. Off by default. */
typedef struct {
    bool enabled;
    const tg_str_t *origins; /* as browsers send them: "https://app.example.org"; lower case; "null" is refused */
    size_t n_origins;
    const tg_str_t *methods; /* default GET, HEAD, POST, PUT, PATCH, DELETE */
    size_t n_methods;
    const tg_str_t *headers; /* default Authorization, Content-Type */
    size_t n_headers;
    const tg_str_t *exposed;
    size_t n_exposed;
    bool credentials;
    int64_t max_age_s; /* default 600, at most 86400 */
} tg_cors_t;

/* forwardedIp {"enabled","headerName","xffOrder"}. */
typedef struct {
    bool enabled;
    tg_str_t header; /* default X-Forwarded-For */
    int order;       /* xffOrder: 1..5 for FIRST..FIFTH, 0 for LAST (default) */
} tg_forwarded_t;

/* {"limit","intervalAmount","intervalUnit","windowType":"FIXED"|"SLIDING"}; units as of tokens. Zeroed: none. */
typedef struct {
    int64_t limit; /* requests in an interval, of all nodes together; 0: no limit */
    int64_t interval_ms;
    bool sliding;
} tg_limit_t;

/* {"quota":{...},"throttling":{...},"countingMode":"ALL"|"ACCEPTED"}: a quota has a FIXED window. ALL (default) counts
 * every request that came so far, ACCEPTED only those that were let through to the backend. */
typedef struct {
    tg_limit_t quota;
    tg_limit_t throttling;
    bool accepted_only;
} tg_limits_t;

/* One row of authorization.methodAccess: who of `roles` may call (none named: every holder of a good token). */
typedef struct {
    tg_str_t method; /* upper case; "*" : every method */
    tg_str_t path;   /* below the proxy's prefix: "/items/{id}", "*" one segment, "**" at the end any number */
    tg_str_t *roles;
    size_t n_roles;
} tg_method_access_t;

/* A role: 1..128 characters of a scope-token (RFC 6749 3.3). */
tg_err_t tg_role_check(tg_str_t role, const char *field, tg_fault_t *fault) TG_MUST_CHECK;

typedef struct {
    tg_str_t name;        /* {policyName} */
    tg_token_type_t type; /* policy-auth-oauth2 or policy-auth-jwt */
    tg_str_t description;
    bool active;                 /* default true; an inactive policy leaves the proxy open */
    bool managed_from_policy;    /* managedFromThisPolicy, default true */
    bool client_secret_required; /* false only with PASSWORD; refresh_rotation is true then, whatever was given */
    bool clear_auth;             /* drop Authorization before the backend */
    bool add_user;               /* addUserToHeader */
    tg_str_t user_header;        /* userHeaderName, default X-Authenticated-UserId */
    bool add_roles;              /* addRolesToHeader */
    tg_str_t roles_header;       /* rolesHeaderName, default X-Authenticated-UserRoles */
    bool regenerate; /* regenerate.enabled, default true: P/jwt/regenerate; of no meaning to opaque tokens */
    tg_str_t regenerate_provider; /* regenerate.identityProvider: one of type API, asked at each; "" : none */
    int error_status;             /* errorMessage.statusCode; 0: the RFC 6750 answer as it is */
    tg_str_t error_code;          /* errorMessage.errorCode */
    tg_str_t error_message;       /* errorMessage.message */
    int order;                    /* operationMetadata.order */
    /* operationMetadata.targetScope ENDPOINT: targetEndpoint and targetEndpointHTTPMethod, an endpoint of the proxy. ""
     * both: ALL. */
    tg_str_t endpoint_path, endpoint_method;
    /* authorization {enabled, methodAccess}: what no row matches is refused; the most specific row decides */
    bool authorization;
    tg_method_access_t *methods;
    size_t n_methods;
    tg_token_settings_t token; /* of no meaning unless managed_from_policy */
} tg_policy_t;

/* body: {"operationMetadata":{...},"policy":{...}}; deploy and deployTargetEnvironmentNameList are the manager's to
 * read. Whether a provider of that name exists is
 * the manager's to check. */
tg_err_t tg_policy_parse(const json_t *body, tg_str_t name, tg_arena_t *a, tg_policy_t *out,
                         tg_fault_t *fault) TG_MUST_CHECK;
json_t *tg_policy_write(const tg_policy_t *p) TG_MUST_CHECK;

/* One application key has one way to make tokens of a type: whether both policies would make the same ones. */
bool tg_policy_tokens_equal(const tg_policy_t *a, const tg_policy_t *b);

/* ---- API proxies ---- */

/* REVERSE_PROXY: everything below its routes; OPEN_API, EMPTY_API: its endpoints and nothing else. */
typedef enum { TG_PROXY_REVERSE = 1, TG_PROXY_OPEN_API, TG_PROXY_EMPTY } tg_proxy_type_t;

#define TG_ENDPOINTS_MAX 5000

/* One row of "endpoints": {"name","method","path","backendPath","roles","description"}. A path is a pattern of
 * path_pattern.h below the proxy's route; the most specific path that has the request's method decides. */
typedef struct {
    tg_str_t name;         /* one in the proxy; without one in the body: made of method and path */
    tg_str_t method;       /* GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE; "*": every method */
    tg_str_t path;         /* "/items/{id}" */
    tg_str_t backend_path; /* "/v2/things/{id}", with parameters of path; "": as it came */
    tg_str_t *roles;       /* the principal of the token has one of them; none named: whoever the policy lets in */
    size_t n_roles;
    tg_str_t description;
} tg_api_endpoint_t;

typedef struct {
    bool tls;      /* https */
    tg_str_t host; /* as in the URL, lower case; IPv6 without brackets */
    uint16_t port;
    tg_str_t base_path; /* "" or "/v1": put before the forwarded path; no trailing slash */
    tg_str_t text;      /* the address as given */
    uint16_t weight;    /* default 1 */
    bool failover_only; /* addressType FAILOVER_ONLY */
} tg_address_t;

typedef struct {
    tg_str_t *paths; /* relativePathList: "/orders", decoded, no trailing slash ("/" stays) */
    size_t n_paths;
    tg_str_t *hosts; /* lower case; exact, or one wildcard label at an end: "*.example.org", "api.*" */
    size_t n_hosts;
    tg_str_t *methods; /* empty: every method */
    size_t n_methods;
    tg_str_t *header_names; /* headerList [{"name","value"}]: all must be there with that value */
    tg_str_t *header_values;
    size_t n_headers;
    bool strip_path; /* stripPath, default true */
} tg_route_t;

#define TG_RETRIES_ALL (-1)

/* settings/connection, "connection" in a proxy's body: how the backend is reached. The members there:
 * connectTimeoutMillis, readTimeoutMillis, retries, tlsVerify, tlsServerName, tlsCa, hostHeader. */
typedef struct {
    int64_t connect_timeout_ms; /* default 5000 */
    int64_t read_timeout_ms;    /* default 60000; also send */
    int retries;     /* further addresses tried on a connection failure; TG_RETRIES_ALL by default (null in JSON) */
    bool tls_verify; /* default true */
    tg_str_t tls_server_name; /* SNI and the name verified; "" : the address's host */
    tg_str_t tls_ca;          /* PEM text; "": the system's CAs */
    tg_str_t host_header;     /* Host sent to the backend; "": host[:port] of the address */
} tg_connection_t;

typedef struct {
    tg_str_t name;
    tg_str_t project;
    tg_str_t description;
    tg_proxy_type_t type;
    tg_route_t route;
    tg_address_t *addresses;
    size_t n_addresses;
    bool routing_enabled; /* routingInfo.routingEnabled; false: 503 */
    tg_connection_t connection;
    tg_cors_t cors;           /* "cors" */
    tg_forwarded_t forwarded; /* "forwardedIp" */
    tg_limits_t limits;       /* "limits": of the proxy, whoever calls */
    tg_api_endpoint_t *endpoints;
    size_t n_endpoints;
} tg_proxy_t;

/* The body of .../apiProxies/url/. Reserved first segments of client routes (/auth, /credential,
 * /.well-known/oauth-authorization-server) are refused. */
tg_err_t tg_proxy_parse(const json_t *body, tg_str_t project, tg_arena_t *a, tg_proxy_t *out,
                        tg_fault_t *fault) TG_MUST_CHECK;
json_t *tg_proxy_write(const tg_proxy_t *p) TG_MUST_CHECK;

/* One of the settings of a proxy, group or environment alone: settings/cors, settings/forwarded-ip-header, limits. */
tg_err_t tg_cors_parse(const json_t *body, tg_arena_t *a, tg_cors_t *out, tg_fault_t *fault) TG_MUST_CHECK;
json_t *tg_cors_write(const tg_cors_t *c) TG_MUST_CHECK;
tg_err_t tg_forwarded_parse(const json_t *body, tg_arena_t *a, tg_forwarded_t *out, tg_fault_t *fault) TG_MUST_CHECK;
json_t *tg_forwarded_write(const tg_forwarded_t *f) TG_MUST_CHECK;
tg_err_t tg_limits_parse(const json_t *body, tg_arena_t *a, tg_limits_t *out, tg_fault_t *fault) TG_MUST_CHECK;
json_t *tg_limits_write(const tg_limits_t *l) TG_MUST_CHECK;

/* ---- API proxy groups and policy groups ---- */

/* Both are a named owner of an application key, of policies and of settings, with proxies as members; a policy group is
 * what proxies attach, a proxy group what proxies belong to. A proxy is in at most one of each. Members are the
 * manager's to keep: they are not in the body. */
typedef struct {
    tg_str_t name;
    tg_str_t project;
    tg_str_t description;
    tg_cors_t cors;
    tg_forwarded_t forwarded;
} tg_group_t;

/* {"name","description","cors","forwardedIp"}; deploy and deployTargetEnvironmentNameList are the manager's to read. */
tg_err_t tg_group_parse(const json_t *body, tg_str_t project, tg_arena_t *a, tg_group_t *out,
                        tg_fault_t *fault) TG_MUST_CHECK;
json_t *tg_group_write(const tg_group_t *g) TG_MUST_CHECK;

/* ---- environments ---- */

typedef struct {
    tg_str_t name;
    tg_str_t description;
    tg_str_t access_url;       /* "" if none; no trailing slash; http or https, no query or fragment */
    int64_t leeway_s;          /* leewaySeconds, default 0, at most 300 */
    int64_t jwks_max_age_s;    /* jwksMaxAgeSeconds, default 300 */
    tg_forwarded_t forwarded;  /* forwardedIp: ACL mode, and before the client is known */
    tg_cors_t cors;            /* cors: ACL mode */
    tg_str_t *trusted_proxies; /* trustedProxies: addresses and CIDR */
    size_t n_trusted_proxies;
    int64_t revocation_bound_ms;    /* propagationBoundMillis, default 1000 */
    bool jwt_refuse_when_feed_lost; /* jwtWhenFeedLost: "accept" (default) or "refuse" */
    /* failureLimits {"perClient","perAddress"}: failed client and user authentications, by (client, address) and by
     * address; as "throttling", always sliding. Defaults 20 and 200 a minute; a limit of 0 turns one off. */
    tg_limit_t client_failures, address_failures;
    bool request_log;              /* tokenRequestLog {"enabled","retentionDays"}; default true */
    int64_t request_log_keep_days; /* default 30, 1..3650 */
} tg_environment_t;

tg_err_t tg_environment_parse(const json_t *body, tg_arena_t *a, tg_environment_t *out,
                              tg_fault_t *fault) TG_MUST_CHECK;
json_t *tg_environment_write(const tg_environment_t *e) TG_MUST_CHECK;

/* ---- signing keys of an environment ---- */

typedef enum { TG_KEY_PUBLISHED = 1, TG_KEY_ACTIVE, TG_KEY_RETIRING, TG_KEY_REVOKED } tg_key_state_t;

/* The stored state says published or revoked; which key is active and which is retiring follows from the clock, so that
 * the switch needs no manager: of an algorithm's unrevoked keys the one with the latest activate_at <= now signs;
 * earlier ones verify until retire_at. */
typedef struct {
    tg_str_t kid;
    tg_str_t alg;
    bool revoked;
    tg_ms_t created_at;
    tg_ms_t activate_at;
    tg_ms_t retire_at; /* 0: not replaced yet, or signed never-expiring tokens: verifies until revoked */
    tg_str_t jwk;      /* public JWK, JSON text */
    tg_str_t sealed;   /* PKCS#8 DER under the seal key, context "signing-key/<environment>/<kid>"; raw bytes */
} tg_signing_key_t;

tg_err_t tg_signing_key_parse(const json_t *doc, tg_arena_t *a, tg_signing_key_t *out, tg_fault_t *fault) TG_MUST_CHECK;
json_t *tg_signing_key_write(const tg_signing_key_t *k) TG_MUST_CHECK;
/* The state of keys[i] at `now`, by the rule above; TG_KEY_REVOKED also once retire_at is past. */
tg_key_state_t tg_signing_key_state(const tg_signing_key_t *keys, size_t n, size_t i, tg_ms_t now);

#endif
