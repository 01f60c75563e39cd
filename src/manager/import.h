/*
 * Applying a configuration document (docs/decisions/0013-declarative.md): what one import holds while it walks the
 * document. Each object is read twice: once before the transaction, so that a fault costs nothing and passwords can be
 * hashed, and once within, against what the store has then.
 */
#ifndef TG_MANAGER_IMPORT_H
#define TG_MANAGER_IMPORT_H

#include "manager/application_settings.h"
#include "manager/credential_changes.h"
#include "manager/credential_keys.h"
#include "manager/owners.h"
#include "manager/password_batch.h"
#include "model/fields.h"

#define TG_IMPORT_FORMAT 1

/* Where an object stands in the document: "projects[0].proxies[3]". */
typedef struct {
    char text[96];
} tg_at_t;

/* A proxy or group of the document, once it is written. */
typedef struct {
    tg_resource_t row;
    tg_str_t project;
    tg_str_t *environments; /* NULL: the document does not say */
    size_t n_environments;
    tg_str_t *members; /* of a group; NULL likewise */
    size_t n_members;
    tg_at_t at;
} tg_import_owner_t;

typedef struct {
    tg_call_t *c;
    bool dry_run, prune, set_secrets;
    json_t *changes, *secrets;

    tg_import_owner_t *owners; /* of all projects, in the document's order */
    size_t n_owners;
    tg_import_owner_t *pruned; /* groups that go once nothing is deployed with them */
    size_t n_pruned;
    tg_credential_needs_t needs;

    tg_password_job_t *jobs; /* passwords in the order of the document */
    const json_t **job_of;   /* the string that each is of */
    size_t n_jobs, room, next;
} tg_import_t;

tg_at_t tg_at(const char *fmt, ...) TG_PRINTF(1, 2);
/* Puts the place in front of the fault's field. Whatever is not there is a fault of the document. */
tg_err_t tg_import_fault(tg_import_t *im, tg_err_t err, const tg_at_t *at);
/* "/apiops/<part>/<part>/", in the arena; parts are escaped, and left out where they are empty. */
tg_err_t tg_import_path(tg_import_t *im, const tg_str_t *parts, size_t n, tg_str_t *out) TG_MUST_CHECK;
#define TG_PARTS(...) (const tg_str_t[]){__VA_ARGS__}, sizeof((const tg_str_t[]){__VA_ARGS__}) / sizeof(tg_str_t)
/* One change: into the answer, and into the audit log with c->before and c->after, which it takes off the call. */
tg_err_t tg_import_note(tg_import_t *im, const char *action, const char *kind, tg_str_t path) TG_MUST_CHECK;
/* A secret that was made, shown this once. */
void tg_import_secret(tg_import_t *im, tg_str_t path, tg_str_t client_id, const char *secret);
/* Two elements of a list with one value in that member would be the same object. */
tg_err_t tg_import_unique(tg_import_t *im, const json_t *list, const char *member, const tg_at_t *at) TG_MUST_CHECK;
/* The names of a list's elements as members of an object, a new reference; NULL: out of memory. */
json_t *tg_import_name_set(const json_t *list, const char *member) TG_MUST_CHECK;
bool tg_import_has(const json_t *set, tg_str_t name);
/* The object without the members of the table, and those alone; new references. */
tg_err_t tg_import_split(const json_t *object, const tg_field_t *table, size_t n, json_t **rest,
                         json_t **taken) TG_MUST_CHECK;

/* The row of that name, for secret metadata that stay; id 0: none. */
tg_err_t tg_import_old(tg_import_t *im, tg_resource_kind_t kind, const tg_resource_t *project, tg_str_t name,
                       tg_resource_t *row) TG_MUST_CHECK;

/* ---- proxies and groups ---- */

tg_err_t tg_import_owners_check(tg_import_t *im, const tg_owner_type_t *type, tg_str_t project, const json_t *list,
                                const char *at) TG_MUST_CHECK;
tg_err_t tg_import_owners(tg_import_t *im, const tg_owner_type_t *type, const tg_resource_t *project,
                          const json_t *list, const char *at) TG_MUST_CHECK;
/* What the project has beyond the lists (NULL: left alone). */
tg_err_t tg_import_owners_prune(tg_import_t *im, const tg_owner_type_t *type, const tg_resource_t *project,
                                const json_t *list) TG_MUST_CHECK;
/* Whether the document says where it is deployed: then it is deployed anew once its groups are others. */
bool tg_import_is_placed(const tg_import_t *im, int64_t id);
/* From the owner numbered `first` on. */
tg_err_t tg_import_members(tg_import_t *im, const tg_resource_t *project, size_t first) TG_MUST_CHECK;

/* ---- credentials and organizations ---- */

/* project NULL: there is none yet. Notes the passwords that will be needed. */
tg_err_t tg_import_credentials_check(tg_import_t *im, const tg_resource_t *project, const json_t *list,
                                     const char *at) TG_MUST_CHECK;
tg_err_t tg_import_credentials(tg_import_t *im, const tg_resource_t *project, const json_t *list,
                               const char *at) TG_MUST_CHECK;
tg_err_t tg_import_credentials_prune(tg_import_t *im, const tg_resource_t *project, const json_t *list) TG_MUST_CHECK;

tg_err_t tg_import_organizations_check(tg_import_t *im, const tg_resource_t *project, const json_t *list,
                                       const char *at) TG_MUST_CHECK;
tg_err_t tg_import_organizations(tg_import_t *im, const tg_resource_t *project, const json_t *list,
                                 const char *at) TG_MUST_CHECK;
tg_err_t tg_import_organizations_prune(tg_import_t *im, const tg_resource_t *project, const json_t *list) TG_MUST_CHECK;

/* ---- identity providers ---- */

/* A project that the document makes has no id. */
tg_err_t tg_import_providers_check(tg_import_t *im, const tg_resource_t *project, const json_t *list,
                                   const char *at) TG_MUST_CHECK;
tg_err_t tg_import_providers(tg_import_t *im, const tg_resource_t *project, const json_t *list,
                             const char *at) TG_MUST_CHECK;
/* Once nothing names them any more. */
tg_err_t tg_import_providers_prune(tg_import_t *im, const tg_resource_t *project, const json_t *list) TG_MUST_CHECK;

/* ---- deploys ---- */

/* ".../<segment>/<name>/environments/<environment>/" is its path in the answer. */
tg_err_t tg_import_undeploy(tg_import_t *im, const tg_resource_t *project, const tg_resource_t *owner) TG_MUST_CHECK;
/* Its members leave a group that goes later. */
tg_err_t tg_import_group_end(tg_import_t *im, const tg_resource_t *project, const tg_resource_t *group) TG_MUST_CHECK;
tg_err_t tg_import_owner_path(tg_import_t *im, tg_str_t project, const tg_resource_t *owner,
                              tg_str_t *out) TG_MUST_CHECK;
const char *tg_import_owner_kind(tg_resource_kind_t kind);
/* Everywhere, once all objects are written; then the pruned groups go. */
tg_err_t tg_import_deploy(tg_import_t *im) TG_MUST_CHECK;

#endif
