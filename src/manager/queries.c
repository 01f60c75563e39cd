#include "manager/queries.h"

#include "model/names.h"

#define TEXT_MAX 1024

static const tg_choice_t access_types[] = {
    {"API_PROXY", 1, false}, {"API_PROXY_GROUP", 2, false}, {"POLICY_GROUP", 3, false}, {NULL, 0, false}};

#define NUMBER(key, least, most)                                                                                       \
    { .name = key, .read = tg_read_int64, .min = (least), .max = (most) }
#define TEXT(key)                                                                                                      \
    { .name = key, .read = tg_read_line, .max = TEXT_MAX }
#define NAMED(key)                                                                                                     \
    { .name = key, .read = tg_read_name }
#define MOMENT(key)                                                                                                    \
    { .name = key, .read = tg_read_moment }
#define END                                                                                                            \
    { .name = NULL }

const tg_field_t tg_query_environment[] = {NAMED("environmentName"), END};
const tg_field_t tg_query_environment_needed[] = {
    {.name = "environmentName", .read = tg_read_name, .required = true},
    END,
};
const tg_field_t tg_query_rollback[] = {NAMED("environmentName"), NAMED("sourceEnvironmentName"), END};
const tg_field_t tg_query_access[] = {
    NAMED("name"), {.name = "type", .read = tg_read_choice, .more = access_types}, END};
const tg_field_t tg_query_requests[] = {
    NAMED("environment"),
    NAMED("project"),
    TEXT("proxy"),
    TEXT("user"),
    TEXT("clientId"),
    TEXT("error"),
    NUMBER("statusFrom", 100, 599),
    NUMBER("statusTo", 100, 599),
    MOMENT("from"),
    MOMENT("to"),
    NUMBER("before", 1, INT64_MAX),
    NUMBER("pageSize", 1, TG_PAGE_SIZE_MAX),
    END,
};
const tg_field_t tg_query_audit[] = {
    TEXT("who"), TEXT("what"), NAMED("project"), MOMENT("from"), MOMENT("to"), NUMBER("before", 1, INT64_MAX), END};
const tg_field_t tg_query_export[] = {NAMED("project"), END};
const tg_field_t tg_query_upload[] = {
    {.name = "apiProxyName", .read = tg_read_name, .required = true},
    {.name = "relativePath", .read = tg_read_line, .required = true, .min = 1, .max = 1024},
    {.name = "address", .read = tg_read_line, .max = 2048},
    END,
};

tg_str_t tg_param_text(const tg_call_t *c, const char *name) {
    return tg_params_text(&c->query, name);
}

int64_t tg_param_number(const tg_call_t *c, const char *name, int64_t fallback) {
    return tg_params_number(&c->query, name, fallback);
}

tg_ms_t tg_param_moment(const tg_call_t *c, const char *name) {
    return tg_params_moment(&c->query, name);
}
