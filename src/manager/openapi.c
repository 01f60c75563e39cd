/* /apiops/openapi.json, written from the table that routes requests and from those that read bodies and queries. */
#include <stdio.h>

#include "manager/bodies.h"
#include "manager/handlers.h"
#include "manager/openapi_schemas.h"
#include "manager/queries.h"
#include "model/schemas.h"

#define REF "#/components/schemas/"

/* A body of PATCH is any part of what it changes; some have a schema of their own. */
#define PATCH_SUFFIX  "Patch"
#define RESULT_SUFFIX "Result"

static bool is_patch(const tg_operation_t *op) {
    return strcmp(op->method, "PATCH") == 0;
}

static void body_name(const tg_operation_t *op, char out[64]) {
    bool own = tg_str_ends(tg_str(op->schema), TG_STR(PATCH_SUFFIX));
    snprintf(out, 64, "%s%s", op->schema, is_patch(op) && !own ? PATCH_SUFFIX : "");
}

/* What bodies say, too, is told by a schema of its own, without what bodies alone have. */
static void result_name(const tg_operation_t *op, char out[64]) {
    const tg_schema_t *s = tg_schema_find(op->result);
    snprintf(out, 64, "%s%s", op->result, s != NULL && s->schema != NULL ? RESULT_SUFFIX : "");
}

static json_t *ref(const char *name) {
    char text[128];
    snprintf(text, sizeof(text), REF "%s", name);
    return json_pack("{s:s}", "$ref", text);
}

/* ---- parameters ---- */

static const struct {
    const char *name, *example;
} path_examples[] = {
    {"project", "shop"},        {"environment", "staging"}, {"apiProxy", "orders"},   {"apiProxyGroup", "group"},
    {"policyGroup", "group"},   {"policy", "auth"},         {"username", "api-user"}, {"organization", "acme"},
    {"administrator", "alice"}, {"endpoint", "item"},       {"revision", "1"},
};

static json_t *path_parameter(tg_call_t *c, tg_str_t name) {
    json_t *o = json_pack("{s:s%, s:s, s:b, s:{s:s}}", "name", name.p, name.n, "in", "path", "required", 1, "schema",
                          "type", "string");
    for (size_t i = 0; i < sizeof(path_examples) / sizeof(path_examples[0]); i++) {
        if (tg_str_eq(name, tg_str(path_examples[i].name))) {
            tg_call_put_to(c, o, "example", json_string(path_examples[i].example));
        }
    }
    return o;
}

static void query_put(tg_call_t *c, json_t *list, const tg_field_t *table) {
    json_t *schema = tg_fields_schema(table, tg_params_rows(table));
    const char *name;
    json_t *member;
    json_object_foreach(json_object_get(schema, "properties"), name, member) {
        size_t i = 0;
        while (strcmp(table[i].name, name) != 0) {
            i++;
        }
        /* There is no null in a query. */
        json_t *type = json_object_get(member, "type"), *names = json_object_get(member, "enum");
        if (json_is_array(type)) {
            json_object_set(member, "type", json_array_get(type, 0));
        }
        if (names != NULL && !table[i].required) {
            json_array_remove(names, json_array_size(names) - 1);
        }
        tg_call_append_to(c, list,
                          json_pack("{s:s, s:s, s:b, s:O}", "name", name, "in", "query", "required",
                                    (int)table[i].required, "schema", member));
    }
    json_decref(schema);
}

static json_t *parameters(tg_call_t *c, const tg_operation_t *op) {
    json_t *list = json_array();
    for (const char *p = strchr(op->path, '{'); p != NULL; p = strchr(p + 1, '{')) {
        tg_call_append_to(c, list, path_parameter(c, tg_strn(p + 1, strcspn(p + 1, "}"))));
    }
    if (op->flags & TG_OP_LIST) {
        query_put(c, list, tg_query_list);
    }
    if (op->query != NULL) {
        query_put(c, list, op->query);
    }
    if (op->flags & TG_OP_ETAG) {
        tg_call_append_to(c, list,
                          json_pack("{s:s, s:s, s:s, s:b, s:{s:s}}", "name", "If-Match", "in", "header", "description",
                                    "An ETag of this object: 409 if it changed meanwhile", "required", 0, "schema",
                                    "type", "string"));
    }
    return list;
}

/* ---- bodies ---- */

static const char *example_text(const tg_operation_t *op) {
    const tg_schema_t *s = tg_schema_find(op->schema);
    return s == NULL ? NULL : is_patch(op) ? s->patch : s->example;
}

static json_t *body(tg_call_t *c, const tg_operation_t *op) {
    char name[64];
    body_name(op, name);
    const char *type = op->flags & TG_OP_FORM  ? "application/x-www-form-urlencoded"
                       : op->flags & TG_OP_CSV ? "text/csv"
                                               : "application/json";
    bool required = (op->flags & (TG_OP_BODY | TG_OP_FORM | TG_OP_CSV | TG_OP_DEFINITION)) != 0;
    json_t *media = json_object(), *content = json_object(), *example = NULL;
    tg_call_put_to(c, media, "schema", ref(name));
    if (example_text(op) != NULL) {
        tg_err_t err = tg_doc_parse(tg_str(example_text(op)), &example);
        tg_call_put_to(c, media, "example", err ? NULL : example);
    }
    if (op->flags & TG_OP_DEFINITION) {
        tg_call_put_to(c, content, "application/yaml", json_pack("{s:{s:s}}", "schema", "type", "string"));
    }
    tg_call_put_to(c, content, type, media);
    return json_pack("{s:b, s:o}", "required", (int)required, "content", content);
}

/* ---- answers ---- */

static json_t *answer_schema(tg_call_t *c, const tg_operation_t *op) {
    char name[64];
    json_t *members = json_object(), *required = json_pack("[s]", "status");
    bool list = (op->flags & TG_OP_LIST) != 0 || op->query == tg_query_requests;
    tg_call_put_to(c, members, "status", json_pack("{s:s}", "const", "SUCCESS"));
    if (op->result != NULL) {
        result_name(op, name);
        tg_call_append_to(c, required, json_string(list ? "resultList" : "result"));
        tg_call_put_to(c, members, list ? "resultList" : "result",
                       list ? json_pack("{s:s, s:o}", "type", "array", "items", ref(name)) : ref(name));
    }
    if (op->flags & TG_OP_LIST) {
        static const char *const numbers[] = {"resultCount", "page", "pageSize"};
        for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
            tg_call_put_to(c, members, numbers[i], json_pack("{s:s}", "type", "integer"));
        }
    }
    if (op->flags & TG_OP_WRITES) {
        tg_call_put_to(c, members, "deploymentResult", ref("DeploymentResult"));
    } else if (!list) {
        tg_call_put_to(c, members, "metadata", ref("Metadata"));
    }
    return json_pack("{s:s, s:o, s:o}", "type", "object", "required", required, "properties", members);
}

static json_t *responses(tg_call_t *c, const tg_operation_t *op) {
    char status[8];
    snprintf(status, sizeof(status), "%d", op->status);
    if (op->flags & TG_OP_PLAIN) {
        return json_pack("{s:{s:s}, s:{s:s}}", status, "description", op->summary, "default", "description", "Refused");
    }
    return json_pack("{s:{s:s, s:{s:{s:o}}}, s:{s:s, s:{s:{s:o}}}}", status, "description", "Done", "content",
                     "application/json", "schema", answer_schema(c, op), "default", "description",
                     "Refused: resultMessage names the field and the rule", "content", "application/json", "schema",
                     ref("Failure"));
}

/* ---- operations ---- */

static const char *role_of(const tg_operation_t *op) {
    switch (op->permission) {
    case TG_MAY_ANYONE:
        return "NONE";
    case TG_MAY_READ:
        return "VIEWER";
    case TG_MAY_WRITE:
        return "OPERATOR";
    case TG_MAY_ADMINISTRATE:
        break;
    }
    return "ADMIN";
}

static json_t *operation(tg_call_t *c, const tg_operation_t *op) {
    json_t *o = json_object();
    tg_call_put_to(c, o, "operationId", json_string(op->id));
    tg_call_put_to(c, o, "summary", json_string(op->summary));
    tg_call_put_to(c, o, "x-role", json_string(role_of(op)));
    tg_call_put_to(c, o, "parameters", parameters(c, op));
    tg_call_put_to(c, o, "responses", responses(c, op));
    if (op->permission == TG_MAY_ANYONE) {
        tg_call_put_to(c, o, "security", json_array());
    }
    if (op->schema != NULL) {
        tg_call_put_to(c, o, "requestBody", body(c, op));
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
        char method[16];
        json_t *path = json_object_get(all, op->path);
        if (path == NULL) {
            tg_call_put_to(c, all, op->path, json_object());
            path = json_object_get(all, op->path);
        }
        lower(op->method, method);
        tg_call_put_to(c, path, method, operation(c, op));
    }
    return all;
}

/* ---- components ---- */

static void schema_put(tg_call_t *c, json_t *all, const char *name, json_t *schema) {
    if (json_object_get(all, name) == NULL) {
        tg_call_put_to(c, all, name, schema);
    } else {
        json_decref(schema);
    }
}

/* Parts of what there is: patches and results, where an operation names one. */
static void derived_put(tg_call_t *c, json_t *all, const tg_operation_t *op) {
    char name[64];
    const tg_schema_t *of_body = tg_schema_find(op->schema), *of_result = tg_schema_find(op->result);
    if (of_body != NULL && is_patch(op)) {
        body_name(op, name);
        schema_put(c, all, name, tg_schema_partial(tg_schema_new(of_body)));
    }
    if (of_result != NULL && of_result->schema != NULL) {
        result_name(op, name);
        schema_put(c, all, name, tg_schema_result(tg_schema_new(of_result)));
    }
}

static json_t *schemas(tg_call_t *c) {
    json_t *all = json_object();
    for (size_t i = 0; i < tg_schemas_n; i++) {
        tg_call_put_to(c, all, tg_schemas[i].name, tg_schema_new(&tg_schemas[i]));
    }
    for (size_t i = 0; i < tg_operations_n; i++) {
        derived_put(c, all, &tg_operations[i]);
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
