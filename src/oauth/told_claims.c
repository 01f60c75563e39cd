/* What an identity provider told of a user, as it stands in our JWTs. */
#include "oauth/jwt.h"
#include "oauth/regenerate.h"

static tg_err_t text_of(const json_t *value, tg_arena_t *a, tg_str_t *out) {
    tg_buf_t text;
    tg_buf_init(&text, TG_JWS_MAX);
    tg_err_t err = tg_json_write(value, &text);
    if (err == TG_OK && !tg_arena_str(a, tg_buf_str(&text), out)) {
        err = TG_ERR_NOMEM;
    }
    tg_buf_release(&text);
    return err;
}

static tg_err_t entry_add(const char *name, const json_t *value, tg_arena_t *a, tg_metadata_entry_t *claims,
                          size_t *n) {
    tg_metadata_entry_t *e = &claims[*n];
    e->in_jwt = true;
    if (!tg_arena_str(a, tg_str(name), &e->key)) {
        return TG_ERR_NOMEM;
    }
    *n += 1;
    return text_of(value, a, &e->value);
}

static tg_err_t object_read(json_t *object, tg_arena_t *a, tg_metadata_entry_t *claims, size_t *n) {
    const char *name;
    json_t *value;
    tg_err_t err = TG_OK;
    json_object_foreach(object, name, value) {
        if (err == TG_OK) {
            err = entry_add(name, value, a, claims, n);
        }
    }
    return err;
}

static tg_err_t listed_read(const json_t *payload, const json_t *names, tg_arena_t *a, tg_metadata_entry_t *claims,
                            size_t *n) {
    tg_err_t err = TG_OK;
    for (size_t i = 0; i < json_array_size(names) && err == TG_OK; i++) {
        const char *name = json_string_value(json_array_get(names, i));
        const json_t *value = name != NULL ? json_object_get(payload, name) : NULL;
        if (value != NULL) {
            err = entry_add(name, value, a, claims, n);
        }
    }
    return err;
}

tg_err_t tg_jwt_claims_read(const json_t *payload, tg_arena_t *a, tg_metadata_entry_t **claims, size_t *n) {
    json_t *told = json_object_get(payload, "tg_claims");
    size_t most = json_is_object(told) ? json_object_size(told) : json_array_size(told);
    *claims = NULL;
    *n = 0;
    if (most == 0) {
        return TG_OK;
    }
    *claims = tg_arena_array(a, most, sizeof(**claims));
    if (*claims == NULL) {
        return TG_ERR_NOMEM;
    }
    return json_is_object(told) ? object_read(told, a, *claims, n) : listed_read(payload, told, a, *claims, n);
}

tg_err_t tg_jwt_claims_find(tg_str_t token, tg_arena_t *a, tg_metadata_entry_t **claims, size_t *n) {
    tg_jws_t jws;
    tg_claims_t payload = {0};
    *claims = NULL;
    *n = 0;
    tg_err_t err = tg_jws_parse(token, a, &jws);
    if (err == TG_OK) {
        err = tg_claims_parse(jws.payload, &payload);
    }
    if (err == TG_OK) {
        err = tg_jwt_claims_read(payload.json, a, claims, n);
    }
    tg_claims_release(&payload);
    return err;
}
