/* JSON Schema from table rows. */
#include "model/metadata_entry.h"
#include "model/names.h"
#include "model/parts.h"
#include "model/path_pattern.h"
#include "model/schemas.h"
#include "model/token_settings.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* ---- plain values ---- */

json_t *tg_schema_string(const tg_field_t *f) {
    (void)f;
    return json_pack("{s:s}", "type", "string");
}

json_t *tg_schema_pattern(const char *pattern, int64_t min, int64_t max) {
    tg_writer_t w = tg_writer();
    tg_write_cstr(&w, "type", "string");
    if (pattern != NULL) {
        tg_write_cstr(&w, "pattern", pattern);
    }
    if (min > 0) {
        tg_write_int(&w, "minLength", min);
    }
    if (max > 0) {
        tg_write_int(&w, "maxLength", max);
    }
    return tg_writer_end(&w);
}

json_t *tg_schema_text(const tg_field_t *f) {
    return tg_schema_pattern(NULL, f->min, f->max);
}

json_t *tg_schema_choice(const tg_field_t *f) {
    json_t *list = json_array();
    for (const tg_choice_t *c = f->more; c->name != NULL; c++) {
        if (!c->unavailable) {
            tg_list_put(&list, json_string(c->name));
        }
    }
    return tg_schema_enum(list);
}

json_t *tg_schema_enum(json_t *names) {
    tg_writer_t w = tg_writer();
    tg_write_cstr(&w, "type", "string");
    tg_write_json(&w, "enum", names);
    return tg_writer_end(&w);
}

json_t *tg_schema_array(const tg_field_t *f, json_t *items) {
    tg_writer_t w = tg_writer();
    tg_write_cstr(&w, "type", "array");
    tg_write_json(&w, "items", items);
    if (f->min > 0) {
        tg_write_int(&w, "minItems", f->min);
    }
    if (f->max > 0) {
        tg_write_int(&w, "maxItems", f->max);
    }
    return tg_writer_end(&w);
}

static json_t *bool_schema(const tg_field_t *f) {
    (void)f;
    return json_pack("{s:s}", "type", "boolean");
}

static json_t *integer_schema(const tg_field_t *f) {
    tg_writer_t w = tg_writer();
    tg_write_cstr(&w, "type", "integer");
    tg_write_int(&w, "minimum", f->min);
    tg_write_int(&w, "maximum", f->max);
    return tg_writer_end(&w);
}

static json_t *moment_schema(const tg_field_t *f) {
    (void)f;
    return json_pack("{s:s, s:s}", "type", "string", "format", "date-time");
}

static json_t *false_schema(const tg_field_t *f) {
    (void)f;
    return json_pack("{s:s, s:[b]}", "type", "boolean", "enum", 0);
}

static json_t *empty_schema(const tg_field_t *f) {
    (void)f;
    return json_pack("{s:s, s:[s]}", "type", "string", "enum", "");
}

static json_t *any_schema(const tg_field_t *f) {
    (void)f;
    return json_object();
}

static json_t *any_list_schema(const tg_field_t *f) {
    return tg_schema_array(f, json_object());
}

/* ---- values that have a name ---- */

static json_t *name_schema(const tg_field_t *f) {
    (void)f;
    return tg_schema_pattern("^[A-Za-z0-9][A-Za-z0-9._-]*$", 1, TG_NAME_MAX);
}

static json_t *role_schema(const tg_field_t *f) {
    (void)f;
    return tg_schema_pattern("^[!#-\\[\\]-~]+$", 1, TG_NAME_MAX);
}

static json_t *client_id_schema(const tg_field_t *f) {
    (void)f;
    return tg_schema_pattern("^[!-9;-~]+$", 1, TG_CLIENT_ID_MAX);
}

json_t *tg_schema_client_secret(const tg_field_t *f) {
    (void)f;
    json_t *schema = tg_schema_pattern("^[!-~]+$", TG_CLIENT_SECRET_MIN, TG_CLIENT_SECRET_MAX);
    if (json_object_set_new(schema, "writeOnly", json_true()) != 0) {
        json_decref(schema);
        schema = NULL;
    }
    return schema;
}

static json_t *method_schema(const tg_field_t *f) {
    (void)f;
    return tg_schema_pattern("^[A-Z][A-Z_-]*$", 1, TG_METHOD_MAX);
}

static json_t *method_or_any_schema(const tg_field_t *f) {
    (void)f;
    return tg_schema_pattern("^(\\*|[A-Z][A-Z_-]*)$", 1, TG_METHOD_MAX);
}

static json_t *header_schema(const tg_field_t *f) {
    (void)f;
    return tg_schema_pattern("^[!#$%&'*+.^`|~0-9A-Za-z-]+$", 1, TG_NAME_MAX);
}

static json_t *path_pattern_schema(const tg_field_t *f) {
    (void)f;
    return tg_schema_pattern("^/", 1, TG_PATH_PATTERN_MAX);
}

static json_t *deploy_targets_schema(const tg_field_t *f) {
    const tg_field_t list = {.max = TG_DEPLOY_TARGETS_MAX};
    return tg_schema_array(&list, name_schema(f));
}

/* ---- which reader takes what ---- */

static json_t *cors_of(const tg_field_t *f) {
    (void)f;
    return tg_cors_schema();
}

static json_t *forwarded_of(const tg_field_t *f) {
    (void)f;
    return tg_forwarded_schema();
}

static json_t *limits_of(const tg_field_t *f) {
    (void)f;
    return tg_limits_schema();
}

static json_t *connection_of(const tg_field_t *f) {
    (void)f;
    return tg_connection_schema();
}

static json_t *route_of(const tg_field_t *f) {
    (void)f;
    return tg_client_route_schema();
}

static json_t *routing_of(const tg_field_t *f) {
    (void)f;
    return tg_routing_info_schema();
}

static json_t *endpoint_of(const tg_field_t *f) {
    (void)f;
    return tg_api_endpoint_schema();
}

static const struct {
    tg_read_fn read;
    tg_schema_fn schema;
} readers[] = {
    {tg_read_bool, bool_schema},
    {tg_read_int64, integer_schema},
    {tg_read_int, integer_schema},
    {tg_read_line, tg_schema_text},
    {tg_read_text, tg_schema_text},
    {tg_read_name, name_schema},
    {tg_read_moment, moment_schema},
    {tg_read_expiry, moment_schema},
    {tg_read_choice, tg_schema_choice},
    {tg_read_only_false, false_schema},
    {tg_read_unavailable, empty_schema},
    {tg_read_deploy, bool_schema},
    {tg_read_deploy_targets, deploy_targets_schema},
    {tg_read_kept, any_schema},
    {tg_read_kept_list, any_list_schema},
    {tg_read_role, role_schema},
    {tg_read_client_id, client_id_schema},
    {tg_read_client_secret, tg_schema_client_secret},
    {tg_read_method, method_schema},
    {tg_read_method_or_any, method_or_any_schema},
    {tg_read_path_pattern, path_pattern_schema},
    {tg_read_network, tg_schema_string},
    {tg_read_header_name, header_schema},
    {tg_read_identity_header_name, header_schema},
    {tg_read_unit, tg_schema_unit},
    {tg_read_algorithm, tg_schema_algorithm},
    {tg_read_identity_provider, tg_schema_identity_provider},
    {tg_read_limit, tg_schema_limit},
    {tg_read_counting_mode, tg_schema_counting_mode},
    {tg_read_authorization, tg_schema_authorization},
    {tg_read_metadata_entry, tg_schema_metadata_entry},
    {tg_read_stored_entry, tg_schema_metadata_entry},
    {tg_read_cors, cors_of},
    {tg_read_forwarded, forwarded_of},
    {tg_read_limits, limits_of},
    {tg_read_connection, connection_of},
    {tg_read_client_route, route_of},
    {tg_read_routing_info, routing_of},
    {tg_read_endpoint, endpoint_of},
};

static json_t *value_schema(const tg_field_t *f, tg_read_fn read) {
    if (f->schema != NULL) {
        return f->schema(f);
    }
    if (f->inner != NULL) {
        return tg_fields_schema(f->inner, f->n_inner);
    }
    for (size_t i = 0; i < COUNT(readers); i++) {
        if (readers[i].read == read) {
            return readers[i].schema(f);
        }
    }
    return NULL;
}

static json_t *list_schema(const tg_field_t *f) {
    const tg_list_t *list = f->more;
    json_t *schema = tg_schema_array(f, value_schema(f, list->read_one));
    if (list->texts && schema != NULL && json_object_set_new(schema, "uniqueItems", json_true()) != 0) {
        json_decref(schema);
        schema = NULL;
    }
    return schema;
}

/* ---- objects ---- */

static bool allows_null(const json_t *type) {
    size_t i;
    const json_t *name;
    json_array_foreach(type, i, name) {
        if (strcmp(json_string_value(name), "null") == 0) {
            return true;
        }
    }
    return false;
}

/* null stands for absent. */
static bool null_allow(json_t *schema) {
    json_t *type = json_object_get(schema, "type"), *names = json_object_get(schema, "enum");
    if (allows_null(type)) {
        return true;
    }
    if (json_is_string(type) && json_object_set_new(schema, "type", json_pack("[O, s]", type, "null")) != 0) {
        return false;
    }
    if (json_is_array(type) && json_array_append_new(type, json_string("null")) != 0) {
        return false;
    }
    return names == NULL || json_array_append_new(names, json_null()) == 0;
}

static json_t *member_schema(const tg_field_t *f) {
    json_t *schema = f->read == tg_read_list ? list_schema(f) : value_schema(f, f->read);
    if (schema != NULL && !f->required && !null_allow(schema)) {
        json_decref(schema);
        schema = NULL;
    }
    return schema;
}

json_t *tg_fields_schema(const tg_field_t *table, size_t n) {
    json_t *required = json_array();
    tg_writer_t members = tg_writer(), w = tg_writer();
    for (size_t i = 0; i < n; i++) {
        if (table[i].hidden) {
            continue;
        }
        tg_write_json(&members, table[i].name, member_schema(&table[i]));
        if (table[i].required) {
            tg_list_put(&required, json_string(table[i].name));
        }
    }
    tg_write_cstr(&w, "type", "object");
    tg_write_bool(&w, "additionalProperties", false);
    tg_write_json(&w, "properties", tg_writer_end(&members));
    if (required == NULL || json_array_size(required) > 0) {
        tg_write_json(&w, "required", required);
    } else {
        json_decref(required);
    }
    return tg_writer_end(&w);
}

/* ---- defaults ---- */

static bool is_required(const json_t *schema, const char *name) {
    size_t i;
    const json_t *element;
    json_array_foreach(json_object_get(schema, "required"), i, element) {
        if (strcmp(json_string_value(element), name) == 0) {
            return true;
        }
    }
    return false;
}

static bool defaults_put(json_t *schema, const json_t *written) {
    const char *name;
    json_t *member;
    json_object_foreach(json_object_get(schema, "properties"), name, member) {
        json_t *value = json_object_get(written, name);
        bool ok = true;
        if (value == NULL || json_is_null(value)) {
            continue;
        }
        if (json_object_get(member, "properties") != NULL) {
            ok = defaults_put(member, value);
        } else if (!is_required(schema, name)) {
            ok = json_object_set(member, "default", value) == 0;
        }
        if (!ok) {
            return false;
        }
    }
    return true;
}

json_t *tg_schema_defaults(json_t *schema, json_t *written) {
    if (schema == NULL || written == NULL || !defaults_put(schema, written)) {
        json_decref(schema);
        schema = NULL;
    }
    json_decref(written);
    return schema;
}

/* ---- patches ---- */

static bool partial_make(json_t *schema) {
    const char *name;
    json_t *member;
    json_object_del(schema, "required");
    json_object_foreach(json_object_get(schema, "properties"), name, member) {
        json_object_del(member, "default");
        if (json_object_get(member, "properties") != NULL && !partial_make(member)) {
            return false;
        }
    }
    return true;
}

/* Copied, since members may be shared. */
json_t *tg_schema_partial(json_t *schema) {
    json_t *copy = json_deep_copy(schema);
    json_decref(schema);
    if (copy != NULL && !partial_make(copy)) {
        json_decref(copy);
        copy = NULL;
    }
    return copy;
}
