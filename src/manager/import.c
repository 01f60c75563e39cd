/* POST /apiops/import: one transaction, as docs/decisions/0013-declarative.md says. */
#include "manager/import.h"

#include "jose/jwk.h"
#include "manager/bodies.h"
#include "manager/environments.h"
#include "manager/handlers.h"
#include "manager/projects.h"
#include "manager/publish.h"
#include "manager/resources.h"
#include "manager/schemas.h"
#include "manager/token_management.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define ENVIRONMENTS_MAX 1000
#define PROJECTS_MAX     10000
#define OBJECTS_MAX      100000

/* ---- schemas ---- */

static json_t *body_document_schema(const tg_field_t *f) {
    (void)f;
    return tg_document_schema();
}

static json_t *format_schema(const tg_field_t *f) {
    (void)f;
    return json_pack("{s:s, s:[i]}", "type", "integer", "enum", TG_IMPORT_FORMAT);
}

static json_t *token_management_schema(const tg_field_t *f) {
    (void)f;
    return tg_token_management_schema();
}

static json_t *environments_schema(const tg_field_t *f) {
    return tg_schema_array(f, tg_environment_schema());
}

static json_t *organizations_schema(const tg_field_t *f) {
    return tg_schema_array(f, tg_organization_schema());
}

static json_t *providers_schema(const tg_field_t *f) {
    return tg_schema_array(f, tg_identity_provider_schema());
}

static json_t *proxies_schema(const tg_field_t *f) {
    return tg_schema_array(f, tg_import_proxy_schema());
}

static json_t *groups_schema(const tg_field_t *f) {
    return tg_schema_array(f, tg_import_group_schema());
}

static json_t *credentials_schema(const tg_field_t *f) {
    return tg_schema_array(f, tg_import_credential_schema());
}

static json_t *projects_schema(const tg_field_t *f);

/* ---- the document ---- */

typedef struct {
    const json_t *document;
    bool dry_run, prune, set_secrets;
} body_t;

static const tg_field_t body_fields[] = {
    {.name = "document",
     .read = tg_read_kept,
     .offset = offsetof(body_t, document),
     .required = true,
     .schema = body_document_schema},
    {.name = "dryRun", .read = tg_read_bool, .offset = offsetof(body_t, dry_run)},
    {.name = "prune", .read = tg_read_bool, .offset = offsetof(body_t, prune)},
    {.name = "setSecrets", .read = tg_read_bool, .offset = offsetof(body_t, set_secrets)},
};

typedef struct {
    int64_t format;
    const json_t *token_management, *environments, *projects;
} document_t;

static tg_err_t read_format(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                            void *out) {
    (void)f;
    int64_t *format = out;
    *format = json_integer_value(v);
    return json_is_integer(v) && *format == TG_IMPORT_FORMAT
               ? TG_OK
               : tg_refuse(r, at, "must be %d: this release reads no other version of the document", TG_IMPORT_FORMAT);
}

#define FORMAT_FIELD                                                                                                   \
    {                                                                                                                  \
        .name = "tollgate", .read = read_format, .offset = offsetof(document_t, format), .required = true,             \
        .schema = format_schema                                                                                        \
    }

static const tg_field_t format_fields[] = {FORMAT_FIELD};

static const tg_field_t document_fields[] = {
    FORMAT_FIELD,
    {.name = "tokenManagement",
     .read = tg_read_kept,
     .offset = offsetof(document_t, token_management),
     .schema = token_management_schema},
    {.name = "environments",
     .read = tg_read_kept_list,
     .offset = offsetof(document_t, environments),
     .max = ENVIRONMENTS_MAX,
     .schema = environments_schema},
    {.name = "projects",
     .read = tg_read_kept_list,
     .offset = offsetof(document_t, projects),
     .max = PROJECTS_MAX,
     .schema = projects_schema},
};

typedef struct {
    const json_t *organizations, *providers, *proxies, *proxy_groups, *policy_groups, *credentials;
} project_t;

#define PROJECT_LIST(key, member, of)                                                                                  \
    { .name = key, .read = tg_read_kept_list, .offset = offsetof(project_t, member), .max = OBJECTS_MAX, .schema = of }

static const tg_field_t project_fields[] = {
    PROJECT_LIST("organizations", organizations, organizations_schema),
    PROJECT_LIST("identityProviders", providers, providers_schema),
    PROJECT_LIST("proxies", proxies, proxies_schema),
    PROJECT_LIST("proxyGroups", proxy_groups, groups_schema),
    PROJECT_LIST("policyGroups", policy_groups, groups_schema),
    PROJECT_LIST("credentials", credentials, credentials_schema),
};

static json_t *projects_schema(const tg_field_t *f) {
    return tg_schema_array(
        f, tg_schema_join(tg_project_schema(), tg_fields_schema(project_fields, COUNT(project_fields))));
}

json_t *tg_document_schema(void) {
    return tg_fields_schema(document_fields, COUNT(document_fields));
}

json_t *tg_import_schema(void) {
    return tg_fields_schema(body_fields, COUNT(body_fields));
}

/* ---- token management, environments ---- */

static tg_err_t token_management_apply(tg_import_t *im, const json_t *body) {
    static const tg_str_t settings = TG_STR("settings"), name = TG_STR("token-management");
    tg_call_t *c = im->c;
    tg_resource_t row;
    tg_token_management_t wanted;
    tg_str_t path;
    json_t *after = NULL;
    tg_err_t err = tg_token_management_parse(body, &c->arena, &wanted, &c->fault);
    if (!err) {
        after = tg_token_management_write(&wanted);
        err = after == NULL ? TG_ERR_NOMEM : tg_token_management_find(c, &row, &c->before);
    }
    bool same = !err && json_equal(c->before, after);
    json_decref(after);
    if (same) {
        json_decref(c->before);
        c->before = NULL;
    }
    if (err || same) {
        return err;
    }
    err = tg_token_management_change(c, &row, &wanted);
    if (!err) {
        err = tg_import_path(im, TG_PARTS(settings, name), &path);
    }
    return err ? err : tg_import_note(im, "update", "tokenManagement", path);
}

static tg_err_t environment_make(tg_import_t *im, tg_str_t name, tg_str_t doc) {
    tg_key_t *key = NULL;
    int64_t id;
    tg_err_t err = tg_key_generate(TG_ALG_RS256, &key);
    if (!err) {
        err = tg_environment_add(im->c, name, doc, key, &id);
    }
    tg_key_free(key);
    return err;
}

static tg_err_t environment_apply(tg_import_t *im, const json_t *body) {
    static const tg_str_t segment = TG_STR("environments");
    tg_call_t *c = im->c;
    tg_resource_t row;
    tg_str_t name, doc, path;
    tg_err_t err = tg_environment_canonical(c, body, &name, &doc);
    if (!err) {
        err = tg_import_path(im, TG_PARTS(segment, name), &path);
    }
    if (err) {
        return err;
    }
    err = c->store->ops->resource_find(c->store, TG_RES_ENVIRONMENT, 0, name, &c->arena, &row);
    if (err == TG_ERR_NOTFOUND) {
        err = environment_make(im, name, doc);
        return err ? err : tg_import_note(im, "create", "environment", path);
    }
    if (err || tg_str_eq(row.doc, doc)) {
        return err;
    }
    err = tg_environment_change(c, &row, doc);
    return err ? err : tg_import_note(im, "update", "environment", path);
}

/* ---- projects ---- */

typedef struct {
    tg_str_t name, doc;
    project_t lists;
} read_project_t;

static tg_err_t project_read(tg_import_t *im, const json_t *object, read_project_t *out) {
    tg_reader_t r = {&im->c->arena, &im->c->fault};
    json_t *rest = NULL, *lists = NULL;
    memset(out, 0, sizeof(*out));
    tg_err_t err = json_is_object(object)
                       ? tg_import_split(object, project_fields, COUNT(project_fields), &rest, &lists)
                       : tg_refuse(&r, NULL, "must be an object");
    if (!err) {
        err = tg_project_canonical(im->c, rest, &out->name, &out->doc);
    }
    if (!err) {
        err = tg_fields_read(&r, NULL, lists, project_fields, COUNT(project_fields), &out->lists);
    }
    json_decref(rest);
    json_decref(lists);
    return err;
}

static tg_err_t project_check(tg_import_t *im, const json_t *object, const tg_at_t *at) {
    tg_call_t *c = im->c;
    read_project_t p;
    tg_resource_t row, *project = &row;
    tg_err_t err = tg_import_fault(im, project_read(im, object, &p), at);
    if (!err) {
        err = c->store->ops->resource_find(c->store, TG_RES_PROJECT, 0, p.name, &c->arena, &row);
    }
    if (err == TG_ERR_NOTFOUND) {
        project = NULL;
        err = TG_OK;
    }
    if (!err) {
        err = tg_import_organizations_check(im, project, p.lists.organizations, at->text);
    }
    if (!err) {
        const tg_resource_t made = {.name = p.name};
        err = tg_import_providers_check(im, project != NULL ? project : &made, p.lists.providers, at->text);
    }
    if (!err) {
        err = tg_import_owners_check(im, tg_owner_type(TG_RES_PROXY), p.name, p.lists.proxies, at->text);
    }
    if (!err) {
        err = tg_import_owners_check(im, tg_owner_type(TG_RES_PROXY_GROUP), p.name, p.lists.proxy_groups, at->text);
    }
    if (!err) {
        err = tg_import_owners_check(im, tg_owner_type(TG_RES_POLICY_GROUP), p.name, p.lists.policy_groups, at->text);
    }
    return err ? err : tg_import_credentials_check(im, project, p.lists.credentials, at->text);
}

static tg_err_t project_write(tg_import_t *im, const read_project_t *p, tg_resource_t *row) {
    static const tg_str_t segment = TG_STR("projects");
    tg_call_t *c = im->c;
    const char *action = "update";
    tg_str_t path;
    tg_err_t err = c->store->ops->resource_find(c->store, TG_RES_PROJECT, 0, p->name, &c->arena, row);
    if (!err && tg_str_eq(row->doc, p->doc)) {
        return TG_OK;
    }
    if (err == TG_ERR_NOTFOUND) {
        action = "create";
        err = tg_project_add(c, p->name, p->doc);
    } else if (!err) {
        err = tg_project_change(c, row, p->doc);
    }
    if (!err) {
        err = tg_import_path(im, TG_PARTS(segment, p->name), &path);
    }
    if (!err) {
        err = tg_import_note(im, action, "project", path);
    }
    return err ? err : c->store->ops->resource_find(c->store, TG_RES_PROJECT, 0, p->name, &c->arena, row);
}

/* What goes makes room first: names of clients are unique in the whole installation. */
static tg_err_t project_prune(tg_import_t *im, const tg_resource_t *row, const project_t *lists) {
    tg_err_t err = tg_import_credentials_prune(im, row, lists->credentials);
    return err ? err : tg_import_owners_prune(im, tg_owner_type(TG_RES_PROXY), row, lists->proxies);
}

static tg_err_t groups_prune(tg_import_t *im, const tg_resource_t *row, const project_t *lists) {
    tg_err_t err = tg_import_owners_prune(im, tg_owner_type(TG_RES_PROXY_GROUP), row, lists->proxy_groups);
    return err ? err : tg_import_owners_prune(im, tg_owner_type(TG_RES_POLICY_GROUP), row, lists->policy_groups);
}

static tg_err_t owners_apply(tg_import_t *im, const tg_resource_t *row, const project_t *lists, const char *at) {
    size_t first = im->n_owners;
    tg_err_t err = tg_import_owners(im, tg_owner_type(TG_RES_PROXY), row, lists->proxies, at);
    if (!err) {
        err = tg_import_owners(im, tg_owner_type(TG_RES_PROXY_GROUP), row, lists->proxy_groups, at);
    }
    if (!err) {
        err = tg_import_owners(im, tg_owner_type(TG_RES_POLICY_GROUP), row, lists->policy_groups, at);
    }
    if (!err && im->prune) {
        err = groups_prune(im, row, lists);
    }
    return err ? err : tg_import_members(im, row, first);
}

static tg_err_t project_apply(tg_import_t *im, const json_t *object, const tg_at_t *at) {
    read_project_t p;
    tg_resource_t row;
    tg_err_t err = project_read(im, object, &p);
    if (!err) {
        err = project_write(im, &p, &row);
    }
    if (!err) {
        err = tg_import_organizations(im, &row, p.lists.organizations, at->text);
    }
    if (!err) {
        err = tg_import_providers(im, &row, p.lists.providers, at->text);
    }
    if (!err && im->prune) {
        err = project_prune(im, &row, &p.lists);
    }
    if (!err) {
        err = owners_apply(im, &row, &p.lists, at->text);
    }
    if (!err) {
        err = tg_import_credentials(im, &row, p.lists.credentials, at->text);
    }
    return err || !im->prune ? err : tg_import_organizations_prune(im, &row, p.lists.organizations);
}

/* What is deployed no longer names what goes. */
static tg_err_t project_finish(tg_import_t *im, const json_t *object) {
    read_project_t p;
    tg_resource_t row;
    tg_err_t err = project_read(im, object, &p);
    if (!err) {
        err = im->c->store->ops->resource_find(im->c->store, TG_RES_PROJECT, 0, p.name, &im->c->arena, &row);
    }
    return err ? err : tg_import_providers_prune(im, &row, p.lists.providers);
}

/* ---- the whole ---- */

static tg_err_t document_read(tg_import_t *im, const json_t *document, document_t *out) {
    const tg_at_t at = tg_at("document");
    tg_reader_t r = {&im->c->arena, &im->c->fault};
    json_t *rest = NULL, *format = NULL;
    memset(out, 0, sizeof(*out));
    /* The version decides what else may stand there. */
    tg_err_t err = json_is_object(document)
                       ? tg_import_split(document, format_fields, COUNT(format_fields), &rest, &format)
                       : tg_refuse(&r, NULL, "must be an object");
    if (!err) {
        err = tg_fields_read(&r, NULL, format, format_fields, COUNT(format_fields), out);
    }
    if (!err) {
        err = tg_fields_read(&r, NULL, document, document_fields, COUNT(document_fields), out);
    }
    json_decref(rest);
    json_decref(format);
    return tg_import_fault(im, err, &at);
}

static tg_err_t document_check(tg_import_t *im, const document_t *d) {
    const tg_at_t environments = tg_at("environments"), projects = tg_at("projects"), root = tg_at("tokenManagement");
    tg_call_t *c = im->c;
    tg_token_management_t settings;
    tg_environment_t environment;
    size_t i;
    const json_t *element;
    tg_err_t err = TG_OK;
    if (d->token_management != NULL) {
        err =
            tg_import_fault(im, tg_token_management_parse(d->token_management, &c->arena, &settings, &c->fault), &root);
    }
    json_array_foreach(d->environments, i, element) {
        tg_at_t at = tg_at("environments[%zu]", i);
        err = err ? err : tg_import_fault(im, tg_environment_parse(element, &c->arena, &environment, &c->fault), &at);
    }
    if (!err) {
        err = tg_import_unique(im, d->environments, "name", &environments);
    }
    json_array_foreach(d->projects, i, element) {
        tg_at_t at = tg_at("projects[%zu]", i);
        err = err ? err : project_check(im, element, &at);
    }
    return err ? err : tg_import_unique(im, d->projects, "name", &projects);
}

static tg_err_t document_apply(tg_import_t *im, const document_t *d) {
    const tg_at_t root = tg_at("tokenManagement");
    size_t i;
    const json_t *element;
    tg_err_t err = TG_OK;
    if (d->token_management != NULL) {
        err = tg_import_fault(im, token_management_apply(im, d->token_management), &root);
    }
    json_array_foreach(d->environments, i, element) {
        tg_at_t at = tg_at("environments[%zu]", i);
        err = err ? err : tg_import_fault(im, environment_apply(im, element), &at);
    }
    json_array_foreach(d->projects, i, element) {
        tg_at_t at = tg_at("projects[%zu]", i);
        err = err ? err : project_apply(im, element, &at);
    }
    if (!err) {
        err = tg_import_deploy(im);
    }
    json_array_foreach(d->projects, i, element) {
        err = err || !im->prune ? err : project_finish(im, element);
    }
    if (!err) {
        err = tg_credential_needs_want(im->c, &im->needs);
    }
    return err ? err : tg_publish_all(im->c);
}

/* Nothing changed: nothing is written. */
static void transaction_drop(tg_call_t *c) {
    tg_call_rollback(c);
    c->n_targets = 0;
}

static void answer_put(tg_import_t *im) {
    json_t *result = json_object();
    tg_call_put_to(im->c, result, "changes", json_incref(im->changes));
    tg_call_put_to(im->c, result, "secrets", im->dry_run ? json_array() : json_incref(im->secrets));
    tg_call_put(im->c, "result", result);
    im->c->etag = 0;
}

static tg_err_t import_run(tg_import_t *im, const document_t *d) {
    tg_err_t err = document_check(im, d);
    if (!err && !im->dry_run) {
        err = tg_passwords_hash(im->jobs, im->n_jobs, &im->c->m->stopping);
    }
    if (!err) {
        err = tg_call_begin(im->c);
    }
    if (!err) {
        im->c->publish_later = true;
        err = document_apply(im, d);
    }
    if (!err && (im->dry_run || json_array_size(im->changes) == 0)) {
        transaction_drop(im->c);
    }
    if (!err) {
        answer_put(im);
    }
    return err;
}

tg_err_t tg_import(tg_call_t *c) {
    body_t body = {.document = NULL};
    document_t document;
    tg_err_t err = tg_body_read(c, c->body, body_fields, COUNT(body_fields), &body);
    if (err) {
        return err;
    }
    tg_import_t im = {.c = c,
                      .dry_run = body.dry_run,
                      .prune = body.prune,
                      .set_secrets = body.set_secrets,
                      .changes = json_array(),
                      .secrets = json_array()};
    err = document_read(&im, body.document, &document);
    if (!err) {
        err = import_run(&im, &document);
    }
    for (size_t i = 0; i < im.n_jobs; i++) {
        tg_wipe(im.jobs[i].encoded, sizeof(im.jobs[i].encoded));
    }
    json_decref(im.changes);
    json_decref(im.secrets);
    return err;
}
