/* Deploys of a document: what is to be where, one revision for each environment. */
#include "manager/bodies.h"
#include "manager/import.h"
#include "manager/members.h"
#include "manager/resources.h"

static bool wants(const tg_import_owner_t *o, tg_str_t environment) {
    for (size_t i = 0; i < o->n_environments; i++) {
        if (tg_str_eq(o->environments[i], environment)) {
            return true;
        }
    }
    return false;
}

static tg_err_t is_deployed(tg_import_t *im, const tg_resource_t *environment, int64_t owner, int64_t *revision) {
    tg_deployment_t there;
    tg_call_t *c = im->c;
    *revision = 0;
    tg_err_t err = c->store->ops->deployment_find(c->store, environment->id, owner, &c->arena, &there);
    if (!err) {
        *revision = there.revision;
    }
    return err == TG_ERR_NOTFOUND ? TG_OK : err;
}

/* ---- notes ---- */

static json_t *state(tg_import_t *im, const tg_resource_t *environment, int64_t revision) {
    json_t *o = json_object();
    tg_call_put_to(im->c, o, "environmentName", tg_text(environment->name));
    tg_call_put_to(im->c, o, "revision", json_integer(revision));
    return o;
}

/* Revisions before and after; 0: it is not there. */
static tg_err_t note(tg_import_t *im, tg_str_t project, const tg_resource_t *owner, const tg_resource_t *environment,
                     int64_t before, int64_t after) {
    tg_call_t *c = im->c;
    tg_buf_t b;
    tg_str_t path;
    tg_buf_init(&b, 8192);
    c->before = before > 0 ? state(im, environment, before) : NULL;
    c->after = after > 0 ? state(im, environment, after) : NULL;
    tg_err_t err = tg_import_owner_path(im, project, owner, &path);
    if (!err) {
        tg_buf_putf(&b, "%.*senvironments/%.*s/", TG_STR_ARGS(path), TG_STR_ARGS(environment->name));
        err = b.err ? b.err : tg_import_note(im, after > 0 ? "deploy" : "undeploy", "deployment", tg_buf_str(&b));
    }
    tg_buf_release(&b);
    return err;
}

/* ---- undeploy ---- */

static tg_err_t undeploy_one(tg_import_t *im, tg_str_t project, const tg_resource_t *owner,
                             const tg_resource_t *environment) {
    int64_t revision;
    tg_err_t err = is_deployed(im, environment, owner->id, &revision);
    if (err || revision == 0) {
        return err;
    }
    err = tg_undeploy(im->c, environment, owner, TG_STR_NONE);
    return err ? err : note(im, project, owner, environment, revision, 0);
}

tg_err_t tg_import_undeploy(tg_import_t *im, const tg_resource_t *project, const tg_resource_t *owner) {
    tg_resource_t *environments = NULL;
    size_t n = 0;
    tg_err_t err = tg_resource_all(im->c, TG_RES_ENVIRONMENT, 0, &environments, &n);
    for (size_t i = 0; !err && i < n; i++) {
        err = undeploy_one(im, project->name, owner, &environments[i]);
    }
    return err;
}

/* Proxies, or groups, that the document wants elsewhere or nowhere. */
static tg_err_t others_undeploy(tg_import_t *im, const tg_resource_t *environment, bool groups) {
    tg_err_t err = TG_OK;
    for (size_t i = 0; !err && i < im->n_owners; i++) {
        const tg_import_owner_t *o = &im->owners[i];
        if (o->environments != NULL && (o->row.kind != TG_RES_PROXY) == groups && !wants(o, environment->name)) {
            err = tg_import_fault(im, undeploy_one(im, o->project, &o->row, environment), &o->at);
        }
    }
    return err;
}

/* ---- deploy ---- */

typedef struct {
    tg_resource_t *rows;
    tg_str_t *projects;
    bool *done;
    size_t n, room;
} wanted_t;

static tg_err_t wanted_add(tg_import_t *im, wanted_t *w, const tg_resource_t *row, tg_str_t project) {
    if (w->n == w->room) {
        size_t room = 2 * w->room + 64;
        tg_resource_t *rows = tg_arena_array(&im->c->arena, room, sizeof(*rows));
        tg_str_t *projects = tg_arena_array(&im->c->arena, room, sizeof(*projects));
        w->done = tg_arena_array(&im->c->arena, room, sizeof(*w->done));
        if (rows == NULL || projects == NULL || w->done == NULL) {
            return TG_ERR_NOMEM;
        }
        if (w->n > 0) {
            memcpy(rows, w->rows, w->n * sizeof(*rows));
            memcpy(projects, w->projects, w->n * sizeof(*projects));
        }
        w->rows = rows;
        w->projects = projects;
        w->room = room;
    }
    w->rows[w->n] = *row;
    w->projects[w->n++] = project;
    return TG_OK;
}

/* A group comes with its members, but for those of which the document says themselves where they are. */
static tg_err_t members_add(tg_import_t *im, wanted_t *w, const tg_import_owner_t *group) {
    tg_resource_t *rows = NULL;
    size_t n = 0;
    tg_err_t err = tg_group_members(im->c, &group->row, TG_STR_NONE, false, &rows, &n);
    for (size_t i = 0; !err && i < n; i++) {
        err = tg_import_is_placed(im, rows[i].id) ? TG_OK : wanted_add(im, w, &rows[i], group->project);
    }
    return err;
}

/* A proxy is deployed with its groups; one of them that must not be there would come and go with every import. */
static tg_err_t groups_check(tg_import_t *im, const tg_import_owner_t *o, const tg_resource_t *environment) {
    static const tg_resource_kind_t kinds[] = {TG_RES_POLICY_GROUP, TG_RES_PROXY_GROUP};
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        int64_t id;
        tg_err_t err = tg_member_group(im->c, o->row.id, kinds[k], &id);
        for (size_t i = 0; !err && id != 0 && i < im->n_owners; i++) {
            const tg_import_owner_t *group = &im->owners[i];
            if (group->row.id == id && group->environments != NULL && !wants(group, environment->name)) {
                err = tg_fault(&im->c->fault, TG_ERR_INVALID, "environments",
                               "names \"%.*s\", and the %s \"%.*s\" that it is in does not",
                               TG_STR_ARGS(environment->name), tg_owner_type(kinds[k])->what,
                               TG_STR_ARGS(group->row.name));
            }
        }
        if (err) {
            return tg_import_fault(im, err, &o->at);
        }
    }
    return TG_OK;
}

static tg_err_t wanted_read(tg_import_t *im, const tg_resource_t *environment, wanted_t *w) {
    tg_err_t err = TG_OK;
    for (size_t i = 0; !err && i < im->n_owners; i++) {
        const tg_import_owner_t *o = &im->owners[i];
        if (!wants(o, environment->name)) {
            continue;
        }
        err = o->row.kind == TG_RES_PROXY ? groups_check(im, o, environment) : members_add(im, w, o);
        if (!err) {
            err = wanted_add(im, w, &o->row, o->project);
        }
    }
    return err;
}

static tg_err_t wanted_deploy(tg_import_t *im, const tg_resource_t *environment, wanted_t *w) {
    int64_t *before = tg_arena_array(&im->c->arena, w->n + 1, sizeof(*before)), revision;
    tg_err_t err = before == NULL ? TG_ERR_NOMEM : TG_OK;
    for (size_t i = 0; !err && i < w->n; i++) {
        err = is_deployed(im, environment, w->rows[i].id, &before[i]);
    }
    if (!err && w->n > 0) {
        err = tg_deploy_changed(im->c, environment, w->rows, w->n, w->done);
    }
    for (size_t i = 0; !err && i < w->n; i++) {
        if (w->done[i]) {
            err = is_deployed(im, environment, w->rows[i].id, &revision);
            err = err ? err : note(im, w->projects[i], &w->rows[i], environment, before[i], revision);
        }
    }
    return err;
}

/* Proxies go first, so that routes are free for others; groups last, when their members are deployed without them. */
static tg_err_t environment_apply(tg_import_t *im, const tg_resource_t *environment) {
    wanted_t wanted = {.n = 0};
    tg_err_t err = others_undeploy(im, environment, false);
    if (!err) {
        err = wanted_read(im, environment, &wanted);
    }
    if (!err) {
        err = wanted_deploy(im, environment, &wanted);
    }
    return err ? err : others_undeploy(im, environment, true);
}

static tg_err_t pruned_remove(tg_import_t *im, const tg_import_owner_t *o) {
    const tg_resource_t project = {.name = o->project};
    tg_str_t path;
    tg_err_t err = tg_import_undeploy(im, &project, &o->row);
    if (!err) {
        err = tg_owner_remove(im->c, &o->row);
    }
    if (!err) {
        err = tg_import_owner_path(im, o->project, &o->row, &path);
    }
    return err ? err : tg_import_note(im, "delete", tg_import_owner_kind(o->row.kind), path);
}

tg_err_t tg_import_deploy(tg_import_t *im) {
    tg_resource_t *environments = NULL;
    size_t n = 0;
    tg_err_t err = tg_resource_all(im->c, TG_RES_ENVIRONMENT, 0, &environments, &n);
    for (size_t i = 0; !err && i < n; i++) {
        err = environment_apply(im, &environments[i]);
    }
    for (size_t i = 0; !err && i < im->n_pruned; i++) {
        err = pruned_remove(im, &im->pruned[i]);
    }
    return err;
}
