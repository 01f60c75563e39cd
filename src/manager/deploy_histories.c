/* What was deployed of an API proxy or a group, when, by whom, what it changed; and going back to it. */
#include <stdio.h>

#include "manager/bodies.h"
#include "manager/deployments.h"
#include "manager/doc_diff.h"
#include "manager/handlers.h"
#include "manager/owners.h"
#include "manager/resources.h"

static json_t *history_show(tg_call_t *c, const tg_deployment_t *d) {
    tg_resource_t environment;
    json_t *o = json_object();
    tg_err_t err = c->store->ops->resource_get(c->store, d->environment_id, &c->arena, &environment);
    tg_call_put_to(c, o, "environmentName", err ? json_null() : tg_text(environment.name));
    tg_call_put_to(c, o, "action", json_string(d->undeploy ? "UNDEPLOY" : "DEPLOY"));
    tg_deployment_put(c, o, d);
    return o;
}

/* The environment of a query parameter; id 0: it is not there. */
static tg_err_t environment_take(tg_call_t *c, const char *name, tg_resource_t *out) {
    tg_str_t text;
    *out = (tg_resource_t){.id = 0};
    if (!tg_call_query(c, name, &text)) {
        return TG_OK;
    }
    tg_err_t err = c->store->ops->resource_find(c->store, TG_RES_ENVIRONMENT, 0, text, &c->arena, out);
    return err == TG_ERR_NOTFOUND
               ? tg_fault(&c->fault, TG_ERR_INVALID, name, "there is no environment \"%.*s\"", TG_STR_ARGS(text))
               : err;
}

static tg_err_t rows_read(tg_call_t *c, const tg_resource_t *owner, int64_t environment_id, tg_deployment_t **rows,
                          size_t *n) {
    size_t kept = 0;
    tg_err_t err = c->store->ops->deployment_history(c->store, owner->id, &c->arena, rows, n);
    for (size_t i = 0; !err && i < *n; i++) {
        if (environment_id == 0 || (*rows)[i].environment_id == environment_id) {
            (*rows)[kept++] = (*rows)[i];
        }
    }
    *n = kept;
    return err;
}

tg_err_t tg_deployment_histories(tg_call_t *c) {
    tg_resource_t project, owner, environment;
    tg_paging_t page = tg_paging(c);
    tg_deployment_t *rows = NULL;
    size_t n = 0;
    tg_err_t err = tg_owner_need(c, &project, &owner);
    if (!err) {
        err = environment_take(c, "environmentName", &environment);
    }
    if (!err) {
        err = rows_read(c, &owner, environment.id, &rows, &n);
    }
    if (err) {
        return err;
    }
    json_t *list = json_array();
    for (size_t i = (size_t)page.offset; i < n && i < (size_t)(page.offset + page.size); i++) {
        tg_call_append_to(c, list, history_show(c, &rows[i]));
    }
    tg_paging_put(c, &page, list, (int64_t)n);
    return TG_OK;
}

/* ---- one revision ---- */

static tg_err_t revision_take(tg_call_t *c, int64_t *revision) {
    uint64_t n = 0;
    if (!tg_str_to_u64(c->params[2], INT64_MAX, &n) || n == 0) {
        return tg_fault(&c->fault, TG_ERR_NOTFOUND, "", "there is no revision \"%.*s\"", TG_STR_ARGS(c->params[2]));
    }
    *revision = (int64_t)n;
    return TG_OK;
}

/* How many environments have that revision; *found is one of them, `likely` if it has. */
static size_t environments_with(const tg_deployment_t *rows, size_t n, int64_t revision, int64_t likely,
                                int64_t *found) {
    size_t count = 0;
    *found = 0;
    for (size_t i = 0; i < n; i++) {
        if (rows[i].revision == revision && rows[i].environment_id == likely) {
            *found = likely;
            return 1;
        }
        if (rows[i].revision == revision && rows[i].environment_id != *found) {
            *found = rows[i].environment_id;
            count++;
        }
    }
    return count;
}

/* Revisions are numbered by environment: the one that is meant is that of `wanted`, else that of `likely` if there is
 * one, else the only one. `field` is the parameter that says which. */
static tg_err_t revision_find(tg_call_t *c, const tg_resource_t *owner, int64_t wanted, int64_t likely,
                              const char *field, tg_deployment_t *out) {
    tg_deployment_t *rows = NULL;
    int64_t revision = 0, found = 0;
    size_t n = 0;
    tg_err_t err = revision_take(c, &revision);
    if (!err) {
        err = rows_read(c, owner, wanted, &rows, &n);
    }
    if (!err && environments_with(rows, n, revision, likely, &found) > 1) {
        return tg_fault(&c->fault, TG_ERR_INVALID, field, "is needed: several environments have a revision %lld of it",
                        (long long)revision);
    }
    if (!err) {
        err = found == 0 ? TG_ERR_NOTFOUND
                         : c->store->ops->deployment_as_of(c->store, found, owner->id, revision, &c->arena, out);
    }
    return err == TG_ERR_NOTFOUND && c->fault.text[0] == '\0'
               ? tg_fault(&c->fault, err, "", "\"%.*s\" has no revision %lld in its history", TG_STR_ARGS(owner->name),
                          (long long)revision)
               : err;
}

/* What was deployed there before that row; NOTFOUND: nothing, or it is not kept. */
static tg_err_t deployed_before(tg_call_t *c, const tg_deployment_t *row, tg_deployment_t *out) {
    int64_t revision = row->revision;
    tg_err_t err;
    do {
        err =
            c->store->ops->deployment_as_of(c->store, row->environment_id, row->proxy_id, revision - 1, &c->arena, out);
        revision = out->revision;
    } while (!err && out->undeploy);
    return err;
}

/* The revision stands beside the changes. */
static tg_err_t doc_read(const tg_deployment_t *row, json_t **doc) {
    tg_err_t err = tg_doc_parse(row->doc, doc);
    if (!err) {
        json_object_del(*doc, "revision");
    }
    return err;
}

static tg_err_t changes_put(tg_call_t *c, json_t *o, const tg_deployment_t *before, const tg_deployment_t *after) {
    json_t *old = NULL, *new = NULL, *list = json_array();
    bool all = true;
    tg_err_t err = doc_read(before, &old);
    if (!err) {
        err = doc_read(after, &new);
    }
    if (!err) {
        all = tg_doc_diff(c, old, new, list);
    }
    json_decref(old);
    json_decref(new);
    tg_call_put_to(c, o, "changes", list);
    tg_call_put_to(c, o, "changesComplete", json_boolean(all));
    return err;
}

/* An undeploy changed no document, and a first deploy has none to be compared with. */
tg_err_t tg_deployment_history_get(tg_call_t *c) {
    tg_resource_t project, owner, environment;
    tg_deployment_t row, before = {.revision = 0};
    tg_err_t err = tg_owner_need(c, &project, &owner);
    if (!err) {
        err = environment_take(c, "environmentName", &environment);
    }
    if (!err) {
        err = revision_find(c, &owner, environment.id, 0, "environmentName", &row);
    }
    if (!err) {
        err = row.undeploy ? TG_ERR_NOTFOUND : deployed_before(c, &row, &before);
    } else {
        return err;
    }
    if (err && err != TG_ERR_NOTFOUND) {
        return err;
    }
    json_t *o = history_show(c, &row);
    tg_call_put_to(c, o, "comparedWith", err ? json_null() : json_integer(before.revision));
    if (err) {
        tg_call_put_to(c, o, "changes", json_array());
        tg_call_put_to(c, o, "changesComplete", json_true());
    } else {
        err = changes_put(c, o, &before, &row);
    }
    tg_call_put(c, "result", o);
    return err == TG_ERR_NOTFOUND ? TG_OK : err;
}

/* ---- rollback ---- */

typedef struct {
    tg_resource_t owner, target;
    tg_deployment_t frozen;
} rollback_t;

static tg_err_t rollback_read(tg_call_t *c, rollback_t *r) {
    tg_resource_t project, source;
    tg_err_t err = tg_owner_need(c, &project, &r->owner);
    if (!err) {
        err = environment_take(c, "environmentName", &r->target);
    }
    if (!err) {
        err = environment_take(c, "sourceEnvironmentName", &source);
    }
    if (!err) {
        err = revision_find(c, &r->owner, source.id, r->target.id, "sourceEnvironmentName", &r->frozen);
    }
    if (!err && r->frozen.undeploy) {
        err = tg_fault(&c->fault, TG_ERR_CONFLICT, "", "revision %lld took it away: there is nothing to go back to",
                       (long long)r->frozen.revision);
    }
    return err || r->target.id != 0
               ? err
               : c->store->ops->resource_get(c->store, r->frozen.environment_id, &c->arena, &r->target);
}

static tg_err_t description_default(tg_call_t *c, const rollback_t *r, tg_str_t *description) {
    char text[64];
    if (description->n > 0) {
        return TG_OK;
    }
    snprintf(text, sizeof(text), "rollback to revision %lld", (long long)r->frozen.revision);
    return tg_arena_str(&c->arena, tg_str(text), description) ? TG_OK : TG_ERR_NOMEM;
}

tg_err_t tg_deployment_rollback(tg_call_t *c) {
    rollback_t r;
    tg_str_t description;
    tg_err_t err = tg_deployment_description(c, &description);
    if (!err) {
        err = tg_call_begin(c);
    }
    if (!err) {
        err = rollback_read(c, &r);
    }
    if (!err) {
        err = description_default(c, &r, &description);
    }
    if (!err) {
        err = tg_deployment_note_before(c, &r.target, &r.owner);
    }
    if (!err) {
        err = tg_deploy_frozen(c, &r.target, &r.owner, &r.frozen, description);
    }
    if (!err) {
        c->after = tg_deployment_note(c, &r.target, c->targets[0].revision);
        tg_call_put_to(c, c->after, "rollbackTo", json_integer(r.frozen.revision));
        if (c->keys_made != NULL) {
            tg_call_put_to(c, c->after, "signingKeysMade", json_incref(c->keys_made));
        }
        tg_call_put(c, "result", json_incref(c->after));
    }
    return err;
}
