#include "model/params.h"

static const tg_choice_t sorts[] = {
    {"name", 1, false}, {"-name", 2, false}, {"name,asc", 3, false}, {"name,desc", 4, false}, {NULL, 0, false}};

#define NUMBER(key, least, most)                                                                                       \
    { .name = key, .read = tg_read_int64, .min = (least), .max = (most) }

const tg_field_t tg_query_list[] = {
    NUMBER("page", 1, TG_PAGE_MAX),
    NUMBER("pageSize", 1, TG_PAGE_SIZE_MAX),
    {.name = "sort", .read = tg_read_choice, .more = sorts},
    {.name = "q", .read = tg_read_line, .max = 256},
    {.name = NULL},
};

size_t tg_params_rows(const tg_field_t *table) {
    size_t n = 0;
    while (table != NULL && table[n].name != NULL) {
        n++;
    }
    return n;
}

static const tg_field_t *row_find(const tg_field_t *table, tg_str_t name) {
    for (size_t i = 0; i < tg_params_rows(table); i++) {
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
                                                                                 : json_stringn(text.p, text.n);
}

static tg_err_t pair_check(const tg_field_t *row, const tg_form_pair_t *pair, const tg_reader_t *r) {
    union {
        tg_str_t text;
        int64_t number;
        int choice;
    } ignored;
    if (row == NULL) {
        return tg_fault(r->fault, TG_ERR_INVALID, "", "query parameter \"%.*s\" is not known", TG_STR_ARGS(pair->name));
    }
    json_t *value = value_new(row, pair->value);
    tg_err_t err = value == NULL ? tg_refuse_nomem(r) : row->read(r, TG_MEMBER(NULL, row->name), row, value, &ignored);
    json_decref(value);
    return err;
}

static tg_err_t required_check(const tg_field_t *table, const tg_form_t *query, tg_fault_t *fault) {
    tg_str_t value;
    for (size_t i = 0; i < tg_params_rows(table); i++) {
        if (table[i].required && tg_form_find(query, tg_str(table[i].name), &value) == 0) {
            return tg_fault(fault, TG_ERR_INVALID, table[i].name, "is required as a query parameter");
        }
    }
    return TG_OK;
}

tg_err_t tg_params_parse(tg_str_t text, const tg_field_t *one, const tg_field_t *other, tg_arena_t *a, tg_form_t *out,
                         tg_fault_t *fault) {
    const tg_reader_t r = {a, fault};
    tg_err_t err = tg_form_parse(text, TG_QUERY_PAIRS_MAX, a, out);
    if (err) {
        return err == TG_ERR_NOMEM ? err : tg_fault(fault, TG_ERR_INVALID, "", "the query cannot be read");
    }
    const tg_form_pair_t *repeated = tg_form_repeated(out);
    if (repeated != NULL) {
        return tg_fault(fault, TG_ERR_INVALID, "", "query parameter \"%.*s\" stands twice",
                        TG_STR_ARGS(repeated->name));
    }
    for (size_t i = 0; !err && i < out->n; i++) {
        const tg_field_t *row = row_find(one, out->pairs[i].name);
        err = pair_check(row != NULL ? row : row_find(other, out->pairs[i].name), &out->pairs[i], &r);
    }
    if (!err) {
        err = required_check(one, out, fault);
    }
    return err ? err : required_check(other, out, fault);
}

/* ---- values that were checked ---- */

tg_str_t tg_params_text(const tg_form_t *query, const char *name) {
    tg_str_t text = TG_STR_NONE;
    return tg_form_find(query, tg_str(name), &text) > 0 ? text : TG_STR_NONE;
}

int64_t tg_params_number(const tg_form_t *query, const char *name, int64_t fallback) {
    uint64_t number = 0;
    tg_str_t text;
    return tg_form_find(query, tg_str(name), &text) > 0 && tg_str_to_u64(text, INT64_MAX, &number) ? (int64_t)number
                                                                                                   : fallback;
}

tg_ms_t tg_params_moment(const tg_form_t *query, const char *name) {
    tg_ms_t at = 0;
    tg_str_t text;
    return tg_form_find(query, tg_str(name), &text) > 0 && tg_iso8601_parse(text, &at) == TG_OK ? at : 0;
}

tg_paging_t tg_params_paging(const tg_form_t *query) {
    tg_str_t sort = tg_params_text(query, "sort");
    tg_paging_t p = {.page = tg_params_number(query, "page", 1),
                     .size = tg_params_number(query, "pageSize", TG_PAGE_SIZE_DEFAULT),
                     .descending = tg_str_eq(sort, TG_STR("-name")) || tg_str_eq(sort, TG_STR("name,desc")),
                     .q = tg_params_text(query, "q")};
    p.offset = (p.page - 1) * p.size;
    return p;
}
