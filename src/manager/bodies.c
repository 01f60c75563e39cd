#include "manager/bodies.h"

#define DOC_MAX   ((size_t)8 << 20)
#define DOC_DEPTH 64

tg_err_t tg_body_read(tg_call_t *c, const json_t *object, const tg_field_t *table, size_t n, void *out) {
    tg_reader_t r = {&c->arena, &c->fault};
    json_t *none = object == NULL ? json_object() : NULL;
    tg_err_t err = object == NULL && none == NULL
                       ? TG_ERR_NOMEM
                       : tg_fields_read(&r, NULL, object != NULL ? object : none, table, n, out);
    json_decref(none);
    return err;
}

tg_err_t tg_body_only(tg_call_t *c, const json_t *object, const char *const *names) {
    void *it = json_object_iter((json_t *)object);
    for (; it != NULL; it = json_object_iter_next((json_t *)object, it)) {
        const char *key = json_object_iter_key(it);
        const char *const *name = names;
        while (*name != NULL && strcmp(*name, key) != 0) {
            name++;
        }
        if (*name == NULL) {
            return tg_fault(&c->fault, TG_ERR_INVALID, key, "is not a known field");
        }
    }
    return TG_OK;
}

static bool has_control(tg_str_t s) {
    for (size_t i = 0; i < s.n; i++) {
        if ((uint8_t)s.p[i] < 0x20 || s.p[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

tg_err_t tg_body_str(tg_call_t *c, const json_t *object, const char *name, size_t min, size_t max, tg_str_t *out) {
    const json_t *value = json_object_get(object, name);
    *out = TG_STR_NONE;
    if (value == NULL || json_is_null(value)) {
        return min > 0 ? tg_fault(&c->fault, TG_ERR_INVALID, name, "is missing") : TG_OK;
    }
    if (!json_is_string(value)) {
        return tg_fault(&c->fault, TG_ERR_INVALID, name, "must be a string");
    }
    tg_str_t s = tg_json_str(object, name);
    if (s.n < min || s.n > max) {
        return tg_fault(&c->fault, TG_ERR_INVALID, name, "must have %zu to %zu bytes", min, max);
    }
    if (has_control(s)) {
        return tg_fault(&c->fault, TG_ERR_INVALID, name, "must not hold control characters");
    }
    return tg_arena_str(&c->arena, s, out) ? TG_OK : TG_ERR_NOMEM;
}

tg_err_t tg_body_bool(tg_call_t *c, const json_t *object, const char *name, bool fallback, bool *out) {
    const json_t *value = json_object_get(object, name);
    *out = fallback;
    if (value == NULL || json_is_null(value)) {
        return TG_OK;
    }
    if (!json_is_boolean(value)) {
        return tg_fault(&c->fault, TG_ERR_INVALID, name, "must be true or false");
    }
    *out = json_is_true(value);
    return TG_OK;
}

tg_err_t tg_body_take_name(tg_call_t *c, json_t *object, const char *name, tg_str_t expected) {
    const json_t *value = json_object_get(object, name);
    if (value == NULL) {
        return TG_OK;
    }
    if (!json_is_string(value) || !tg_str_eq(tg_json_str(object, name), expected)) {
        return tg_fault(&c->fault, TG_ERR_INVALID, name, "cannot be changed");
    }
    json_object_del(object, name);
    return TG_OK;
}

static bool merge_into(json_t *target, const json_t *patch) {
    void *it = json_object_iter((json_t *)patch);
    for (; it != NULL; it = json_object_iter_next((json_t *)patch, it)) {
        const char *key = json_object_iter_key(it);
        const json_t *value = json_object_iter_value(it);
        if (json_is_null(value)) {
            json_object_del(target, key);
        } else if (json_object_set_new(target, key, tg_json_merge(json_object_get(target, key), value)) != 0) {
            return false;
        }
    }
    return true;
}

json_t *tg_json_merge(const json_t *target, const json_t *patch) {
    if (!json_is_object(patch)) {
        return json_deep_copy(patch);
    }
    json_t *out = json_is_object(target) ? json_deep_copy(target) : json_object();
    if (out != NULL && !merge_into(out, patch)) {
        json_decref(out);
        out = NULL;
    }
    return out;
}

tg_err_t tg_doc_parse(tg_str_t text, json_t **out) {
    tg_err_t err = tg_json_parse(text, DOC_MAX, DOC_DEPTH, out, NULL);
    return err == TG_OK || err == TG_ERR_NOMEM ? err : TG_ERR_BUG;
}

tg_err_t tg_doc_text(tg_call_t *c, json_t *doc, tg_str_t *out) {
    if (doc == NULL) {
        return TG_ERR_NOMEM;
    }
    tg_buf_t text;
    tg_buf_init(&text, DOC_MAX);
    tg_err_t err = tg_json_write(doc, &text);
    if (!err && !tg_arena_str(&c->arena, tg_buf_str(&text), out)) {
        err = TG_ERR_NOMEM;
    }
    tg_buf_release(&text);
    json_decref(doc);
    return err;
}
