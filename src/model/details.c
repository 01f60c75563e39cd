#include "model/credential_token.h"
#include "model/metadata_entry.h"
#include "model/names.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define DEPTH_MAX 6
#define LIST_MAX  1024 /* of environments */

/* ---- writing ---- */

/* An organization's entry counts unless the credential has the same key, or shows something under the same name. */
static bool is_overridden(const tg_metadata_entry_t *e, const tg_credential_t *c) {
    tg_str_t claim = tg_metadata_claim(e);
    for (size_t i = 0; i < c->n_metadata; i++) {
        if (tg_str_eq(e->key, c->metadata[i].key) ||
            (claim.n > 0 && tg_str_eq(claim, tg_metadata_claim(&c->metadata[i])))) {
            return true;
        }
    }
    return false;
}

static json_t *merged_write(const tg_credential_t *c, const tg_organization_t *o) {
    json_t *list = tg_metadata_entries_write(c->metadata, c->n_metadata);
    for (size_t i = 0; o != NULL && i < o->n_metadata; i++) {
        if (!is_overridden(&o->metadata[i], c)) {
            tg_list_put(&list, tg_metadata_entry_write(&o->metadata[i]));
        }
    }
    return list;
}

static json_t *environments_write(const tg_credential_t *c) {
    json_t *list = json_array();
    for (size_t i = 0; i < c->n_environments; i++) {
        const tg_credential_environment_t *e = &c->environments[i];
        if (!e->has_ips) {
            continue;
        }
        tg_writer_t w = tg_writer();
        tg_write_str(&w, "environmentName", e->environment);
        tg_write_strs(&w, "ipList", e->ips, e->n_ips);
        tg_list_put(&list, tg_writer_end(&w));
    }
    return list;
}

static tg_err_t put_details(json_t *details, tg_buf_t *out) {
    size_t before = out->n;
    tg_err_t err = details != NULL ? tg_json_write(details, out) : TG_ERR_NOMEM;
    json_decref(details);
    if (!err && out->n - before > TG_DETAILS_MAX) {
        err = TG_ERR_LIMIT;
    }
    return err;
}

tg_err_t tg_credential_details_write(const tg_credential_t *c, const tg_organization_t *organization, tg_buf_t *out) {
    tg_writer_t w = tg_writer();
    tg_write_strs(&w, "roleNameList", c->roles, c->n_roles);
    tg_write_strs(&w, "ipList", c->ips, c->n_ips);
    tg_write_json(&w, "environments", environments_write(c));
    tg_write_json(&w, "token", c->has_token ? tg_credential_token_write(&c->token) : json_null());
    tg_write_json(&w, "metadata", merged_write(c, organization));
    if (c->identity_provider.n > 0) {
        tg_write_str(&w, "identityProvider", c->identity_provider);
    }
    return put_details(tg_writer_end(&w), out);
}

tg_err_t tg_application_details_write(const tg_str_t *roles, size_t n, tg_buf_t *out) {
    tg_writer_t w = tg_writer();
    tg_write_strs(&w, "roleNameList", roles, n);
    return put_details(tg_writer_end(&w), out);
}

/* ---- reading ---- */

typedef struct {
    tg_str_t name;
    tg_str_t *ips;
    size_t n_ips;
} environment_t;

typedef struct {
    tg_details_t details;
    environment_t *environments;
    size_t n_environments;
} reading_t;

static const tg_field_t environment_fields[] = {
    {.name = "environmentName", .read = tg_read_name, .offset = offsetof(environment_t, name), .required = true},
    {.name = "ipList", TG_TEXTS(environment_t, ips, n_ips, tg_read_network), .required = true, .max = TG_IPS_MAX},
};

static tg_err_t read_environment(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                                 void *out) {
    (void)f;
    return tg_fields_read(r, at, v, environment_fields, COUNT(environment_fields), out);
}

static tg_err_t read_token(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                           void *out) {
    (void)f;
    return tg_credential_token_read(r, at, v, out);
}

static const tg_field_t details_fields[] = {
    {.name = "roleNameList", TG_TEXTS(reading_t, details.roles, details.n_roles, tg_read_role), .max = TG_ROLES_MAX},
    {.name = "ipList", TG_TEXTS(reading_t, details.ips, details.n_ips, tg_read_network), .max = TG_IPS_MAX},
    {.name = "environments", TG_STRUCTS(reading_t, environments, n_environments, read_environment), .max = LIST_MAX},
    {.name = "token", .read = read_token, .offset = offsetof(reading_t, details.token)},
    {.name = "metadata",
     TG_STRUCTS(reading_t, details.metadata, details.n_metadata, tg_read_stored_entry),
     .max = 2 * TG_METADATA_MAX},
    {.name = "identityProvider", .read = tg_read_name, .offset = offsetof(reading_t, details.identity_provider)},
};

static void choose_ips(reading_t *d, tg_str_t environment) {
    for (size_t i = 0; i < d->n_environments; i++) {
        if (tg_str_eq(d->environments[i].name, environment)) {
            d->details.ips = d->environments[i].ips;
            d->details.n_ips = d->environments[i].n_ips;
        }
    }
}

tg_err_t tg_details_parse(tg_str_t text, tg_str_t environment, tg_arena_t *a, tg_details_t *out, tg_fault_t *fault) {
    tg_reader_t r = {a, fault};
    reading_t d = {.n_environments = 0};
    json_t *doc = NULL;
    tg_token_settings_default(&d.details.token);
    tg_err_t err = text.n > 0 ? tg_json_parse(text, TG_DETAILS_MAX, DEPTH_MAX, &doc, fault) : TG_OK;
    if (!err && doc != NULL) {
        err = tg_fields_read(&r, NULL, doc, details_fields, COUNT(details_fields), &d);
    }
    if (!err) {
        choose_ips(&d, environment);
    }
    json_decref(doc);
    *out = d.details;
    return err;
}
