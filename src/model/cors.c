#include "model/parts.h"

#include "model/chars.h"
#include "model/names.h"
#include "model/url.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define ORIGINS_MAX   256
#define METHODS_MAX   32
#define HEADERS_MAX   64
#define ORIGIN_MAX    512
#define MAX_AGE_MAX   86400
#define DEFAULT_AGE_S 600

static const tg_str_t default_methods[] = {TG_STR("GET"), TG_STR("HEAD"),  TG_STR("POST"),
                                           TG_STR("PUT"), TG_STR("PATCH"), TG_STR("DELETE")};
static const tg_str_t default_headers[] = {TG_STR("Authorization"), TG_STR("Content-Type")};

void tg_cors_init(tg_cors_t *c) {
    *c = (tg_cors_t){.methods = default_methods,
                     .n_methods = COUNT(default_methods),
                     .headers = default_headers,
                     .n_headers = COUNT(default_headers),
                     .max_age_s = DEFAULT_AGE_S};
}

static bool is_all(tg_str_t s) {
    return tg_str_eq(s, TG_STR("*"));
}

/* RFC 3986 3.1, in lower case. */
static bool is_scheme(tg_str_t s) {
    for (size_t i = 0; i < s.n; i++) {
        bool letter = s.p[i] >= 'a' && s.p[i] <= 'z';
        bool other = tg_is_digit(s.p[i]) || s.p[i] == '+' || s.p[i] == '-' || s.p[i] == '.';
        if (!letter && (i == 0 || !other)) {
            return false;
        }
    }
    return s.n > 0;
}

/* scheme://host[:port] as browsers serialise it (HTML 7.1.1): they leave a default port out, and have no path. */
static const char *origin_rule(tg_str_t origin) {
    tg_str_t rest = origin;
    tg_str_t scheme = tg_str_take(&rest, ':');
    if (!is_scheme(scheme) || !tg_str_starts(rest, TG_STR("//")) ||
        !tg_host_port_is_valid(tg_strn(rest.p + 2, rest.n - 2))) {
        return "must be '*' or an origin like https://app.example.org, without a path";
    }
    if ((tg_str_eq(scheme, TG_STR("https")) && tg_str_ends(rest, TG_STR(":443"))) ||
        (tg_str_eq(scheme, TG_STR("http")) && tg_str_ends(rest, TG_STR(":80")))) {
        return "must not name its scheme's default port, as browsers never do";
    }
    return NULL;
}

static tg_err_t read_origin(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                            void *out) {
    (void)f;
    tg_str_t *origin = out;
    tg_str_t s;
    tg_err_t err = tg_want_string(r, at, v, &s);
    if (err) {
        return err;
    }
    if (s.n > ORIGIN_MAX) {
        return tg_refuse(r, at, "must be at most %d bytes long", ORIGIN_MAX);
    }
    if ((err = tg_keep_lower(r, s, origin))) {
        return err;
    }
    const char *why = is_all(*origin) ? NULL : origin_rule(*origin);
    return why == NULL ? TG_OK : tg_refuse(r, at, "%s", why);
}

/* Request and response headers of others, with '_' if they like; "*" is a token as well. */
static tg_err_t read_header(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                            void *out) {
    (void)f;
    tg_str_t s;
    tg_err_t err = tg_want_string(r, at, v, &s);
    if (err) {
        return err;
    }
    if (s.n > TG_NAME_MAX || !tg_is_token(s)) {
        return tg_refuse(r, at, "must be '*' or a header name (RFC 9110 5.1) of at most %d characters", TG_NAME_MAX);
    }
    return tg_keep(r, s, out);
}

static json_t *origin_schema(const tg_field_t *f) {
    (void)f;
    return tg_schema_pattern("^(\\*|[a-zA-Z][a-zA-Z0-9+.-]*://[^/]+)$", 1, ORIGIN_MAX);
}

static json_t *header_schema(const tg_field_t *f) {
    (void)f;
    return tg_schema_pattern("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", 1, TG_NAME_MAX);
}

static const tg_field_t cors_fields[] = {
    {.name = "enabled", .read = tg_read_bool, .offset = offsetof(tg_cors_t, enabled)},
    {.name = "allowedOrigins",
     TG_TEXTS(tg_cors_t, origins, n_origins, read_origin),
     .max = ORIGINS_MAX,
     .schema = origin_schema},
    {.name = "allowedMethods", TG_TEXTS(tg_cors_t, methods, n_methods, tg_read_method), .max = METHODS_MAX},
    {.name = "allowedHeaders",
     TG_TEXTS(tg_cors_t, headers, n_headers, read_header),
     .max = HEADERS_MAX,
     .schema = header_schema},
    {.name = "exposedHeaders",
     TG_TEXTS(tg_cors_t, exposed, n_exposed, read_header),
     .max = HEADERS_MAX,
     .schema = header_schema},
    {.name = "allowCredentials", .read = tg_read_bool, .offset = offsetof(tg_cors_t, credentials)},
    {.name = "maxAgeSeconds", .read = tg_read_int64, .offset = offsetof(tg_cors_t, max_age_s), .max = MAX_AGE_MAX},
};

/* Fetch 3.2.5: with credentials "*" is a name, which matches nothing. */
static tg_err_t refuse_all(const tg_reader_t *r, const tg_place_t *at, const char *name, const tg_str_t *list,
                           size_t n) {
    const tg_place_t *here = TG_MEMBER(at, name);
    for (size_t i = 0; i < n; i++) {
        if (is_all(list[i])) {
            return tg_refuse(r, TG_ELEMENT(here, i), "must not be '*' with allowCredentials");
        }
    }
    return TG_OK;
}

tg_err_t tg_read_cors(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v, void *out) {
    (void)f;
    tg_cors_t *c = out;
    tg_err_t err = tg_fields_read(r, at, v, cors_fields, COUNT(cors_fields), c);
    if (err || !c->credentials) {
        return err;
    }
    if ((err = refuse_all(r, at, "allowedOrigins", c->origins, c->n_origins)) ||
        (err = refuse_all(r, at, "allowedHeaders", c->headers, c->n_headers))) {
        return err;
    }
    return refuse_all(r, at, "exposedHeaders", c->exposed, c->n_exposed);
}

tg_err_t tg_cors_parse(const json_t *body, tg_arena_t *a, tg_cors_t *out, tg_fault_t *fault) {
    tg_reader_t r = {a, fault};
    tg_cors_init(out);
    return tg_read_cors(&r, NULL, NULL, body, out);
}

json_t *tg_cors_schema(void) {
    tg_cors_t none;
    tg_cors_init(&none);
    return tg_schema_defaults(tg_fields_schema(cors_fields, COUNT(cors_fields)), tg_cors_write(&none));
}

json_t *tg_cors_write(const tg_cors_t *c) {
    tg_writer_t w = tg_writer();
    tg_write_bool(&w, "enabled", c->enabled);
    tg_write_strs(&w, "allowedOrigins", c->origins, c->n_origins);
    tg_write_strs(&w, "allowedMethods", c->methods, c->n_methods);
    tg_write_strs(&w, "allowedHeaders", c->headers, c->n_headers);
    tg_write_strs(&w, "exposedHeaders", c->exposed, c->n_exposed);
    tg_write_bool(&w, "allowCredentials", c->credentials);
    tg_write_int(&w, "maxAgeSeconds", c->max_age_s);
    return tg_writer_end(&w);
}
