#include "manager/bodies.h"
#include "manager/credentials.h"
#include "manager/metadata_entries.h"
#include "manager/organizations.h"
#include "manager/password.h"
#include "manager/publish.h"
#include "manager/resources.h"

tg_err_t tg_credential_read(tg_call_t *c, tg_str_t text, tg_credential_t *out) {
    json_t *doc = NULL;
    tg_err_t err = tg_doc_parse(text, &doc);
    if (!err) {
        err = tg_credential_read_stored(doc, &c->arena, out, NULL);
    }
    json_decref(doc);
    return err == TG_ERR_INVALID ? TG_ERR_BUG : err;
}

tg_err_t tg_credential_load(tg_call_t *c, tg_credential_row_t *row) {
    tg_err_t err = c->store->ops->resource_get(c->store, row->row.id, &c->arena, &row->row);
    if (!err) {
        err = c->store->ops->client_find_owner(c->store, row->row.id, &c->arena, &row->client);
    }
    return err ? err : tg_credential_read(c, row->row.doc, &row->stored);
}

tg_err_t tg_credential_need(tg_call_t *c, tg_credential_row_t *out) {
    tg_err_t err = tg_project_need(c, &out->project);
    if (!err) {
        err = tg_resource_need(c, TG_RES_CREDENTIAL, out->project.id, "credential", c->params[1], &out->row);
    }
    return err ? err : tg_credential_load(c, out);
}

json_t *tg_credential_show(tg_call_t *c, const tg_resource_t *row) {
    json_t *doc = tg_resource_doc(row);
    if (doc != NULL) {
        json_object_del(doc, "token");
        tg_entries_mask(c, doc);
    }
    return doc;
}

/* What its organization gives to this credential: no entry if it has none. */
static tg_err_t organization_of(tg_call_t *c, int64_t project_id, const tg_credential_t *credential,
                                const tg_organization_t *organization, tg_organization_t *out) {
    *out = (tg_organization_t){.name = credential->organization};
    if (out->name.n == 0) {
        return TG_OK;
    }
    tg_err_t err = TG_OK;
    if (organization != NULL) {
        *out = *organization;
    } else {
        err = tg_organization_find(c, project_id, credential->organization, out);
    }
    if (err == TG_ERR_NOTFOUND) {
        return tg_fault(&c->fault, TG_ERR_INVALID, "organization", "there is no organization \"%.*s\"",
                        TG_STR_ARGS(credential->organization));
    }
    const tg_entry_owner_t from = {project_id, out->name}, to = {.name = credential->username};
    return err ? err : tg_entries_hand_on(c, &from, &to, out->metadata, out->n_metadata, &out->metadata);
}

tg_err_t tg_credential_details(tg_call_t *c, int64_t project_id, const tg_credential_t *credential,
                               const tg_organization_t *organization, tg_str_t *details) {
    tg_organization_t own;
    tg_err_t err = organization_of(c, project_id, credential, organization, &own);
    if (err) {
        return err;
    }
    tg_buf_t text;
    tg_buf_init(&text, TG_DETAILS_MAX);
    err = tg_credential_details_write(credential, &own, &text);
    if (!err && !tg_arena_str(&c->arena, tg_buf_str(&text), details)) {
        err = TG_ERR_NOMEM;
    }
    tg_buf_release(&text);
    return err == TG_ERR_LIMIT ? tg_fault(&c->fault, err, "metadata", "is more than %u bytes in all", TG_DETAILS_MAX)
                               : err;
}

static tg_err_t client_fill(tg_call_t *c, int64_t project_id, const tg_credential_t *fresh, tg_client_t *client) {
    client->enabled = fresh->enabled;
    client->expires_at = fresh->expires_at;
    client->project_id = project_id;
    return tg_credential_details(c, project_id, fresh, NULL, &client->details);
}

static tg_err_t taken(tg_call_t *c, tg_str_t username) {
    return tg_fault(&c->fault, TG_ERR_CONFLICT, "username", "\"%.*s\" is taken", TG_STR_ARGS(username));
}

tg_err_t tg_credential_add(tg_call_t *c, const tg_resource_t *project, const tg_credential_t *fresh,
                           tg_client_t *client) {
    tg_str_t doc;
    tg_err_t err = client_fill(c, project->id, fresh, client);
    if (!err) {
        err = tg_doc_text(c, tg_credential_write(fresh), &doc);
    }
    if (!err) {
        err = c->store->ops->resource_create(c->store, TG_RES_CREDENTIAL, project->id, fresh->username, doc, c->now,
                                             &client->owner);
        c->etag = 1;
    }
    if (!err) {
        client->kind = TG_CLIENT_CREDENTIAL;
        client->client_id = fresh->username;
        err = c->store->ops->client_create(c->store, client, &client->key_id);
    }
    if (err == TG_ERR_CONFLICT) {
        return taken(c, fresh->username);
    }
    return err ? err : tg_publish_client(c, 0, client->kind, client->client_id);
}

static bool lives(const tg_client_t *client, tg_ms_t now) {
    return client->enabled && (client->expires_at == 0 || client->expires_at > now);
}

tg_err_t tg_credential_tokens_turn(tg_call_t *c, tg_credential_row_t *row) {
    tg_err_t err = TG_OK;
    row->client.generation = tg_random_number();
    for (size_t i = 0; !err && i < row->stored.n_environments; i++) {
        const tg_credential_environment_t *e = &row->stored.environments[i];
        tg_resource_t environment;
        if (!e->has_password) {
            continue;
        }
        err = c->store->ops->resource_find(c->store, TG_RES_ENVIRONMENT, 0, e->environment, &c->arena, &environment);
        if (!err) {
            err = c->store->ops->client_turn(c->store, row->client.key_id, environment.id, tg_random_number());
        }
        err = err == TG_ERR_NOTFOUND ? TG_OK : err; /* the environment is gone, with the secret */
    }
    return err;
}

tg_err_t tg_credential_save(tg_call_t *c, tg_credential_row_t *row, const tg_credential_t *fresh) {
    bool lived = lives(&row->client, c->now);
    tg_str_t doc;
    tg_err_t err = client_fill(c, row->project.id, fresh, &row->client);
    if (!err && !lived && lives(&row->client, c->now)) {
        err = tg_credential_tokens_turn(c, row);
    }
    if (!err) {
        err = tg_doc_text(c, tg_credential_write(fresh), &doc);
    }
    if (!err) {
        err = tg_resource_change(c, &row->row, doc);
    }
    if (!err) {
        err = c->store->ops->client_update(c->store, &row->client);
    }
    if (!err) {
        err = tg_publish_client(c, 0, row->client.kind, row->client.client_id);
    }
    if (!err) {
        c->before = tg_credential_show(c, &row->row);
        row->row.doc = doc;
        c->after = tg_credential_show(c, &row->row);
    }
    return err;
}
