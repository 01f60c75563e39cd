/* Credentials of a document, with token settings and access lists. */
#include "manager/bodies.h"
#include "manager/import.h"
#include "manager/resources.h"
#include "manager/schemas.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define ACCESS_MAX 10000

static const tg_str_t projects_segment = TG_STR("projects");

/* ---- reading ---- */

/* What stands beside the body. */
typedef struct {
    const json_t *token, *access;
} beside_t;

static json_t *token_schema(const tg_field_t *f) {
    (void)f;
    return tg_credential_token_schema();
}

static json_t *access_schema(const tg_field_t *f) {
    return tg_schema_array(f, tg_access_row_schema());
}

static const tg_field_t beside_fields[] = {
    {.name = "token", .read = tg_read_kept, .offset = offsetof(beside_t, token), .schema = token_schema},
    {.name = "access",
     .read = tg_read_kept_list,
     .offset = offsetof(beside_t, access),
     .max = ACCESS_MAX,
     .schema = access_schema},
};

json_t *tg_import_credential_schema(void) {
    return tg_schema_join(tg_credential_schema(), tg_fields_schema(beside_fields, COUNT(beside_fields)));
}

typedef struct {
    tg_credential_t fresh;
    const json_t *password;     /* the strings in the document, which are in its order */
    const json_t *environments; /* the list likewise */
    bool has_token, has_access;
    tg_token_settings_t token;
    tg_access_row_t *access;
    size_t n_access;
    tg_resource_t row;             /* id 0: it is new */
    tg_credential_t kept, *stored; /* what the row says; NULL likewise */
} read_credential_t;

/* Faults of credentialAccessList[i] are of access[i] here. */
static void access_fault(tg_fault_t *fault) {
    static const char theirs[] = "credentialAccessList", ours[] = "access";
    if (strncmp(fault->field, theirs, sizeof(theirs) - 1) == 0) {
        size_t rest = strlen(fault->field + sizeof(theirs) - 1) + 1;
        memmove(fault->field + sizeof(ours) - 1, fault->field + sizeof(theirs) - 1, rest);
        memcpy(fault->field, ours, sizeof(ours) - 1);
    }
}

static tg_err_t access_read(tg_import_t *im, const json_t *list, read_credential_t *out) {
    tg_call_t *c = im->c;
    out->has_access = list != NULL;
    json_t *body = list != NULL ? json_pack("{s:O}", "credentialAccessList", list) : NULL;
    if (list == NULL || body == NULL) {
        return list == NULL ? TG_OK : TG_ERR_NOMEM;
    }
    tg_err_t err = tg_access_list_parse(body, &c->arena, &out->access, &out->n_access, &c->fault);
    access_fault(&c->fault);
    json_decref(body);
    return err;
}

static tg_err_t token_read(tg_import_t *im, const json_t *body, read_credential_t *out) {
    const tg_at_t at = tg_at("token");
    out->has_token = body != NULL;
    if (body == NULL) {
        tg_token_settings_default(&out->token);
        return TG_OK;
    }
    return tg_import_fault(im, tg_credential_token_parse(body, &im->c->arena, &out->token, &im->c->fault), &at);
}

static tg_err_t body_read(tg_import_t *im, const tg_resource_t *project, const json_t *body, read_credential_t *out) {
    tg_err_t err = tg_import_old(im, TG_RES_CREDENTIAL, project, tg_json_str(body, "username"), &out->row);
    if (!err && out->row.id != 0) {
        err = tg_credential_read(im->c, out->row.doc, &out->kept);
        out->stored = &out->kept;
    }
    return err ? err : tg_credential_body(im->c, body, out->stored, &out->fresh);
}

static tg_err_t credential_read(tg_import_t *im, const tg_resource_t *project, const json_t *object,
                                read_credential_t *out) {
    tg_reader_t r = {&im->c->arena, &im->c->fault};
    json_t *body = NULL, *taken = NULL;
    beside_t beside = {.token = NULL};
    memset(out, 0, sizeof(*out));
    tg_err_t err = json_is_object(object) ? tg_import_split(object, beside_fields, COUNT(beside_fields), &body, &taken)
                                          : tg_refuse(&r, NULL, "must be an object");
    if (!err) {
        err = body_read(im, project, body, out);
    }
    if (!err) {
        err = tg_fields_read(&r, NULL, taken, beside_fields, COUNT(beside_fields), &beside);
    }
    if (!err) {
        err = token_read(im, beside.token, out);
    }
    if (!err) {
        err = access_read(im, beside.access, out);
    }
    out->password = json_object_get(object, "password");
    out->environments = json_object_get(object, "environments");
    json_decref(body);
    json_decref(taken);
    return err;
}

/* ---- passwords ---- */

static tg_err_t job_add(tg_import_t *im, const json_t *password) {
    if (im->n_jobs == im->room) {
        size_t room = 2 * im->room + 64;
        tg_password_job_t *jobs = tg_arena_array(&im->c->arena, room, sizeof(*jobs));
        const json_t **job_of = tg_arena_array(&im->c->arena, room, sizeof(*job_of));
        if (jobs == NULL || job_of == NULL) {
            return TG_ERR_NOMEM;
        }
        if (im->n_jobs > 0) {
            memcpy(jobs, im->jobs, im->n_jobs * sizeof(*jobs));
            memcpy(job_of, im->job_of, im->n_jobs * sizeof(*job_of));
        }
        im->jobs = jobs;
        im->job_of = job_of;
        im->room = room;
    }
    im->jobs[im->n_jobs].password = tg_strn(json_string_value(password), json_string_length(password));
    im->job_of[im->n_jobs++] = password;
    return TG_OK;
}

static bool stored_has(const tg_credential_t *stored, tg_str_t environment) {
    for (size_t i = 0; stored != NULL && i < stored->n_environments; i++) {
        if (tg_str_eq(stored->environments[i].environment, environment)) {
            return stored->environments[i].has_password;
        }
    }
    return false;
}

static const json_t *environment_password(const read_credential_t *k, size_t i) {
    return json_object_get(json_array_get(k->environments, i), "password");
}

/* Which passwords count: all of a new credential, those that are not there yet, and all with setSecrets. */
static bool counts(const tg_import_t *im, const read_credential_t *k, size_t i) {
    const tg_credential_environment_t *e = &k->fresh.environments[i];
    return e->has_password && (im->set_secrets || k->row.id == 0 || !stored_has(k->stored, e->environment));
}

static tg_err_t jobs_add(tg_import_t *im, const read_credential_t *k) {
    tg_err_t err = k->fresh.has_password && (im->set_secrets || k->row.id == 0) ? job_add(im, k->password) : TG_OK;
    for (size_t i = 0; !err && i < k->fresh.n_environments; i++) {
        err = counts(im, k, i) ? job_add(im, environment_password(k, i)) : TG_OK;
    }
    return err;
}

/* Made ready before the transaction; what was not foreseen then is done now. */
static tg_err_t form_find(tg_import_t *im, const json_t *password, tg_secret_form_t *out) {
    *out = (tg_secret_form_t){.kind = TG_SECRET_ARGON2ID, .bytes = TG_STR("dry run")};
    if (im->dry_run) {
        return TG_OK;
    }
    for (size_t i = im->next; i < im->n_jobs; i++) {
        if (im->job_of[i] == password) {
            im->next = i + 1;
            out->bytes = tg_str(im->jobs[i].encoded);
            return TG_OK;
        }
    }
    return tg_secret_choose(im->c, tg_strn(json_string_value(password), json_string_length(password)), out);
}

/* Those that count; the others are taken out of `fresh`. */
static tg_err_t secrets_take(tg_import_t *im, read_credential_t *k, tg_credential_secrets_t *out) {
    size_t n = k->fresh.n_environments;
    memset(out, 0, sizeof(*out));
    out->environments = tg_arena_array(&im->c->arena, n + 1, sizeof(*out->environments));
    out->forms = tg_arena_array(&im->c->arena, n + 1, sizeof(*out->forms));
    tg_err_t err = out->environments == NULL || out->forms == NULL ? TG_ERR_NOMEM : TG_OK;
    if (!err && k->fresh.has_password && (im->set_secrets || k->row.id == 0)) {
        err = form_find(im, k->password, &out->general);
    }
    for (size_t i = 0; !err && i < n; i++) {
        tg_credential_environment_t *e = &k->fresh.environments[i];
        if (counts(im, k, i)) {
            out->environments[out->n] = e->environment;
            err = form_find(im, environment_password(k, i), &out->forms[out->n++]);
        } else {
            e->has_password = false;
        }
    }
    return err;
}

tg_err_t tg_import_credentials_check(tg_import_t *im, const tg_resource_t *project, const json_t *list,
                                     const char *at) {
    size_t i;
    const json_t *element;
    tg_at_t all = tg_at("%s.credentials", at);
    tg_err_t err = TG_OK;
    json_array_foreach(list, i, element) {
        tg_at_t here = tg_at("%s[%zu]", all.text, i);
        read_credential_t k;
        err = err ? err : tg_import_fault(im, credential_read(im, project, element, &k), &here);
        err = err ? err : jobs_add(im, &k);
    }
    return err ? err : tg_import_unique(im, list, "username", &all);
}

/* ---- writing ---- */

/* `what` is NULL for the credential itself, else "token" or "access". */
static tg_err_t credential_note(tg_import_t *im, const tg_resource_t *project, tg_str_t username, const char *what,
                                const char *action) {
    static const tg_str_t segment = TG_STR("credentials");
    const tg_str_t last = tg_str(what);
    tg_str_t path;
    tg_err_t err = tg_import_path(im, TG_PARTS(projects_segment, project->name, segment, username, last), &path);
    return err ? err : tg_import_note(im, action, what != NULL ? what : "credential", path);
}

static tg_err_t credential_make(tg_import_t *im, const tg_resource_t *project, read_credential_t *k,
                                tg_credential_secrets_t *secrets, tg_credential_row_t *row) {
    static const tg_str_t segment = TG_STR("credentials");
    char made[TG_APPLICATION_SECRET_LEN] = "";
    tg_str_t path;
    tg_err_t err = TG_OK;
    if (!k->fresh.has_password) {
        err = tg_secret_generate(im->c, k->fresh.username, made, &secrets->general);
    }
    if (!err) {
        err = tg_credential_make(im->c, project, &k->fresh, secrets, row);
    }
    if (!err) {
        err = tg_import_path(im, TG_PARTS(projects_segment, project->name, segment, k->fresh.username), &path);
    }
    if (!err) {
        err = tg_import_note(im, "create", "credential", path);
    }
    if (!err && made[0] != '\0') {
        tg_import_secret(im, path, k->fresh.username, made);
    }
    tg_wipe(made, sizeof(made));
    return err;
}

static tg_err_t credential_change(tg_import_t *im, read_credential_t *k, tg_credential_secrets_t *secrets,
                                  tg_credential_row_t *row) {
    static const tg_credential_secrets_t none = {.n = 0};
    tg_call_t *c = im->c;
    tg_str_t doc = TG_STR_NONE;
    k->fresh.has_token = row->stored.has_token;
    k->fresh.token = row->stored.token;
    k->fresh.identity_provider = row->stored.identity_provider;
    k->fresh.disabled_by_provider = row->stored.disabled_by_provider && !k->fresh.enabled;
    tg_err_t err = tg_credential_environments_apply(c, row->client.key_id, &row->stored, &k->fresh, &none);
    if (!err) {
        err = tg_doc_text(c, tg_credential_write(&k->fresh), &doc);
    }
    if (err || (tg_str_eq(doc, row->row.doc) && secrets->general.kind == TG_SECRET_NONE && secrets->n == 0)) {
        return err;
    }
    err = tg_credential_change(c, row, &k->fresh, secrets);
    if (!err) {
        row->stored = k->fresh;
        err = credential_note(im, &row->project, k->fresh.username, NULL, "update");
    }
    return err;
}

static tg_err_t token_write(tg_import_t *im, const read_credential_t *k, tg_credential_row_t *row) {
    tg_call_t *c = im->c;
    tg_str_t have, want;
    tg_err_t err = tg_doc_text(c, tg_credential_token_write(&row->stored.token), &have);
    if (!err) {
        err = tg_doc_text(c, tg_credential_token_write(&k->token), &want);
    }
    if (err || (k->has_token == row->stored.has_token && tg_str_eq(have, want))) {
        return err;
    }
    err = tg_credential_load(c, row); /* the versions after what was just written */
    if (!err) {
        err = tg_credential_token_change(c, row, k->has_token ? &k->token : NULL);
    }
    return err ? err : credential_note(im, &row->project, row->row.name, "token", "update");
}

/* Whether the list is these rows already, whatever their order. */
static tg_err_t access_is(tg_import_t *im, const read_credential_t *k, int64_t key_id, bool *same) {
    json_t *list = NULL, *have = json_object();
    size_t i;
    const json_t *element;
    char key[TG_NAME_MAX + 64];
    tg_err_t err = have == NULL ? TG_ERR_NOMEM : tg_access_show(im->c, key_id, &list);
    json_array_foreach(list, i, element) {
        snprintf(key, sizeof(key), "%s %s", json_string_value(json_object_get(element, "type")),
                 json_string_value(json_object_get(element, "name")));
        err = !err && json_object_set(have, key, (json_t *)element) != 0 ? TG_ERR_NOMEM : err;
    }
    *same = !err && json_array_size(list) == k->n_access;
    for (size_t n = 0; *same && n < k->n_access; n++) {
        json_t *want = tg_access_row_write(&k->access[n]);
        snprintf(key, sizeof(key), "%s %s", json_string_value(json_object_get(want, "type")),
                 json_string_value(json_object_get(want, "name")));
        *same = json_equal(want, json_object_get(have, key));
        json_decref(want);
    }
    json_decref(list);
    json_decref(have);
    return err;
}

static tg_err_t access_write(tg_import_t *im, const read_credential_t *k, const tg_credential_row_t *row) {
    bool same = true;
    tg_err_t err = k->has_access ? access_is(im, k, row->client.key_id, &same) : TG_OK;
    if (err || same) {
        return err;
    }
    err = tg_access_make(im->c, row, k->access, k->n_access);
    access_fault(&im->c->fault);
    return err ? err : credential_note(im, &row->project, row->row.name, "access", "update");
}

static tg_err_t credential_write(tg_import_t *im, const tg_resource_t *project, const json_t *object) {
    read_credential_t k;
    tg_credential_secrets_t secrets;
    tg_credential_row_t row = {.project = *project};
    tg_err_t err = credential_read(im, project, object, &k);
    bool is_new = k.row.id == 0;
    if (!err && !is_new) {
        row.row = k.row;
        err = tg_credential_load(im->c, &row);
    }
    if (!err) {
        err = secrets_take(im, &k, &secrets);
    }
    if (!err) {
        err = is_new ? credential_make(im, project, &k, &secrets, &row) : credential_change(im, &k, &secrets, &row);
    }
    if (!err) {
        err = token_write(im, &k, &row);
    }
    if (!err) {
        err = tg_credential_need_add(&im->needs, &k.token, &im->c->arena);
    }
    return err ? err : access_write(im, &k, &row);
}

tg_err_t tg_import_credentials(tg_import_t *im, const tg_resource_t *project, const json_t *list, const char *at) {
    size_t i;
    const json_t *element;
    tg_err_t err = TG_OK;
    json_array_foreach(list, i, element) {
        tg_at_t here = tg_at("%s.credentials[%zu]", at, i);
        err = err ? err : tg_import_fault(im, credential_write(im, project, element), &here);
    }
    return err;
}

tg_err_t tg_import_credentials_prune(tg_import_t *im, const tg_resource_t *project, const json_t *list) {
    tg_resource_t *rows = NULL;
    size_t n = 0;
    json_t *named = tg_import_name_set(list, "username");
    tg_err_t err = named == NULL  ? TG_ERR_NOMEM
                   : list != NULL ? tg_resource_all(im->c, TG_RES_CREDENTIAL, project->id, &rows, &n)
                                  : TG_OK;
    for (size_t i = 0; !err && i < n; i++) {
        tg_credential_row_t row = {.project = *project, .row = rows[i]};
        if (tg_import_has(named, rows[i].name)) {
            continue;
        }
        err = tg_credential_load(im->c, &row);
        err = err ? err : tg_credential_remove(im->c, &row);
        err = err ? err : credential_note(im, project, rows[i].name, NULL, "delete");
    }
    json_decref(named);
    return err;
}
