#include "model/parts.h"

#include "model/credential.h"
#include "model/names.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define ROWS_MAX 256

static const tg_field_t row_fields[] = {
    {.name = "httpMethod",
     .read = tg_read_method_or_any,
     .offset = offsetof(tg_method_access_t, method),
     .required = true},
    {.name = "path", .read = tg_read_path_pattern, .offset = offsetof(tg_method_access_t, path), .required = true},
    {.name = "roles", TG_TEXTS(tg_method_access_t, roles, n_roles, tg_read_role), .max = TG_ROLES_MAX},
};

static tg_err_t read_row(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v, void *out) {
    (void)f;
    return tg_fields_read(r, at, v, row_fields, COUNT(row_fields), out);
}

static const tg_field_t authorization_fields[] = {
    {.name = "enabled", .read = tg_read_bool, .offset = offsetof(tg_policy_t, authorization), .required = true},
    {.name = "methodAccess",
     TG_STRUCTS(tg_policy_t, methods, n_methods, read_row),
     .max = ROWS_MAX,
     TG_INNER(row_fields)},
};

json_t *tg_schema_authorization(const tg_field_t *f) {
    (void)f;
    return tg_fields_schema(authorization_fields, COUNT(authorization_fields));
}

/* Two rows for one thing would leave it open which counts. */
static tg_err_t rows_check(const tg_reader_t *r, const tg_place_t *at, const tg_policy_t *p) {
    for (size_t i = 0; i < p->n_methods; i++) {
        for (size_t j = 0; j < i; j++) {
            if (tg_str_eq(p->methods[i].path, p->methods[j].path) &&
                tg_str_eq(p->methods[i].method, p->methods[j].method)) {
                return tg_refuse(r, TG_ELEMENT(at, i), "stands in the list twice");
            }
        }
    }
    return TG_OK;
}

tg_err_t tg_read_authorization(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                               void *out) {
    (void)f;
    tg_err_t err = tg_fields_read(r, at, v, authorization_fields, COUNT(authorization_fields), out);
    return err ? err : rows_check(r, TG_MEMBER(at, "methodAccess"), out);
}

json_t *tg_authorization_write(const tg_policy_t *p) {
    json_t *rows = json_array();
    for (size_t i = 0; i < p->n_methods; i++) {
        tg_writer_t row = tg_writer();
        tg_write_str(&row, "httpMethod", p->methods[i].method);
        tg_write_str(&row, "path", p->methods[i].path);
        tg_write_strs(&row, "roles", p->methods[i].roles, p->methods[i].n_roles);
        tg_list_put(&rows, tg_writer_end(&row));
    }
    tg_writer_t w = tg_writer();
    tg_write_bool(&w, "enabled", p->authorization);
    tg_write_json(&w, "methodAccess", rows);
    return tg_writer_end(&w);
}
