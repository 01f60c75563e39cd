#include "model/parts.h"

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

/* ---- failureLimits, tokenRequestLog ---- */

static const tg_field_t failure_fields[] = {
    {.name = "perClient",
     .read = tg_read_limit,
     .offset = offsetof(tg_environment_t, client_failures),
     .more = &tg_failure_limit_rule},
    {.name = "perAddress",
     .read = tg_read_limit,
     .offset = offsetof(tg_environment_t, address_failures),
     .more = &tg_failure_limit_rule},
};

static tg_err_t read_failure_limits(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                                    void *out) {
    (void)f;
    return tg_fields_read(r, at, v, failure_fields, COUNT(failure_fields), out);
}

static json_t *failure_limits_write(const tg_environment_t *e) {
    tg_writer_t w = tg_writer();
    tg_write_json(&w, "perClient", tg_limit_write(&e->client_failures));
    tg_write_json(&w, "perAddress", tg_limit_write(&e->address_failures));
    return tg_writer_end(&w);
}

static const tg_field_t request_log_fields[] = {
    {.name = "enabled", .read = tg_read_bool, .offset = offsetof(tg_environment_t, request_log)},
    {.name = "retentionDays",
     .read = tg_read_int64,
     .offset = offsetof(tg_environment_t, request_log_keep_days),
     .min = 1,
     .max = 3650},
};

static tg_err_t read_request_log(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                                 void *out) {
    (void)f;
    return tg_fields_read(r, at, v, request_log_fields, COUNT(request_log_fields), out);
}

static json_t *request_log_write(const tg_environment_t *e) {
    tg_writer_t w = tg_writer();
    tg_write_bool(&w, "enabled", e->request_log);
    tg_write_int(&w, "retentionDays", e->request_log_keep_days);
    return tg_writer_end(&w);
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

static json_t *access_url_schema(const tg_field_t *f) {
    (void)f;
    return json_pack("{s:s, s:s}", "type", "string", "format", "uri");
}

static const tg_field_t environment_fields[] = {
    {.name = "name", .read = tg_read_name, .offset = offsetof(tg_environment_t, name), .required = true},
    {.name = "description", .read = tg_read_text, .offset = offsetof(tg_environment_t, description), .max = 1024},
    {.name = "accessUrl",
     .read = read_access_url,
     .offset = offsetof(tg_environment_t, access_url),
     .schema = access_url_schema},
    {.name = "leewaySeconds", .read = tg_read_int64, .offset = offsetof(tg_environment_t, leeway_s), .max = 300},
    {.name = "jwksMaxAgeSeconds",
     .read = tg_read_int64,
     .offset = offsetof(tg_environment_t, jwks_max_age_s),
     .max = 7 * 86400},
    {.name = "forwardedIp", .read = tg_read_forwarded, .offset = offsetof(tg_environment_t, forwarded)},
    {.name = "cors", .read = tg_read_cors, .offset = offsetof(tg_environment_t, cors)},
    {.name = "trustedProxies",
     TG_TEXTS(tg_environment_t, trusted_proxies, n_trusted_proxies, tg_read_network),
     .max = TRUSTED_MAX},
    {.name = "propagationBoundMillis",
     .read = tg_read_int64,
     .offset = offsetof(tg_environment_t, revocation_bound_ms),
     .min = 100,
     .max = 60000},
    {.name = "jwtWhenFeedLost",
     .read = read_feed_lost,
     .offset = offsetof(tg_environment_t, jwt_refuse_when_feed_lost),
     .more = feed_choices,
     .schema = tg_schema_choice},
    {.name = "failureLimits", .read = read_failure_limits, TG_INNER(failure_fields)},
    {.name = "tokenRequestLog", .read = read_request_log, TG_INNER(request_log_fields)},
};

static void environment_init(tg_environment_t *out) {
    *out = (tg_environment_t){.jwks_max_age_s = 300,
                              .revocation_bound_ms = 1000,
                              .client_failures = {.limit = 20, .interval_ms = 60 * TG_SECOND_MS, .sliding = true},
                              .address_failures = {.limit = 200, .interval_ms = 60 * TG_SECOND_MS, .sliding = true},
                              .request_log = true,
                              .request_log_keep_days = 30};
    tg_forwarded_init(&out->forwarded);
    tg_cors_init(&out->cors);
}

tg_err_t tg_environment_read(const tg_reader_t *r, const tg_place_t *at, const json_t *body, tg_environment_t *out) {
    environment_init(out);
    return tg_fields_read(r, at, body, environment_fields, COUNT(environment_fields), out);
}

tg_err_t tg_environment_parse(const json_t *body, tg_arena_t *a, tg_environment_t *out, tg_fault_t *fault) {
    tg_reader_t r = {a, fault};
    return tg_environment_read(&r, NULL, body, out);
}

json_t *tg_environment_schema(void) {
    tg_environment_t none;
    environment_init(&none);
    return tg_schema_defaults(tg_fields_schema(environment_fields, COUNT(environment_fields)),
                              tg_environment_write(&none));
}

json_t *tg_environment_write(const tg_environment_t *e) {
    tg_writer_t w = tg_writer();
    tg_write_str(&w, "name", e->name);
    tg_write_str(&w, "description", e->description);
    tg_write_str_or_null(&w, "accessUrl", e->access_url);
    tg_write_int(&w, "leewaySeconds", e->leeway_s);
    tg_write_int(&w, "jwksMaxAgeSeconds", e->jwks_max_age_s);
    tg_write_json(&w, "forwardedIp", tg_forwarded_write(&e->forwarded));
    tg_write_json(&w, "cors", tg_cors_write(&e->cors));
    tg_write_strs(&w, "trustedProxies", e->trusted_proxies, e->n_trusted_proxies);
    tg_write_int(&w, "propagationBoundMillis", e->revocation_bound_ms);
    tg_write_cstr(&w, "jwtWhenFeedLost", tg_choice_name(feed_choices, e->jwt_refuse_when_feed_lost));
    tg_write_json(&w, "failureLimits", failure_limits_write(e));
    tg_write_json(&w, "tokenRequestLog", request_log_write(e));
    return tg_writer_end(&w);
}
