#include "model/parts.h"

#include "model/chars.h"
#include "model/ip.h"
#include "model/names.h"
#include "model/url.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define PATH_BYTES   1024 /* of a prefix as given */
#define PATHS_MAX    100
#define HOSTS_MAX    100
#define METHODS_MAX  32
#define HEADERS_MAX  16
#define HEADER_VALUE 1024

/* ---- relativePathList ---- */

static const tg_str_t reserved_paths[] = {TG_STR("/auth"), TG_STR("/credential"),
                                          TG_STR("/.well-known/oauth-authorization-server")};

static bool path_is_reserved(tg_str_t path) {
    for (size_t i = 0; i < COUNT(reserved_paths); i++) {
        size_t n = reserved_paths[i].n;
        if (tg_str_starts(path, reserved_paths[i]) && (path.n == n || path.p[n] == '/')) {
            return true;
        }
    }
    return false;
}

/* Decodes %xx into out, which has room for in.n bytes; false: a broken escape. */
static bool path_decode(tg_str_t in, char *out, size_t *n) {
    *n = 0;
    for (size_t i = 0; i < in.n; i++) {
        if (in.p[i] != '%') {
            out[(*n)++] = in.p[i];
            continue;
        }
        int high = i + 2 < in.n ? tg_hex_value(in.p[i + 1]) : -1;
        int low = i + 2 < in.n ? tg_hex_value(in.p[i + 2]) : -1;
        if (high < 0 || low < 0) {
            return false;
        }
        out[(*n)++] = (char)(high << 4 | low);
        i += 2;
    }
    return true;
}

/* What the gateway's normalised paths can never contain would make a prefix that never matches. */
static const char *path_rule(tg_str_t path) {
    tg_str_t rest = tg_strn(path.p + 1, path.n - 1);
    for (size_t i = 0; i < path.n; i++) {
        if ((unsigned char)path.p[i] < 0x20 || path.p[i] == 0x7f) {
            return "must not have control characters";
        }
    }
    while (rest.n > 0) {
        tg_str_t segment = tg_str_take(&rest, '/');
        if (segment.n == 0) {
            return "must not have '//'";
        }
        if (tg_str_eq(segment, TG_STR(".")) || tg_str_eq(segment, TG_STR(".."))) {
            return "must not have '.' or '..' as a segment";
        }
    }
    return NULL;
}

static tg_err_t read_path(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v, void *out) {
    (void)f;
    tg_str_t s;
    size_t n;
    tg_err_t err = tg_want_string(r, at, v, &s);
    if (err) {
        return err;
    }
    if (s.n == 0 || s.n > PATH_BYTES || s.p[0] != '/') {
        return tg_refuse(r, at, "must begin with '/' and be at most %d bytes long", PATH_BYTES);
    }
    if (tg_str_find_char(s, '?') >= 0 || tg_str_find_char(s, '#') >= 0) {
        return tg_refuse(r, at, "must not have '?' or '#'");
    }
    char *decoded = tg_arena_alloc(r->arena, s.n);
    if (decoded == NULL) {
        return tg_refuse_nomem(r);
    }
    if (!path_decode(s, decoded, &n)) {
        return tg_refuse(r, at, "must have two hexadecimal digits behind '%%'");
    }
    tg_str_t path = tg_strn(decoded, n);
    const char *why = path_rule(path);
    if (why != NULL) {
        return tg_refuse(r, at, "%s", why);
    }
    path.n -= path.n > 1 && path.p[path.n - 1] == '/';
    if (path_is_reserved(path)) {
        return tg_refuse(r, at, "is reserved for the gateway's own endpoints");
    }
    *(tg_str_t *)out = path;
    return TG_OK;
}

/* Escaped again, so that any decoded prefix is JSON text and reads back as itself. */
static json_t *path_new(tg_str_t path) {
    tg_buf_t b;
    tg_buf_init(&b, 3 * PATH_BYTES);
    for (size_t i = 0; i < path.n; i++) {
        unsigned char c = (unsigned char)path.p[i];
        if (c <= 0x20 || c >= 0x7f || strchr("%?#\"<>\\^`{|}", c) != NULL) {
            tg_buf_putf(&b, "%%%02X", c);
        } else {
            tg_buf_putc(&b, (char)c);
        }
    }
    json_t *text = b.err ? NULL : tg_json_new_str(tg_buf_str(&b));
    tg_buf_release(&b);
    return text;
}

/* ---- hostList ---- */

static bool host_pattern_is_valid(tg_str_t host) {
    uint8_t addr[16];
    if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']') {
        tg_str_t inside = tg_strn(host.p + 1, host.n - 2);
        return tg_str_find_char(inside, ':') >= 0 && tg_ip_parse(inside, addr) == TG_OK;
    }
    if (tg_str_starts(host, TG_STR("*."))) {
        return tg_host_name_is_valid(tg_strn(host.p + 2, host.n - 2));
    }
    if (tg_str_ends(host, TG_STR(".*"))) {
        /* "x" makes a whole name of it: the last label is what tells a name from an address. */
        char name[TG_HOST_MAX + 1];
        if (host.n > TG_HOST_MAX) {
            return false;
        }
        memcpy(name, host.p, host.n);
        name[host.n - 1] = 'x';
        return tg_host_name_is_valid(tg_strn(name, host.n));
    }
    return tg_host_name_is_valid(host);
}

static tg_err_t read_host(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v, void *out) {
    (void)f;
    tg_str_t s;
    tg_err_t err = tg_want_string(r, at, v, &s);
    if (err) {
        return err;
    }
    if (!host_pattern_is_valid(s)) {
        return tg_refuse(r, at, "must be a host name without port, with at most one '*' as its first or last label");
    }
    return tg_keep_lower(r, s, out);
}

/* ---- headerList ---- */

typedef struct {
    tg_str_t name, value;
} header_t;

static tg_err_t read_header_value(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                                  void *out) {
    tg_str_t *value = out;
    tg_err_t err = tg_read_line(r, at, f, v, out);
    if (!err && tg_str_trim(*value).n != value->n) {
        err = tg_refuse(r, at, "must not begin or end with a blank");
    }
    return err;
}

static const tg_field_t header_fields[] = {
    {.name = "name", .read = tg_read_header_name, .offset = offsetof(header_t, name), .required = true},
    {.name = "value",
     .read = read_header_value,
     .offset = offsetof(header_t, value),
     .required = true,
     .min = 1,
     .max = HEADER_VALUE,
     .schema = tg_schema_text},
};

static tg_err_t read_headers(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                             void *out) {
    tg_route_t *route = out;
    size_t n;
    tg_err_t err = tg_want_array(r, at, f, v, &n);
    if (err) {
        return err;
    }
    route->header_names = tg_arena_array(r->arena, n, sizeof(tg_str_t));
    route->header_values = tg_arena_array(r->arena, n, sizeof(tg_str_t));
    if (route->header_names == NULL || route->header_values == NULL) {
        return tg_refuse_nomem(r);
    }
    for (size_t i = 0; !err && i < n; i++) {
        header_t h = {TG_STR_NONE, TG_STR_NONE};
        err = tg_fields_read(r, TG_ELEMENT(at, i), json_array_get(v, i), header_fields, COUNT(header_fields), &h);
        for (size_t j = 0; !err && j < i; j++) {
            if (tg_str_eq_ci(h.name, route->header_names[j])) {
                err = tg_refuse(r, TG_ELEMENT(at, i), "stands in the list twice");
            }
        }
        route->header_names[i] = h.name;
        route->header_values[i] = h.value;
    }
    route->n_headers = n;
    return err;
}

/* ---- the whole ---- */

static json_t *path_schema(const tg_field_t *f) {
    (void)f;
    return tg_schema_pattern("^/[^?#]*$", 1, PATH_BYTES);
}

static json_t *headers_schema(const tg_field_t *f) {
    return tg_schema_array(f, tg_fields_schema(header_fields, COUNT(header_fields)));
}

static const tg_field_t route_fields[] = {
    {.name = "relativePathList",
     TG_TEXTS(tg_route_t, paths, n_paths, read_path),
     .required = true,
     .min = 1,
     .max = PATHS_MAX,
     .schema = path_schema},
    {.name = "hostList", TG_TEXTS(tg_route_t, hosts, n_hosts, read_host), .max = HOSTS_MAX, .schema = tg_schema_string},
    {.name = "methodList", TG_TEXTS(tg_route_t, methods, n_methods, tg_read_method), .max = METHODS_MAX},
    {.name = "headerList", .read = read_headers, .max = HEADERS_MAX, .schema = headers_schema},
    {.name = "stripPath", .read = tg_read_bool, .offset = offsetof(tg_route_t, strip_path)},
};

tg_err_t tg_read_client_route(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                              void *out) {
    (void)f;
    tg_route_t *route = out;
    *route = (tg_route_t){.strip_path = true};
    return tg_fields_read(r, at, v, route_fields, COUNT(route_fields), route);
}

json_t *tg_client_route_schema(void) {
    const tg_route_t none = {.strip_path = true};
    return tg_schema_defaults(tg_fields_schema(route_fields, COUNT(route_fields)), tg_client_route_write(&none));
}

static json_t *paths_write(const tg_route_t *route) {
    json_t *list = json_array();
    for (size_t i = 0; i < route->n_paths; i++) {
        tg_list_put(&list, path_new(route->paths[i]));
    }
    return list;
}

static json_t *headers_write(const tg_route_t *route) {
    json_t *list = json_array();
    for (size_t i = 0; i < route->n_headers; i++) {
        tg_writer_t w = tg_writer();
        tg_write_str(&w, "name", route->header_names[i]);
        tg_write_str(&w, "value", route->header_values[i]);
        tg_list_put(&list, tg_writer_end(&w));
    }
    return list;
}

json_t *tg_client_route_write(const tg_route_t *route) {
    tg_writer_t w = tg_writer();
    tg_write_json(&w, "relativePathList", paths_write(route));
    tg_write_strs(&w, "hostList", route->hosts, route->n_hosts);
    tg_write_strs(&w, "methodList", route->methods, route->n_methods);
    tg_write_json(&w, "headerList", headers_write(route));
    tg_write_bool(&w, "stripPath", route->strip_path);
    return tg_writer_end(&w);
}
