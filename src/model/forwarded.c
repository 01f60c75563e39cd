#include "model/parts.h"

#include "model/names.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const tg_choice_t order_choices[] = {{"LAST", 0, false},  {"FIRST", 1, false},  {"SECOND", 2, false},
                                            {"THIRD", 3, false}, {"FOURTH", 4, false}, {"FIFTH", 5, false},
                                            {NULL, 0, false}};

static const tg_field_t forwarded_fields[] = {
    {.name = "enabled", .read = tg_read_bool, .offset = offsetof(tg_forwarded_t, enabled)},
    {.name = "headerName", .read = tg_read_header_name, .offset = offsetof(tg_forwarded_t, header)},
    {.name = "xffOrder", .read = tg_read_choice, .offset = offsetof(tg_forwarded_t, order), .more = order_choices},
};

void tg_forwarded_init(tg_forwarded_t *f) {
    *f = (tg_forwarded_t){.header = TG_STR("X-Forwarded-For")};
}

tg_err_t tg_read_forwarded(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                           void *out) {
    (void)f;
    return tg_fields_read(r, at, v, forwarded_fields, COUNT(forwarded_fields), out);
}

tg_err_t tg_forwarded_parse(const json_t *body, tg_arena_t *a, tg_forwarded_t *out, tg_fault_t *fault) {
    tg_reader_t r = {a, fault};
    tg_forwarded_init(out);
    return tg_read_forwarded(&r, NULL, NULL, body, out);
}

json_t *tg_forwarded_schema(void) {
    tg_forwarded_t none;
    tg_forwarded_init(&none);
    return tg_schema_defaults(tg_fields_schema(forwarded_fields, COUNT(forwarded_fields)), tg_forwarded_write(&none));
}

json_t *tg_forwarded_write(const tg_forwarded_t *f) {
    tg_writer_t w = tg_writer();
    tg_write_bool(&w, "enabled", f->enabled);
    tg_write_str(&w, "headerName", f->header);
    tg_write_cstr(&w, "xffOrder", tg_choice_name(order_choices, f->order));
    return tg_writer_end(&w);
}
