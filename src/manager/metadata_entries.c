#include "manager/metadata_entries.h"

#include <stdio.h>

#include "manager/token_management.h"

void tg_entries_mask(tg_call_t *c, json_t *doc) {
    size_t i;
    json_t *entry;
    json_array_foreach(json_object_get(doc, "metadata"), i, entry) {
        if (tg_json_bool(entry, "secret", false)) {
            tg_call_put_to(c, entry, "value", json_null());
        }
    }
}

static json_t *secret_value(const json_t *old, const char *key) {
    size_t i;
    json_t *entry;
    json_array_foreach(json_object_get(old, "metadata"), i, entry) {
        const char *name = json_string_value(json_object_get(entry, "key"));
        if (name != NULL && strcmp(name, key) == 0 && tg_json_bool(entry, "secret", false)) {
            return json_object_get(entry, "value");
        }
    }
    return NULL;
}

tg_err_t tg_entries_keep(json_t *body, const json_t *old) {
    size_t i;
    json_t *entry;
    json_array_foreach(json_object_get(body, "metadata"), i, entry) {
        const char *key = json_string_value(json_object_get(entry, "key"));
        const json_t *value = json_object_get(entry, "value");
        json_t *kept = key != NULL && tg_json_bool(entry, "secret", false) && (value == NULL || json_is_null(value))
                           ? secret_value(old, key)
                           : NULL;
        if (kept != NULL && json_object_set(entry, "value", kept) != 0) {
            return TG_ERR_NOMEM;
        }
    }
    return TG_OK;
}

static tg_err_t name_check(tg_call_t *c, const tg_token_management_t *m, tg_str_t name, size_t i, const char *member) {
    for (int f = 0; f < TG_FIELDS_N; f++) {
        tg_str_t renamed = tg_response_name(m, (tg_response_field_t)f);
        if (name.n > 0 && tg_str_eq(name, renamed)) {
            char field[64];
            snprintf(field, sizeof(field), "metadata[%zu].%s", i, member);
            return tg_fault(&c->fault, TG_ERR_INVALID, field, "\"%.*s\" is the name of a field of token responses",
                            TG_STR_ARGS(name));
        }
    }
    return TG_OK;
}

tg_err_t tg_entries_check(tg_call_t *c, const tg_metadata_entry_t *entries, size_t n) {
    tg_token_management_t m;
    if (n == 0) {
        return TG_OK;
    }
    tg_err_t err = tg_token_management_load(c, &m);
    for (size_t i = 0; !err && i < n; i++) {
        err = name_check(c, &m, entries[i].key, i, "key");
        if (!err) {
            err = name_check(c, &m, entries[i].jwt_claim, i, "jwtClaimName");
        }
    }
    return err;
}
