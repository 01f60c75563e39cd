/*
 * Identity providers: where an organization keeps its users (management-api.md "identity providers"). Parsed and
 * written as everything in model.h. They belong to a project; policies and credentials name one in identityProvider. A
 * gateway reads them from its snapshot (docs/decisions/0017-identity-providers.md).
 */
#ifndef TG_MODEL_IDENTITY_PROVIDER_H
#define TG_MODEL_IDENTITY_PROVIDER_H

#include "model/model.h"

typedef enum { TG_PROVIDER_LDAP = 1, TG_PROVIDER_DATABASE, TG_PROVIDER_API } tg_provider_type_t;

/* A secret of a provider. A body has it clear, or leaves it out for the one that is stored ("" is none: clear.p is
 * not NULL then); what is stored, and what
 * stands in a snapshot, is sealed (identity/provider_secrets.h) under the name of its field. Never written clear. */
typedef struct {
    tg_str_t clear;
    tg_str_t sealed; /* raw bytes; "" and clear "": there is none */
} tg_provider_secret_t;

/* Something that the provider tells of a user, and where it goes: {"source","claim","includeInJwt",
 * "includeInTokenResponse"}; the rules of names are those of metadata entries (credential.h). */
typedef struct {
    tg_str_t source;  /* an attribute (LDAP), a column (DATABASE), a JSON path (API, json_path.h) */
    tg_str_t claim;   /* "" in a body: the source */
    bool in_jwt;      /* default true */
    bool in_response; /* default false */
} tg_provider_claim_t;

/* "tls" {"verify","ca","clientCertificate","clientKey"} */
typedef struct {
    bool verify;              /* default true */
    tg_str_t ca;              /* PEM; "": the system's */
    tg_str_t certificate;     /* PEM; API alone */
    tg_provider_secret_t key; /* PEM; "clientKey" */
} tg_provider_tls_t;

/* ---- LDAP ---- */

typedef enum { TG_LDAP_SIMPLE = 1, TG_LDAP_ADVANCED } tg_ldap_authentication_t;
typedef enum { TG_LDAP_BASE = 0, TG_LDAP_ONELEVEL = 1, TG_LDAP_SUBTREE = 2 } tg_ldap_scope_t; /* values of RFC 4511 */

typedef struct {
    tg_str_t url;   /* ldap://host[:port] or ldaps://...; no DN, no query */
    bool start_tls; /* startTls; not with ldaps */
    tg_provider_tls_t tls;
    tg_ldap_authentication_t authentication; /* authenticationType */
    tg_str_t user_expression;                /* userConfigurationExpression (SIMPLE): a DN with {{username}} */
    tg_str_t bind_dn;                        /* bindDn (ADVANCED): the service account; "": anonymous */
    tg_provider_secret_t bind_password;      /* bindPassword */
    tg_str_t *user_bases;                    /* userBaseDnList (ADVANCED): searched in order, the first that has one */
    size_t n_user_bases;
    tg_ldap_scope_t user_scope; /* userSearchScope: SUBTREE (default), ONELEVEL, BASE */
    tg_str_t user_class;        /* userObjectClass, default inetOrgPerson; "*": any */
    tg_str_t user_filter;       /* userFilter: one more RFC 4515 filter that must hold; "" : none */
    tg_str_t user_name;         /* userNameAttribute, default uid */
    tg_str_t full_name;         /* fullNameAttribute, default cn */
    tg_str_t email;             /* emailAttribute, default mail */
    tg_str_t *group_bases;      /* groupBaseDnList; none: no groups are asked for */
    size_t n_group_bases;
    tg_ldap_scope_t group_scope; /* groupSearchScope */
    tg_str_t group_class;        /* groupObjectClass, default groupOfUniqueNames */
    tg_str_t group_filter;       /* groupFilter */
    tg_str_t group_name;         /* groupNameAttribute, default cn: its values are the user's roles */
    tg_str_t group_member;       /* groupMemberAttribute, default uniqueMember */
    bool member_by_login;        /* groupMemberType: DN (default) or LOGIN: what the attribute holds */
    tg_provider_claim_t *claims; /* attributesToFetch; in SIMPLE too: read as the user that has bound */
    size_t n_claims;
} tg_ldap_provider_t;

/* ---- database: statements are those of sql_text.h ---- */

typedef enum {
    TG_PASSWORD_QUERY = 1, /* the query has :password: a row is a yes */
    TG_PASSWORD_CLEAR,
    TG_PASSWORD_DIGEST, /* passwordDigest, passwordEncoding, and a salt */
    TG_PASSWORD_BCRYPT, /* these three tell of themselves by their strings */
    TG_PASSWORD_ARGON2,
    TG_PASSWORD_PBKDF2
} tg_password_format_t;

typedef struct {
    tg_str_t connection; /* connectionString: of ODBC, without UID and PWD */
    tg_str_t username;   /* "username", "password": added to it as UID, PWD */
    tg_provider_secret_t password;
    tg_str_t query;              /* one SELECT with :username, and with :password for QUERY; at most one row counts */
    tg_password_format_t format; /* passwordFormat */
    tg_str_t password_column;    /* passwordColumn; not with QUERY */
    tg_str_t digest;             /* passwordDigest: MD5, SHA1, SHA224, SHA256, SHA384, SHA512, SHA3-256, SHA3-512 */
    bool base64;                 /* passwordEncoding: HEX (default) or BASE64 */
    tg_str_t salt_column;        /* saltColumn; "" : none */
    bool salt_behind;            /* saltPosition: BEFORE (default) or AFTER the password */
    int64_t iterations;          /* passwordIterations of PBKDF2 strings without one; default 1 for digests: rounds */
    tg_str_t enabled_column;     /* enabledColumn: 0, false, N, "" and NULL are no; "" : nobody is disabled */
    tg_str_t role_query;         /* roleQuery: one SELECT with :username; the first column of each row is a role */
    tg_str_t list_query;         /* listQuery: one SELECT without parameters: the users, for synchronisation */
    tg_str_t user_name, full_name, email; /* userNameColumn, fullNameColumn, emailColumn; defaults username, "", "" */
    tg_provider_claim_t *claims;          /* columnsToFetch */
    size_t n_claims;
} tg_database_provider_t;

/* ---- HTTP API ---- */

typedef enum { TG_API_NO_BODY = 1, TG_API_JSON, TG_API_FORM } tg_api_body_t;

typedef struct {
    tg_str_t name;
    tg_str_t value; /* a template */
    bool secret;    /* then `value` is "" and the template is in `sealed` */
    tg_provider_secret_t kept;
} tg_api_field_t;

/* Templates: {{username}}, {{password}}, {{clientId}} and {{address}} stand for what was asked, escaped for where they
 * stand (template.h): percent-encoded in a URL and in a form, JSON-escaped in a JSON body, refused in a header if it
 * would need more than visible ASCII and spaces. No {{password}} in a URL. */
typedef struct {
    tg_str_t method; /* GET, POST (default), PUT, PATCH */
    tg_str_t url;    /* http or https; parameters of path and query only */
    tg_provider_tls_t tls;
    tg_api_field_t *headers; /* headerList */
    size_t n_headers;
    tg_api_body_t body_type; /* bodyType: NONE, JSON (default), FORM */
    tg_str_t body;           /* body of JSON, as text: a JSON template */
    tg_api_field_t *form;    /* formList */
    size_t n_form;
    /* assertion: all that are given must hold; a user is wrong where one does not */
    int status_from, status_to; /* statusFrom, statusTo; default 200, 299 */
    tg_str_t contains;          /* bodyContains; "" : not asked */
    tg_str_t json_path;         /* jsonPath: it is there, and (jsonValue given) equals it */
    bool has_json_value;
    tg_str_t json_value;         /* as JSON text of a scalar */
    tg_str_t roles_path;         /* rolesPath: a list of strings, or one string of words; "" : none */
    tg_str_t subject_path;       /* subjectPath: the user's name as the provider has it; "" : as asked */
    tg_provider_claim_t *claims; /* pathsToFetch */
    size_t n_claims;
    bool answer_in_response; /* includeInTokenResponse: its JSON answer as "X-ApiResponse" beside the token */
} tg_api_provider_t;

/* ---- a provider ---- */

#define TG_PROVIDER_CLAIMS_MAX  64
#define TG_PROVIDER_POOL_MAX    64
#define TG_PROVIDER_CACHE_MAX_S 300
#define TG_PROVIDERS_MAX        256 /* of one project */

typedef enum { TG_SYNC_KEEP = 1, TG_SYNC_DISABLE, TG_SYNC_DELETE } tg_sync_missing_t;

typedef struct {
    bool enabled;
    int64_t interval_ms;       /* intervalAmount, intervalUnit; at least 1 minute; default 1 day */
    tg_sync_missing_t missing; /* missingUsers: DISABLE (default), DELETE, KEEP: credentials whose user is gone */
    tg_str_t organization;     /* of those that are made; "" : none */
    int64_t max_users;         /* maxUsers: more, and nothing is done; default 100000 */
} tg_provider_sync_t;

typedef struct {
    tg_str_t name; /* TG_NAME_MAX; never SECRET_MANAGER */
    tg_str_t project;
    tg_str_t description;
    tg_provider_type_t type;
    bool enabled;             /* default true; false: 503 for who would need it */
    int64_t timeout_ms;       /* timeoutMillis: of one check, all steps together; default 5000, 100..60000 */
    int64_t pool_size;        /* poolSize: checks at the same time, by each worker; default 4 */
    int64_t queue_size;       /* queueSize: checks that wait, by each worker; more: 503; default 64 */
    int64_t breaker_failures; /* circuitBreaker {"failures","openMillis"}: failures in a row that open it; default 5, */
    int64_t breaker_open_ms;  /* for so long, then one probe; default 10000; failures 0: no breaker */
    int64_t cache_s;          /* cacheSeconds of successful checks; default 0: off */
    bool check_at_refresh;    /* checkAtRefresh: the user is looked up again at each refresh; default false */
    tg_provider_sync_t sync;  /* synchronisation */
    union {
        tg_ldap_provider_t ldap;
        tg_database_provider_t database;
        tg_api_provider_t api;
    } of;
} tg_identity_provider_t;

/* A body of the management API; members of another type are refused by name. */
tg_err_t tg_identity_provider_parse(const json_t *body, tg_str_t project, tg_arena_t *a, tg_identity_provider_t *out,
                                    tg_fault_t *fault) TG_MUST_CHECK;
/* The stored document and the element of a snapshot: secrets are {"sealed":"<base64url>"}. */
tg_err_t tg_identity_provider_read_stored(const json_t *doc, tg_str_t project, tg_arena_t *a,
                                          tg_identity_provider_t *out, tg_fault_t *fault) TG_MUST_CHECK;
json_t *tg_identity_provider_write(const tg_identity_provider_t *p) TG_MUST_CHECK;

/* Each secret of a provider with the name of its place ("bindPassword", "headerList[0].value"), for sealing, opening
 * and masking; in a fixed order. Stops at the first error. */
typedef tg_err_t (*tg_provider_secret_fn)(void *ctx, const char *place, tg_provider_secret_t *secret);
tg_err_t tg_identity_provider_secrets(tg_identity_provider_t *p, tg_provider_secret_fn each, void *ctx) TG_MUST_CHECK;

/* Whether users can be asked for without their password (checkAtRefresh): ADVANCED LDAP, DATABASE unless its query
 * has :password. */
bool tg_identity_provider_looks_up(const tg_identity_provider_t *p);
/* Whether users can be listed (synchronisation): ADVANCED LDAP, DATABASE with a listQuery. */
bool tg_identity_provider_lists(const tg_identity_provider_t *p);
/* Whether a password has any effect on its answer: an API without {{password}} says yes to each. */
bool tg_identity_provider_asks_password(const tg_identity_provider_t *p);

#endif
