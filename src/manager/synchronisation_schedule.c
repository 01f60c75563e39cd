/* What is due is run by one thread, in the name of the manager itself. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "manager/bodies.h"
#include "manager/resources.h"
#include "manager/synchronisation.h"

#define LOOK_EVERY_S 2

/* ---- one run ---- */

static const char *fault_text(const tg_call_t *c, tg_err_t err) {
    return c->fault.text[0] != '\0' ? c->fault.text : tg_err_name(err);
}

/* Nothing that a failed run began is left. */
static tg_err_t failure_note(tg_call_t *c, const tg_provider_row_t *p, tg_err_t failed) {
    char text[sizeof(c->fault.text)];
    snprintf(text, sizeof(text), "%s", fault_text(c, failed));
    fprintf(stderr, "tollgate-manager: synchronisation of identity provider %.*s of project %.*s: %s\n",
            TG_STR_ARGS(p->row.name), TG_STR_ARGS(p->project.name), text);
    tg_call_rollback(c);
    tg_err_t err = tg_call_begin(c);
    if (!err) {
        err = tg_sync_note(c, p->row.id, NULL, text);
    }
    return err ? err : tg_call_end(c);
}

/* A run that changed nothing is no news for the audit log. */
static bool changed(const json_t *result) {
    static const char *const names[] = {"create", "update", "disable", "delete"};
    int64_t n = 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (tg_json_int(json_object_get(result, "counts"), names[i], &n) && n > 0) {
            return true;
        }
    }
    return false;
}

static tg_err_t run_end(tg_call_t *c, const tg_provider_row_t *p, const json_t *result) {
    char path[3 * TG_NAME_MAX];
    tg_err_t err = tg_sync_note(c, p->row.id, result, "");
    if (err || !changed(result)) {
        return err ? err : tg_call_end(c);
    }
    snprintf(path, sizeof(path), "/apiops/projects/%.*s/identityProviders/%.*s/sync", TG_STR_ARGS(p->project.name),
             TG_STR_ARGS(p->row.name));
    c->path = tg_str(path);
    c->after = json_incref((json_t *)(uintptr_t)result);
    return tg_call_commit(c);
}

static tg_err_t provider_run(tg_call_t *c, const tg_provider_row_t *p) {
    const tg_sync_options_t options = {.dry_run = false};
    json_t *result = NULL;
    tg_err_t err = tg_synchronise(c, p, &options, &result);
    if (!err) {
        err = run_end(c, p, result);
    }
    if (err && err != TG_ERR_AGAIN && c->store != NULL && !atomic_load(&c->m->stopping)) {
        err = failure_note(c, p, err);
    }
    if (err) {
        tg_call_rollback(c);
    }
    json_decref(result);
    return err;
}

/* ---- what is due ---- */

static bool is_due(tg_call_t *c, const tg_provider_row_t *p) {
    json_t *last = NULL;
    tg_ms_t at = 0;
    if (!p->stored.enabled || !p->stored.sync.enabled) {
        return false;
    }
    tg_err_t err = tg_sync_last(c, p->row.id, &last);
    bool known = !err && tg_iso8601_parse(tg_json_str(last, "at"), &at) == TG_OK;
    json_decref(last);
    /* A clock that went back does not keep it waiting. */
    return err == TG_ERR_NOTFOUND || (!err && (!known || at > c->now || c->now - at >= p->stored.sync.interval_ms));
}

/* The first that is due; NOTFOUND: none. */
static tg_err_t due_find(tg_call_t *c, tg_provider_row_t *out) {
    tg_resource_t *rows = NULL, project;
    size_t n = 0;
    tg_err_t err = tg_resource_all(c, TG_RES_IDENTITY_PROVIDER, 0, &rows, &n);
    for (size_t i = 0; !err && i < n; i++) {
        err = c->store->ops->resource_get(c->store, rows[i].parent, &c->arena, &project);
        if (!err) {
            err = tg_provider_find(c, &project, rows[i].name, out);
        }
        if (!err && is_due(c, out)) {
            return TG_OK;
        }
    }
    return err ? err : TG_ERR_NOTFOUND;
}

static tg_err_t look(tg_call_t *c) {
    tg_provider_row_t p;
    void *handle = NULL;
    tg_err_t err = tg_pool_take(&c->m->configs, &handle);
    c->store = handle;
    if (!err) {
        err = c->store->ops->read_begin(c->store);
    }
    if (!err) {
        err = due_find(c, &p);
        c->store->ops->read_end(c->store);
    }
    return err ? err : provider_run(c, &p);
}

/* Each run is a call of its own. */
static tg_err_t look_once(tg_manager_t *m) {
    tg_call_t *c = malloc(sizeof(*c));
    if (c == NULL || !tg_call_init(c, m)) {
        free(c);
        return TG_ERR_NOMEM;
    }
    c->method = TG_STR("POST");
    c->who = TG_STR("tollgate-manager");
    tg_err_t err = look(c);
    tg_call_release(c);
    free(c);
    return err;
}

/* ---- the thread ---- */

static void wait_a_while(tg_manager_t *m) {
    struct timespec until;
    pthread_mutex_lock(&m->schedule_lock);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += LOOK_EVERY_S;
    if (!atomic_load(&m->stopping)) {
        pthread_cond_timedwait(&m->schedule_wake, &m->schedule_lock, &until);
    }
    pthread_mutex_unlock(&m->schedule_lock);
}

static void *loop(void *arg) {
    tg_manager_t *m = arg;
    while (!atomic_load(&m->stopping)) {
        if (look_once(m) != TG_OK) {
            wait_a_while(m);
        }
    }
    return NULL;
}

tg_err_t tg_sync_schedule_start(tg_manager_t *m) {
    pthread_mutex_init(&m->schedule_lock, NULL);
    pthread_cond_init(&m->schedule_wake, NULL);
    return pthread_create(&m->schedule, NULL, loop, m) == 0 ? TG_OK : TG_ERR_NOMEM;
}

void tg_sync_schedule_stop(tg_manager_t *m) {
    pthread_mutex_lock(&m->schedule_lock);
    pthread_cond_signal(&m->schedule_wake);
    pthread_mutex_unlock(&m->schedule_lock);
    pthread_join(m->schedule, NULL);
    pthread_cond_destroy(&m->schedule_wake);
    pthread_mutex_destroy(&m->schedule_lock);
}
