/* What names identity providers: policies, token settings of credentials, and what is deployed. */
#include <stdio.h>

#include "manager/bodies.h"
#include "manager/credential_walk.h"
#include "manager/credentials.h"
#include "manager/deploy.h"
#include "manager/identity_providers.h"
#include "manager/owners.h"
#include "manager/resources.h"

/* ---- what is named is there ---- */

static tg_err_t named_find(tg_call_t *c, int64_t project_id, tg_str_t name, const char *field, tg_provider_row_t *out) {
    tg_resource_t project;
    tg_err_t err = c->store->ops->resource_get(c->store, project_id, &c->arena, &project);
    if (!err) {
        err = tg_provider_find(c, &project, name, out);
    }
    return err == TG_ERR_NOTFOUND ? tg_fault(&c->fault, TG_ERR_INVALID, field,
                                             "there is no identity provider \"%.*s\" in the project", TG_STR_ARGS(name))
                                  : err;
}

tg_err_t tg_provider_settings_check(tg_call_t *c, int64_t project_id, const tg_token_settings_t *settings,
                                    const char *at) {
    char field[64];
    tg_provider_row_t p;
    tg_str_t name = settings->identity_provider;
    if (name.n == 0 || tg_str_eq(name, TG_SECRET_MANAGER)) {
        return TG_OK;
    }
    snprintf(field, sizeof(field), "%sidentityProvider", at);
    tg_err_t err = named_find(c, project_id, name, field, &p);
    if (!err && !tg_identity_provider_asks_password(&p.stored)) {
        err = tg_fault(&c->fault, TG_ERR_INVALID, field,
                       "\"%.*s\" has no {{password}} in its request: it would take any", TG_STR_ARGS(name));
    }
    return err;
}

tg_err_t tg_provider_policy_check(tg_call_t *c, int64_t project_id, const tg_policy_t *policy) {
    static const char *const field = "policy.regenerate.identityProvider";
    tg_provider_row_t p;
    tg_err_t err = tg_provider_settings_check(c, project_id, &policy->token, "policy.");
    if (err || policy->regenerate_provider.n == 0) {
        return err;
    }
    err = named_find(c, project_id, policy->regenerate_provider, field, &p);
    return err || p.stored.type == TG_PROVIDER_API
               ? err
               : tg_fault(&c->fault, TG_ERR_INVALID, field, "must be a provider of type API");
}

/* ---- who names it ---- */

/* Quotes inside strings are escaped, so that this text is such a member and nothing else. */
typedef struct {
    const tg_resource_t *row;
    const char *end;
    char text[TG_NAME_MAX + 32];
    size_t n;
} named_t;

static bool has_text(tg_str_t doc, const char *text, size_t n) {
    return memmem(doc.p, doc.n, text, n) != NULL;
}

static tg_err_t policy_refuse(tg_call_t *c, const named_t *named, const tg_resource_t *policy,
                              const tg_resource_t *owner) {
    return tg_fault(&c->fault, TG_ERR_CONFLICT, "", "%s: policy \"%.*s\" of the %s \"%.*s\" names it", named->end,
                    TG_STR_ARGS(policy->name), tg_owner_type(owner->kind)->what, TG_STR_ARGS(owner->name));
}

static tg_err_t policies_look(tg_call_t *c, const named_t *named) {
    tg_resource_t *rows = NULL, owner;
    size_t n = 0;
    tg_err_t err = tg_resource_all(c, TG_RES_POLICY, 0, &rows, &n);
    for (size_t i = 0; !err && i < n; i++) {
        if (!has_text(rows[i].doc, named->text, named->n)) {
            continue;
        }
        err = c->store->ops->resource_get(c->store, rows[i].parent, &c->arena, &owner);
        if (!err && owner.parent == named->row->parent) {
            err = policy_refuse(c, named, &rows[i], &owner);
        }
    }
    return err;
}

/* One that is only synchronised from it has the text as well. */
static tg_err_t credential_look(tg_call_t *c, const tg_resource_t *row, void *ctx) {
    const named_t *named = ctx;
    tg_credential_t k;
    tg_err_t err = tg_credential_read(c, row->doc, &k);
    if (err || !tg_str_eq(k.token.identity_provider, named->row->name)) {
        return err;
    }
    return tg_fault(&c->fault, TG_ERR_CONFLICT, "", "%s: the token settings of credential \"%.*s\" name it", named->end,
                    TG_STR_ARGS(row->name));
}

static tg_err_t deployments_look(tg_call_t *c, const named_t *named, const tg_resource_t *environment,
                                 tg_arena_t *docs) {
    char project[48];
    tg_deployment_t *rows = NULL;
    size_t n = 0;
    int len = snprintf(project, sizeof(project), "\"projectId\":%lld,", (long long)named->row->parent);
    tg_err_t err = c->store->ops->deployment_list(c->store, environment->id, docs, &rows, &n);
    for (size_t i = 0; !err && i < n; i++) {
        tg_resource_t owner;
        if (!has_text(rows[i].doc, named->text, named->n) || !has_text(rows[i].doc, project, (size_t)len)) {
            continue;
        }
        err = c->store->ops->resource_get(c->store, rows[i].proxy_id, &c->arena, &owner);
        if (!err) {
            err = tg_fault(&c->fault, TG_ERR_CONFLICT, "",
                           "%s: the %s \"%.*s\" is deployed in \"%.*s\" with a policy that names it", named->end,
                           tg_owner_type(owner.kind)->what, TG_STR_ARGS(owner.name), TG_STR_ARGS(environment->name));
        }
    }
    return err;
}

static tg_err_t environments_look(tg_call_t *c, const named_t *named) {
    tg_resource_t *environments = NULL;
    size_t n = 0;
    tg_err_t err = tg_resource_all(c, TG_RES_ENVIRONMENT, 0, &environments, &n);
    for (size_t i = 0; !err && i < n; i++) {
        tg_arena_t docs;
        tg_arena_init(&docs, 2 * (size_t)TG_SNAPSHOT_MAX);
        err = deployments_look(c, named, &environments[i], &docs);
        tg_arena_release(&docs);
    }
    return err;
}

tg_err_t tg_provider_unused(tg_call_t *c, const tg_resource_t *row, const char *end) {
    named_t named = {.row = row, .end = end};
    named.n = (size_t)snprintf(named.text, sizeof(named.text), "\"identityProvider\":\"%.*s\"", TG_STR_ARGS(row->name));
    tg_err_t err = policies_look(c, &named);
    if (!err) {
        err = tg_credentials_walk(c, row->parent, named.text, credential_look, &named);
    }
    return err ? err : environments_look(c, &named);
}
