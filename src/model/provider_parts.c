#include "model/metadata_entry.h"
#include "model/parts.h"
#include "model/provider.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define SECRET_MAX 16384
#define SEALED_MAX (2 * SECRET_MAX) /* base64url, and what a seal adds */

/* ---- secrets ---- */

static const tg_field_t sealed_fields[] = {
    {.name = "sealed", .read = tg_read_b64url, .offset = 0, .required = true, .max = SEALED_MAX},
};

static tg_err_t read_secret(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                            tg_read_fn read, tg_provider_secret_t *out) {
    const tg_field_t text = {.max = f->max > 0 ? f->max : SECRET_MAX};
    if (json_is_object(v)) {
        return tg_fields_read(r, at, v, sealed_fields, COUNT(sealed_fields), &out->sealed);
    }
    return read(r, at, &text, v, &out->clear);
}

tg_err_t tg_read_secret(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v, void *out) {
    return read_secret(r, at, f, v, tg_read_line, out);
}

tg_err_t tg_read_secret_text(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                             void *out) {
    return read_secret(r, at, f, v, tg_read_text, out);
}

json_t *tg_schema_secret(const tg_field_t *f) {
    json_t *schema = tg_schema_pattern(NULL, 0, f->max > 0 ? f->max : SECRET_MAX);
    if (json_object_set_new(schema, "writeOnly", json_true()) != 0) {
        json_decref(schema);
        schema = NULL;
    }
    return schema;
}

void tg_write_secret(tg_writer_t *w, const char *name, const tg_provider_secret_t *s) {
    tg_writer_t sealed = tg_writer();
    if (s->sealed.n == 0) {
        json_decref(tg_writer_end(&sealed));
        tg_write_json(w, name, json_null());
        return;
    }
    tg_write_json(&sealed, "sealed", tg_json_new_b64url(s->sealed));
    tg_write_json(w, name, tg_writer_end(&sealed));
}

/* ---- choices ---- */

tg_err_t tg_read_either(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v, void *out) {
    int choice = 0;
    tg_err_t err = tg_read_choice(r, at, f, v, &choice);
    *(bool *)out = choice != 0;
    return err;
}

tg_err_t tg_read_word(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v, void *out) {
    int choice = 0;
    tg_err_t err = tg_read_choice(r, at, f, v, &choice);
    if (!err) {
        *(tg_str_t *)out = tg_str(tg_choice_name(f->more, choice));
    }
    return err;
}

/* ---- claims ---- */

const tg_field_t tg_claim_fields[TG_CLAIM_FIELDS_N] = {
    {.name = "source",
     .read = tg_read_line,
     .offset = offsetof(tg_provider_claim_t, source),
     .required = true,
     .min = 1,
     .max = 512},
    {.name = "claim", .read = tg_read_line, .offset = offsetof(tg_provider_claim_t, claim), .max = 128},
    {.name = "includeInJwt", .read = tg_read_bool, .offset = offsetof(tg_provider_claim_t, in_jwt)},
    {.name = "includeInTokenResponse", .read = tg_read_bool, .offset = offsetof(tg_provider_claim_t, in_response)},
};

tg_err_t tg_read_claim(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v, void *out) {
    (void)f;
    tg_provider_claim_t *c = out;
    c->in_jwt = true;
    tg_err_t err = tg_fields_read(r, at, v, tg_claim_fields, COUNT(tg_claim_fields), out);
    if (err) {
        return err;
    }
    c->claim = c->claim.n > 0 ? c->claim : c->source;
    const char *why = tg_metadata_name_rule(c->claim);
    return why == NULL ? TG_OK : tg_refuse(r, TG_MEMBER(at, "claim"), "%s", why);
}

tg_err_t tg_claims_check(const tg_reader_t *r, const tg_place_t *at, const tg_provider_claim_t *list, size_t n) {
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++) {
            if (tg_str_eq(list[i].claim, list[j].claim)) {
                return tg_refuse(r, TG_MEMBER(TG_ELEMENT(at, i), "claim"), "stands in the list twice");
            }
        }
    }
    return TG_OK;
}

void tg_write_claims(tg_writer_t *w, const char *name, const tg_provider_claim_t *list, size_t n) {
    json_t *claims = json_array();
    for (size_t i = 0; i < n; i++) {
        tg_writer_t one = tg_writer();
        tg_write_str(&one, "source", list[i].source);
        tg_write_str(&one, "claim", list[i].claim);
        tg_write_bool(&one, "includeInJwt", list[i].in_jwt);
        tg_write_bool(&one, "includeInTokenResponse", list[i].in_response);
        tg_list_put(&claims, tg_writer_end(&one));
    }
    tg_write_json(w, name, claims);
}

/* ---- tls ---- */

const tg_field_t tg_provider_tls_fields[TG_PROVIDER_TLS_FIELDS_N] = {
    {.name = "verify", .read = tg_read_bool, .offset = offsetof(tg_provider_tls_t, verify)},
    {.name = "ca",
     .read = tg_read_certificates,
     .offset = offsetof(tg_provider_tls_t, ca),
     .max = TG_PEM_MAX,
     .schema = tg_schema_text},
    {.name = "clientCertificate",
     .read = tg_read_certificates,
     .offset = offsetof(tg_provider_tls_t, certificate),
     .max = TG_PEM_MAX,
     .schema = tg_schema_text},
    {.name = "clientKey",
     .read = tg_read_secret_text,
     .offset = offsetof(tg_provider_tls_t, key),
     .schema = tg_schema_secret},
};

tg_err_t tg_read_provider_tls(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                              void *out) {
    (void)f;
    return tg_fields_read(r, at, v, tg_provider_tls_fields, COUNT(tg_provider_tls_fields), out);
}

void tg_write_provider_tls(tg_writer_t *w, const tg_provider_tls_t *tls, bool client) {
    tg_writer_t inner = tg_writer();
    tg_write_bool(&inner, "verify", tls->verify);
    tg_write_str(&inner, "ca", tls->ca);
    if (client) {
        tg_write_str(&inner, "clientCertificate", tls->certificate);
        tg_write_secret(&inner, "clientKey", &tls->key);
    }
    tg_write_json(w, "tls", tg_writer_end(&inner));
}

/* ---- rules ---- */

tg_err_t tg_want_rule(const tg_reader_t *r, const tg_place_t *at, const char *member, tg_str_t text, tg_rule_fn rule) {
    const char *why = text.n > 0 ? rule(text) : NULL;
    return why == NULL ? TG_OK : tg_refuse(r, TG_MEMBER(at, member), "%s", why);
}

/* null, "", [] and false are what a document has where nothing was said. */
static bool says_nothing(const json_t *v) {
    return v == NULL || json_is_null(v) || json_is_false(v) || (json_is_string(v) && json_string_length(v) == 0) ||
           (json_is_array(v) && json_array_size(v) == 0);
}

tg_err_t tg_refuse_members(const tg_reader_t *r, const tg_place_t *at, const json_t *doc, const char *const *names,
                           const char *why) {
    for (; *names != NULL; names++) {
        if (!says_nothing(json_object_get(doc, *names))) {
            return tg_refuse(r, TG_MEMBER(at, *names), "%s", why);
        }
    }
    return TG_OK;
}
