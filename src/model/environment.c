#include "model/parts.h"

#include "model/ip.h"
#include "model/names.h"
#include "model/url.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define TRUSTED_MAX 256

static tg_err_t read_access_url(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                                void *out) {
    (void)f;
    tg_str_t s;
    tg_url_t url;
    tg_err_t err = tg_want_string(r, at, v, &s);
    if (err) {
        return err;
    }
    const char *why = s.n > 0 ? tg_url_parse(s, &url) : NULL;
    if (why != NULL) {
        return tg_refuse(r, at, "%s", why);
    }
    s.n -= tg_str_ends(s, TG_STR("/"));
    return tg_keep(r, s, out);
}

/* ---- forwardedIp ---- */

static const tg_choice_t order_choices[] = {{"LAST", 0, false},  {"FIRST", 1, false},  {"SECOND", 2, false},
                                            {"THIRD", 3, false}, {"FOURTH", 4, false}, {"FIFTH", 5, false},
                                            {NULL, 0, false}};

static const tg_field_t forwarded_fields[] = {
    {.name = "enabled", .read = tg_read_bool, .offset = offsetof(tg_environment_t, forwarded.enabled)},
    {.name = "headerName", .read = tg_read_header_name, .offset = offsetof(tg_environment_t, forwarded.header)},
    {.name = "xffOrder",
     .read = tg_read_choice,
     .offset = offsetof(tg_environment_t, forwarded.order),
     .more = order_choices},
};

static tg_err_t read_forwarded_ip(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                                  void *out) {
    (void)f;
    return tg_fields_read(r, at, v, forwarded_fields, COUNT(forwarded_fields), out);
}

static json_t *forwarded_ip_write(const tg_environment_t *e) {
    tg_writer_t w = tg_writer();
    tg_write_bool(&w, "enabled", e->forwarded.enabled);
    tg_write_str(&w, "headerName", e->forwarded.header);
    tg_write_cstr(&w, "xffOrder", tg_choice_name(order_choices, e->forwarded.order));
    return tg_writer_end(&w);
}

/* ---- trustedProxies ---- */

static tg_err_t read_trusted(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                             void *out) {
    tg_environment_t *e = out;
    uint8_t addr[16];
    uint8_t prefix_len;
    tg_str_t s;
    size_t n;
    tg_err_t err = tg_want_array(r, at, f, v, &n);
    if (err) {
        return err;
    }
    e->trusted_proxies = tg_arena_array(r->arena, n, sizeof(*e->trusted_proxies));
    if (e->trusted_proxies == NULL) {
        return tg_refuse_nomem(r);
    }
    for (size_t i = 0; i < n; i++) {
        if ((err = tg_want_string(r, TG_ELEMENT(at, i), json_array_get(v, i), &s))) {
            return err;
        }
        if (tg_ip_network_parse(s, addr, &prefix_len)) {
            return tg_refuse(r, TG_ELEMENT(at, i), "must be an IP address or address/prefix");
        }
        if ((err = tg_keep(r, s, &e->trusted_proxies[i]))) {
            return err;
        }
    }
    e->n_trusted_proxies = n;
    return TG_OK;
}

/* ---- the whole ---- */

static const tg_choice_t feed_choices[] = {{"accept", 0, false}, {"refuse", 1, false}, {NULL, 0, false}};

static tg_err_t read_feed_lost(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                               void *out) {
    int choice = 0;
    tg_err_t err = tg_read_choice(r, at, f, v, &choice);
    *(bool *)out = choice == 1;
    return err;
}

static const tg_field_t environment_fields[] = {
    {.name = "name", .read = tg_read_name, .offset = offsetof(tg_environment_t, name), .required = true},
    {.name = "description", .read = tg_read_text, .offset = offsetof(tg_environment_t, description), .max = 1024},
    {.name = "accessUrl", .read = read_access_url, .offset = offsetof(tg_environment_t, access_url)},
    {.name = "leewaySeconds", .read = tg_read_int64, .offset = offsetof(tg_environment_t, leeway_s), .max = 300},
    {.name = "jwksMaxAgeSeconds",
     .read = tg_read_int64,
     .offset = offsetof(tg_environment_t, jwks_max_age_s),
     .max = 7 * 86400},
    {.name = "forwardedIp", .read = read_forwarded_ip},
    {.name = "trustedProxies", .read = read_trusted, .max = TRUSTED_MAX},
    {.name = "propagationBoundMillis",
     .read = tg_read_int64,
     .offset = offsetof(tg_environment_t, revocation_bound_ms),
     .min = 100,
     .max = 60000},
    {.name = "jwtWhenFeedLost",
     .read = read_feed_lost,
     .offset = offsetof(tg_environment_t, jwt_refuse_when_feed_lost),
     .more = feed_choices},
    {.name = "cors", .read = tg_read_only_disabled},
};

tg_err_t tg_environment_read(const tg_reader_t *r, const tg_place_t *at, const json_t *body, tg_environment_t *out) {
    *out =
        (tg_environment_t){.jwks_max_age_s = 300, .forwarded.header = TG_STR("X-Forwarded-For"), .revocation_bound_ms = 1000};
    return tg_fields_read(r, at, body, environment_fields, COUNT(environment_fields), out);
}

tg_err_t tg_environment_parse(const json_t *body, tg_arena_t *a, tg_environment_t *out, tg_fault_t *fault) {
    tg_reader_t r = {a, fault};
    return tg_environment_read(&r, NULL, body, out);
}

json_t *tg_environment_write(const tg_environment_t *e) {
    tg_writer_t w = tg_writer();
    tg_write_str(&w, "name", e->name);
    tg_write_str(&w, "description", e->description);
    tg_write_str_or_null(&w, "accessUrl", e->access_url);
    tg_write_int(&w, "leewaySeconds", e->leeway_s);
    tg_write_int(&w, "jwksMaxAgeSeconds", e->jwks_max_age_s);
    tg_write_json(&w, "forwardedIp", forwarded_ip_write(e));
    tg_write_strs(&w, "trustedProxies", e->trusted_proxies, e->n_trusted_proxies);
    tg_write_int(&w, "propagationBoundMillis", e->revocation_bound_ms);
    tg_write_cstr(&w, "jwtWhenFeedLost", tg_choice_name(feed_choices, e->jwt_refuse_when_feed_lost));
    return tg_writer_end(&w);
}
