#include "model/credential.h"

#include <stdlib.h>

#include "model/method.h"
#include "model/parts.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define ROWS_MAX     10000
#define SETTINGS_MAX 64
#define METHODS_MAX  9
#define ROW_MAX      (64u << 10) /* bytes of a stored row */
#define DEPTH_MAX    6

static const tg_choice_t type_choices[] = {{"API_PROXY", TG_ACCESS_PROXY, false},
                                           {"API_PROXY_GROUP", TG_ACCESS_PROXY_GROUP, false},
                                           {"POLICY_GROUP", TG_ACCESS_POLICY_GROUP, false},
                                           {NULL, 0, false}};

/* ---- settings ---- */

static tg_err_t read_methods(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                             void *out) {
    uint32_t *bits = out;
    size_t n;
    tg_err_t err = tg_want_array(r, at, f, v, &n);
    for (size_t i = 0; !err && i < n; i++) {
        const tg_place_t *here = TG_ELEMENT(at, i);
        tg_str_t s;
        if ((err = tg_want_string(r, here, json_array_get(v, i), &s))) {
            return err;
        }
        uint32_t bit = tg_method_bit(s);
        if (bit == 0) {
            return tg_refuse(r, here, "must be one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE, CONNECT");
        }
        if ((*bits & bit) != 0) {
            return tg_refuse(r, here, "stands in the list twice");
        }
        *bits |= bit;
    }
    return err;
}

static json_t *methods_schema(const tg_field_t *f) {
    json_t *names = json_array();
    for (uint32_t bit = 1; tg_method_name(bit).n > 0; bit <<= 1) {
        tg_list_put(&names, tg_json_new_str(tg_method_name(bit)));
    }
    return tg_schema_array(f, tg_schema_enum(names));
}

/* What may stand in an element itself, too. */
#define SETTINGS_FIELDS(base)                                                                                          \
    TG_LIMITS_FIELDS((base) + offsetof(tg_access_settings_t, limits)),                                                 \
        {.name = "disallowedMethods",                                                                                  \
         .read = read_methods,                                                                                         \
         .offset = (base) + offsetof(tg_access_settings_t, disallowed),                                                \
         .max = METHODS_MAX,                                                                                           \
         .schema = methods_schema},                                                                                    \
    {                                                                                                                  \
        .name = "expireTime", .read = tg_read_expiry, .offset = (base) + offsetof(tg_access_settings_t, expires_at)    \
    }

static const tg_field_t settings_fields[] = {
    {.name = "environmentName", .read = tg_read_name, .offset = offsetof(tg_access_settings_t, environment)},
    SETTINGS_FIELDS(0),
};

static tg_err_t read_settings(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                              void *out) {
    (void)f;
    return tg_fields_read(r, at, v, settings_fields, COUNT(settings_fields), out);
}

static json_t *methods_write(uint32_t bits) {
    json_t *list = json_array();
    for (uint32_t bit = 1; bit != 0; bit <<= 1) {
        if ((bits & bit) != 0) {
            tg_list_put(&list, tg_json_new_str(tg_method_name(bit)));
        }
    }
    return list;
}

static json_t *settings_write(const tg_access_settings_t *s) {
    tg_writer_t w = tg_writer();
    tg_write_str_or_null(&w, "environmentName", s->environment);
    tg_limits_write_members(&w, &s->limits);
    tg_write_json(&w, "disallowedMethods", methods_write(s->disallowed));
    tg_write_moment(&w, "expireTime", s->expires_at);
    return tg_writer_end(&w);
}

/* ---- one row ---- */

typedef struct {
    tg_access_row_t row;
    tg_access_settings_t own; /* of the members that stand in the element itself */
} element_t;

static const tg_field_t own_fields[] = {SETTINGS_FIELDS(0)};

static const tg_field_t element_fields[] = {
    {.name = "name", .read = tg_read_name, .offset = offsetof(element_t, row.name), .required = true},
    {.name = "type",
     .read = tg_read_choice,
     .offset = offsetof(element_t, row.type),
     .required = true,
     .more = type_choices},
    {.name = "settings",
     TG_STRUCTS(element_t, row.settings, row.n_settings, read_settings),
     .max = SETTINGS_MAX,
     TG_INNER(settings_fields)},
    SETTINGS_FIELDS(offsetof(element_t, own)),
};

static bool has_own(const json_t *element) {
    for (size_t i = 0; i < COUNT(own_fields); i++) {
        const json_t *v = json_object_get(element, own_fields[i].name);
        if (v != NULL && !json_is_null(v)) {
            return true;
        }
    }
    return false;
}

static tg_err_t settings_check(const tg_reader_t *r, const tg_place_t *at, const element_t *e, bool own) {
    for (size_t i = 0; i < e->row.n_settings; i++) {
        const tg_access_settings_t *s = &e->row.settings[i];
        if (own && s->environment.n == 0) {
            return tg_refuse(r, TG_MEMBER(TG_ELEMENT(at, i), "environmentName"),
                             "is required with settings in the element itself");
        }
        for (size_t j = 0; j < i; j++) {
            if (tg_str_eq(s->environment, e->row.settings[j].environment)) {
                return tg_refuse(r, TG_MEMBER(TG_ELEMENT(at, i), "environmentName"), "stands in the list twice");
            }
        }
    }
    return TG_OK;
}

static tg_err_t own_put(const tg_reader_t *r, element_t *e) {
    tg_access_settings_t *settings = tg_arena_array(r->arena, e->row.n_settings + 1, sizeof(*settings));
    if (settings == NULL) {
        return tg_refuse_nomem(r);
    }
    settings[0] = e->own;
    for (size_t i = 0; i < e->row.n_settings; i++) {
        settings[i + 1] = e->row.settings[i];
    }
    e->row.settings = settings;
    e->row.n_settings++;
    return TG_OK;
}

static tg_err_t read_row(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v, void *out) {
    (void)f;
    element_t e = {.row.name = TG_STR_NONE};
    tg_err_t err = tg_fields_read(r, at, v, element_fields, COUNT(element_fields), &e);
    bool own = !err && has_own(v);
    if (!err) {
        err = settings_check(r, TG_MEMBER(at, "settings"), &e, own);
    }
    if (!err && own) {
        err = own_put(r, &e);
    }
    *(tg_access_row_t *)out = e.row;
    return err;
}

json_t *tg_access_row_write(const tg_access_row_t *row) {
    json_t *settings = json_array();
    for (size_t i = 0; i < row->n_settings; i++) {
        tg_list_put(&settings, settings_write(&row->settings[i]));
    }
    tg_writer_t w = tg_writer();
    tg_write_str(&w, "name", row->name);
    tg_write_cstr(&w, "type", tg_choice_name(type_choices, (int)row->type));
    tg_write_json(&w, "settings", settings);
    return tg_writer_end(&w);
}

/* ---- the list ---- */

typedef struct {
    tg_access_row_t *rows;
    size_t n;
} list_t;

static const tg_field_t list_fields[] = {
    {.name = "credentialAccessList",
     TG_STRUCTS(list_t, rows, n, read_row),
     .required = true,
     .max = ROWS_MAX,
     TG_INNER(element_fields)},
};

json_t *tg_access_list_schema(void) {
    return tg_fields_schema(list_fields, COUNT(list_fields));
}

json_t *tg_access_row_schema(void) {
    return tg_fields_schema(element_fields, COUNT(element_fields));
}

/* By what they name, then by their place: the later of two is the one that is told. */
static int compare_rows(const void *a, const void *b) {
    const tg_access_row_t *left = *(const tg_access_row_t *const *)a;
    const tg_access_row_t *right = *(const tg_access_row_t *const *)b;
    if (left->type != right->type) {
        return left->type < right->type ? -1 : 1;
    }
    size_t n = left->name.n < right->name.n ? left->name.n : right->name.n;
    int order = memcmp(left->name.p, right->name.p, n);
    if (order == 0) {
        order = left->name.n < right->name.n ? -1 : left->name.n > right->name.n;
    }
    return order != 0 ? order : left < right ? -1 : left > right;
}

static tg_err_t list_check(const tg_reader_t *r, const tg_place_t *at, const list_t *list) {
    const tg_access_row_t **sorted = tg_arena_array(r->arena, list->n, sizeof(const tg_access_row_t *));
    if (sorted == NULL) {
        return tg_refuse_nomem(r);
    }
    for (size_t i = 0; i < list->n; i++) {
        sorted[i] = &list->rows[i];
    }
    if (list->n > 1) {
        qsort((void *)sorted, list->n, sizeof(*sorted), compare_rows);
    }
    for (size_t i = 1; i < list->n; i++) {
        if (sorted[i]->type == sorted[i - 1]->type && tg_str_eq(sorted[i]->name, sorted[i - 1]->name)) {
            size_t place = (size_t)(sorted[i] - list->rows);
            return tg_refuse(r, TG_MEMBER(TG_ELEMENT(at, place), "name"), "stands in the list twice");
        }
    }
    return TG_OK;
}

tg_err_t tg_access_list_parse(const json_t *body, tg_arena_t *a, tg_access_row_t **rows, size_t *n, tg_fault_t *fault) {
    tg_reader_t r = {a, fault};
    list_t list = {.n = 0};
    tg_err_t err = tg_fields_read(&r, NULL, body, list_fields, COUNT(list_fields), &list);
    if (!err) {
        err = list_check(&r, TG_MEMBER(NULL, "credentialAccessList"), &list);
    }
    *rows = list.rows;
    *n = list.n;
    return err;
}

/* ---- as a gateway reads it ---- */

static const tg_access_settings_t *settings_of(const tg_access_row_t *row, tg_str_t environment) {
    const tg_access_settings_t *general = NULL;
    for (size_t i = 0; i < row->n_settings; i++) {
        const tg_access_settings_t *s = &row->settings[i];
        if (s->environment.n == 0) {
            general = s;
        } else if (tg_str_eq(s->environment, environment)) {
            return s;
        }
    }
    return general;
}

tg_err_t tg_access_parse(tg_str_t text, int64_t target, tg_str_t environment, tg_arena_t *a, tg_access_t *out,
                         tg_fault_t *fault) {
    tg_reader_t r = {a, fault};
    tg_access_row_t row;
    json_t *doc = NULL;
    *out = (tg_access_t){.allowed = false};
    tg_err_t err = tg_json_parse(text, ROW_MAX, DEPTH_MAX, &doc, fault);
    if (!err) {
        err = read_row(&r, NULL, NULL, doc, &row);
    }
    json_decref(doc);
    if (err) {
        return err;
    }
    const tg_access_settings_t *s = settings_of(&row, environment);
    *out = (tg_access_t){.allowed = true, .target = target};
    if (s != NULL) {
        out->disallowed = s->disallowed;
        out->expires_at = s->expires_at;
        out->limits = s->limits;
    }
    return TG_OK;
}
