#include "model/metadata_entry.h"

#include "base/b64.h"
#include "model/names.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define KEY_MAX    128
#define VALUE_MAX  4096
#define SEALED_MAX TG_B64URL_LEN(VALUE_MAX + 64) /* a seal adds version, nonce and tag */

/* ---- names ---- */

/* RFC 7519 4.1, RFC 9068 2.2, RFC 7800 3.1, RFC 8693 4.1, OpenID Connect Core 2: what verifiers decide by. */
static const tg_str_t claims[] = {
    TG_STR("iss"),   TG_STR("sub"),       TG_STR("aud"), TG_STR("exp"), TG_STR("nbf"),   TG_STR("iat"),
    TG_STR("jti"),   TG_STR("client_id"), TG_STR("acr"), TG_STR("amr"), TG_STR("cnf"),   TG_STR("auth_time"),
    TG_STR("scope"), TG_STR("act"),       TG_STR("azp"), TG_STR("sid"), TG_STR("roles"),
};

/* Of the registry of OAuth parameters (RFC 6749 11.2), what a client would act upon beside the standard five. */
static const tg_str_t response_fields[] = {TG_STR("id_token"), TG_STR("issued_token_type")};

static bool is_one_of(const tg_str_t *names, size_t n, tg_str_t name) {
    for (size_t i = 0; i < n; i++) {
        if (tg_str_eq_ci(names[i], name)) {
            return true;
        }
    }
    return false;
}

/* Why nothing of a token or a response may have this name, or NULL. */
static const char *taken_rule(tg_str_t name) {
    if (is_one_of(claims, COUNT(claims), name)) {
        return "is the name of a registered claim";
    }
    if (tg_response_name_is_standard(name) || is_one_of(response_fields, COUNT(response_fields), name)) {
        return "is the name of a field of token responses";
    }
    return tg_response_name_is_taken(name) ? "is a name that means something else in a response" : NULL;
}

const char *tg_metadata_name_rule(tg_str_t name) {
    return name.n <= KEY_MAX && tg_is_visible_ascii(name) ? taken_rule(name)
                                                          : "must be 1 to 128 visible ASCII characters";
}

tg_str_t tg_metadata_claim(const tg_metadata_entry_t *e) {
    if (!e->in_jwt) {
        return TG_STR_NONE;
    }
    return e->jwt_claim.n > 0 ? e->jwt_claim : e->key;
}

/* ---- one entry ---- */

static tg_err_t read_key(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v, void *out) {
    tg_str_t s;
    tg_err_t err = tg_want_string(r, at, v, &s);
    if (err) {
        return err;
    }
    if ((int64_t)s.n < f->min || s.n > KEY_MAX || !tg_is_visible_ascii(s)) {
        return tg_refuse(r, at, "must be 1 to %d visible ASCII characters", KEY_MAX);
    }
    return tg_keep(r, s, out);
}

tg_err_t tg_read_scalar(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v, void *out) {
    (void)f;
    tg_buf_t b;
    if (!json_is_string(v) && !json_is_number(v) && !json_is_boolean(v)) {
        return tg_refuse(r, at, "must be a string, a number, true or false");
    }
    tg_buf_init(&b, VALUE_MAX);
    tg_err_t err = tg_json_write(v, &b);
    if (err == TG_ERR_LIMIT) {
        err = tg_refuse(r, at, "must be at most %d bytes long as JSON", VALUE_MAX);
    } else {
        err = err ? tg_refuse_nomem(r) : tg_keep(r, tg_buf_str(&b), out);
    }
    tg_buf_release(&b);
    return err;
}

static json_t *key_schema(const tg_field_t *f) {
    return tg_schema_pattern("^[!-~]*$", f->min, KEY_MAX);
}

json_t *tg_schema_scalar(const tg_field_t *f) {
    (void)f;
    return json_pack("{s:[s, s, s]}", "type", "string", "number", "boolean");
}

/* Without a value: that of a secret entry which is there already stays. */
#define ENTRY_FIELDS                                                                                                   \
    {.name = "key",                                                                                                    \
     .read = read_key,                                                                                                 \
     .offset = offsetof(tg_metadata_entry_t, key),                                                                     \
     .required = true,                                                                                                 \
     .min = 1,                                                                                                         \
     .schema = key_schema},                                                                                            \
        {.name = "value",                                                                                              \
         .read = tg_read_scalar,                                                                                       \
         .offset = offsetof(tg_metadata_entry_t, value),                                                               \
         .schema = tg_schema_scalar},                                                                                  \
        {.name = "secret", .read = tg_read_bool, .offset = offsetof(tg_metadata_entry_t, secret)},                     \
        {.name = "includeInJwt", .read = tg_read_bool, .offset = offsetof(tg_metadata_entry_t, in_jwt)},               \
        {.name = "includeInTokenResponse",                                                                             \
         .read = tg_read_bool,                                                                                         \
         .offset = offsetof(tg_metadata_entry_t, in_response)},                                                        \
    {                                                                                                                  \
        .name = "jwtClaimName", .read = read_key, .offset = offsetof(tg_metadata_entry_t, jwt_claim),                  \
        .schema = key_schema                                                                                           \
    }

static const tg_field_t body_fields[] = {ENTRY_FIELDS};
static const tg_field_t stored_fields[] = {
    ENTRY_FIELDS,
    {.name = "sealed", .read = tg_read_b64url, .offset = offsetof(tg_metadata_entry_t, sealed), .max = SEALED_MAX},
};

json_t *tg_schema_metadata_entry(const tg_field_t *f) {
    (void)f;
    return tg_fields_schema(body_fields, COUNT(body_fields));
}

static tg_err_t entry_check(const tg_reader_t *r, const tg_place_t *at, const tg_metadata_entry_t *e) {
    if (e->secret && e->in_jwt) {
        /* Anybody who holds a JWT can read it. */
        return tg_refuse(r, TG_MEMBER(at, "includeInJwt"), "must be false with secret");
    }
    const char *why = e->in_response || (e->in_jwt && e->jwt_claim.n == 0) ? taken_rule(e->key) : NULL;
    if (why != NULL) {
        return tg_refuse(r, TG_MEMBER(at, "key"), "%s", why);
    }
    why = e->in_jwt && e->jwt_claim.n > 0 ? taken_rule(e->jwt_claim) : NULL;
    return why == NULL ? TG_OK : tg_refuse(r, TG_MEMBER(at, "jwtClaimName"), "%s", why);
}

tg_err_t tg_read_metadata_entry(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                                void *out) {
    (void)f;
    const tg_metadata_entry_t *e = out;
    tg_err_t err = tg_fields_read(r, at, v, body_fields, COUNT(body_fields), out);
    if (!err && e->value.n == 0 && !e->secret) {
        err = tg_refuse(r, TG_MEMBER(at, "value"), "is required");
    }
    return err ? err : entry_check(r, at, e);
}

tg_err_t tg_read_stored_entry(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                              void *out) {
    (void)f;
    const tg_metadata_entry_t *e = out;
    tg_err_t err = tg_fields_read(r, at, v, stored_fields, COUNT(stored_fields), out);
    if (!err && (e->value.n == 0) != e->secret) {
        err = tg_refuse(r, TG_MEMBER(at, "value"), e->secret ? "must be sealed" : "is required");
    }
    if (!err && (e->sealed.n > 0) != e->secret) {
        err = tg_refuse(r, TG_MEMBER(at, "sealed"), e->secret ? "is required with secret" : "is for secret entries");
    }
    return err ? err : entry_check(r, at, e);
}

json_t *tg_json_new_scalar(tg_str_t text) {
    json_t *value = NULL;
    return tg_json_parse(text, VALUE_MAX, 1, &value, NULL) ? NULL : value;
}

json_t *tg_metadata_entry_write(const tg_metadata_entry_t *e) {
    tg_writer_t w = tg_writer();
    tg_write_str(&w, "key", e->key);
    if (e->secret) {
        tg_write_json(&w, "sealed", e->sealed.n > 0 ? tg_json_new_b64url(e->sealed) : json_null());
    } else {
        tg_write_json(&w, "value", tg_json_new_scalar(e->value));
    }
    tg_write_bool(&w, "secret", e->secret);
    tg_write_bool(&w, "includeInJwt", e->in_jwt);
    tg_write_bool(&w, "includeInTokenResponse", e->in_response);
    tg_write_str_or_null(&w, "jwtClaimName", e->jwt_claim);
    return tg_writer_end(&w);
}

/* ---- lists ---- */

tg_err_t tg_metadata_check(const tg_reader_t *r, const tg_place_t *at, const tg_metadata_entry_t *list, size_t n) {
    for (size_t i = 0; i < n; i++) {
        tg_str_t claim = tg_metadata_claim(&list[i]);
        for (size_t j = 0; j < i; j++) {
            if (tg_str_eq(list[i].key, list[j].key)) {
                return tg_refuse(r, TG_MEMBER(TG_ELEMENT(at, i), "key"), "stands in the list twice");
            }
            if (claim.n > 0 && tg_str_eq(claim, tg_metadata_claim(&list[j]))) {
                return tg_refuse(r, TG_MEMBER(TG_ELEMENT(at, i), "jwtClaimName"), "is a claim's name already");
            }
        }
    }
    return TG_OK;
}

json_t *tg_metadata_entries_write(const tg_metadata_entry_t *list, size_t n) {
    json_t *entries = json_array();
    for (size_t i = 0; i < n; i++) {
        tg_list_put(&entries, tg_metadata_entry_write(&list[i]));
    }
    return entries;
}
