/* What has to be done so that credentials are as the users are. */
#include <stdlib.h>

#include "manager/credential_walk.h"
#include "manager/credentials.h"
#include "manager/synchronisation.h"

#define BATCH_ARENA ((size_t)64 << 20)
#define BATCH       1000

static tg_err_t change_add(tg_sync_t *s, const tg_sync_change_t *change) {
    s->counts[change->action]++;
    if (s->n_changes == s->changes_room) {
        size_t room = s->changes_room > 0 ? 2 * s->changes_room : 256;
        tg_sync_change_t *more = tg_arena_array(&s->arena, room, sizeof(*more));
        if (more == NULL) {
            return TG_ERR_NOMEM;
        }
        if (s->n_changes > 0) {
            memcpy(more, s->changes, s->n_changes * sizeof(*more));
        }
        s->changes = more;
        s->changes_room = room;
    }
    s->changes[s->n_changes++] = *change;
    return TG_OK;
}

/* The walk's arena ends with its batch. */
static tg_err_t row_change_add(tg_sync_t *s, const tg_resource_t *row, tg_sync_action_t action,
                               const tg_sync_user_t *user, const char *why) {
    tg_sync_change_t change = {.action = action, .id = row->id, .user = user, .why = why};
    return tg_arena_str(&s->arena, row->name, &change.name) ? change_add(s, &change) : TG_ERR_NOMEM;
}

/* ---- those that are there ---- */

static int compare_name(const void *key, const void *element) {
    tg_str_t a = *(const tg_str_t *)key, b = ((const tg_sync_user_t *)element)->name;
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n > 0 ? memcmp(a.p, b.p, n) : 0;
    return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

static bool roles_are(const tg_credential_t *k, const tg_sync_user_t *u) {
    if (k->n_roles != u->n_roles) {
        return false;
    }
    for (size_t i = 0; i < k->n_roles; i++) {
        if (!tg_str_eq(k->roles[i], u->roles[i])) {
            return false;
        }
    }
    return true;
}

static tg_sync_action_t action_for(const tg_credential_t *k, const tg_sync_user_t *u) {
    bool comes_back = !k->enabled && k->disabled_by_provider && !u->disabled;
    if (k->enabled && u->disabled) {
        return TG_SYNC_DISABLED;
    }
    return comes_back || !roles_are(k, u) || !tg_str_eq(k->full_name, u->full_name) || !tg_str_eq(k->email, u->email)
               ? TG_SYNC_UPDATE
               : TG_SYNC_KEPT;
}

static tg_sync_action_t action_for_missing(const tg_sync_t *s, const tg_credential_t *k) {
    switch (s->provider->stored.sync.missing) {
    case TG_SYNC_DELETE:
        return TG_SYNC_DELETED;
    case TG_SYNC_DISABLE:
        return k->enabled ? TG_SYNC_DISABLED : TG_SYNC_KEPT;
    case TG_SYNC_KEEP:
        break;
    }
    return TG_SYNC_KEPT;
}

static tg_err_t credential_plan(tg_call_t *c, const tg_resource_t *row, void *ctx) {
    tg_sync_t *s = ctx;
    tg_credential_t k;
    tg_sync_user_t *user =
        s->n_users > 0 ? bsearch(&row->name, s->users, s->n_users, sizeof(*s->users), compare_name) : NULL;
    tg_err_t err = tg_credential_read(c, row->doc, &k);
    if (err) {
        return err;
    }
    bool ours = tg_str_eq(k.identity_provider, s->provider->row.name);
    if (user != NULL) {
        user->seen = true;
    }
    if (!ours) {
        return user == NULL ? TG_OK
                            : row_change_add(s, row, TG_SYNC_CONFLICT, user,
                                             "a credential of the project, not from this provider, has the name");
    }
    tg_sync_action_t action = user != NULL ? action_for(&k, user) : action_for_missing(s, &k);
    if (action == TG_SYNC_KEPT) {
        s->counts[action]++;
        return TG_OK;
    }
    return row_change_add(s, row, action, user, NULL);
}

/* ---- those that are not ---- */

static tg_err_t user_plan(tg_call_t *c, tg_sync_t *s, const tg_sync_user_t *user) {
    tg_client_t client;
    tg_sync_change_t change = {.action = TG_SYNC_UNFIT, .name = user->name, .user = user};
    if (tg_client_id_check(user->name, "", NULL)) {
        change.why = "a name must be 1 to 256 visible ASCII characters without ':'";
        return change_add(s, &change);
    }
    if (tg_str_eq(user->name, TG_STR("import"))) {
        change.why = "the name is reserved";
        return change_add(s, &change);
    }
    tg_err_t err = c->store->ops->client_find(c->store, TG_CLIENT_CREDENTIAL, user->name, &c->arena, &client);
    if (err && err != TG_ERR_NOTFOUND) {
        return err;
    }
    change.action = err ? TG_SYNC_CREATE : TG_SYNC_CONFLICT;
    change.why = err ? NULL : "a credential of another project has the name";
    return change_add(s, &change);
}

static tg_err_t users_plan(tg_call_t *c, tg_sync_t *s, size_t from, size_t to) {
    tg_arena_t call = c->arena;
    tg_err_t err = TG_OK;
    tg_arena_init(&c->arena, BATCH_ARENA);
    for (size_t i = from; !err && i < to; i++) {
        err = s->users[i].seen ? TG_OK : user_plan(c, s, &s->users[i]);
    }
    tg_arena_release(&c->arena);
    c->arena = call;
    return err;
}

tg_err_t tg_sync_plan(tg_call_t *c, tg_sync_t *s) {
    tg_err_t err = tg_credentials_walk(c, s->provider->project.id, "", credential_plan, s);
    for (size_t i = 0; !err && i < s->n_users; i += BATCH) {
        err = users_plan(c, s, i, s->n_users - i < BATCH ? s->n_users : i + BATCH);
    }
    return err;
}
