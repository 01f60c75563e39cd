#include "model/metadata_entry.h"
#include "model/schemas.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define ORGANIZATION_FIELDS(one)                                                                                       \
    {.name = "name", .read = tg_read_name, .offset = offsetof(tg_organization_t, name), .required = true},             \
        {.name = "description",                                                                                        \
         .read = tg_read_text,                                                                                         \
         .offset = offsetof(tg_organization_t, description),                                                           \
         .max = 1024},                                                                                                 \
    {                                                                                                                  \
        .name = "metadata", TG_STRUCTS(tg_organization_t, metadata, n_metadata, one), .max = TG_METADATA_MAX           \
    }

static const tg_field_t body_fields[] = {ORGANIZATION_FIELDS(tg_read_metadata_entry)};
static const tg_field_t stored_fields[] = {ORGANIZATION_FIELDS(tg_read_stored_entry)};

static tg_err_t organization_read(const tg_reader_t *r, const tg_field_t *table, size_t n, const json_t *doc,
                                  tg_organization_t *out) {
    *out = (tg_organization_t){.name = TG_STR_NONE};
    tg_err_t err = tg_fields_read(r, NULL, doc, table, n, out);
    return err ? err : tg_metadata_check(r, TG_MEMBER(NULL, "metadata"), out->metadata, out->n_metadata);
}

tg_err_t tg_organization_parse(const json_t *body, tg_arena_t *a, tg_organization_t *out, tg_fault_t *fault) {
    tg_reader_t r = {a, fault};
    return organization_read(&r, body_fields, COUNT(body_fields), body, out);
}

tg_err_t tg_organization_read_stored(const json_t *doc, tg_arena_t *a, tg_organization_t *out, tg_fault_t *fault) {
    tg_reader_t r = {a, fault};
    return organization_read(&r, stored_fields, COUNT(stored_fields), doc, out);
}

json_t *tg_organization_schema(void) {
    const tg_organization_t none = {.n_metadata = 0};
    return tg_schema_defaults(tg_fields_schema(body_fields, COUNT(body_fields)), tg_organization_write(&none));
}

json_t *tg_organization_write(const tg_organization_t *o) {
    tg_writer_t w = tg_writer();
    tg_write_str(&w, "name", o->name);
    tg_write_str(&w, "description", o->description);
    tg_write_json(&w, "metadata", tg_metadata_entries_write(o->metadata, o->n_metadata));
    return tg_writer_end(&w);
}
