#include "model/parts.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const tg_field_t group_fields[] = {
    {.name = "name", .read = tg_read_name, .offset = offsetof(tg_group_t, name), .required = true},
    {.name = "description", .read = tg_read_text, .offset = offsetof(tg_group_t, description), .max = 1024},
    {.name = "cors", .read = tg_read_cors, .offset = offsetof(tg_group_t, cors)},
    {.name = "forwardedIp", .read = tg_read_forwarded, .offset = offsetof(tg_group_t, forwarded)},
    {.name = "deploy", .read = tg_read_deploy},
    {.name = "deployTargetEnvironmentNameList", .read = tg_read_deploy_targets},
};

static void group_init(tg_group_t *out) {
    *out = (tg_group_t){.name = TG_STR_NONE};
    tg_cors_init(&out->cors);
    tg_forwarded_init(&out->forwarded);
}

tg_err_t tg_group_read(const tg_reader_t *r, const tg_place_t *at, const json_t *body, tg_str_t project,
                       tg_group_t *out) {
    group_init(out);
    tg_err_t err = tg_keep(r, project, &out->project);
    return err ? err : tg_fields_read(r, at, body, group_fields, COUNT(group_fields), out);
}

tg_err_t tg_group_parse(const json_t *body, tg_str_t project, tg_arena_t *a, tg_group_t *out, tg_fault_t *fault) {
    tg_reader_t r = {a, fault};
    return tg_group_read(&r, NULL, body, project, out);
}

json_t *tg_group_schema(void) {
    tg_group_t none;
    group_init(&none);
    return tg_schema_defaults(tg_fields_schema(group_fields, COUNT(group_fields)), tg_group_write(&none));
}

json_t *tg_group_write(const tg_group_t *g) {
    tg_writer_t w = tg_writer();
    tg_write_str(&w, "name", g->name);
    tg_write_str(&w, "description", g->description);
    tg_write_json(&w, "cors", tg_cors_write(&g->cors));
    tg_write_json(&w, "forwardedIp", tg_forwarded_write(&g->forwarded));
    return tg_writer_end(&w);
}
