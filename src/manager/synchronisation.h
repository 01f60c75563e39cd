/*
 * Users of an identity provider as credentials (docs/identity-providers.md "Synchronisation"). A credential that comes
 * from a provider says so (identityProvider) and has no password; all others are never touched.
 */
#ifndef TG_MANAGER_SYNCHRONISATION_H
#define TG_MANAGER_SYNCHRONISATION_H

#include "identity/identity.h"
#include "manager/identity_providers.h"

typedef struct {
    tg_str_t name, full_name, email;
    tg_str_t *roles; /* sorted, each once */
    size_t n_roles;
    bool disabled;
    bool seen; /* a credential has that name */
} tg_sync_user_t;

typedef enum {
    TG_SYNC_CREATE = 0,
    TG_SYNC_UPDATE,
    TG_SYNC_DISABLED,
    TG_SYNC_DELETED,
    TG_SYNC_CONFLICT, /* a credential that is not the provider's has the name */
    TG_SYNC_UNFIT,    /* no credential can have the name */
    TG_SYNC_KEPT,
    TG_SYNC_ACTIONS
} tg_sync_action_t;

typedef struct {
    tg_sync_action_t action;
    int64_t id; /* resource id of the credential; 0: there is none */
    tg_str_t name;
    const tg_sync_user_t *user; /* NULL: the provider has none of that name */
    const char *why;            /* of those that are not done */
} tg_sync_change_t;

/* One run. Lists lie in its arena. */
typedef struct {
    tg_arena_t arena;
    const tg_provider_row_t *provider;
    tg_sync_user_t *users; /* sorted by name, each name once */
    size_t n_users, users_room;
    tg_sync_change_t *changes; /* all but those that are kept */
    size_t n_changes, changes_room;
    int64_t counts[TG_SYNC_ACTIONS];
} tg_sync_t;

typedef struct {
    bool dry_run, allow_empty;
} tg_sync_options_t;

/* ---- its steps ---- */

/* All users of the provider. CONFLICT: more than maxUsers. */
tg_err_t tg_sync_users_read(tg_call_t *c, tg_sync_t *s) TG_MUST_CHECK;
/* What has to be done; within a transaction. */
tg_err_t tg_sync_plan(tg_call_t *c, tg_sync_t *s) TG_MUST_CHECK;
/* Does it, within the write transaction. */
tg_err_t tg_sync_apply(tg_call_t *c, tg_sync_t *s) TG_MUST_CHECK;

/* ---- a run ---- */

/* Leaves the write transaction open (but for a dry run), for the caller to commit; *result is a new reference.
 * AGAIN: another run is under way; CONFLICT: the provider changed meanwhile, or it lists nobody and there are
 * credentials of it. */
tg_err_t tg_synchronise(tg_call_t *c, const tg_provider_row_t *p, const tg_sync_options_t *options,
                        json_t **result) TG_MUST_CHECK;

/* What the last run came to, kept beside the provider: a document of the result with "at", "by", "success", "message".
 * NOTFOUND: there was none. */
tg_err_t tg_sync_last(tg_call_t *c, int64_t provider_id, json_t **doc) TG_MUST_CHECK;
/* Inside the write transaction. result NULL: it failed, for that reason. */
tg_err_t tg_sync_note(tg_call_t *c, int64_t provider_id, const json_t *result, const char *message) TG_MUST_CHECK;
/* With the provider. */
tg_err_t tg_sync_forget(tg_call_t *c, int64_t provider_id) TG_MUST_CHECK;

/* ---- on a schedule ---- */

/* One thread that runs what is due, one after the other. */
tg_err_t tg_sync_schedule_start(tg_manager_t *m) TG_MUST_CHECK;
/* m->stopping must be set. */
void tg_sync_schedule_stop(tg_manager_t *m);

#endif
