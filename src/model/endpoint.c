#include "model/endpoint.h"

#include <stdio.h>

#include "model/chars.h"
#include "model/credential.h"
#include "model/method.h"
#include "model/names.h"
#include "model/parts.h"
#include "model/path_pattern.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* ---- readers ---- */

tg_err_t tg_read_method_or_any(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                               void *out) {
    if (json_is_string(v) && strcmp(json_string_value(v), "*") == 0) {
        *(tg_str_t *)out = TG_STR("*");
        return TG_OK;
    }
    return tg_read_method(r, at, f, v, out);
}

/* Which methods a path has is told in Allow, so that they must be of a known set. No CONNECT: it names no path. */
static tg_err_t read_method(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                            void *out) {
    tg_str_t method;
    tg_err_t err = tg_read_method_or_any(r, at, f, v, &method);
    if (err) {
        return err;
    }
    bool known = tg_method_bit(method) != 0 && !tg_str_eq(method, TG_STR("CONNECT"));
    if (!known && !tg_str_eq(method, TG_STR("*"))) {
        return tg_refuse(r, at, "must be GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE or *");
    }
    *(tg_str_t *)out = method;
    return TG_OK;
}

tg_err_t tg_read_path_pattern(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                              void *out) {
    (void)f;
    tg_str_t s;
    tg_err_t err = tg_want_string(r, at, v, &s);
    if (err) {
        return err;
    }
    const char *why = tg_path_pattern_check(s);
    return why == NULL ? tg_keep(r, s, out) : tg_refuse(r, at, "%s", why);
}

static json_t *method_schema(const tg_field_t *f) {
    (void)f;
    return json_pack("{s:s, s:[s, s, s, s, s, s, s, s, s]}", "type", "string", "enum", "GET", "HEAD", "POST", "PUT",
                     "PATCH", "DELETE", "OPTIONS", "TRACE", "*");
}

static const tg_field_t endpoint_fields[] = {
    {.name = "name", .read = tg_read_name, .offset = offsetof(tg_api_endpoint_t, name)},
    {.name = "method",
     .read = read_method,
     .offset = offsetof(tg_api_endpoint_t, method),
     .required = true,
     .schema = method_schema},
    {.name = "path", .read = tg_read_path_pattern, .offset = offsetof(tg_api_endpoint_t, path), .required = true},
    {.name = "backendPath", .read = tg_read_path_pattern, .offset = offsetof(tg_api_endpoint_t, backend_path)},
    {.name = "roles", TG_TEXTS(tg_api_endpoint_t, roles, n_roles, tg_read_role), .max = TG_ROLES_MAX},
    {.name = "description", .read = tg_read_text, .offset = offsetof(tg_api_endpoint_t, description), .max = 1024},
};

/* How often the segment stands in the pattern. */
static size_t segment_count(tg_str_t pattern, tg_str_t segment) {
    size_t n = 0;
    while (pattern.p != NULL) {
        n += tg_str_eq(tg_str_take(&pattern, '/'), segment);
    }
    return n;
}

static bool has_wildcard(tg_str_t pattern) {
    return tg_str_find_char(pattern, '*') >= 0;
}

/* With a name twice it would be open which of two values it stands for. */
static tg_err_t parameters_check(const tg_reader_t *r, const tg_place_t *at, tg_str_t pattern) {
    for (tg_str_t rest = pattern; rest.p != NULL;) {
        tg_str_t segment = tg_str_take(&rest, '/');
        if (segment.n > 0 && segment.p[0] == '{' && segment_count(pattern, segment) > 1) {
            return tg_refuse(r, at, "has %.*s twice", TG_STR_ARGS(segment));
        }
    }
    return TG_OK;
}

static tg_err_t backend_path_check(const tg_reader_t *r, const tg_place_t *at, const tg_api_endpoint_t *e) {
    if (e->backend_path.n == 0) {
        return TG_OK;
    }
    if (has_wildcard(e->backend_path) || has_wildcard(e->path)) {
        return tg_refuse(r, at, "is for a path with {name} parameters only, and has no '*'");
    }
    for (tg_str_t rest = e->backend_path; rest.p != NULL;) {
        tg_str_t segment = tg_str_take(&rest, '/');
        if (segment.n > 0 && segment.p[0] == '{' && segment_count(e->path, segment) == 0) {
            return tg_refuse(r, at, "has %.*s, which is not in path", TG_STR_ARGS(segment));
        }
    }
    return parameters_check(r, at, e->backend_path);
}

tg_err_t tg_read_endpoint(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v, void *out) {
    (void)f;
    tg_err_t err = tg_fields_read(r, at, v, endpoint_fields, COUNT(endpoint_fields), out);
    const tg_api_endpoint_t *e = out;
    if (!err) {
        err = parameters_check(r, TG_MEMBER(at, "path"), e->path);
    }
    return err ? err : backend_path_check(r, TG_MEMBER(at, "backendPath"), e);
}

tg_err_t tg_api_endpoint_parse(const json_t *body, tg_arena_t *a, tg_api_endpoint_t *out, tg_fault_t *fault) {
    tg_reader_t r = {a, fault};
    *out = (tg_api_endpoint_t){.n_roles = 0};
    return tg_read_endpoint(&r, NULL, NULL, body, out);
}

/* ---- keys ---- */

void tg_api_endpoint_key_write(tg_str_t method, tg_str_t path, tg_buf_t *out) {
    tg_buf_put(out, method);
    tg_buf_put(out, TG_STR(" "));
    if (path.n > 0 && path.p[path.n - 1] == '/') {
        path.n--;
    }
    tg_str_t rest = path.n > 0 ? tg_strn(path.p + 1, path.n - 1) : TG_STR_NONE;
    while (rest.p != NULL) {
        tg_str_t segment = tg_str_take(&rest, '/');
        tg_buf_putc(out, '/');
        tg_buf_put(out, tg_segment_is_parameter(segment) ? TG_STR("{}") : segment);
    }
}

/* The next segment of a path without its first slash; at the end, and at a trailing slash, TG_STR_NONE. */
static tg_str_t segment_next(tg_str_t *rest) {
    tg_str_t segment = tg_str_take(rest, '/');
    return segment.n > 0 ? segment : TG_STR_NONE;
}

static bool paths_equal(tg_str_t a, tg_str_t b) {
    a = tg_strn(a.p + 1, a.n - 1);
    b = tg_strn(b.p + 1, b.n - 1);
    for (;;) {
        tg_str_t x = segment_next(&a), y = segment_next(&b);
        bool equal = tg_segment_is_parameter(x) ? tg_segment_is_parameter(y) : tg_str_eq(x, y);
        if (!equal || x.n == 0) {
            return equal;
        }
    }
}

const tg_api_endpoint_t *tg_api_endpoint_at(const tg_proxy_t *p, tg_str_t method, tg_str_t path) {
    for (size_t i = 0; i < p->n_endpoints; i++) {
        const tg_api_endpoint_t *e = &p->endpoints[i];
        if (tg_str_eq(e->method, method) && paths_equal(e->path, path)) {
            return e;
        }
    }
    return NULL;
}

const tg_api_endpoint_t *tg_api_endpoint_named(const tg_proxy_t *p, tg_str_t name) {
    for (size_t i = 0; i < p->n_endpoints; i++) {
        if (tg_str_eq(p->endpoints[i].name, name)) {
            return &p->endpoints[i];
        }
    }
    return NULL;
}

/* ---- names ---- */

/* "get-items-id" of GET /items/{id}; room is left for a number behind it. */
#define MADE_MAX (TG_NAME_MAX - 8)

static void made_put(tg_str_t part, char *out, size_t *n) {
    for (size_t i = 0; i < part.n && *n < MADE_MAX; i++) {
        char c = tg_name_char(part.p[i]) ? tg_lower(part.p[i]) : '-';
        if (c != '-' || (*n > 0 && out[*n - 1] != '-')) {
            out[(*n)++] = c;
        }
    }
}

static void name_make(const tg_api_endpoint_t *e, char out[TG_NAME_MAX + 1]) {
    size_t n = 0;
    made_put(tg_str_eq(e->method, TG_STR("*")) ? TG_STR("any") : e->method, out, &n);
    made_put(e->path, out, &n);
    while (out[n - 1] == '-') {
        n--;
    }
    out[n] = '\0';
}

/* `seen` is a set: json_t is the hash table of this room. */
static tg_err_t name_give(const tg_reader_t *r, json_t *seen, tg_api_endpoint_t *e) {
    char name[TG_NAME_MAX + 1];
    name_make(e, name);
    size_t n = strlen(name);
    for (int number = 2; json_object_get(seen, name) != NULL; number++) {
        snprintf(name + n, sizeof(name) - n, "-%d", number);
    }
    if (json_object_set_new(seen, name, json_true()) != 0) {
        return tg_refuse_nomem(r);
    }
    return tg_keep(r, tg_str(name), &e->name);
}

static tg_err_t seen_once(const tg_reader_t *r, const tg_place_t *at, json_t *seen, const char *key, const char *what) {
    if (json_object_get(seen, key) != NULL) {
        return tg_refuse(r, at, "%s twice in the list", what);
    }
    return json_object_set_new(seen, key, json_true()) != 0 ? tg_refuse_nomem(r) : TG_OK;
}

static tg_err_t endpoint_once(const tg_reader_t *r, const tg_place_t *at, json_t *names, json_t *keys,
                              const tg_api_endpoint_t *e) {
    char key[TG_ENDPOINT_KEY_MAX];
    tg_buf_t b;
    tg_buf_init_fixed(&b, key, sizeof(key));
    tg_api_endpoint_key_write(e->method, e->path, &b);
    tg_buf_putc(&b, '\0');
    if (b.err) {
        return TG_ERR_BUG;
    }
    tg_err_t err = seen_once(r, TG_MEMBER(at, "path"), keys, key, "stands with this method");
    if (!err && e->name.n > 0) {
        memcpy(key, e->name.p, e->name.n);
        key[e->name.n] = '\0';
        err = seen_once(r, TG_MEMBER(at, "name"), names, key, "stands");
    }
    return err;
}

/* Names that were given come first: one that is made gives way to them. */
tg_err_t tg_endpoints_finish(const tg_reader_t *r, const tg_place_t *at, tg_api_endpoint_t *list, size_t n) {
    if (n == 0) {
        return TG_OK;
    }
    json_t *names = json_object(), *keys = json_object();
    tg_err_t err = names != NULL && keys != NULL ? TG_OK : tg_refuse_nomem(r);
    for (size_t i = 0; !err && i < n; i++) {
        err = endpoint_once(r, TG_ELEMENT(at, i), names, keys, &list[i]);
    }
    for (size_t i = 0; !err && i < n; i++) {
        err = list[i].name.n == 0 ? name_give(r, names, &list[i]) : TG_OK;
    }
    json_decref(names);
    json_decref(keys);
    return err;
}

tg_err_t tg_api_endpoints_name(tg_proxy_t *p, tg_arena_t *a, tg_fault_t *fault) {
    tg_reader_t r = {a, fault};
    return tg_endpoints_finish(&r, TG_MEMBER(NULL, "endpoints"), p->endpoints, p->n_endpoints);
}

/* ---- writing ---- */

json_t *tg_api_endpoint_schema(void) {
    return tg_fields_schema(endpoint_fields, COUNT(endpoint_fields));
}

json_t *tg_api_endpoint_write(const tg_api_endpoint_t *e) {
    tg_writer_t w = tg_writer();
    tg_write_str_or_null(&w, "name", e->name);
    tg_write_str(&w, "method", e->method);
    tg_write_str(&w, "path", e->path);
    tg_write_str_or_null(&w, "backendPath", e->backend_path);
    tg_write_strs(&w, "roles", e->roles, e->n_roles);
    tg_write_str(&w, "description", e->description);
    return tg_writer_end(&w);
}

json_t *tg_endpoints_write(const tg_proxy_t *p) {
    json_t *list = json_array();
    for (size_t i = 0; i < p->n_endpoints; i++) {
        tg_list_put(&list, tg_api_endpoint_write(&p->endpoints[i]));
    }
    return list;
}
