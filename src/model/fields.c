#include "model/fields.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/b64.h"
#include "model/chars.h"
#include "model/model.h"

#define PATH_MAX_BYTES 96 /* as much as a tg_fault_t holds */

/* ---- places ---- */

typedef struct {
    char text[PATH_MAX_BYTES];
    size_t n;
} path_t;

static void path_put(path_t *path, const char *s) {
    for (; *s != '\0' && path->n + 1 < sizeof(path->text); s++) {
        /* Names of unknown members are the sender's: they must not carry control bytes into a log. */
        path->text[path->n++] = *s >= 0x20 && *s < 0x7f ? *s : '?';
    }
    path->text[path->n] = '\0';
}

static void path_write(path_t *path, const tg_place_t *at) {
    char index[32];
    if (at == NULL) {
        return;
    }
    path_write(path, at->up);
    if (at->name == NULL) {
        snprintf(index, sizeof(index), "[%zu]", at->index);
        path_put(path, index);
        return;
    }
    path_put(path, path->n > 0 ? "." : "");
    path_put(path, at->name);
}

tg_err_t tg_refuse(const tg_reader_t *r, const tg_place_t *at, const char *fmt, ...) {
    char text[sizeof(r->fault->text)];
    path_t path = {.n = 0};
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    path.text[0] = '\0';
    path_write(&path, at);
    return tg_fault(r->fault, TG_ERR_INVALID, path.text, "%s", text);
}

tg_err_t tg_refuse_nomem(const tg_reader_t *r) {
    return tg_fault(r->fault, TG_ERR_NOMEM, "", "out of memory");
}

/* ---- objects ---- */

static const tg_field_t *field_find(const tg_field_t *table, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++) {
        if (strcmp(table[i].name, name) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

static tg_err_t fields_required(const tg_reader_t *r, const tg_place_t *at, const json_t *object,
                                const tg_field_t *table, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (!table[i].required) {
            continue;
        }
        const json_t *v = json_object_get(object, table[i].name);
        if (v == NULL || json_is_null(v)) {
            return tg_refuse(r, TG_MEMBER(at, table[i].name), "is required");
        }
    }
    return TG_OK;
}

tg_err_t tg_fields_read(const tg_reader_t *r, const tg_place_t *at, const json_t *object, const tg_field_t *table,
                        size_t n, void *out) {
    if (!json_is_object(object)) {
        return tg_refuse(r, at, "must be an object");
    }
    json_t *o = (json_t *)(uintptr_t)object; /* jansson's iterators want it writable, and do not write */
    for (void *it = json_object_iter(o); it != NULL; it = json_object_iter_next(o, it)) {
        tg_place_t here = {at, json_object_iter_key(it), 0};
        const tg_field_t *f = field_find(table, n, here.name);
        if (f == NULL) {
            return tg_refuse(r, &here, "is not a known field");
        }
        const json_t *v = json_object_iter_value(it);
        tg_err_t err = json_is_null(v) ? TG_OK : f->read(r, &here, f, v, (char *)out + f->offset);
        if (err) {
            return err;
        }
    }
    return fields_required(r, at, object, table, n);
}

/* ---- readers ---- */

tg_err_t tg_read_bool(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v, void *out) {
    (void)f;
    if (!json_is_boolean(v)) {
        return tg_refuse(r, at, "must be true or false");
    }
    *(bool *)out = json_is_true(v);
    return TG_OK;
}

tg_err_t tg_read_int64(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v, void *out) {
    int64_t value = json_integer_value(v);
    if (!json_is_integer(v) || value < f->min || value > f->max) {
        return tg_refuse(r, at, "must be a whole number from %" PRId64 " to %" PRId64, f->min, f->max);
    }
    *(int64_t *)out = value;
    return TG_OK;
}

tg_err_t tg_read_int(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v, void *out) {
    int64_t value = 0;
    tg_err_t err = tg_read_int64(r, at, f, v, &value);
    if (!err) {
        *(int *)out = (int)value;
    }
    return err;
}

tg_err_t tg_want_string(const tg_reader_t *r, const tg_place_t *at, const json_t *v, tg_str_t *out) {
    if (!json_is_string(v)) {
        return tg_refuse(r, at, "must be a string");
    }
    *out = tg_strn(json_string_value(v), json_string_length(v));
    return tg_str_is_utf8(*out) ? TG_OK : tg_refuse(r, at, "must be UTF-8 text without NUL");
}

tg_err_t tg_want_array(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v, size_t *n) {
    if (!json_is_array(v)) {
        return tg_refuse(r, at, "must be a list");
    }
    *n = json_array_size(v);
    if ((int64_t)*n < f->min) {
        return tg_refuse(r, at, "must not be empty");
    }
    if ((int64_t)*n > f->max) {
        return tg_refuse(r, at, "must have at most %" PRId64 " elements", f->max);
    }
    return TG_OK;
}

tg_err_t tg_keep(const tg_reader_t *r, tg_str_t s, tg_str_t *out) {
    return tg_arena_str(r->arena, s, out) ? TG_OK : tg_refuse_nomem(r);
}

tg_err_t tg_keep_lower(const tg_reader_t *r, tg_str_t s, tg_str_t *out) {
    char *p = tg_arena_alloc(r->arena, s.n);
    if (p == NULL) {
        return tg_refuse_nomem(r);
    }
    for (size_t i = 0; i < s.n; i++) {
        p[i] = tg_lower(s.p[i]);
    }
    *out = tg_strn(p, s.n);
    return TG_OK;
}

bool tg_text_is_clean(tg_str_t s, bool lines) {
    for (size_t i = 0; i < s.n;) {
        size_t len = tg_utf8_len(s.p + i, s.n - i);
        const unsigned char *c = (const unsigned char *)s.p + i;
        bool line = c[0] == '\t' || c[0] == '\n' || c[0] == '\r';
        bool c0 = c[0] < 0x20 && !(lines && line);
        bool c1 = len == 2 && c[0] == 0xC2 && c[1] < 0xA0;
        bool separator = len == 3 && c[0] == 0xE2 && c[1] == 0x80 && (c[2] == 0xA8 || c[2] == 0xA9);
        if (len == 0 || c0 || c[0] == 0x7f || c1 || separator) {
            return false;
        }
        i += len;
    }
    return true;
}

tg_err_t tg_read_b64url(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v, void *out) {
    tg_str_t s;
    size_t n;
    tg_err_t err = tg_want_string(r, at, v, &s);
    if (err) {
        return err;
    }
    if (s.n == 0 || (int64_t)s.n > f->max) {
        return tg_refuse(r, at, "must be 1 to %" PRId64 " characters long", f->max);
    }
    char *bytes = tg_arena_alloc(r->arena, TG_B64_DECODED_MAX(s.n));
    if (bytes == NULL) {
        return tg_refuse_nomem(r);
    }
    if (tg_b64url_decode(s, bytes, TG_B64_DECODED_MAX(s.n), &n)) {
        return tg_refuse(r, at, "must be base64url without padding");
    }
    *(tg_str_t *)out = tg_strn(bytes, n);
    return TG_OK;
}

static tg_err_t read_clean(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v, bool lines,
                           tg_str_t *out) {
    tg_str_t s;
    tg_err_t err = tg_want_string(r, at, v, &s);
    if (err) {
        return err;
    }
    if ((int64_t)s.n < f->min) {
        return tg_refuse(r, at, "must not be empty");
    }
    if ((int64_t)s.n > f->max) {
        return tg_refuse(r, at, "must be at most %" PRId64 " bytes long", f->max);
    }
    if (!tg_text_is_clean(s, lines)) {
        return tg_refuse(r, at, "must not have control characters");
    }
    return tg_keep(r, s, out);
}

tg_err_t tg_read_line(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v, void *out) {
    return read_clean(r, at, f, v, false, out);
}

tg_err_t tg_read_text(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v, void *out) {
    return read_clean(r, at, f, v, true, out);
}

tg_err_t tg_read_moment(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v, void *out) {
    (void)f;
    tg_str_t s;
    tg_err_t err = tg_want_string(r, at, v, &s);
    if (!err && tg_iso8601_parse(s, out)) {
        err = tg_refuse(r, at, "must be a moment like 2026-11-23T17:00:00.000Z");
    }
    return err;
}

tg_err_t tg_read_expiry(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v, void *out) {
    tg_ms_t *moment = out;
    tg_err_t err = tg_read_moment(r, at, f, v, out);
    if (err) {
        return err;
    }
    if (json_string_length(v) == strlen("2026-11-23")) {
        *moment += TG_DAY_MS - 1;
    }
    return *moment > 0 ? TG_OK : tg_refuse(r, at, "must be a moment after 1970-01-01");
}

tg_err_t tg_read_kept(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v, void *out) {
    (void)r, (void)at, (void)f;
    *(const json_t **)out = v;
    return TG_OK;
}

tg_err_t tg_read_kept_list(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                           void *out) {
    size_t n;
    *(const json_t **)out = v;
    return tg_want_array(r, at, f, v, &n);
}

/* ---- lists ---- */

static bool texts_have(const tg_str_t *list, size_t n, tg_str_t s) {
    for (size_t i = 0; i < n; i++) {
        if (tg_str_eq(list[i], s)) {
            return true;
        }
    }
    return false;
}

tg_err_t tg_read_list(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v, void *out) {
    const tg_list_t *list = f->more;
    size_t n;
    tg_err_t err = tg_want_array(r, at, f, v, &n);
    if (err) {
        return err;
    }
    char *elements = tg_arena_array(r->arena, n, list->size);
    if (elements == NULL) {
        return tg_refuse_nomem(r);
    }
    for (size_t i = 0; !err && i < n; i++) {
        const tg_place_t *here = TG_ELEMENT(at, i);
        err = list->read_one(r, here, f, json_array_get(v, i), elements + i * list->size);
        const tg_str_t *texts = (const void *)elements;
        if (!err && list->texts && texts_have(texts, i, texts[i])) {
            err = tg_refuse(r, here, "stands in the list twice");
        }
    }
    memcpy(out, &elements, sizeof(elements)); /* lists of const elements, too */
    *(size_t *)(void *)((char *)out + list->count_at) = n;
    return err;
}

/* ---- choices ---- */

static tg_err_t refuse_choice(const tg_reader_t *r, const tg_place_t *at, const tg_choice_t *choices) {
    char list[192];
    size_t n = 0;
    list[0] = '\0';
    for (const tg_choice_t *c = choices; c->name != NULL && n < sizeof(list); c++) {
        if (!c->unavailable) {
            n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", n > 0 ? ", " : "", c->name);
        }
    }
    return tg_refuse(r, at, strchr(list, ',') ? "must be one of %s" : "must be %s", list);
}

tg_err_t tg_read_choice(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v, void *out) {
    const tg_choice_t *choices = f->more;
    tg_str_t s;
    tg_err_t err = tg_want_string(r, at, v, &s);
    if (err) {
        return err;
    }
    for (const tg_choice_t *c = choices; c->name != NULL; c++) {
        if (!tg_str_eq(s, tg_str(c->name))) {
            continue;
        }
        if (c->unavailable) {
            return tg_refuse(r, at, "%s is not available in this release", c->name);
        }
        *(int *)out = c->value;
        return TG_OK;
    }
    return refuse_choice(r, at, choices);
}

const char *tg_choice_name(const tg_choice_t *choices, int value) {
    while (choices->name != NULL && choices->value != value) {
        choices++;
    }
    return choices->name;
}

/* ---- what this release does not serve ---- */

tg_err_t tg_read_only_false(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                            void *out) {
    bool on = false;
    (void)out;
    tg_err_t err = tg_read_bool(r, at, f, v, &on);
    if (err) {
        return err;
    }
    return on ? tg_refuse(r, at, "true is not available in this release") : TG_OK;
}

tg_err_t tg_read_unavailable(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                             void *out) {
    (void)f, (void)out;
    if (json_is_string(v) && json_string_length(v) == 0) {
        return TG_OK;
    }
    return tg_refuse(r, at, "is not available in this release");
}

/* ---- deploy ---- */

tg_err_t tg_read_deploy(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v, void *out) {
    bool deploy;
    (void)out;
    return tg_read_bool(r, at, f, v, &deploy);
}

tg_err_t tg_read_deploy_targets(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                                void *out) {
    const tg_field_t list = {.max = TG_DEPLOY_TARGETS_MAX};
    size_t n;
    (void)f, (void)out;
    tg_err_t err = tg_want_array(r, at, &list, v, &n);
    for (size_t i = 0; !err && i < n; i++) {
        tg_str_t name;
        const json_t *element = json_array_get(v, i);
        err = tg_want_string(r, TG_ELEMENT(at, i), element, &name);
        if (!err && tg_name_check(name, "", NULL)) {
            err = tg_refuse(r, TG_ELEMENT(at, i), "is not the name of an environment");
        }
    }
    return err;
}
