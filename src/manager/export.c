/* GET /apiops/export: what is configured as one document, without secrets (docs/decisions/0013-declarative.md). */
#include "manager/bodies.h"
#include "manager/credential_changes.h"
#include "manager/handlers.h"
#include "manager/identity_providers.h"
#include "manager/import.h"
#include "manager/members.h"
#include "manager/organizations.h"
#include "manager/resources.h"
#include "manager/token_management.h"
#include "model/credential.h"

typedef struct {
    tg_call_t *c;
    tg_resource_t *environments;
    size_t n_environments;
} export_t;

typedef tg_err_t (*show_fn)(export_t *ex, const tg_resource_t *row, json_t **out);

/* A list of all children of that kind, by name. */
static tg_err_t list_put(export_t *ex, json_t *object, const char *name, tg_resource_kind_t kind, int64_t parent,
                         show_fn show) {
    tg_resource_t *rows = NULL;
    size_t n = 0;
    json_t *list = json_array();
    tg_err_t err = tg_resource_all(ex->c, kind, parent, &rows, &n);
    for (size_t i = 0; !err && i < n; i++) {
        json_t *element = NULL;
        err = show(ex, &rows[i], &element);
        if (!err) {
            tg_call_append_to(ex->c, list, element);
        }
    }
    tg_call_put_to(ex->c, object, name, list);
    return err;
}

static tg_err_t doc_show(export_t *ex, const tg_resource_t *row, json_t **out) {
    (void)ex;
    return tg_doc_parse(row->doc, out);
}

/* ---- proxies and groups ---- */

static tg_err_t policy_show(export_t *ex, const tg_resource_t *row, json_t **out) {
    tg_err_t err = tg_doc_parse(row->doc, out);
    if (!err) {
        tg_call_put_to(ex->c, *out, "name", tg_text(row->name));
    }
    return err;
}

static tg_err_t environments_put(export_t *ex, const tg_resource_t *row, json_t *object) {
    tg_call_t *c = ex->c;
    json_t *list = json_array();
    tg_err_t err = TG_OK;
    for (size_t i = 0; !err && i < ex->n_environments; i++) {
        tg_deployment_t there;
        err = c->store->ops->deployment_find(c->store, ex->environments[i].id, row->id, &c->arena, &there);
        if (!err) {
            tg_call_append_to(c, list, tg_text(ex->environments[i].name));
        }
        err = err == TG_ERR_NOTFOUND ? TG_OK : err;
    }
    tg_call_put_to(c, object, "environments", list);
    return err;
}

static tg_err_t roles_put(export_t *ex, const tg_resource_t *row, json_t *object) {
    tg_call_t *c = ex->c;
    tg_client_t client;
    tg_details_t details;
    json_t *list = json_array();
    tg_err_t err = c->store->ops->client_find_owner(c->store, row->id, &c->arena, &client);
    if (!err) {
        err = tg_details_parse(client.details, TG_STR_NONE, &c->arena, &details, NULL);
        err = err == TG_ERR_INVALID ? TG_ERR_BUG : err;
    }
    for (size_t i = 0; !err && i < details.n_roles; i++) {
        tg_call_append_to(c, list, tg_text(details.roles[i]));
    }
    tg_call_put_to(c, object, "roleNameList", list);
    return err;
}

static tg_err_t owner_show(export_t *ex, const tg_resource_t *row, json_t **out) {
    tg_err_t err = tg_doc_parse(row->doc, out);
    if (!err) {
        err = roles_put(ex, row, *out);
    }
    if (!err) {
        err = list_put(ex, *out, "policies", TG_RES_POLICY, row->id, policy_show);
    }
    return err ? err : environments_put(ex, row, *out);
}

static tg_err_t group_show(export_t *ex, const tg_resource_t *row, json_t **out) {
    tg_resource_t *rows = NULL;
    size_t n = 0;
    json_t *members = json_array();
    tg_err_t err = owner_show(ex, row, out);
    if (!err) {
        err = tg_group_members(ex->c, row, TG_STR_NONE, false, &rows, &n);
    }
    for (size_t i = 0; !err && i < n; i++) {
        tg_call_append_to(ex->c, members, tg_text(rows[i].name));
    }
    tg_call_put_to(ex->c, *out, "members", members);
    return err;
}

/* ---- credentials and organizations ---- */

static tg_err_t organization_show(export_t *ex, const tg_resource_t *row, json_t **out) {
    *out = tg_organization_show(ex->c, row);
    return *out != NULL ? TG_OK : TG_ERR_NOMEM;
}

static tg_err_t provider_show(export_t *ex, const tg_resource_t *row, json_t **out) {
    *out = tg_provider_show(ex->c, row);
    return *out != NULL ? TG_OK : TG_ERR_NOMEM;
}

/* Without what only the store knows. */
static void store_clean(json_t *credential) {
    size_t i;
    json_t *environment;
    json_object_del(credential, "identityProvider");
    json_object_del(credential, "disabledByProvider");
    json_array_foreach(json_object_get(credential, "environments"), i, environment) {
        json_object_del(environment, "hasPassword");
    }
}

static tg_err_t credential_show(export_t *ex, const tg_resource_t *row, json_t **out) {
    tg_credential_row_t k = {.row = *row};
    json_t *access = NULL;
    tg_err_t err = tg_credential_load(ex->c, &k);
    if (!err) {
        *out = tg_credential_show(ex->c, row);
        store_clean(*out);
        err = tg_access_show(ex->c, k.client.key_id, &access);
    }
    if (!err) {
        tg_call_put_to(ex->c, *out, "access", access);
    }
    if (!err && k.stored.has_token) {
        tg_call_put_to(ex->c, *out, "token", tg_credential_token_write(&k.stored.token));
    }
    return err;
}

/* ---- the whole ---- */

static tg_err_t project_show(export_t *ex, const tg_resource_t *row, json_t **out) {
    tg_err_t err = tg_doc_parse(row->doc, out);
    if (!err) {
        err = list_put(ex, *out, "organizations", TG_RES_ORGANIZATION, row->id, organization_show);
    }
    if (!err) {
        err = list_put(ex, *out, "identityProviders", TG_RES_IDENTITY_PROVIDER, row->id, provider_show);
    }
    if (!err) {
        err = list_put(ex, *out, "proxies", TG_RES_PROXY, row->id, owner_show);
    }
    if (!err) {
        err = list_put(ex, *out, "proxyGroups", TG_RES_PROXY_GROUP, row->id, group_show);
    }
    if (!err) {
        err = list_put(ex, *out, "policyGroups", TG_RES_POLICY_GROUP, row->id, group_show);
    }
    return err ? err : list_put(ex, *out, "credentials", TG_RES_CREDENTIAL, row->id, credential_show);
}

static tg_err_t one_put(export_t *ex, json_t *document, tg_str_t name) {
    tg_resource_t row;
    json_t *project = NULL, *list = json_array();
    tg_err_t err = tg_resource_need(ex->c, TG_RES_PROJECT, 0, "project", name, &row);
    if (!err) {
        err = project_show(ex, &row, &project);
        tg_call_append_to(ex->c, list, project);
    }
    tg_call_put_to(ex->c, document, "projects", list);
    return err;
}

static tg_err_t all_put(export_t *ex, json_t *document) {
    tg_resource_t row;
    json_t *settings = NULL;
    tg_err_t err = tg_token_management_find(ex->c, &row, &settings);
    if (err) {
        return err;
    }
    tg_call_put_to(ex->c, document, "tokenManagement", settings);
    err = list_put(ex, document, "environments", TG_RES_ENVIRONMENT, 0, doc_show);
    return err ? err : list_put(ex, document, "projects", TG_RES_PROJECT, 0, project_show);
}

tg_err_t tg_export(tg_call_t *c) {
    export_t ex = {.c = c};
    tg_str_t name;
    json_t *document = json_object();
    tg_call_put_to(c, document, "tollgate", json_integer(TG_IMPORT_FORMAT));
    tg_call_put(c, "result", document);
    tg_err_t err = tg_resource_all(c, TG_RES_ENVIRONMENT, 0, &ex.environments, &ex.n_environments);
    if (err) {
        return err;
    }
    return tg_call_query(c, "project", &name) ? one_put(&ex, document, name) : all_put(&ex, document);
}
