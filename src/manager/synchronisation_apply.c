/* Doing what was planned. */
#include "manager/credential_changes.h"
#include "manager/password.h"
#include "manager/resources.h"
#include "manager/synchronisation.h"

#define BATCH_ARENA ((size_t)256 << 20)
#define BATCH       1000

/* Nobody logs in with it: it has no password, and its generation is one that no token has. */
static tg_err_t create(tg_call_t *c, const tg_sync_t *s, const tg_sync_user_t *u) {
    const tg_provider_row_t *p = s->provider;
    const tg_credential_t fresh = {.username = u->name,
                                   .full_name = u->full_name,
                                   .email = u->email,
                                   .organization = p->stored.sync.organization,
                                   .roles = u->roles,
                                   .n_roles = u->n_roles,
                                   .enabled = !u->disabled,
                                   .disabled_by_provider = u->disabled,
                                   .identity_provider = p->row.name};
    tg_client_t client = {.secret_kind = TG_SECRET_NONE, .generation = tg_random_number()};
    return tg_credential_add(c, &p->project, &fresh, &client);
}

static tg_err_t load(tg_call_t *c, const tg_sync_t *s, int64_t id, tg_credential_row_t *row) {
    *row = (tg_credential_row_t){.project = s->provider->project, .row.id = id};
    return tg_credential_load(c, row);
}

static tg_err_t update(tg_call_t *c, const tg_sync_t *s, const tg_sync_change_t *change) {
    tg_credential_row_t row;
    const tg_sync_user_t *u = change->user;
    tg_err_t err = load(c, s, change->id, &row);
    if (err) {
        return err;
    }
    tg_credential_t fresh = row.stored;
    if (u != NULL) {
        fresh.full_name = u->full_name;
        fresh.email = u->email;
        fresh.roles = u->roles;
        fresh.n_roles = u->n_roles;
    }
    /* Whom an administrator disabled stays so. */
    bool disabled = u == NULL || u->disabled;
    fresh.enabled = !disabled && (fresh.enabled || fresh.disabled_by_provider);
    fresh.disabled_by_provider = disabled && (row.stored.enabled || row.stored.disabled_by_provider);
    return tg_credential_save(c, &row, &fresh);
}

static tg_err_t delete (tg_call_t *c, const tg_sync_t *s, int64_t id) {
    tg_credential_row_t row;
    tg_err_t err = load(c, s, id, &row);
    return err ? err : tg_credential_remove(c, &row);
}

static tg_err_t change_apply(tg_call_t *c, const tg_sync_t *s, const tg_sync_change_t *change) {
    switch (change->action) {
    case TG_SYNC_CREATE:
        return create(c, s, change->user);
    case TG_SYNC_UPDATE:
    case TG_SYNC_DISABLED:
        return update(c, s, change);
    case TG_SYNC_DELETED:
        return delete (c, s, change->id);
    default:
        return TG_OK;
    }
}

/* One row of the audit log tells of the whole run. */
static void notes_drop(tg_call_t *c) {
    json_decref(c->before);
    json_decref(c->after);
    c->before = c->after = NULL;
    c->etag = 0;
}

static tg_err_t batch_apply(tg_call_t *c, const tg_sync_t *s, size_t from, size_t to) {
    tg_arena_t call = c->arena;
    tg_err_t err = TG_OK;
    tg_arena_init(&c->arena, BATCH_ARENA);
    for (size_t i = from; !err && i < to; i++) {
        err = atomic_load(&c->m->stopping) ? TG_ERR_UNAVAILABLE : change_apply(c, s, &s->changes[i]);
        notes_drop(c);
    }
    tg_arena_release(&c->arena);
    c->arena = call;
    return err;
}

tg_err_t tg_sync_apply(tg_call_t *c, tg_sync_t *s) {
    tg_err_t err = TG_OK;
    for (size_t i = 0; !err && i < s->n_changes; i += BATCH) {
        err = batch_apply(c, s, i, s->n_changes - i < BATCH ? s->n_changes : i + BATCH);
    }
    return err;
}
