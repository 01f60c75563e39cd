/*
 * Credentials: named identities with a secret, roles, addresses, metadata, token settings and a list of what they may
 * call (token-api.md "Terms", "Metadata of credentials"; management-api.md "credentials"). They are live state: a
 * change acts at once, without a deploy. Parsed and written as everything in model.h.
 *
 * What gateways need of one lies in two places beside the secret: its details, one JSON text of a client's row, and its
 * access list, a row for each thing that it may call.
 */
#ifndef TG_MODEL_CREDENTIAL_H
#define TG_MODEL_CREDENTIAL_H

#include "model/model.h"
#include "model/token_management.h"

#define TG_ROLES_MAX    256
#define TG_IPS_MAX      256
#define TG_METADATA_MAX 64
/* environments in which one credential has a password or addresses of its own */
#define TG_CREDENTIAL_ENVIRONMENTS_MAX 64

/* {"key","value","secret","includeInJwt","includeInTokenResponse","jwtClaimName"}. A key is a name of at most 128
 * characters; a value any JSON text, number, boolean, kept as text of at most 4 KiB (a string is a string again in a
 * token). secret with includeInJwt is refused. Names that a token or a response would show are refused if they are
 * registered JWT claims (RFC 7519 4.1, RFC 9068: iss, sub, aud, exp, nbf, iat, jti, client_id, scope, auth_time, acr,
 * amr, cnf, act, azp, sid, roles stay the token's), OAuth response fields, or taken (tg_response_name_is_taken); and if
 * two entries have the same: claim, or key.
 *
 * A body has clear values; of a secret entry it may leave the value out (as answers do), for the one that is stored.
 * What is stored has "sealed" in place of the value of a secret entry (oauth/secret_entry.h), and is refused with
 * anything else; the functions that write documents and details never write such a value in clear. */
typedef struct {
    tg_str_t key;
    tg_str_t value;  /* JSON text of a scalar: "\"gold\"", "7", "true"; "" : left out, or sealed */
    tg_str_t sealed; /* raw bytes */
    bool secret;
    bool in_jwt;
    bool in_response;
    tg_str_t jwt_claim; /* "" : the key */
} tg_metadata_entry_t;

/* {"name","description","metadata":[...]}: its entries are the defaults of its members', by key. */
typedef struct {
    tg_str_t name; /* TG_NAME_MAX */
    tg_str_t description;
    tg_metadata_entry_t *metadata;
    size_t n_metadata;
} tg_organization_t;

/* A body of the management API; the stored document. */
tg_err_t tg_organization_parse(const json_t *body, tg_arena_t *a, tg_organization_t *out,
                               tg_fault_t *fault) TG_MUST_CHECK;
tg_err_t tg_organization_read_stored(const json_t *doc, tg_arena_t *a, tg_organization_t *out,
                                     tg_fault_t *fault) TG_MUST_CHECK;
json_t *tg_organization_write(const tg_organization_t *o) TG_MUST_CHECK;

/* What replaces the general password or addresses in one environment. */
typedef struct {
    tg_str_t environment;
    bool has_password;
    tg_str_t password; /* only as a body gives it, never written */
    bool has_ips;
    tg_str_t *ips;
    size_t n_ips;
} tg_credential_environment_t;

/* {"username","password","email","fullName","description","organization","roleNameList","enabled","ipList",
 * "expireDate","metadata","environments":[{"environmentName","password","ipList"}]}. The username is the client_id
 * (tg_client_id_check). `password` in a body: 8..512 visible ASCII; null or absent: none is given. */
typedef struct {
    tg_str_t username;
    bool has_password;
    tg_str_t password; /* only as a body gives it, never written */
    tg_str_t email, full_name, description;
    tg_str_t organization; /* "" : none */
    tg_str_t *roles;
    size_t n_roles;
    bool enabled;  /* default true */
    tg_str_t *ips; /* addresses and CIDR, v4 and v6; none: from everywhere */
    size_t n_ips;
    tg_ms_t expires_at; /* expireDate, ISO 8601; 0: never */
    tg_metadata_entry_t *metadata;
    size_t n_metadata;
    tg_credential_environment_t *environments; /* each environment once */
    size_t n_environments;
    /* "token", null until .../token/ sets it; in bodies of the credential itself it is refused by name */
    bool has_token;
    tg_token_settings_t token;
    /* "identityProvider": the one that it is synchronised from; "" : none. Likewise refused in bodies. */
    tg_str_t identity_provider;
    bool disabled_by_provider; /* "disabledByProvider": who it is of is gone or disabled there; enabled with its return
                                */
} tg_credential_t;

/* NULL if it may be an address of mail, or is "", else the rule that it breaks. */
const char *tg_email_check(tg_str_t email);

/* A body of the management API. */
tg_err_t tg_credential_parse(const json_t *body, tg_arena_t *a, tg_credential_t *out, tg_fault_t *fault) TG_MUST_CHECK;
/* The stored document: the same without passwords, and with "token". `environments` keep {"environmentName","ipList",
 * "hasPassword"}. */
tg_err_t tg_credential_read_stored(const json_t *doc, tg_arena_t *a, tg_credential_t *out,
                                   tg_fault_t *fault) TG_MUST_CHECK;
json_t *tg_credential_write(const tg_credential_t *c) TG_MUST_CHECK;

/* The token settings of a credential (.../token/), and the same rules as in a policy; deletePrevious and
 * jwtSignatureAlgorithm may both be set, since a credential has tokens of both types. */
tg_err_t tg_credential_token_parse(const json_t *body, tg_arena_t *a, tg_token_settings_t *out,
                                   tg_fault_t *fault) TG_MUST_CHECK;
json_t *tg_credential_token_write(const tg_token_settings_t *t) TG_MUST_CHECK;
/* The defaults of token-api.md. */
void tg_token_settings_default(tg_token_settings_t *out);

/* ---- details: what a gateway reads of a client ---- */

typedef struct {
    tg_str_t *roles;
    size_t n_roles;
    tg_str_t *ips; /* of the environment asked for, where it has its own */
    size_t n_ips;
    tg_token_settings_t token;
    tg_metadata_entry_t *metadata; /* the organization's defaults merged in */
    size_t n_metadata;
    tg_str_t identity_provider; /* "identityProvider": the one that it is synchronised from; "" : none */
} tg_details_t;

#define TG_DETAILS_MAX (1u << 20)

/* The text for the client's row. organization may be NULL. TG_ERR_LIMIT: above TG_DETAILS_MAX. */
tg_err_t tg_credential_details_write(const tg_credential_t *c, const tg_organization_t *organization,
                                     tg_buf_t *out) TG_MUST_CHECK;
/* Of an application key: roles alone. */
tg_err_t tg_application_details_write(const tg_str_t *roles, size_t n, tg_buf_t *out) TG_MUST_CHECK;
/* "" is no roles, no addresses, default settings. */
tg_err_t tg_details_parse(tg_str_t text, tg_str_t environment, tg_arena_t *a, tg_details_t *out,
                          tg_fault_t *fault) TG_MUST_CHECK;

/* ---- access: what a credential may call ---- */

typedef enum { TG_ACCESS_PROXY = 1, TG_ACCESS_PROXY_GROUP, TG_ACCESS_POLICY_GROUP } tg_access_kind_t;

/* Methods of HTTP as bits; 0 for a method that is none of them (tg_method_bit). */
typedef struct {
    tg_str_t environment; /* "environmentName"; "" : every environment that no other entry names */
    uint32_t disallowed;  /* disallowedMethods: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE, CONNECT */
    tg_ms_t expires_at;   /* expireTime; 0: never */
    tg_limits_t limits;
} tg_access_settings_t;

/* An element of credentialAccessList: {"name","type":"API_PROXY"|"API_PROXY_GROUP"|"POLICY_GROUP","settings":[
 * {"environmentName","quota","throttling","countingMode","disallowedMethods","expireTime"}]}; the members of one
 * settings object without environmentName may also stand in the element itself. */
typedef struct {
    tg_str_t name;
    tg_access_kind_t type;
    tg_access_settings_t *settings;
    size_t n_settings;
} tg_access_row_t;

/* {"credentialAccessList":[...]}; no name of a type twice. */
tg_err_t tg_access_list_parse(const json_t *body, tg_arena_t *a, tg_access_row_t **rows, size_t *n,
                              tg_fault_t *fault) TG_MUST_CHECK;
json_t *tg_access_row_write(const tg_access_row_t *row) TG_MUST_CHECK;

/* What a gateway compares; fixed size, so that it can lie in shared memory. Zeroed: not allowed. */
typedef struct {
    bool allowed;
    uint32_t disallowed;
    tg_ms_t expires_at;  /* 0: never */
    int64_t target;      /* resource id of the row: whose quota it is */
    bool checks_address; /* checkClientIpAddress of the credential; false from tg_access_parse: it is in the details */
    tg_limits_t limits;
} tg_access_t;

/* A stored row as of one environment. */
tg_err_t tg_access_parse(tg_str_t text, int64_t target, tg_str_t environment, tg_arena_t *a, tg_access_t *out,
                         tg_fault_t *fault) TG_MUST_CHECK;

#endif
