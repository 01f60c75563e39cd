#include "manager/organizations.h"

#include <stdio.h>

#include "manager/bodies.h"
#include "manager/credential_walk.h"
#include "manager/credentials.h"
#include "manager/handlers.h"
#include "manager/metadata_entries.h"
#include "manager/publish.h"
#include "manager/resources.h"

static tg_err_t organization_read(tg_call_t *c, const tg_resource_t *row, tg_organization_t *out) {
    json_t *doc = NULL;
    tg_err_t err = tg_doc_parse(row->doc, &doc);
    if (!err) {
        err = tg_organization_read_stored(doc, &c->arena, out, NULL);
    }
    json_decref(doc);
    return err == TG_ERR_INVALID ? TG_ERR_BUG : err;
}

tg_err_t tg_organization_find(tg_call_t *c, int64_t project_id, tg_str_t name, tg_organization_t *out) {
    tg_resource_t row;
    tg_err_t err = c->store->ops->resource_find(c->store, TG_RES_ORGANIZATION, project_id, name, &c->arena, &row);
    return err ? err : organization_read(c, &row, out);
}

static tg_err_t organization_need(tg_call_t *c, tg_resource_t *row) {
    tg_resource_t project;
    tg_err_t err = tg_project_need(c, &project);
    return err ? err : tg_resource_need(c, TG_RES_ORGANIZATION, project.id, "organization", c->params[1], row);
}

json_t *tg_organization_show(tg_call_t *c, const tg_resource_t *row) {
    json_t *doc = tg_resource_doc(row);
    tg_entries_mask(c, doc);
    return doc;
}

/* ---- members ---- */

/* Quotes inside strings are escaped: who has this text is a member. */
static tg_err_t members_walk(tg_call_t *c, const tg_resource_t *row, tg_credential_fn each,
                             const tg_organization_t *o) {
    char member[TG_NAME_MAX + 32];
    snprintf(member, sizeof(member), "\"organization\":\"%.*s\"", TG_STR_ARGS(row->name));
    return tg_credentials_walk(c, row->parent, member, each, (void *)(uintptr_t)o);
}

static tg_err_t member_refresh(tg_call_t *c, const tg_resource_t *member, void *ctx) {
    const tg_organization_t *o = ctx;
    tg_credential_t k;
    tg_client_t client;
    tg_err_t err = tg_credential_read(c, member->doc, &k);
    if (!err) {
        err = c->store->ops->client_find_owner(c->store, member->id, &c->arena, &client);
    }
    if (!err) {
        err = tg_credential_details(c, member->parent, &k, o, &client.details);
    }
    return err ? err : c->store->ops->client_update(c->store, &client);
}

static tg_err_t member_refuse(tg_call_t *c, const tg_resource_t *member, void *ctx) {
    (void)ctx;
    return tg_fault(&c->fault, TG_ERR_CONFLICT, "", "credential \"%.*s\" is a member of it", TG_STR_ARGS(member->name));
}

/* Those who come by synchronisation would be its members. */
static tg_err_t providers_refuse(tg_call_t *c, const tg_resource_t *row) {
    tg_resource_t *rows = NULL;
    size_t n = 0;
    char member[TG_NAME_MAX + 32];
    int len = snprintf(member, sizeof(member), "\"organization\":\"%.*s\"", TG_STR_ARGS(row->name));
    tg_err_t err = tg_resource_all(c, TG_RES_IDENTITY_PROVIDER, row->parent, &rows, &n);
    for (size_t i = 0; !err && i < n; i++) {
        if (memmem(rows[i].doc.p, rows[i].doc.n, member, (size_t)len) != NULL) {
            err = tg_fault(&c->fault, TG_ERR_CONFLICT, "", "the synchronisation of identity provider \"%.*s\" names it",
                           TG_STR_ARGS(rows[i].name));
        }
    }
    return err;
}

/* ---- handlers ---- */

tg_err_t tg_organization_list(tg_call_t *c) {
    tg_resource_t project;
    tg_err_t err = tg_project_need(c, &project);
    return err ? err : tg_resource_page(c, TG_RES_ORGANIZATION, project.id, tg_organization_show);
}

tg_err_t tg_organization_get(tg_call_t *c) {
    tg_resource_t row;
    tg_err_t err = organization_need(c, &row);
    if (err) {
        return err;
    }
    tg_call_put(c, "result", tg_organization_show(c, &row));
    tg_resource_metadata_put(c, &row);
    return TG_OK;
}

tg_err_t tg_organization_body(tg_call_t *c, const json_t *body, int64_t project_id, const tg_resource_t *old,
                              tg_organization_t *out) {
    tg_organization_t stored = {.n_metadata = 0};
    tg_err_t err = tg_organization_parse(body, &c->arena, out, &c->fault);
    if (!err && old != NULL) {
        err = organization_read(c, old, &stored);
    }
    const tg_entry_owner_t owner = {project_id, out->name};
    return err ? err : tg_entries_seal(c, &owner, out->metadata, out->n_metadata, stored.metadata, stored.n_metadata);
}

static tg_err_t canonical(tg_call_t *c, const tg_organization_t *o, tg_str_t *doc) {
    tg_err_t err = tg_entries_check(c, o->metadata, o->n_metadata);
    return err ? err : tg_doc_text(c, tg_organization_write(o), doc);
}

static tg_err_t after_note(tg_call_t *c, tg_str_t doc) {
    tg_err_t err = tg_doc_parse(doc, &c->after);
    tg_entries_mask(c, c->after);
    return err;
}

static tg_err_t result_put(tg_call_t *c) {
    tg_call_put(c, "result", json_incref(c->after));
    return TG_OK;
}

tg_err_t tg_organization_add(tg_call_t *c, const tg_resource_t *project, const tg_organization_t *o) {
    tg_str_t doc;
    int64_t id;
    tg_err_t err = canonical(c, o, &doc);
    if (!err) {
        err = tg_resource_add(c, TG_RES_ORGANIZATION, project->id, "organization", o->name, doc, &id);
    }
    return err ? err : after_note(c, doc);
}

tg_err_t tg_organization_change(tg_call_t *c, const tg_resource_t *row, const tg_organization_t *o) {
    tg_str_t doc;
    tg_err_t err = canonical(c, o, &doc);
    if (!err) {
        err = tg_resource_change(c, row, doc);
    }
    if (!err) {
        err = members_walk(c, row, member_refresh, o);
    }
    if (!err) {
        err = tg_publish_clients(c);
    }
    if (err) {
        return err;
    }
    c->before = tg_organization_show(c, row);
    return after_note(c, doc);
}

tg_err_t tg_organization_remove(tg_call_t *c, const tg_resource_t *row) {
    tg_err_t err = tg_resource_match(c, row);
    if (!err) {
        err = members_walk(c, row, member_refuse, NULL);
    }
    if (!err) {
        err = providers_refuse(c, row);
    }
    if (err) {
        return err;
    }
    c->before = tg_organization_show(c, row);
    return c->store->ops->resource_delete(c->store, row->id);
}

tg_err_t tg_organization_create(tg_call_t *c) {
    tg_resource_t project;
    tg_organization_t o;
    tg_err_t err = tg_call_begin(c);
    if (!err) {
        err = tg_project_need(c, &project);
    }
    if (!err) {
        err = tg_organization_body(c, c->body, project.id, NULL, &o);
    }
    if (!err) {
        err = tg_organization_add(c, &project, &o);
    }
    return err ? err : result_put(c);
}

static tg_err_t organization_replace(tg_call_t *c, const tg_resource_t *row, json_t *body) {
    tg_organization_t o;
    tg_err_t err = tg_body_take_name(c, body, "name", row->name);
    if (!err && json_object_set_new(body, "name", tg_text(row->name)) != 0) {
        err = TG_ERR_NOMEM;
    }
    if (!err) {
        err = tg_organization_body(c, body, row->parent, row, &o);
    }
    if (!err) {
        err = tg_organization_change(c, row, &o);
    }
    return err ? err : result_put(c);
}

static tg_err_t organization_set(tg_call_t *c, bool merge) {
    tg_resource_t row;
    tg_err_t err = tg_call_begin(c);
    if (!err) {
        err = organization_need(c, &row);
    }
    if (err) {
        return err;
    }
    json_t *old = tg_organization_show(c, &row);
    json_t *body = merge ? tg_json_merge(old, c->body) : json_incref(c->body);
    err = old == NULL || body == NULL ? TG_ERR_NOMEM : organization_replace(c, &row, body);
    json_decref(old);
    json_decref(body);
    return err;
}

tg_err_t tg_organization_put(tg_call_t *c) {
    return organization_set(c, false);
}

tg_err_t tg_organization_patch(tg_call_t *c) {
    return organization_set(c, true);
}

tg_err_t tg_organization_delete(tg_call_t *c) {
    static const char *const nothing[] = {NULL};
    tg_resource_t row;
    tg_err_t err = tg_body_only(c, c->body, nothing);
    if (!err) {
        err = tg_call_begin(c);
    }
    if (!err) {
        err = organization_need(c, &row);
    }
    if (!err) {
        err = tg_organization_remove(c, &row);
    }
    return err;
}
