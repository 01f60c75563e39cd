#include "model/parts.h"

#include "model/credential.h"
#include "model/names.h"
#include "model/token_settings.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define DEFAULT_USER_HEADER  TG_STR("X-Authenticated-UserId")
#define DEFAULT_ROLES_HEADER TG_STR("X-Authenticated-UserRoles")

static const tg_choice_t type_choices[] = {
    {"policy-auth-oauth2", TG_TOKEN_OPAQUE, false}, {"policy-auth-jwt", TG_TOKEN_JWT, false}, {NULL, 0, false}};

/* ---- operationMetadata ---- */

enum { SCOPE_ALL = 1, SCOPE_ENDPOINT };
static const tg_choice_t scope_choices[] = {
    {"ALL", SCOPE_ALL, false}, {"ENDPOINT", SCOPE_ENDPOINT, false}, {NULL, 0, false}};
static const tg_choice_t pipeline_choices[] = {{"REQUEST", 1, false}, {NULL, 0, false}};

typedef struct {
    int scope;
    int pipeline;
    int order;
    tg_str_t path, method;
} metadata_t;

/* "" stands for none, as in documents that other tools write. */
static tg_err_t read_target(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                            void *out) {
    return json_is_string(v) && json_string_length(v) == 0 ? TG_OK
                                                           : ((const tg_field_t *)f->more)->read(r, at, f, v, out);
}

static const tg_field_t target_path = {.read = tg_read_path_pattern};
static const tg_field_t target_method = {.read = tg_read_method_or_any};

static const tg_field_t metadata_fields[] = {
    {.name = "targetScope", .read = tg_read_choice, .offset = offsetof(metadata_t, scope), .more = scope_choices},
    {.name = "targetPipeline",
     .read = tg_read_choice,
     .offset = offsetof(metadata_t, pipeline),
     .more = pipeline_choices},
    {.name = "order", .read = tg_read_int, .offset = offsetof(metadata_t, order), .min = 0, .max = 1000000},
    {.name = "targetEndpoint",
     .read = read_target,
     .offset = offsetof(metadata_t, path),
     .more = &target_path,
     .schema = tg_schema_string},
    {.name = "targetEndpointHTTPMethod",
     .read = read_target,
     .offset = offsetof(metadata_t, method),
     .more = &target_method,
     .schema = tg_schema_string},
    {.name = "deploy", .read = tg_read_deploy},
    {.name = "deployTargetEnvironmentNameList", .read = tg_read_deploy_targets},
};

/* An endpoint belongs to its scope, and the scope to its endpoint. */
static tg_err_t target_check(const tg_reader_t *r, const tg_place_t *at, const metadata_t *m) {
    bool wanted = m->scope == SCOPE_ENDPOINT;
    if (wanted != (m->path.n > 0)) {
        return tg_refuse(r, TG_MEMBER(at, "targetEndpoint"), wanted ? "is required" : "is for targetScope ENDPOINT");
    }
    if (wanted != (m->method.n > 0)) {
        return tg_refuse(r, TG_MEMBER(at, "targetEndpointHTTPMethod"),
                         wanted ? "is required" : "is for targetScope ENDPOINT");
    }
    return TG_OK;
}

static tg_err_t read_metadata(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                              void *out) {
    (void)f;
    tg_policy_t *p = out;
    metadata_t m = {.scope = SCOPE_ALL, .order = p->order};
    tg_err_t err = tg_fields_read(r, at, v, metadata_fields, COUNT(metadata_fields), &m);
    p->order = m.order;
    p->endpoint_path = m.path;
    p->endpoint_method = m.method;
    return err ? err : target_check(r, at, &m);
}

/* ---- errorMessage ---- */

static const tg_field_t error_fields[] = {
    {.name = "statusCode", .read = tg_read_int, .offset = offsetof(tg_policy_t, error_status), .min = 400, .max = 599},
    {.name = "errorCode", .read = tg_read_line, .offset = offsetof(tg_policy_t, error_code), .max = 128},
    {.name = "message", .read = tg_read_line, .offset = offsetof(tg_policy_t, error_message), .max = 1024},
};

static tg_err_t read_error_message(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                                   void *out) {
    (void)f;
    return tg_fields_read(r, at, v, error_fields, COUNT(error_fields), out);
}

static json_t *error_message_write(const tg_policy_t *p) {
    tg_writer_t w = tg_writer();
    if (p->error_status == 0 && p->error_code.n == 0 && p->error_message.n == 0) {
        json_decref(tg_writer_end(&w));
        return json_null();
    }
    tg_write_json(&w, "statusCode", p->error_status > 0 ? json_integer(p->error_status) : json_null());
    tg_write_str(&w, "errorCode", p->error_code);
    tg_write_str(&w, "message", p->error_message);
    return tg_writer_end(&w);
}

/* ---- regenerate ---- */

static const tg_field_t regenerate_fields[] = {
    {.name = "enabled", .read = tg_read_bool, .offset = offsetof(tg_policy_t, regenerate)},
    {.name = "identityProvider",
     .read = tg_read_identity_provider,
     .offset = offsetof(tg_policy_t, regenerate_provider)},
};

/* true and false stand for {"enabled": ...}. */
static tg_err_t read_regenerate(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                                void *out) {
    tg_policy_t *p = out;
    if (json_is_boolean(v)) {
        return tg_read_bool(r, at, f, v, &p->regenerate);
    }
    return tg_fields_read(r, at, v, regenerate_fields, COUNT(regenerate_fields), p);
}

static json_t *regenerate_write(const tg_policy_t *p) {
    tg_writer_t w = tg_writer();
    tg_write_bool(&w, "enabled", p->regenerate);
    if (p->regenerate_provider.n > 0) {
        tg_write_str(&w, "identityProvider", p->regenerate_provider);
    }
    return tg_writer_end(&w);
}

static json_t *regenerate_schema(const tg_field_t *f) {
    (void)f;
    return json_pack("{s:[{s:s}, o]}", "anyOf", "type", "boolean",
                     tg_fields_schema(regenerate_fields, COUNT(regenerate_fields)));
}

/* ---- policy ---- */

static const tg_field_t policy_fields[] = {
    {.name = "type",
     .read = tg_read_choice,
     .offset = offsetof(tg_policy_t, type),
     .required = true,
     .more = type_choices},
    {.name = "description", .read = tg_read_text, .offset = offsetof(tg_policy_t, description), .max = 1024},
    {.name = "active", .read = tg_read_bool, .offset = offsetof(tg_policy_t, active)},
    {.name = "managedFromThisPolicy", .read = tg_read_bool, .offset = offsetof(tg_policy_t, managed_from_policy)},
    {.name = "clientSecretRequired", .read = tg_read_bool, .offset = offsetof(tg_policy_t, client_secret_required)},
    {.name = "clearAuth", .read = tg_read_bool, .offset = offsetof(tg_policy_t, clear_auth)},
    {.name = "addUserToHeader", .read = tg_read_bool, .offset = offsetof(tg_policy_t, add_user)},
    {.name = "userHeaderName", .read = tg_read_identity_header_name, .offset = offsetof(tg_policy_t, user_header)},
    {.name = "addRolesToHeader", .read = tg_read_bool, .offset = offsetof(tg_policy_t, add_roles)},
    {.name = "rolesHeaderName", .read = tg_read_identity_header_name, .offset = offsetof(tg_policy_t, roles_header)},
    {.name = "authorization", .read = tg_read_authorization},
    {.name = "regenerate", .read = read_regenerate, .schema = regenerate_schema},
    {.name = "errorMessage", .read = read_error_message, TG_INNER(error_fields)},
    TG_TOKEN_SETTING_FIELDS(offsetof(tg_policy_t, token)),
};

static tg_err_t read_policy(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                            void *out) {
    (void)f;
    return tg_fields_read(r, at, v, policy_fields, COUNT(policy_fields), out);
}

static const tg_field_t body_fields[] = {
    {.name = "operationMetadata", .read = read_metadata, TG_INNER(metadata_fields)},
    {.name = "policy", .read = read_policy, .required = true, TG_INNER(policy_fields)},
};

static tg_err_t no_secret_check(const tg_reader_t *r, const tg_place_t *at, const tg_policy_t *p) {
    if (!p->managed_from_policy) {
        return tg_refuse(r, at, "may be false only with managedFromThisPolicy");
    }
    if (p->token.grant != TG_GRANT_PASSWORD) {
        return tg_refuse(r, at, "may be false only with grantType PASSWORD");
    }
    return TG_OK;
}

static tg_err_t policy_check(const tg_reader_t *r, const tg_place_t *at, const tg_policy_t *p) {
    if (tg_str_eq_ci(p->user_header, p->roles_header)) {
        return tg_refuse(r, TG_MEMBER(at, "rolesHeaderName"), "must differ from userHeaderName");
    }
    if (p->type == TG_TOKEN_OPAQUE && !tg_str_eq(p->token.jwt_algorithm, TG_STR("RS256"))) {
        return tg_refuse(r, TG_MEMBER(at, "jwtSignatureAlgorithm"), "is for policy-auth-jwt");
    }
    if (p->type == TG_TOKEN_JWT && p->token.delete_previous) {
        return tg_refuse(r, TG_MEMBER(at, "deletePrevious"), "is for policy-auth-oauth2");
    }
    if (p->type == TG_TOKEN_OPAQUE && p->regenerate_provider.n > 0) {
        return tg_refuse(r, TG_MEMBER(TG_MEMBER(at, "regenerate"), "identityProvider"), "is for policy-auth-jwt");
    }
    if (tg_str_eq(p->regenerate_provider, TG_SECRET_MANAGER)) {
        return tg_refuse(r, TG_MEMBER(TG_MEMBER(at, "regenerate"), "identityProvider"),
                         "must be a provider of type API");
    }
    return p->client_secret_required ? TG_OK : no_secret_check(r, TG_MEMBER(at, "clientSecretRequired"), p);
}

static void policy_init(tg_policy_t *out) {
    *out = (tg_policy_t){.type = TG_TOKEN_JWT,
                         .active = true,
                         .managed_from_policy = true,
                         .client_secret_required = true,
                         .regenerate = true,
                         .user_header = DEFAULT_USER_HEADER,
                         .roles_header = DEFAULT_ROLES_HEADER,
                         .order = 1};
    tg_token_settings_init(&out->token);
}

tg_err_t tg_policy_read(const tg_reader_t *r, const tg_place_t *at, const json_t *body, tg_str_t name,
                        tg_policy_t *out) {
    policy_init(out);
    tg_err_t err = tg_keep(r, name, &out->name);
    if (!err) {
        err = tg_fields_read(r, at, body, body_fields, COUNT(body_fields), out);
    }
    if (!err) {
        err = policy_check(r, TG_MEMBER(at, "policy"), out);
    }
    /* RFC 9700 4.14.2: refresh tokens of a client without a secret are rotated. */
    out->token.refresh_rotation |= !out->client_secret_required;
    return err ? err : tg_token_settings_finish(r, TG_MEMBER(at, "policy"), &out->token);
}

tg_err_t tg_policy_parse(const json_t *body, tg_str_t name, tg_arena_t *a, tg_policy_t *out, tg_fault_t *fault) {
    tg_reader_t r = {a, fault};
    return tg_policy_read(&r, NULL, body, name, out);
}

bool tg_policy_tokens_equal(const tg_policy_t *a, const tg_policy_t *b) {
    return a->type == b->type && a->client_secret_required == b->client_secret_required &&
           a->regenerate == b->regenerate && tg_str_eq(a->regenerate_provider, b->regenerate_provider) &&
           tg_token_settings_equal(&a->token, &b->token);
}

static json_t *metadata_write(const tg_policy_t *p) {
    tg_writer_t w = tg_writer();
    tg_write_cstr(&w, "targetScope", p->endpoint_path.n > 0 ? "ENDPOINT" : "ALL");
    if (p->endpoint_path.n > 0) {
        tg_write_str(&w, "targetEndpoint", p->endpoint_path);
        tg_write_str(&w, "targetEndpointHTTPMethod", p->endpoint_method);
    }
    tg_write_cstr(&w, "targetPipeline", "REQUEST");
    tg_write_int(&w, "order", p->order);
    return tg_writer_end(&w);
}

json_t *tg_policy_schema(void) {
    tg_policy_t none;
    policy_init(&none);
    tg_token_settings_default(&none.token);
    return tg_schema_defaults(tg_fields_schema(body_fields, COUNT(body_fields)), tg_policy_write(&none));
}

json_t *tg_policy_write(const tg_policy_t *p) {
    tg_writer_t policy = tg_writer();
    tg_write_cstr(&policy, "type", tg_choice_name(type_choices, (int)p->type));
    tg_write_str(&policy, "description", p->description);
    tg_write_bool(&policy, "active", p->active);
    tg_write_bool(&policy, "managedFromThisPolicy", p->managed_from_policy);
    tg_write_bool(&policy, "clientSecretRequired", p->client_secret_required);
    tg_write_bool(&policy, "clearAuth", p->clear_auth);
    tg_write_bool(&policy, "addUserToHeader", p->add_user);
    tg_write_str(&policy, "userHeaderName", p->user_header);
    tg_write_bool(&policy, "addRolesToHeader", p->add_roles);
    tg_write_str(&policy, "rolesHeaderName", p->roles_header);
    tg_write_json(&policy, "errorMessage", error_message_write(p));
    tg_write_json(&policy, "authorization", tg_authorization_write(p));
    if (p->type == TG_TOKEN_JWT) {
        tg_write_json(&policy, "regenerate", regenerate_write(p));
    }
    tg_token_settings_write(&policy, &p->token);

    tg_writer_t body = tg_writer();
    tg_write_json(&body, "operationMetadata", metadata_write(p));
    tg_write_json(&body, "policy", tg_writer_end(&policy));
    return tg_writer_end(&body);
}
