#include "model/credential_token.h"
#include "model/metadata_entry.h"
#include "model/names.h"
#include "model/schemas.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define EMAIL_MAX 254

/* ---- members ---- */

/* The one that takes it decides what is an address (RFC 5321 2.4); here only what is none at all is told. */
const char *tg_email_check(tg_str_t email) {
    ptrdiff_t sign = tg_str_find_char(email, '@');
    if (email.n == 0) {
        return NULL;
    }
    if (email.n > EMAIL_MAX || !tg_str_is_utf8(email) || !tg_text_is_clean(email, false)) {
        return "must be one line of at most 254 bytes";
    }
    return sign <= 0 || (size_t)sign + 1 == email.n || tg_str_find_char(email, ' ') >= 0
               ? "must be an address like name@example.org"
               : NULL;
}

static tg_err_t read_email(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                           void *out) {
    tg_err_t err = tg_read_line(r, at, f, v, out);
    const char *why = err ? NULL : tg_email_check(*(tg_str_t *)out);
    return why == NULL ? err : tg_refuse(r, at, "%s", why);
}

static tg_err_t read_environment_password(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f,
                                          const json_t *v, void *out) {
    tg_credential_environment_t *e = out;
    e->has_password = true;
    return tg_read_client_secret(r, at, f, v, &e->password);
}

static tg_err_t read_password(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                              void *out) {
    tg_credential_t *c = out;
    c->has_password = true;
    return tg_read_client_secret(r, at, f, v, &c->password);
}

static tg_err_t refuse_token(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                             void *out) {
    (void)f, (void)v, (void)out;
    return tg_refuse(r, at, "is not set here: PUT it to the credential's token/");
}

static tg_err_t read_token(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                           void *out) {
    (void)f;
    tg_credential_t *c = out;
    c->has_token = true;
    return tg_credential_token_read(r, at, v, &c->token);
}

static tg_err_t refuse_origin(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                              void *out) {
    (void)f, (void)v, (void)out;
    return tg_refuse(r, at, "is not set here: synchronisation says which provider a credential comes from");
}

/* ---- environments ---- */

#define ENVIRONMENT_FIELDS                                                                                             \
    {.name = "environmentName",                                                                                        \
     .read = tg_read_name,                                                                                             \
     .offset = offsetof(tg_credential_environment_t, environment),                                                     \
     .required = true},                                                                                                \
    {                                                                                                                  \
        .name = "ipList", TG_TEXTS(tg_credential_environment_t, ips, n_ips, tg_read_network), .max = TG_IPS_MAX        \
    }

static const tg_field_t environment_body_fields[] = {
    ENVIRONMENT_FIELDS,
    {.name = "password", .read = read_environment_password, .schema = tg_schema_client_secret},
};
static const tg_field_t environment_stored_fields[] = {
    ENVIRONMENT_FIELDS,
    {.name = "hasPassword", .read = tg_read_bool, .offset = offsetof(tg_credential_environment_t, has_password)},
};

static tg_err_t read_environment(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *table, size_t n,
                                 const json_t *v, tg_credential_environment_t *out) {
    tg_err_t err = tg_fields_read(r, at, v, table, n, out);
    out->has_ips = out->ips != NULL;
    return err;
}

static tg_err_t read_environment_body(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                                      void *out) {
    (void)f;
    return read_environment(r, at, environment_body_fields, COUNT(environment_body_fields), v, out);
}

static tg_err_t read_environment_stored(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f,
                                        const json_t *v, void *out) {
    (void)f;
    return read_environment(r, at, environment_stored_fields, COUNT(environment_stored_fields), v, out);
}

static tg_err_t environments_check(const tg_reader_t *r, const tg_place_t *at, const tg_credential_t *c) {
    for (size_t i = 0; i < c->n_environments; i++) {
        for (size_t j = 0; j < i; j++) {
            if (tg_str_eq(c->environments[i].environment, c->environments[j].environment)) {
                return tg_refuse(r, TG_MEMBER(TG_ELEMENT(at, i), "environmentName"), "stands in the list twice");
            }
        }
    }
    return TG_OK;
}

static json_t *environments_write(const tg_credential_t *c) {
    json_t *list = json_array();
    for (size_t i = 0; i < c->n_environments; i++) {
        const tg_credential_environment_t *e = &c->environments[i];
        tg_writer_t w = tg_writer();
        tg_write_str(&w, "environmentName", e->environment);
        tg_write_bool(&w, "hasPassword", e->has_password);
        if (e->has_ips) {
            tg_write_strs(&w, "ipList", e->ips, e->n_ips);
        }
        tg_list_put(&list, tg_writer_end(&w));
    }
    return list;
}

/* ---- the whole ---- */

#define CREDENTIAL_FIELDS                                                                                              \
    {.name = "username", .read = tg_read_client_id, .offset = offsetof(tg_credential_t, username), .required = true},  \
        {.name = "email",                                                                                              \
         .read = read_email,                                                                                           \
         .offset = offsetof(tg_credential_t, email),                                                                   \
         .max = EMAIL_MAX,                                                                                             \
         .schema = tg_schema_text},                                                                                    \
        {.name = "fullName", .read = tg_read_line, .offset = offsetof(tg_credential_t, full_name), .max = 256},        \
        {.name = "description", .read = tg_read_text, .offset = offsetof(tg_credential_t, description), .max = 1024},  \
        {.name = "organization", .read = tg_read_name, .offset = offsetof(tg_credential_t, organization)},             \
        {.name = "roleNameList", TG_TEXTS(tg_credential_t, roles, n_roles, tg_read_role), .max = TG_ROLES_MAX},        \
        {.name = "enabled", .read = tg_read_bool, .offset = offsetof(tg_credential_t, enabled)},                       \
        {.name = "ipList", TG_TEXTS(tg_credential_t, ips, n_ips, tg_read_network), .max = TG_IPS_MAX}, {               \
        .name = "expireDate", .read = tg_read_expiry, .offset = offsetof(tg_credential_t, expires_at)                  \
    }
#define METADATA_FIELD(one)                                                                                            \
    { .name = "metadata", TG_STRUCTS(tg_credential_t, metadata, n_metadata, one), .max = TG_METADATA_MAX }
#define ENVIRONMENTS_FIELD(one, table)                                                                                 \
    {                                                                                                                  \
        .name = "environments", TG_STRUCTS(tg_credential_t, environments, n_environments, one),                        \
        .max = TG_CREDENTIAL_ENVIRONMENTS_MAX, TG_INNER(table)                                                         \
    }

static const tg_field_t body_fields[] = {
    CREDENTIAL_FIELDS,
    METADATA_FIELD(tg_read_metadata_entry),
    ENVIRONMENTS_FIELD(read_environment_body, environment_body_fields),
    {.name = "password", .read = read_password, .schema = tg_schema_client_secret},
    {.name = "token", .read = refuse_token, .hidden = true},
    {.name = "identityProvider", .read = refuse_origin, .hidden = true},
    {.name = "disabledByProvider", .read = refuse_origin, .hidden = true},
};
static const tg_field_t stored_fields[] = {
    CREDENTIAL_FIELDS,
    METADATA_FIELD(tg_read_stored_entry),
    ENVIRONMENTS_FIELD(read_environment_stored, environment_stored_fields),
    {.name = "token", .read = read_token, .hidden = true} /* shown at a path of its own */,
    {.name = "identityProvider", .read = tg_read_name, .offset = offsetof(tg_credential_t, identity_provider)},
    {.name = "disabledByProvider", .read = tg_read_bool, .offset = offsetof(tg_credential_t, disabled_by_provider)},
};

static tg_err_t credential_read(const tg_reader_t *r, const tg_field_t *table, size_t n, const json_t *doc,
                                tg_credential_t *out) {
    *out = (tg_credential_t){.enabled = true};
    tg_token_settings_default(&out->token);
    tg_err_t err = tg_fields_read(r, NULL, doc, table, n, out);
    if (!err) {
        err = tg_metadata_check(r, TG_MEMBER(NULL, "metadata"), out->metadata, out->n_metadata);
    }
    return err ? err : environments_check(r, TG_MEMBER(NULL, "environments"), out);
}

tg_err_t tg_credential_parse(const json_t *body, tg_arena_t *a, tg_credential_t *out, tg_fault_t *fault) {
    tg_reader_t r = {a, fault};
    return credential_read(&r, body_fields, COUNT(body_fields), body, out);
}

tg_err_t tg_credential_read_stored(const json_t *doc, tg_arena_t *a, tg_credential_t *out, tg_fault_t *fault) {
    tg_reader_t r = {a, fault};
    return credential_read(&r, stored_fields, COUNT(stored_fields), doc, out);
}

static json_t *schema_of(const tg_field_t *table, size_t n) {
    const tg_credential_t none = {.enabled = true};
    return tg_schema_defaults(tg_fields_schema(table, n), tg_credential_write(&none));
}

json_t *tg_credential_schema(void) {
    return schema_of(body_fields, COUNT(body_fields));
}

json_t *tg_credential_shown_schema(void) {
    return schema_of(stored_fields, COUNT(stored_fields));
}

json_t *tg_credential_write(const tg_credential_t *c) {
    tg_writer_t w = tg_writer();
    tg_write_str(&w, "username", c->username);
    tg_write_str(&w, "email", c->email);
    tg_write_str(&w, "fullName", c->full_name);
    tg_write_str(&w, "description", c->description);
    tg_write_str_or_null(&w, "organization", c->organization);
    tg_write_strs(&w, "roleNameList", c->roles, c->n_roles);
    tg_write_bool(&w, "enabled", c->enabled);
    tg_write_strs(&w, "ipList", c->ips, c->n_ips);
    tg_write_moment(&w, "expireDate", c->expires_at);
    tg_write_json(&w, "metadata", tg_metadata_entries_write(c->metadata, c->n_metadata));
    tg_write_json(&w, "environments", environments_write(c));
    tg_write_json(&w, "token", c->has_token ? tg_credential_token_write(&c->token) : json_null());
    if (c->identity_provider.n > 0) {
        tg_write_str(&w, "identityProvider", c->identity_provider);
        tg_write_bool(&w, "disabledByProvider", c->disabled_by_provider);
    }
    return tg_writer_end(&w);
}
