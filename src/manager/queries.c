#include "manager/queries.h"

#include "model/names.h"

#define TEXT_MAX 1024

static const tg_choice_t sorts[] = {
    {"name", 1, false}, {"-name", 2, false}, {"name,asc", 3, false}, {"name,desc", 4, false}, {NULL, 0, false}};
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

const tg_field_t tg_query_list[] = {
    NUMBER("page", 1, TG_PAGE_MAX),
    NUMBER("pageSize", 1, TG_PAGE_SIZE_MAX),
    {.name = "sort", .read = tg_read_choice, .more = sorts},
    {.name = "q", .read = tg_read_line, .max = 256},
    END,
};

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

size_t tg_query_rows(const tg_field_t *table) {
    size_t n = 0;
    while (table != NULL && table[n].name != NULL) {
        n++;
    }
    return n;
}

static const tg_field_t *row_find(const tg_field_t *table, tg_str_t name) {
    for (size_t i = 0; i < tg_query_rows(table); i++) {
        if (tg_str_eq(name, tg_str(table[i].name))) {
            return &table[i];
        }
    }
    return NULL;
}

/* Digits are a number where one is wanted; what is none stays a text, for the row to refuse. */
static json_t *value_new(const tg_field_t *row, tg_str_t text) {
    uint64_t number;
    return row->read == tg_read_int64 && tg_str_to_u64(text, INT64_MAX, &number) ? json_integer((json_int_t)number)
                                                                                 : tg_text(text);
}

static tg_err_t pair_check(tg_call_t *c, const tg_form_pair_t *pair) {
    union {
        tg_str_t text;
        int64_t number;
        int choice;
    } ignored;
    tg_reader_t r = {&c->arena, &c->fault};
    const tg_field_t *row = c->op->flags & TG_OP_LIST ? row_find(tg_query_list, pair->name) : NULL;
    row = row != NULL ? row : row_find(c->op->query, pair->name);
    if (row == NULL) {
        return tg_fault(&c->fault, TG_ERR_INVALID, "", "query parameter \"%.*s\" is not known",
                        TG_STR_ARGS(pair->name));
    }
    json_t *value = value_new(row, pair->value);
    tg_err_t err = value == NULL ? TG_ERR_NOMEM : row->read(&r, TG_MEMBER(NULL, row->name), row, value, &ignored);
    json_decref(value);
    return err;
}

tg_err_t tg_query_check(tg_call_t *c) {
    const tg_form_pair_t *repeated = tg_form_repeated(&c->query);
    if (repeated != NULL) {
        return tg_fault(&c->fault, TG_ERR_INVALID, "", "query parameter \"%.*s\" stands twice",
                        TG_STR_ARGS(repeated->name));
    }
    tg_err_t err = TG_OK;
    for (size_t i = 0; !err && i < c->query.n; i++) {
        err = pair_check(c, &c->query.pairs[i]);
    }
    for (size_t i = 0; !err && i < tg_query_rows(c->op->query); i++) {
        tg_str_t value;
        if (c->op->query[i].required && !tg_call_query(c, c->op->query[i].name, &value)) {
            err = tg_fault(&c->fault, TG_ERR_INVALID, c->op->query[i].name, "is required as a query parameter");
        }
    }
    return err;
}

/* ---- values that were checked ---- */

tg_str_t tg_param_text(const tg_call_t *c, const char *name) {
    tg_str_t text = TG_STR_NONE;
    return tg_call_query(c, name, &text) ? text : TG_STR_NONE;
}

int64_t tg_param_number(const tg_call_t *c, const char *name, int64_t fallback) {
    uint64_t number = 0;
    tg_str_t text;
    return tg_call_query(c, name, &text) && tg_str_to_u64(text, INT64_MAX, &number) ? (int64_t)number : fallback;
}

tg_ms_t tg_param_moment(const tg_call_t *c, const char *name) {
    tg_ms_t at = 0;
    tg_str_t text;
    return tg_call_query(c, name, &text) && tg_iso8601_parse(text, &at) == TG_OK ? at : 0;
}
