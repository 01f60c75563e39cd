#include "model/definition.h"

#include "model/chars.h"
#include "model/endpoint.h"
#include "model/fields.h"
#include "model/names.h"
#include "model/path_pattern.h"
#include "model/url.h"

#define REFS_MAX        16
#define PARAMETERS_MAX  256
#define DESCRIPTION_MAX 1024

typedef struct {
    const tg_reader_t *r;
    const json_t *doc;
    json_t *keys, *names; /* sets: what is there already */
    size_t cap;
    tg_definition_t *out;
} import_t;

static const char *const methods[] = {"get", "put", "post", "delete", "options", "head", "patch", "trace"};
static const tg_str_t method_names[] = {TG_STR("GET"),     TG_STR("PUT"),  TG_STR("POST"),  TG_STR("DELETE"),
                                        TG_STR("OPTIONS"), TG_STR("HEAD"), TG_STR("PATCH"), TG_STR("TRACE")};
#define METHODS (sizeof(methods) / sizeof(methods[0]))

static int method_find(const char *name) {
    for (size_t i = 0; i < METHODS; i++) {
        if (strcmp(methods[i], name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static bool is_extension(const char *name) {
    return strncmp(name, "x-", 2) == 0;
}

/* Jansson's iterators want it writable, and do not write. */
static json_t *writable(const json_t *v) {
    return (json_t *)(uintptr_t)v;
}

static tg_str_t text_of(const json_t *v) {
    return json_is_string(v) ? tg_strn(json_string_value(v), json_string_length(v)) : TG_STR_NONE;
}

/* ---- $ref ---- */

/* One step of a JSON pointer (RFC 6901), of which a URI fragment escapes what it must (RFC 6901 6). */
static bool step_decode(tg_str_t step, char *out, size_t max) {
    size_t n = 0;
    for (size_t i = 0; i < step.n; i++, n++) {
        char c = step.p[i];
        if (n + 1 >= max) {
            return false;
        }
        if (c == '%') {
            int high = i + 2 < step.n ? tg_hex_value(step.p[i + 1]) : -1;
            int low = i + 2 < step.n ? tg_hex_value(step.p[i + 2]) : -1;
            if (high < 0 || low < 0 || high + low == 0) {
                return false;
            }
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (c == '~') {
            char behind = i + 1 < step.n ? step.p[++i] : '\0';
            if (behind != '0' && behind != '1') {
                return false;
            }
            c = behind == '0' ? '~' : '/';
        }
        out[n] = c;
    }
    out[n] = '\0';
    return true;
}

static const json_t *pointer_get(const json_t *doc, tg_str_t pointer) {
    char step[TG_PATH_PATTERN_MAX + 1];
    const json_t *at = doc;
    if (pointer.n == 0) {
        return at;
    }
    tg_str_t rest = tg_strn(pointer.p + 1, pointer.n - 1);
    do {
        uint64_t index;
        if (!step_decode(tg_str_take(&rest, '/'), step, sizeof(step))) {
            return NULL;
        }
        bool is_index = json_is_array(at) && tg_str_to_u64(tg_str(step), 1000000, &index);
        at = is_index ? json_array_get(at, index) : json_object_get(at, step);
    } while (at != NULL && rest.p != NULL);
    return at;
}

/* What stands for v: itself, or what its $ref leads to. */
static tg_err_t ref_follow(const import_t *m, const tg_place_t *at, const json_t *v, const json_t **out) {
    for (int i = 0; i < REFS_MAX; i++) {
        const json_t *ref = json_object_get(v, "$ref");
        if (ref == NULL) {
            *out = v;
            return json_is_object(v) ? TG_OK : tg_refuse(m->r, at, "must be an object");
        }
        const tg_place_t *here = TG_MEMBER(at, "$ref");
        tg_str_t text;
        tg_err_t err = tg_want_string(m->r, here, ref, &text);
        if (err) {
            return err;
        }
        if (!tg_str_starts(text, TG_STR("#/"))) {
            return tg_refuse(m->r, here, "must lead into this document: \"#/...\"");
        }
        v = pointer_get(m->doc, tg_strn(text.p + 1, text.n - 1));
        if (v == NULL) {
            return tg_refuse(m->r, here, "leads to nothing");
        }
    }
    return tg_refuse(m->r, TG_MEMBER(at, "$ref"), "leads on more than %d times", REFS_MAX);
}

/* ---- paths ---- */

/* "{user id}" is "{user_id}" here: what a parameter is called means nothing but to the backend path. */
static void parameter_put(tg_str_t segment, tg_buf_t *out) {
    for (size_t i = 0; i < segment.n; i++) {
        bool inside = i > 0 && i + 1 < segment.n;
        tg_buf_putc(out, inside && !tg_name_char(segment.p[i]) ? '_' : segment.p[i]);
    }
}

static const char *literal_put(tg_str_t segment, tg_buf_t *out) {
    for (size_t i = 0; i < segment.n; i++) {
        if (segment.p[i] != '%') {
            tg_buf_putc(out, segment.p[i]);
            continue;
        }
        int high = i + 2 < segment.n ? tg_hex_value(segment.p[i + 1]) : -1;
        int low = i + 2 < segment.n ? tg_hex_value(segment.p[i + 2]) : -1;
        if (high < 0 || low < 0) {
            return "has a broken %-escape";
        }
        char c = (char)(high * 16 + low);
        if (c == '/' || c == '{' || c == '}' || c == '*') {
            return "must not have '/', '*' or braces escaped";
        }
        tg_buf_putc(out, c);
        i += 2;
    }
    return NULL;
}

static bool is_parameter(tg_str_t s) {
    return s.n > 2 && s.p[0] == '{' && s.p[s.n - 1] == '}' && tg_str_find_char(tg_strn(s.p + 1, s.n - 2), '{') < 0 &&
           tg_str_find_char(s, '}') == (ptrdiff_t)s.n - 1;
}

/* A path template as a pattern of ours. */
static tg_err_t path_read(const import_t *m, const tg_place_t *at, tg_str_t path, tg_str_t *out) {
    char mem[TG_PATH_PATTERN_MAX + 1];
    tg_buf_t b;
    const char *why = NULL;
    tg_buf_init_fixed(&b, mem, sizeof(mem));
    tg_str_t rest = path;
    for (bool first = true; why == NULL && rest.p != NULL; first = false) {
        tg_str_t segment = tg_str_take(&rest, '/');
        if (!first) {
            tg_buf_putc(&b, '/');
        }
        if (is_parameter(segment)) {
            parameter_put(segment, &b);
        } else if (tg_str_find_char(segment, '*') >= 0) {
            why = "must not have '*'";
        } else {
            why = literal_put(segment, &b);
        }
    }
    if (why == NULL) {
        why = b.err ? "must be at most 512 bytes long" : tg_path_pattern_check(tg_buf_str(&b));
    }
    if (why == NULL && !tg_str_is_utf8(tg_buf_str(&b))) {
        why = "must be UTF-8 text without NUL";
    }
    return why == NULL ? tg_keep(m->r, tg_buf_str(&b), out) : tg_refuse(m->r, at, "%s", why);
}

/* ---- parameters ---- */

static bool path_has(tg_str_t path, tg_str_t name) {
    while (path.p != NULL) {
        tg_str_t segment = tg_str_take(&path, '/');
        if (is_parameter(segment) && tg_str_eq(tg_strn(segment.p + 1, segment.n - 2), name)) {
            return true;
        }
    }
    return false;
}

static tg_err_t parameter_check(const import_t *m, const tg_place_t *at, const json_t *v, tg_str_t path) {
    const json_t *parameter;
    tg_err_t err = ref_follow(m, at, v, &parameter);
    if (err) {
        return err;
    }
    tg_str_t in = text_of(json_object_get(parameter, "in"));
    tg_str_t name = text_of(json_object_get(parameter, "name"));
    if (in.n == 0) {
        return tg_refuse(m->r, TG_MEMBER(at, "in"), "must be a string");
    }
    if (name.n == 0) {
        return tg_refuse(m->r, TG_MEMBER(at, "name"), "must be a string that is not empty");
    }
    return tg_str_eq(in, TG_STR("path")) && !path_has(path, name)
               ? tg_refuse(m->r, TG_MEMBER(at, "name"), "is no parameter of the path")
               : TG_OK;
}

static tg_err_t parameters_check(const import_t *m, const tg_place_t *up, const json_t *object, tg_str_t path) {
    const tg_field_t bounds = {.max = PARAMETERS_MAX};
    const json_t *list = json_object_get(object, "parameters");
    const tg_place_t *at = TG_MEMBER(up, "parameters");
    size_t n = 0;
    tg_err_t err = list == NULL ? TG_OK : tg_want_array(m->r, at, &bounds, list, &n);
    for (size_t i = 0; !err && i < n; i++) {
        err = parameter_check(m, TG_ELEMENT(at, i), json_array_get(list, i), path);
    }
    return err;
}

/* ---- operations ---- */

/* Its operationId with what no name has made '-', unless that leaves no name or another one's. */
static tg_err_t name_read(import_t *m, const json_t *operation, tg_str_t *out) {
    char name[TG_NAME_MAX + 1];
    size_t n = 0;
    tg_str_t id = text_of(json_object_get(operation, "operationId"));
    for (size_t i = 0; i < id.n && n < TG_NAME_MAX; i++) {
        char c = tg_name_char(id.p[i]) ? id.p[i] : '-';
        if (n > 0 ? c != '-' || name[n - 1] != '-' : tg_is_alnum(c)) {
            name[n++] = c;
        }
    }
    name[n] = '\0';
    if (n == 0 || id.n > TG_NAME_MAX || json_object_get(m->names, name) != NULL) {
        return TG_OK;
    }
    if (json_object_set_new(m->names, name, json_true()) != 0) {
        return tg_refuse_nomem(m->r);
    }
    return tg_keep(m->r, tg_strn(name, n), out);
}

/* Text for people: what is no text of ours is a blank, what is too long is cut. */
static tg_err_t description_read(const import_t *m, const json_t *operation, tg_str_t *out) {
    char text[DESCRIPTION_MAX];
    tg_str_t summary = text_of(json_object_get(operation, "summary"));
    size_t n = 0;
    for (size_t i = 0; i < summary.n;) {
        size_t len = tg_utf8_len(summary.p + i, summary.n - i);
        len = len > 0 ? len : 1;
        if (n + len > sizeof(text)) {
            break;
        }
        if (tg_text_is_clean(tg_strn(summary.p + i, len), true)) {
            memcpy(text + n, summary.p + i, len);
            n += len;
        } else {
            text[n++] = ' ';
        }
        i += len;
    }
    return tg_keep(m->r, tg_strn(text, n), out);
}

/* OpenAPI 3.1 4.8.8: templates that differ in the names of parameters alone are the same. */
static tg_err_t key_take(import_t *m, const tg_place_t *at, const tg_api_endpoint_t *e) {
    char key[TG_ENDPOINT_KEY_MAX];
    tg_buf_t b;
    tg_buf_init_fixed(&b, key, sizeof(key));
    tg_api_endpoint_key_write(e->method, e->path, &b);
    tg_buf_putc(&b, '\0');
    if (b.err) {
        return TG_ERR_BUG;
    }
    if (json_object_get(m->keys, key) != NULL) {
        return tg_refuse(m->r, at, "matches the same requests as another path");
    }
    return json_object_set_new(m->keys, key, json_true()) != 0 ? tg_refuse_nomem(m->r) : TG_OK;
}

static tg_err_t endpoint_add(import_t *m, const tg_place_t *at, const tg_api_endpoint_t *e) {
    tg_definition_t *d = m->out;
    if (d->n_endpoints == TG_ENDPOINTS_MAX) {
        return tg_refuse(m->r, at, "is one endpoint more than an API proxy may have, %d", TG_ENDPOINTS_MAX);
    }
    if (d->n_endpoints == m->cap) {
        size_t cap = m->cap > 0 ? 2 * m->cap : 64;
        tg_api_endpoint_t *list = tg_arena_array(m->r->arena, cap, sizeof(*list));
        if (list == NULL) {
            return tg_refuse_nomem(m->r);
        }
        if (m->cap > 0) {
            memcpy(list, d->endpoints, d->n_endpoints * sizeof(*list));
        }
        d->endpoints = list;
        m->cap = cap;
    }
    d->endpoints[d->n_endpoints++] = *e;
    return TG_OK;
}

static tg_err_t operation_read(import_t *m, const tg_place_t *at, const json_t *v, tg_str_t method, tg_str_t given,
                               tg_str_t path) {
    tg_api_endpoint_t e = {.method = method, .path = path};
    tg_err_t err = json_is_object(v) ? key_take(m, at, &e) : tg_refuse(m->r, at, "must be an object");
    if (!err) {
        err = parameters_check(m, at, v, given);
    }
    if (!err) {
        err = name_read(m, v, &e.name);
    }
    if (!err) {
        err = description_read(m, v, &e.description);
    }
    return err ? err : endpoint_add(m, at, &e);
}

/* ---- path items ---- */

static bool is_item_member(const char *name) {
    static const char *const known[] = {"$ref", "summary", "description", "servers", "parameters"};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(known[i], name) == 0) {
            return true;
        }
    }
    return is_extension(name);
}

/* What a path item has beside a $ref would be lost. */
static tg_err_t ref_is_alone(const import_t *m, const tg_place_t *at, const json_t *v) {
    if (json_object_get(v, "$ref") == NULL) {
        return TG_OK;
    }
    for (size_t i = 0; i < METHODS; i++) {
        if (json_object_get(v, methods[i]) != NULL) {
            return tg_refuse(m->r, TG_MEMBER(at, methods[i]), "must not stand beside $ref");
        }
    }
    return TG_OK;
}

static tg_err_t item_read(import_t *m, const tg_place_t *at, const json_t *v, tg_str_t given) {
    const json_t *item;
    tg_str_t path;
    tg_err_t err = path_read(m, at, given, &path);
    if (!err) {
        err = ref_is_alone(m, at, v);
    }
    if (!err) {
        err = ref_follow(m, at, v, &item);
    }
    if (!err) {
        err = parameters_check(m, at, item, given);
    }
    if (err) {
        return err;
    }
    for (void *it = json_object_iter(writable(item)); !err && it != NULL;
         it = json_object_iter_next(writable(item), it)) {
        tg_place_t here = {at, json_object_iter_key(it), 0};
        int method = method_find(here.name);
        if (method >= 0) {
            err = operation_read(m, &here, json_object_iter_value(it), method_names[method], given, path);
        } else if (!is_item_member(here.name)) {
            err = tg_refuse(m->r, &here, "is not a known field");
        }
    }
    return err;
}

static tg_err_t paths_read(import_t *m) {
    const tg_place_t *at = TG_MEMBER(NULL, "paths");
    const json_t *paths = json_object_get(m->doc, "paths");
    tg_err_t err = TG_OK;
    if (!json_is_object(paths)) {
        return tg_refuse(m->r, at, paths == NULL ? "is required" : "must be an object");
    }
    for (void *it = json_object_iter(writable(paths)); !err && it != NULL;
         it = json_object_iter_next(writable(paths), it)) {
        tg_place_t here = {at, json_object_iter_key(it), 0};
        if (!is_extension(here.name)) {
            err = item_read(m, &here, json_object_iter_value(it), tg_str(here.name));
        }
    }
    if (!err && m->out->n_endpoints == 0) {
        err = tg_refuse(m->r, at, "has no operation");
    }
    return err;
}

/* ---- servers ---- */

/* The address if it can be one of a backend. */
static tg_err_t address_keep(const import_t *m, const tg_buf_t *text) {
    tg_url_t url;
    return text->err || tg_url_parse(tg_buf_str(text), &url) != NULL
               ? TG_OK
               : tg_keep(m->r, tg_buf_str(text), &m->out->address);
}

/* "{name}" is the default of that variable. */
static void variable_put(const json_t *server, tg_str_t name, tg_buf_t *out) {
    char key[TG_NAME_MAX + 1];
    if (name.n > TG_NAME_MAX) {
        out->err = TG_ERR_LIMIT;
        return;
    }
    memcpy(key, name.p, name.n);
    key[name.n] = '\0';
    const json_t *variable = json_object_get(json_object_get(server, "variables"), key);
    tg_buf_put(out, text_of(json_object_get(variable, "default")));
}

static tg_err_t server_read(const import_t *m) {
    char mem[TG_URL_MAX + 1];
    tg_buf_t b;
    const json_t *server = json_array_get(json_object_get(m->doc, "servers"), 0);
    tg_str_t rest = text_of(json_object_get(server, "url"));
    tg_buf_init_fixed(&b, mem, sizeof(mem));
    while (rest.n > 0) {
        tg_buf_put(&b, tg_str_take(&rest, '{'));
        if (rest.p != NULL) {
            variable_put(server, tg_str_take(&rest, '}'), &b);
        }
    }
    return address_keep(m, &b);
}

static tg_err_t host_read(const import_t *m) {
    char mem[TG_URL_MAX + 1];
    tg_buf_t b;
    tg_str_t host = text_of(json_object_get(m->doc, "host"));
    const json_t *schemes = json_object_get(m->doc, "schemes");
    tg_str_t scheme = json_is_array(schemes) ? text_of(json_array_get(schemes, 0)) : TG_STR("https");
    if (host.n == 0) {
        return TG_OK;
    }
    tg_buf_init_fixed(&b, mem, sizeof(mem));
    tg_buf_put(&b, scheme);
    tg_buf_put(&b, TG_STR("://"));
    tg_buf_put(&b, host);
    tg_buf_put(&b, text_of(json_object_get(m->doc, "basePath")));
    return address_keep(m, &b);
}

/* ---- the whole ---- */

/* Swagger's version is often written as a number. */
static bool is_swagger_2(const json_t *v) {
    return tg_str_eq(text_of(v), TG_STR("2.0")) || (json_is_real(v) && json_real_value(v) == 2.0);
}

static tg_err_t version_check(const import_t *m, bool *swagger) {
    const json_t *openapi = json_object_get(m->doc, "openapi");
    const json_t *two = json_object_get(m->doc, "swagger");
    if (!json_is_object(m->doc)) {
        return tg_refuse(m->r, NULL, "the definition must be an object");
    }
    *swagger = openapi == NULL && two != NULL;
    if (*swagger) {
        return is_swagger_2(two) ? TG_OK : tg_refuse(m->r, TG_MEMBER(NULL, "swagger"), "must be 2.0");
    }
    tg_str_t version = text_of(openapi);
    if (openapi == NULL) {
        return tg_refuse(m->r, TG_MEMBER(NULL, "openapi"), "is required, or swagger");
    }
    return tg_str_starts(version, TG_STR("3.0.")) || tg_str_starts(version, TG_STR("3.1."))
               ? TG_OK
               : tg_refuse(m->r, TG_MEMBER(NULL, "openapi"), "must be a text like 3.0.3 or 3.1.0");
}

tg_err_t tg_definition_parse(const json_t *doc, tg_arena_t *a, tg_definition_t *out, tg_fault_t *fault) {
    tg_reader_t r = {a, fault};
    import_t m = {.r = &r, .doc = doc, .keys = json_object(), .names = json_object(), .out = out};
    bool swagger = false;
    *out = (tg_definition_t){.n_endpoints = 0};
    tg_err_t err = m.keys != NULL && m.names != NULL ? version_check(&m, &swagger) : tg_refuse_nomem(&r);
    if (!err) {
        err = paths_read(&m);
    }
    if (!err) {
        err = swagger ? host_read(&m) : server_read(&m);
    }
    json_decref(m.keys);
    json_decref(m.names);
    return err;
}
