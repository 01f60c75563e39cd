/* /apiops/openapi.json, written from the table that routes requests. */
#include <stdio.h>

#include "manager/bodies.h"
#include "manager/handlers.h"
#include "manager/openapi_schemas.h"

static json_t *parameter(const char *name, size_t n, const char *in, bool required, const char *type) {
    return json_pack("{s:s%, s:s, s:b, s:{s:s}}", "name", name, n, "in", in, "required", (int)required, "schema",
                     "type", type);
}

static json_t *parameters(tg_call_t *c, const tg_operation_t *op) {
    json_t *list = json_array();
    for (const char *p = strchr(op->path, '{'); p != NULL; p = strchr(p + 1, '{')) {
        tg_call_append_to(c, list, parameter(p + 1, strcspn(p + 1, "}"), "path", true, "string"));
    }
    for (tg_str_t rest = tg_operation_query(op); rest.p != NULL;) {
        tg_str_t name = tg_str_take(&rest, '&');
        tg_call_append_to(c, list, parameter(name.p, name.n, "query", false, "string"));
    }
    if (op->flags & TG_OP_LIST) {
        tg_call_append_to(c, list, parameter("page", 4, "query", false, "integer"));
        tg_call_append_to(c, list, parameter("pageSize", 8, "query", false, "integer"));
        tg_call_append_to(c, list, parameter("sort", 4, "query", false, "string"));
        tg_call_append_to(c, list, parameter("q", 1, "query", false, "string"));
    }
    if (op->flags & TG_OP_ETAG) {
        tg_call_append_to(c, list, parameter("If-Match", 8, "header", false, "string"));
    }
    return list;
}

static json_t *content(const char *type, const char *schema) {
    char ref[128];
    snprintf(ref, sizeof(ref), "#/components/schemas/%s", schema);
    return json_pack("{s:{s:{s:s}}}", type, "schema", "$ref", ref);
}

static json_t *responses(const tg_operation_t *op) {
    char status[8];
    snprintf(status, sizeof(status), "%d", op->status);
    if (op->flags & TG_OP_PLAIN) {
        return json_pack("{s:{s:s}}", status, "description", op->summary);
    }
    return json_pack("{s:{s:s, s:o}, s:{s:s, s:o}}", status, "description", "Done", "content",
                     content("application/json", "Success"), "default", "description", "Refused", "content",
                     content("application/json", "Failure"));
}

static json_t *operation(tg_call_t *c, const tg_operation_t *op) {
    json_t *o = json_object();
    tg_call_put_to(c, o, "operationId", json_string(op->id));
    tg_call_put_to(c, o, "summary", json_string(op->summary));
    tg_call_put_to(c, o, "parameters", parameters(c, op));
    tg_call_put_to(c, o, "responses", responses(op));
    if (op->permission == TG_MAY_ANYONE) {
        tg_call_put_to(c, o, "security", json_array());
    }
    if (op->schema != NULL) {
        const char *type = op->flags & TG_OP_FORM  ? "application/x-www-form-urlencoded"
                           : op->flags & TG_OP_CSV ? "text/csv"
                                                   : "application/json";
        bool required = (op->flags & (TG_OP_BODY | TG_OP_FORM | TG_OP_CSV)) != 0;
        tg_call_put_to(c, o, "requestBody",
                       json_pack("{s:b, s:o}", "required", (int)required, "content", content(type, op->schema)));
    }
    return o;
}

static void lower(const char *in, char out[16]) {
    size_t i = 0;
    for (; in[i] != '\0' && i < 15; i++) {
        out[i] = (char)(in[i] | 0x20);
    }
    out[i] = '\0';
}

static json_t *paths(tg_call_t *c) {
    json_t *all = json_object();
    for (size_t i = 0; i < tg_operations_n; i++) {
        const tg_operation_t *op = &tg_operations[i];
        char method[16], name[256];
        snprintf(name, sizeof(name), "%.*s", TG_STR_ARGS(tg_operation_path(op)));
        json_t *path = json_object_get(all, name);
        if (path == NULL) {
            tg_call_put_to(c, all, name, json_object());
            path = json_object_get(all, name);
        }
        lower(op->method, method);
        tg_call_put_to(c, path, method, operation(c, op));
    }
    return all;
}

static json_t *schemas(tg_call_t *c) {
    json_t *all = json_object();
    for (size_t i = 0; i < tg_schemas_n; i++) {
        json_t *schema = NULL;
        tg_err_t err = tg_doc_parse(tg_str(tg_schemas[i].json), &schema);
        tg_call_put_to(c, all, tg_schemas[i].name, err ? NULL : schema);
    }
    return all;
}

tg_err_t tg_openapi_get(tg_call_t *c) {
    tg_call_put(c, "openapi", json_string("3.1.0"));
    tg_call_put(c, "info", json_pack("{s:s, s:s}", "title", "Tollgate management API", "version", TG_VERSION));
    tg_call_put(c, "paths", paths(c));
    tg_call_put(c, "security", json_pack("[{s:[]}, {s:[]}]", "bearer", "basic"));
    json_t *schemes = json_pack("{s:{s:s, s:s}, s:{s:s, s:s}}", "bearer", "type", "http", "scheme", "bearer", "basic",
                                "type", "http", "scheme", "basic");
    json_t *components = json_object();
    tg_call_put_to(c, components, "securitySchemes", schemes);
    tg_call_put_to(c, components, "schemas", schemas(c));
    tg_call_put(c, "components", components);
    return TG_OK;
}
