/* .../credentials/{username}/access/: what a credential may call. A PUT grants: it adds rows, or replaces those of the
 * same name; a DELETE revokes. */
#include <stdio.h>
#include <stdlib.h>

#include "manager/bodies.h"
#include "manager/credential_changes.h"
#include "manager/handlers.h"
#include "manager/owners.h"
#include "manager/paging.h"
#include "manager/publish.h"
#include "manager/resources.h"

#define LIST "credentialAccessList"

static tg_resource_kind_t kind_of(tg_access_kind_t type) {
    switch (type) {
    case TG_ACCESS_PROXY_GROUP:
        return TG_RES_PROXY_GROUP;
    case TG_ACCESS_POLICY_GROUP:
        return TG_RES_POLICY_GROUP;
    case TG_ACCESS_PROXY:
        break;
    }
    return TG_RES_PROXY;
}

/* ---- list ---- */

static int by_name(const void *a, const void *b) {
    json_t *const *x = a, *const *y = b;
    int order = strcmp(json_string_value(json_object_get(*x, "name")), json_string_value(json_object_get(*y, "name")));
    return order != 0
               ? order
               : strcmp(json_string_value(json_object_get(*x, "type")), json_string_value(json_object_get(*y, "type")));
}

/* Every row as a document, by name; new references in an array of the arena. */
static tg_err_t rows_read(tg_call_t *c, int64_t key_id, json_t ***docs, size_t *n) {
    tg_access_entry_t *rows = NULL;
    size_t all = 0;
    *n = 0;
    tg_err_t err = c->store->ops->access_list(c->store, key_id, &c->arena, &rows, &all);
    if (err) {
        return err;
    }
    *docs = tg_arena_array(&c->arena, all + 1, sizeof(**docs));
    if (*docs == NULL) {
        return TG_ERR_NOMEM;
    }
    for (size_t i = 0; !err && i < all; i++) {
        err = tg_doc_parse(rows[i].doc, &(*docs)[i]);
        *n += !err;
    }
    if (!err && *n > 1) {
        qsort(*docs, *n, sizeof(**docs), by_name);
    }
    return err;
}

static bool has_part(const json_t *doc, tg_str_t q) {
    char part[260];
    snprintf(part, sizeof(part), "%.*s", TG_STR_ARGS(q));
    return strcasestr(json_string_value(json_object_get(doc, "name")), part) != NULL;
}

tg_err_t tg_access_get(tg_call_t *c) {
    tg_credential_row_t row;
    tg_paging_t page = tg_paging(c);
    json_t **docs = NULL;
    size_t n = 0;
    int64_t total = 0;
    tg_err_t err = tg_credential_need(c, &row);
    if (!err) {
        err = rows_read(c, row.client.key_id, &docs, &n);
    }
    json_t *list = json_array();
    for (size_t k = 0; k < n; k++) {
        json_t *doc = docs[page.descending ? n - 1 - k : k];
        if (has_part(doc, page.q)) {
            if (total >= page.offset && total < page.offset + page.size) {
                tg_call_append_to(c, list, json_incref(doc));
            }
            total++;
        }
        json_decref(doc);
    }
    if (err) {
        json_decref(list);
        return err;
    }
    tg_paging_put(c, &page, list, total);
    c->etag = row.client.version;
    return TG_OK;
}

/* ---- grant and revoke ---- */

/* The row of the credential is as it was read; its access list has the client's version. */
static tg_err_t place_need(tg_call_t *c, tg_credential_row_t *row) {
    tg_err_t err = tg_credential_need(c, row);
    if (!err && c->if_match != 0 && c->if_match != row->client.version) {
        err = tg_fault(&c->fault, TG_ERR_CONFLICT, "", "the access list of \"%.*s\" changed meanwhile: read it again",
                       TG_STR_ARGS(row->row.name));
    }
    return err;
}

static tg_err_t target_find(tg_call_t *c, const tg_credential_row_t *row, const tg_access_row_t *want, size_t i,
                            tg_err_t missing, tg_resource_t *target) {
    char field[64];
    tg_resource_kind_t kind = kind_of(want->type);
    tg_err_t err = c->store->ops->resource_find(c->store, kind, row->project.id, want->name, &c->arena, target);
    if (err == TG_ERR_NOTFOUND) {
        snprintf(field, sizeof(field), LIST "[%zu].name", i);
        return tg_fault(&c->fault, missing, field, "there is no %s \"%.*s\" in project \"%.*s\"",
                        tg_owner_type(kind)->what, TG_STR_ARGS(want->name), TG_STR_ARGS(row->project.name));
    }
    return err;
}

static tg_err_t settings_check(tg_call_t *c, const tg_access_row_t *want, size_t i) {
    tg_err_t err = TG_OK;
    for (size_t j = 0; !err && j < want->n_settings; j++) {
        tg_str_t name = want->settings[j].environment;
        tg_resource_t environment;
        if (name.n == 0) {
            continue;
        }
        err = c->store->ops->resource_find(c->store, TG_RES_ENVIRONMENT, 0, name, &c->arena, &environment);
        if (err == TG_ERR_NOTFOUND) {
            char field[96];
            snprintf(field, sizeof(field), LIST "[%zu].settings[%zu].environmentName", i, j);
            return tg_fault(&c->fault, TG_ERR_INVALID, field, "there is no environment \"%.*s\"", TG_STR_ARGS(name));
        }
    }
    return err;
}

static tg_err_t grant(tg_call_t *c, const tg_credential_row_t *row, const tg_access_row_t *want, size_t i) {
    tg_resource_t target;
    tg_access_entry_t entry = {.key_id = row->client.key_id};
    tg_err_t err = target_find(c, row, want, i, TG_ERR_INVALID, &target);
    if (!err) {
        err = settings_check(c, want, i);
    }
    if (!err) {
        err = tg_doc_text(c, tg_access_row_write(want), &entry.doc);
    }
    if (err) {
        return err;
    }
    entry.target = target.id;
    return c->store->ops->access_put(c->store, &entry);
}

static tg_err_t revoke(tg_call_t *c, const tg_credential_row_t *row, const tg_access_row_t *want, size_t i) {
    char field[64];
    tg_resource_t target;
    tg_err_t err = target_find(c, row, want, i, TG_ERR_NOTFOUND, &target);
    if (err) {
        return err;
    }
    err = c->store->ops->access_delete(c->store, row->client.key_id, target.id);
    if (err == TG_ERR_NOTFOUND) {
        snprintf(field, sizeof(field), LIST "[%zu].name", i);
        return tg_fault(&c->fault, err, field, "\"%.*s\" is not in the access list", TG_STR_ARGS(want->name));
    }
    return err;
}

tg_err_t tg_access_show(tg_call_t *c, int64_t key_id, json_t **out) {
    json_t **docs = NULL;
    size_t n = 0;
    tg_err_t err = rows_read(c, key_id, &docs, &n);
    *out = json_array();
    for (size_t i = 0; i < n; i++) {
        tg_call_append_to(c, *out, docs[i]);
    }
    return err;
}

typedef tg_err_t (*step_t)(tg_call_t *c, const tg_credential_row_t *row, const tg_access_row_t *want, size_t i);

static bool is_named(const tg_resource_t *target, const tg_access_row_t *rows, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (kind_of(rows[i].type) == target->kind && tg_str_eq(rows[i].name, target->name)) {
            return true;
        }
    }
    return false;
}

static tg_err_t others_revoke(tg_call_t *c, const tg_credential_row_t *row, const tg_access_row_t *rows, size_t n) {
    tg_access_entry_t *entries = NULL;
    size_t all = 0;
    tg_err_t err = c->store->ops->access_list(c->store, row->client.key_id, &c->arena, &entries, &all);
    for (size_t i = 0; !err && i < all; i++) {
        tg_resource_t target;
        err = c->store->ops->resource_get(c->store, entries[i].target, &c->arena, &target);
        if (!err && !is_named(&target, rows, n)) {
            err = c->store->ops->access_delete(c->store, row->client.key_id, target.id);
        }
    }
    return err;
}

/* `step` for each of them, and the list before and after. */
static tg_err_t rows_apply(tg_call_t *c, const tg_credential_row_t *row, const tg_access_row_t *rows, size_t n,
                           bool exact, step_t step) {
    tg_err_t err = tg_access_show(c, row->client.key_id, &c->before);
    if (!err && exact) {
        err = others_revoke(c, row, rows, n);
    }
    for (size_t i = 0; !err && i < n; i++) {
        err = step(c, row, &rows[i], i);
    }
    if (!err) {
        err = tg_publish_client(c, 0, row->client.kind, row->client.client_id);
    }
    return err ? err : tg_access_show(c, row->client.key_id, &c->after);
}

tg_err_t tg_access_make(tg_call_t *c, const tg_credential_row_t *row, const tg_access_row_t *rows, size_t n) {
    return rows_apply(c, row, rows, n, true, grant);
}

static tg_err_t result_put(tg_call_t *c, const tg_credential_row_t *row) {
    json_t *result = json_object();
    tg_str_t client_id, details;
    tg_call_put_to(c, result, LIST, json_incref(c->after));
    tg_call_put(c, "result", result);
    return c->store->ops->client_details(c->store, row->client.key_id, &c->arena, &client_id, &details, &c->etag);
}

static tg_err_t access_change(tg_call_t *c, const json_t *body, step_t step) {
    tg_credential_row_t row;
    tg_access_row_t *wanted = NULL;
    size_t n = 0;
    tg_err_t err = tg_access_list_parse(body, &c->arena, &wanted, &n, &c->fault);
    if (!err) {
        err = tg_call_begin(c);
    }
    if (!err) {
        err = place_need(c, &row);
    }
    if (!err) {
        err = rows_apply(c, &row, wanted, n, false, step);
    }
    return err ? err : result_put(c, &row);
}

tg_err_t tg_access_put(tg_call_t *c) {
    return access_change(c, c->body, grant);
}

/* What is to go stands in the body, or in the query as name and type. */
tg_err_t tg_access_delete(tg_call_t *c) {
    tg_str_t name = TG_STR_NONE, type = TG_STR_NONE;
    bool named = tg_call_query(c, "name", &name), typed = tg_call_query(c, "type", &type);
    if (c->body != NULL) {
        return named || typed ? tg_fault(&c->fault, TG_ERR_INVALID, "name", "cannot be given together with a body")
                              : access_change(c, c->body, revoke);
    }
    if (!named || !typed) {
        return tg_fault(&c->fault, TG_ERR_INVALID, named ? "type" : "name", "is missing");
    }
    json_t *body = json_pack("{s:[{s:o, s:o}]}", LIST, "name", tg_text(name), "type", tg_text(type));
    tg_err_t err = body == NULL ? TG_ERR_NOMEM : access_change(c, body, revoke);
    json_decref(body);
    return err;
}
