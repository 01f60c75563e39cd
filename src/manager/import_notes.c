/* Places in a document, paths of objects, and what an import tells of its changes. */
#include <stdarg.h>
#include <stdio.h>

#include "manager/bodies.h"
#include "manager/import.h"

/* ---- places, paths, faults ---- */

tg_at_t tg_at(const char *fmt, ...) {
    tg_at_t at;
    va_list args;
    va_start(args, fmt);
    vsnprintf(at.text, sizeof(at.text), fmt, args);
    va_end(args);
    return at;
}

tg_err_t tg_import_fault(tg_import_t *im, tg_err_t err, const tg_at_t *at) {
    tg_fault_t *fault = &im->c->fault;
    char field[sizeof(fault->field) + sizeof(at->text) + 2];
    if (err == TG_OK || fault->text[0] == '\0') {
        return err;
    }
    snprintf(field, sizeof(field), "%s%s%s", at->text, at->text[0] != '\0' && fault->field[0] != '\0' ? "." : "",
             fault->field);
    memcpy(fault->field, field, sizeof(fault->field) - 1);
    fault->field[sizeof(fault->field) - 1] = '\0';
    return err == TG_ERR_NOTFOUND ? TG_ERR_INVALID : err;
}

tg_err_t tg_import_path(tg_import_t *im, const tg_str_t *parts, size_t n, tg_str_t *out) {
    tg_buf_t b;
    tg_buf_init(&b, 4096);
    tg_buf_put(&b, TG_STR("/apiops/"));
    for (size_t i = 0; i < n; i++) {
        tg_buf_put_percent(&b, parts[i]);
        tg_buf_put(&b, parts[i].n > 0 ? TG_STR("/") : TG_STR_NONE);
    }
    tg_err_t err = b.err;
    if (!err && !tg_arena_str(&im->c->arena, tg_buf_str(&b), out)) {
        err = TG_ERR_NOMEM;
    }
    tg_buf_release(&b);
    return err;
}

json_t *tg_import_name_set(const json_t *list, const char *member) {
    size_t i;
    const json_t *element;
    json_t *set = json_object();
    json_array_foreach(list, i, element) {
        const char *name = json_string_value(json_object_get(element, member));
        if (name != NULL && set != NULL && json_object_set_new(set, name, json_true()) != 0) {
            json_decref(set);
            set = NULL;
        }
    }
    return set;
}

bool tg_import_has(const json_t *set, tg_str_t name) {
    return json_object_getn(set, name.p, name.n) != NULL;
}

tg_err_t tg_import_unique(tg_import_t *im, const json_t *list, const char *member, const tg_at_t *at) {
    size_t i;
    const json_t *element;
    json_t *seen = json_object();
    tg_err_t err = seen == NULL ? TG_ERR_NOMEM : TG_OK;
    json_array_foreach(list, i, element) {
        const char *name = json_string_value(json_object_get(element, member));
        if (err || name == NULL) {
            continue;
        }
        if (json_object_get(seen, name) != NULL) {
            tg_at_t here = tg_at("%s[%zu].%s", at->text, i, member);
            err = tg_import_fault(im, tg_fault(&im->c->fault, TG_ERR_INVALID, "", "stands in the list twice"), &here);
        } else if (json_object_set_new(seen, name, json_true()) != 0) {
            err = TG_ERR_NOMEM;
        }
    }
    json_decref(seen);
    return err;
}

tg_err_t tg_import_split(const json_t *object, const tg_field_t *table, size_t n, json_t **rest, json_t **taken) {
    *rest = json_copy((json_t *)object);
    *taken = json_object();
    tg_err_t err = *rest == NULL || *taken == NULL ? TG_ERR_NOMEM : TG_OK;
    for (size_t i = 0; !err && json_is_object(object) && i < n; i++) {
        json_t *value = json_object_get(object, table[i].name);
        if (value != NULL) {
            err = json_object_set(*taken, table[i].name, value) != 0 ? TG_ERR_NOMEM : TG_OK;
            json_object_del(*rest, table[i].name);
        }
    }
    return err;
}

/* ---- what changed ---- */

static const char *method_of(const char *action) {
    return strcmp(action, "update") == 0                                    ? "PUT"
           : strcmp(action, "create") == 0 || strcmp(action, "deploy") == 0 ? "POST"
                                                                            : "DELETE";
}

/* Names of the members that are not the same on both sides. */
static json_t *fields_of(const json_t *before, const json_t *after) {
    json_t *list = json_array();
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)after, key, value) {
        if (!json_equal(value, json_object_get(before, key))) {
            json_array_append_new(list, json_string(key));
        }
    }
    json_object_foreach((json_t *)before, key, value) {
        if (json_object_get(after, key) == NULL) {
            json_array_append_new(list, json_string(key));
        }
    }
    return list;
}

tg_err_t tg_import_note(tg_import_t *im, const char *action, const char *kind, tg_str_t path) {
    tg_call_t *c = im->c;
    tg_buf_t what;
    json_t *change = json_object();
    bool both = json_is_object(c->before) && json_is_object(c->after);
    tg_call_put_to(c, change, "action", json_string(action));
    tg_call_put_to(c, change, "kind", json_string(kind));
    tg_call_put_to(c, change, "path", tg_text(path));
    tg_call_put_to(c, change, "fields", both ? fields_of(c->before, c->after) : json_array());
    tg_call_append_to(c, im->changes, change);
    tg_buf_init(&what, 8192);
    tg_buf_putf(&what, "%s %.*s", method_of(action), TG_STR_ARGS(path));
    tg_err_t err = what.err ? what.err : tg_call_audit(c, tg_buf_str(&what));
    tg_buf_release(&what);
    return err ? err : c->failed;
}

void tg_import_secret(tg_import_t *im, tg_str_t path, tg_str_t client_id, const char *secret) {
    json_t *o = json_object();
    tg_call_put_to(im->c, o, "path", tg_text(path));
    tg_call_put_to(im->c, o, "clientId", tg_text(client_id));
    tg_call_put_to(im->c, o, "clientSecret", json_string(secret));
    tg_call_append_to(im->c, im->secrets, o);
}

/* ---- what was there before ---- */

tg_err_t tg_import_old(tg_import_t *im, tg_resource_kind_t kind, const tg_resource_t *project, tg_str_t name,
                       tg_resource_t *row) {
    tg_call_t *c = im->c;
    tg_err_t err = project != NULL ? c->store->ops->resource_find(c->store, kind, project->id, name, &c->arena, row)
                                   : TG_ERR_NOTFOUND;
    if (err) {
        row->id = 0;
    }
    return err == TG_ERR_NOTFOUND ? TG_OK : err;
}
