/* Proxies and groups of a document: bodies, keys, policies, members. */
#include <stdio.h>

#include "manager/bodies.h"
#include "manager/import.h"
#include "manager/members.h"
#include "manager/policies.h"
#include "manager/policy_scopes.h"
#include "manager/resources.h"
#include "manager/schemas.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define MEMBERS_MAX  100000
#define POLICIES_MAX 1000

static const tg_str_t projects_segment = TG_STR("projects"), policies_segment = TG_STR("policies"),
                      settings_segment = TG_STR("settings"), keys_segment = TG_STR("keys");

/* What stands beside the body. */
typedef struct {
    const json_t *public_key, *secret_key, *roles; /* as in settings/keys */
    const json_t *policies;
    tg_str_t *environments;
    size_t n_environments;
    tg_str_t *members;
    size_t n_members;
} beside_t;

static json_t *key_part_schema(const tg_field_t *f) {
    json_t *all = tg_application_key_schema();
    json_t *part = json_incref(json_object_get(json_object_get(all, "properties"), f->name));
    json_decref(all);
    return part;
}

static const tg_field_t policy_fields[] = {{.name = "name", .read = tg_read_name, .required = true}};

static json_t *policies_schema(const tg_field_t *f) {
    return tg_schema_array(f,
                           tg_schema_join(tg_policy_schema(), tg_fields_schema(policy_fields, COUNT(policy_fields))));
}

#define OWNER_FIELDS                                                                                                   \
    {.name = "publicKey", .read = tg_read_kept, .offset = offsetof(beside_t, public_key), .schema = key_part_schema},  \
        {.name = "secretKey",                                                                                          \
         .read = tg_read_kept,                                                                                         \
         .offset = offsetof(beside_t, secret_key),                                                                     \
         .schema = key_part_schema},                                                                                   \
        {.name = "roleNameList",                                                                                       \
         .read = tg_read_kept,                                                                                         \
         .offset = offsetof(beside_t, roles),                                                                          \
         .schema = key_part_schema},                                                                                   \
        {.name = "policies",                                                                                           \
         .read = tg_read_kept_list,                                                                                    \
         .offset = offsetof(beside_t, policies),                                                                       \
         .max = POLICIES_MAX,                                                                                          \
         .schema = policies_schema},                                                                                   \
    {                                                                                                                  \
        .name = "environments", TG_TEXTS(beside_t, environments, n_environments, tg_read_name), .max = TG_TARGETS_MAX  \
    }

static const tg_field_t owner_fields[] = {
    OWNER_FIELDS,
    {.name = "members", TG_TEXTS(beside_t, members, n_members, tg_read_name), .max = MEMBERS_MAX},
};
#define PROXY_FIELDS_N (COUNT(owner_fields) - 1) /* members are of groups */

typedef struct {
    tg_str_t name, doc;
    beside_t beside;
    tg_key_change_t key;
} read_owner_t;

/* ---- schemas ---- */

static json_t *with_beside(json_t *body, size_t n) {
    json_object_del(json_object_get(body, "properties"), "deploy");
    json_object_del(json_object_get(body, "properties"), "deployTargetEnvironmentNameList");
    return tg_schema_join(body, tg_fields_schema(owner_fields, n));
}

json_t *tg_import_proxy_schema(void) {
    return with_beside(tg_proxy_schema(), PROXY_FIELDS_N);
}

json_t *tg_import_group_schema(void) {
    return with_beside(tg_group_schema(), COUNT(owner_fields));
}

const char *tg_import_owner_kind(tg_resource_kind_t kind) {
    return kind == TG_RES_PROXY ? "apiProxy" : kind == TG_RES_PROXY_GROUP ? "apiProxyGroup" : "policyGroup";
}

static const char *list_name(tg_resource_kind_t kind) {
    return kind == TG_RES_PROXY ? "proxies" : kind == TG_RES_PROXY_GROUP ? "proxyGroups" : "policyGroups";
}

/* ---- reading ---- */

static tg_err_t key_read(tg_import_t *im, read_owner_t *out) {
    const beside_t *b = &out->beside;
    json_t *body = json_pack("{s:O*, s:O*, s:O*}", "publicKey", b->public_key, "secretKey", b->secret_key,
                             "roleNameList", b->roles);
    tg_err_t err = body == NULL ? TG_ERR_NOMEM : tg_key_change_read(im->c, body, &out->key);
    json_decref(body);
    return err;
}

/* Deploys are said by "environments". */
static tg_err_t deploy_refuse(const tg_reader_t *r, const json_t *body) {
    static const char *const names[] = {"deploy", "deployTargetEnvironmentNameList"};
    for (size_t i = 0; i < COUNT(names); i++) {
        if (json_object_get(body, names[i]) != NULL) {
            return tg_refuse(r, TG_MEMBER(NULL, names[i]), "is not for documents: \"environments\" says where");
        }
    }
    return TG_OK;
}

static tg_err_t owner_read(tg_import_t *im, const tg_owner_type_t *type, tg_str_t project, const json_t *object,
                           read_owner_t *out) {
    tg_reader_t r = {&im->c->arena, &im->c->fault};
    size_t n = type->kind == TG_RES_PROXY ? PROXY_FIELDS_N : COUNT(owner_fields);
    json_t *body = NULL, *beside = NULL;
    memset(out, 0, sizeof(*out));
    tg_err_t err = json_is_object(object) ? tg_import_split(object, owner_fields, n, &body, &beside)
                                          : tg_refuse(&r, NULL, "must be an object");
    if (!err) {
        err = deploy_refuse(&r, body);
    }
    if (!err) {
        err = tg_owner_canonical(im->c, type, project, body, &out->name, &out->doc);
    }
    if (!err) {
        err = tg_fields_read(&r, NULL, beside, owner_fields, n, &out->beside);
    }
    json_decref(body);
    json_decref(beside);
    return err ? err : key_read(im, out);
}

static tg_err_t policy_read(tg_import_t *im, const json_t *object, tg_str_t *name, tg_str_t *doc) {
    tg_reader_t r = {&im->c->arena, &im->c->fault};
    json_t *body = json_copy((json_t *)object);
    if (body == NULL) {
        return TG_ERR_NOMEM;
    }
    const json_t *value = json_object_get(object, "name");
    tg_err_t err = !json_is_object(object)  ? tg_refuse(&r, NULL, "must be an object")
                   : !json_is_string(value) ? tg_refuse(&r, TG_MEMBER(NULL, "name"), "is required")
                   : tg_arena_str(&im->c->arena, tg_json_str(object, "name"), name) ? TG_OK
                                                                                    : TG_ERR_NOMEM;
    json_object_del(body, "name");
    if (!err) {
        err = deploy_refuse(&r, json_object_get(body, "operationMetadata"));
    }
    if (!err) {
        err = tg_name_check(*name, "name", &im->c->fault);
    }
    if (!err) {
        err = tg_policy_canonical(im->c, body, *name, doc);
    }
    json_decref(body);
    return err;
}

static tg_err_t policies_check(tg_import_t *im, const json_t *list, const tg_at_t *at) {
    size_t i;
    const json_t *element;
    tg_str_t name, doc;
    tg_err_t err = TG_OK;
    json_array_foreach(list, i, element) {
        tg_at_t here = tg_at("%s.policies[%zu]", at->text, i);
        err = err ? err : tg_import_fault(im, policy_read(im, element, &name, &doc), &here);
    }
    tg_at_t all = tg_at("%s.policies", at->text);
    return err ? err : tg_import_unique(im, list, "name", &all);
}

tg_err_t tg_import_owners_check(tg_import_t *im, const tg_owner_type_t *type, tg_str_t project, const json_t *list,
                                const char *at) {
    size_t i;
    const json_t *element;
    read_owner_t owner;
    tg_at_t all = tg_at("%s.%s", at, list_name(type->kind));
    tg_err_t err = TG_OK;
    json_array_foreach(list, i, element) {
        tg_at_t here = tg_at("%s[%zu]", all.text, i);
        err = err ? err : tg_import_fault(im, owner_read(im, type, project, element, &owner), &here);
        err = err ? err : policies_check(im, owner.beside.policies, &here);
    }
    return err ? err : tg_import_unique(im, list, type->name_field, &all);
}

/* ---- writing ---- */

static tg_err_t path_of(tg_import_t *im, tg_str_t project, tg_resource_kind_t kind, tg_str_t name, tg_str_t *out) {
    const tg_str_t segment = tg_str(tg_owner_type(kind)->segment);
    return tg_import_path(im, TG_PARTS(projects_segment, project, segment, name), out);
}

tg_err_t tg_import_owner_path(tg_import_t *im, tg_str_t project, const tg_resource_t *owner, tg_str_t *out) {
    return path_of(im, project, owner->kind, owner->name, out);
}

static tg_err_t key_write(tg_import_t *im, const tg_resource_t *owner, read_owner_t *o, tg_str_t path,
                          tg_client_t *client) {
    tg_call_t *c = im->c;
    tg_str_t what = TG_STR_NONE;
    tg_err_t err = tg_key_change_prepare(&o->key);
    if (!err) {
        err = tg_key_change_write(c, owner, &o->key, client);
    }
    if (!err && json_equal(c->before, c->after)) {
        json_decref(c->before);
        json_decref(c->after);
        c->before = c->after = NULL;
        return TG_OK;
    }
    if (!err) {
        tg_buf_t b;
        tg_buf_init(&b, 8192);
        tg_buf_putf(&b, "%.*s%.*s/%.*s/", TG_STR_ARGS(path), TG_STR_ARGS(settings_segment), TG_STR_ARGS(keys_segment));
        err = b.err ? b.err : tg_arena_str(&c->arena, tg_buf_str(&b), &what) ? TG_OK : TG_ERR_NOMEM;
        tg_buf_release(&b);
    }
    return err ? err : tg_import_note(im, "update", "applicationKey", what);
}

/* With the key that it got, or that the document names; what was made is told. */
static tg_err_t owner_make(tg_import_t *im, const tg_owner_type_t *type, const tg_resource_t *project, read_owner_t *o,
                           tg_str_t path, tg_resource_t *row) {
    tg_application_key_t key;
    tg_client_t client = {.client_id = TG_STR_NONE};
    tg_application_key_make(&key);
    tg_err_t err = tg_owner_add(im->c, type, project, o->name, o->doc, &key, row);
    if (!err) {
        err = tg_import_note(im, "create", tg_import_owner_kind(type->kind), path);
    }
    if (!err && !tg_key_change_is_empty(&o->key)) {
        err = key_write(im, row, o, path, &client);
    }
    if (!err && o->key.secret.n == 0) {
        tg_import_secret(im, path, client.client_id.n > 0 ? client.client_id : tg_str(key.client_id),
                         key.client_secret);
    }
    tg_application_key_release(&key);
    return err;
}

static tg_err_t owner_change(tg_import_t *im, const tg_owner_type_t *type, read_owner_t *o, tg_str_t path,
                             tg_resource_t *row) {
    tg_client_t client;
    tg_err_t err = TG_OK;
    if (!tg_str_eq(row->doc, o->doc)) {
        err = tg_owner_change(im->c, row, o->doc);
        err = err ? err : tg_import_note(im, "update", tg_import_owner_kind(type->kind), path);
    }
    if (!im->set_secrets) {
        o->key.id = o->key.secret = TG_STR_NONE;
    }
    return err || tg_key_change_is_empty(&o->key) ? err : key_write(im, row, o, path, &client);
}

static tg_err_t policy_note(tg_import_t *im, const tg_resource_t *owner, const tg_resource_t *project, tg_str_t name,
                            const char *action) {
    const tg_str_t segment = tg_str(tg_owner_type(owner->kind)->segment);
    tg_str_t path;
    tg_err_t err = tg_import_path(
        im, TG_PARTS(projects_segment, project->name, segment, owner->name, policies_segment, name), &path);
    return err ? err : tg_import_note(im, action, "policy", path);
}

static tg_err_t policy_write(tg_import_t *im, const tg_resource_t *project, const tg_resource_t *owner,
                             const json_t *object) {
    tg_call_t *c = im->c;
    tg_resource_t row;
    tg_str_t name, doc;
    tg_err_t err = policy_read(im, object, &name, &doc);
    if (err) {
        return err;
    }
    err = c->store->ops->resource_find(c->store, TG_RES_POLICY, owner->id, name, &c->arena, &row);
    if (err == TG_ERR_NOTFOUND) {
        err = tg_policy_add(c, owner, name, doc);
        return err ? err : policy_note(im, owner, project, name, "create");
    }
    if (err || tg_str_eq(row.doc, doc)) {
        return err;
    }
    err = tg_policy_change(c, &row, doc);
    return err ? err : policy_note(im, owner, project, name, "update");
}

/* Those beyond the list go first: there is room for one authentication policy only. */
static tg_err_t policies_write(tg_import_t *im, const tg_resource_t *project, const tg_resource_t *owner,
                               const json_t *list, const tg_at_t *at) {
    tg_resource_t *rows = NULL;
    size_t n = 0, i;
    const json_t *element;
    json_t *named = tg_import_name_set(list, "name");
    tg_err_t err = named == NULL  ? TG_ERR_NOMEM
                   : list != NULL ? tg_resource_all(im->c, TG_RES_POLICY, owner->id, &rows, &n)
                                  : TG_OK;
    for (size_t k = 0; !err && k < n; k++) {
        if (!tg_import_has(named, rows[k].name)) {
            err = tg_policy_remove(im->c, &rows[k]);
            err = err ? err : policy_note(im, owner, project, rows[k].name, "delete");
        }
    }
    json_decref(named);
    json_array_foreach(list, i, element) {
        tg_at_t here = tg_at("%s.policies[%zu]", at->text, i);
        err = err ? err : tg_import_fault(im, policy_write(im, project, owner, element), &here);
    }
    return err;
}

static tg_err_t environments_check(tg_import_t *im, const beside_t *b, const tg_at_t *at) {
    tg_call_t *c = im->c;
    tg_err_t err = TG_OK;
    for (size_t i = 0; !err && i < b->n_environments; i++) {
        tg_at_t here = tg_at("%s.environments[%zu]", at->text, i);
        tg_resource_t environment;
        err = tg_import_fault(im, tg_environment_need(c, b->environments[i], &environment), &here);
    }
    return err;
}

static tg_err_t owner_write(tg_import_t *im, const tg_owner_type_t *type, const tg_resource_t *project,
                            const json_t *object, const tg_at_t *at) {
    tg_call_t *c = im->c;
    tg_resource_t row;
    read_owner_t o;
    tg_str_t path;
    tg_err_t err = owner_read(im, type, project->name, object, &o);
    if (!err) {
        err = path_of(im, project->name, type->kind, o.name, &path);
    }
    if (!err) {
        err = c->store->ops->resource_find(c->store, type->kind, project->id, o.name, &c->arena, &row);
        err = err == TG_ERR_NOTFOUND ? owner_make(im, type, project, &o, path, &row)
              : err                  ? err
                                     : owner_change(im, type, &o, path, &row);
    }
    tg_key_change_release(&o.key);
    err = tg_import_fault(im, err, at);
    if (!err) {
        err = policies_write(im, project, &row, o.beside.policies, at);
    }
    if (!err) {
        err = tg_import_fault(im, tg_policies_check(c, &row), at);
    }
    if (!err) {
        err = environments_check(im, &o.beside, at);
    }
    im->owners[im->n_owners++] = (tg_import_owner_t){.row = row,
                                                     .project = project->name,
                                                     .environments = o.beside.environments,
                                                     .n_environments = o.beside.n_environments,
                                                     .members = o.beside.members,
                                                     .n_members = o.beside.n_members,
                                                     .at = *at};
    return err;
}

static tg_err_t owners_room(tg_import_t *im, size_t n) {
    tg_import_owner_t *all = tg_arena_array(&im->c->arena, im->n_owners + n + 1, sizeof(*all));
    if (all == NULL) {
        return TG_ERR_NOMEM;
    }
    if (im->n_owners > 0) {
        memcpy(all, im->owners, im->n_owners * sizeof(*all));
    }
    im->owners = all;
    return TG_OK;
}

tg_err_t tg_import_owners(tg_import_t *im, const tg_owner_type_t *type, const tg_resource_t *project,
                          const json_t *list, const char *at) {
    size_t i;
    const json_t *element;
    tg_err_t err = owners_room(im, json_array_size(list));
    json_array_foreach(list, i, element) {
        tg_at_t here = tg_at("%s.%s[%zu]", at, list_name(type->kind), i);
        err = err ? err : owner_write(im, type, project, element, &here);
    }
    return err;
}

/* ---- members ---- */

static tg_err_t member_note(tg_import_t *im, const tg_resource_t *project, const tg_resource_t *group, tg_str_t proxy,
                            const char *action) {
    const tg_str_t segment = tg_str(tg_owner_type(group->kind)->segment);
    const tg_str_t members = tg_str(tg_owner_type(TG_RES_PROXY)->segment);
    tg_str_t path;
    tg_err_t err =
        tg_import_path(im, TG_PARTS(projects_segment, project->name, segment, group->name, members, proxy), &path);
    return err ? err : tg_import_note(im, action, "member", path);
}

static bool texts_have(const tg_str_t *list, size_t n, tg_str_t s) {
    for (size_t i = 0; i < n; i++) {
        if (tg_str_eq(list[i], s)) {
            return true;
        }
    }
    return false;
}

bool tg_import_is_placed(const tg_import_t *im, int64_t id) {
    for (size_t i = 0; i < im->n_owners; i++) {
        if (im->owners[i].row.id == id) {
            return im->owners[i].environments != NULL;
        }
    }
    return false;
}

static tg_err_t member_leave(tg_import_t *im, const tg_resource_t *project, const tg_resource_t *group,
                             const tg_resource_t *proxy) {
    tg_err_t err = tg_member_remove(im->c, group, proxy);
    if (!err && !tg_import_is_placed(im, proxy->id)) {
        err = tg_member_free(im->c, group, proxy);
    }
    return err ? err : member_note(im, project, group, proxy->name, "delete");
}

static tg_err_t members_leave(tg_import_t *im, const tg_resource_t *project, const tg_import_owner_t *o) {
    tg_resource_t *rows = NULL;
    size_t n = 0;
    tg_err_t err = tg_group_members(im->c, &o->row, TG_STR_NONE, false, &rows, &n);
    for (size_t i = 0; !err && i < n; i++) {
        if (!texts_have(o->members, o->n_members, rows[i].name)) {
            err = member_leave(im, project, &o->row, &rows[i]);
        }
    }
    return tg_import_fault(im, err, &o->at);
}

tg_err_t tg_import_group_end(tg_import_t *im, const tg_resource_t *project, const tg_resource_t *group) {
    tg_import_owner_t end = {.row = *group, .project = project->name};
    tg_import_owner_t *all = tg_arena_array(&im->c->arena, im->n_pruned + 1, sizeof(*all));
    if (all == NULL) {
        return TG_ERR_NOMEM;
    }
    if (im->n_pruned > 0) {
        memcpy(all, im->pruned, im->n_pruned * sizeof(*all));
    }
    im->pruned = all;
    im->pruned[im->n_pruned++] = end;
    return members_leave(im, project, &end);
}

static tg_err_t member_join(tg_import_t *im, const tg_resource_t *project, const tg_resource_t *group, tg_str_t name) {
    tg_resource_t proxy;
    tg_err_t err = tg_resource_need(im->c, TG_RES_PROXY, project->id, "API proxy", name, &proxy);
    if (!err) {
        err = tg_member_add(im->c, group, &proxy);
    }
    return err || im->c->after == NULL ? err : member_note(im, project, group, name, "create");
}

static tg_err_t members_join(tg_import_t *im, const tg_resource_t *project, const tg_import_owner_t *o) {
    tg_err_t err = TG_OK;
    for (size_t i = 0; !err && i < o->n_members; i++) {
        tg_at_t here = tg_at("%s.members[%zu]", o->at.text, i);
        err = tg_import_fault(im, member_join(im, project, &o->row, o->members[i]), &here);
    }
    return err;
}

tg_err_t tg_import_members(tg_import_t *im, const tg_resource_t *project, size_t first) {
    tg_err_t err = TG_OK;
    for (size_t i = first; !err && i < im->n_owners; i++) {
        err = im->owners[i].members != NULL ? members_leave(im, project, &im->owners[i]) : TG_OK;
    }
    for (size_t i = first; !err && i < im->n_owners; i++) {
        err = members_join(im, project, &im->owners[i]);
    }
    return err;
}

/* ---- prune ---- */

static tg_err_t proxy_prune(tg_import_t *im, const tg_resource_t *project, const tg_resource_t *row) {
    tg_str_t path;
    tg_err_t err = tg_import_undeploy(im, project, row);
    if (!err) {
        err = tg_owner_remove(im->c, row);
    }
    if (!err) {
        err = tg_import_owner_path(im, project->name, row, &path);
    }
    return err ? err : tg_import_note(im, "delete", tg_import_owner_kind(row->kind), path);
}

tg_err_t tg_import_owners_prune(tg_import_t *im, const tg_owner_type_t *type, const tg_resource_t *project,
                                const json_t *list) {
    tg_resource_t *rows = NULL;
    size_t n = 0;
    json_t *named = tg_import_name_set(list, type->name_field);
    tg_err_t err = named == NULL  ? TG_ERR_NOMEM
                   : list != NULL ? tg_resource_all(im->c, type->kind, project->id, &rows, &n)
                                  : TG_OK;
    for (size_t i = 0; !err && i < n; i++) {
        if (!tg_import_has(named, rows[i].name)) {
            err = type->kind == TG_RES_PROXY ? proxy_prune(im, project, &rows[i])
                                             : tg_import_group_end(im, project, &rows[i]);
        }
    }
    json_decref(named);
    return err;
}
