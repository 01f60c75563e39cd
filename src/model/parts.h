/* The parse functions of model.h at a place inside a larger document. Internal to the model room. */
#ifndef TG_MODEL_PARTS_H
#define TG_MODEL_PARTS_H

#include "model/fields.h"
#include "model/identity_provider.h"
#include "model/model.h"
#include "model/schemas.h"
#include "model/token_management.h"
#include "model/writer.h"

tg_err_t tg_policy_read(const tg_reader_t *, const tg_place_t *, const json_t *, tg_str_t name, tg_policy_t *out);
tg_err_t tg_proxy_read(const tg_reader_t *, const tg_place_t *, const json_t *, tg_str_t project, tg_proxy_t *out);
tg_err_t tg_environment_read(const tg_reader_t *, const tg_place_t *, const json_t *, tg_environment_t *out);
tg_err_t tg_signing_key_read(const tg_reader_t *, const tg_place_t *, const json_t *, tg_signing_key_t *out);
tg_err_t tg_token_management_read(const tg_reader_t *, const tg_place_t *, const json_t *, tg_token_management_t *out);

tg_err_t tg_group_read(const tg_reader_t *, const tg_place_t *, const json_t *, tg_str_t project, tg_group_t *out);

/* What several resources share; readers for table rows. Defaults first: a member that is absent changes nothing. */
void tg_cors_init(tg_cors_t *c);
tg_err_t tg_read_cors(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);
void tg_forwarded_init(tg_forwarded_t *f);
tg_err_t tg_read_forwarded(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);
tg_err_t tg_read_limits(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);
tg_err_t tg_read_counting_mode(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);
void tg_limits_write_members(tg_writer_t *w, const tg_limits_t *l);

/* Which windows a limit may have (FIXED is the default if it may), and how short. `more` of tg_read_limit. */
typedef struct {
    bool fixed, sliding;
    int64_t min_ms;
} tg_limit_rule_t;
extern const tg_limit_rule_t tg_quota_rule, tg_throttling_rule, tg_failure_limit_rule;
tg_err_t tg_read_limit(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);
/* The largest unit of which the interval is a whole number. */
tg_str_t tg_unit_for(int64_t interval_ms);
json_t *tg_limit_write(const tg_limit_t *l) TG_MUST_CHECK;
json_t *tg_schema_limit(const tg_field_t *f) TG_MUST_CHECK;
json_t *tg_schema_counting_mode(const tg_field_t *f) TG_MUST_CHECK;

/* Table rows for a struct that holds a tg_limits_t at `base`. */
#define TG_LIMITS_FIELDS(base)                                                                                         \
    {.name = "quota", .read = tg_read_limit, .offset = (base) + offsetof(tg_limits_t, quota), .more = &tg_quota_rule}, \
        {.name = "throttling",                                                                                         \
         .read = tg_read_limit,                                                                                        \
         .offset = (base) + offsetof(tg_limits_t, throttling),                                                         \
         .more = &tg_throttling_rule},                                                                                 \
    {                                                                                                                  \
        .name = "countingMode", .read = tg_read_counting_mode, .offset = (base) + offsetof(tg_limits_t, accepted_only) \
    }

/* authorization of a policy; out is the tg_policy_t. */
tg_err_t tg_read_authorization(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);
json_t *tg_authorization_write(const tg_policy_t *p) TG_MUST_CHECK;
json_t *tg_schema_authorization(const tg_field_t *f) TG_MUST_CHECK;

/* A path pattern (path_pattern.h), and a method or "*"; readers for table rows. */
tg_err_t tg_read_path_pattern(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);
tg_err_t tg_read_method_or_any(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);

/* Pieces of a proxy; readers for table rows. */
tg_err_t tg_read_client_route(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);
tg_err_t tg_read_routing_info(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);
tg_err_t tg_read_connection(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);
tg_err_t tg_read_endpoint(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);
/* Once all are read: gives names to those without one; no two may have the same name or the same key. */
tg_err_t tg_endpoints_finish(const tg_reader_t *, const tg_place_t *, tg_api_endpoint_t *list, size_t n);
json_t *tg_endpoints_write(const tg_proxy_t *p) TG_MUST_CHECK;
json_t *tg_client_route_write(const tg_route_t *route) TG_MUST_CHECK;
json_t *tg_routing_info_write(const tg_proxy_t *p) TG_MUST_CHECK;
json_t *tg_connection_write(const tg_connection_t *c) TG_MUST_CHECK;
void tg_connection_init(tg_connection_t *c);

/* One or more certificates in PEM, at most f->max bytes. */
#define TG_PEM_MAX (128 << 10)
tg_err_t tg_read_certificates(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);

/* An identity provider as it is stored. */
tg_err_t tg_identity_provider_read(const tg_reader_t *, const tg_place_t *, const json_t *, tg_str_t project,
                                   tg_identity_provider_t *out);

#endif
