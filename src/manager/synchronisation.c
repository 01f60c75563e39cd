#include "manager/synchronisation.h"

#include "manager/bodies.h"
#include "manager/handlers.h"
#include "manager/resources.h"
#include "manager/schemas.h"

#define ARENA_MAX ((size_t)2 << 30)
#define TOLD_MAX  1000 /* changes in an answer, and in the audit log */

static const char *const names[TG_SYNC_ACTIONS] = {"create",   "update", "disable", "delete",
                                                   "conflict", "unfit",  "keep"};

/* ---- what it came to ---- */

static json_t *change_show(tg_call_t *c, const tg_sync_change_t *change) {
    json_t *o = json_object();
    tg_call_put_to(c, o, "action", json_string(names[change->action]));
    tg_call_put_to(c, o, "username", tg_text(change->name));
    if (change->why != NULL) {
        tg_call_put_to(c, o, "reason", json_string(change->why));
    }
    return o;
}

static json_t *result_make(tg_call_t *c, const tg_sync_t *s, bool dry_run) {
    json_t *o = json_object(), *counts = json_object(), *list = json_array();
    for (size_t i = 0; i < TG_SYNC_ACTIONS; i++) {
        tg_call_put_to(c, counts, names[i], json_integer(s->counts[i]));
    }
    for (size_t i = 0; i < s->n_changes && i < TOLD_MAX; i++) {
        tg_call_append_to(c, list, change_show(c, &s->changes[i]));
    }
    tg_call_put_to(c, o, "dryRun", json_boolean(dry_run));
    tg_call_put_to(c, o, "users", json_integer((json_int_t)s->n_users));
    tg_call_put_to(c, o, "counts", counts);
    tg_call_put_to(c, o, "changes", list);
    tg_call_put_to(c, o, "changesComplete", json_boolean(s->n_changes <= TOLD_MAX));
    return o;
}

/* ---- a run ---- */

/* A directory that lists nobody is more likely broken than empty. */
static tg_err_t empty_check(tg_call_t *c, const tg_sync_t *s, const tg_sync_options_t *options) {
    int64_t gone = s->counts[TG_SYNC_DISABLED] + s->counts[TG_SYNC_DELETED];
    if (s->n_users > 0 || gone == 0 || options->allow_empty) {
        return TG_OK;
    }
    return tg_fault(&c->fault, TG_ERR_CONFLICT, "",
                    "the provider lists nobody, and %lld credentials would end: allowEmpty says that it is meant",
                    (long long)gone);
}

static tg_err_t plan(tg_call_t *c, tg_sync_t *s, const tg_sync_options_t *options) {
    tg_err_t err = tg_sync_plan(c, s);
    return err ? err : empty_check(c, s, options);
}

static tg_err_t plan_only(tg_call_t *c, tg_sync_t *s, const tg_sync_options_t *options) {
    tg_err_t err = c->store->ops->read_begin(c->store);
    if (!err) {
        err = plan(c, s, options);
        c->store->ops->read_end(c->store);
    }
    return err;
}

/* The provider may have changed while it was asked. */
static tg_err_t unchanged_check(tg_call_t *c, const tg_sync_t *s) {
    tg_resource_t row;
    tg_err_t err = c->store->ops->resource_get(c->store, s->provider->row.id, &c->arena, &row);
    if (err == TG_ERR_NOTFOUND || (!err && row.version != s->provider->row.version)) {
        return tg_fault(&c->fault, TG_ERR_CONFLICT, "", "the provider changed meanwhile");
    }
    return err;
}

static tg_err_t plan_and_apply(tg_call_t *c, tg_sync_t *s, const tg_sync_options_t *options) {
    tg_err_t err = tg_call_begin(c);
    if (!err) {
        err = unchanged_check(c, s);
    }
    if (!err) {
        err = plan(c, s, options);
    }
    return err ? err : tg_sync_apply(c, s);
}

static tg_err_t run(tg_call_t *c, tg_sync_t *s, const tg_sync_options_t *options) {
    tg_err_t err = tg_sync_users_read(c, s);
    if (!err) {
        err = options->dry_run ? plan_only(c, s, options) : plan_and_apply(c, s, options);
    }
    return err;
}

static tg_err_t able_check(tg_call_t *c, const tg_identity_provider_t *p) {
    if (!tg_identity_provider_lists(p)) {
        return tg_fault(
            &c->fault, TG_ERR_CONFLICT, "",
            "this provider does not list its users: LDAP with ADVANCED, or DATABASE with a listQuery, does");
    }
    return p->enabled ? TG_OK : tg_fault(&c->fault, TG_ERR_CONFLICT, "", "the provider is not enabled");
}

tg_err_t tg_synchronise(tg_call_t *c, const tg_provider_row_t *p, const tg_sync_options_t *options, json_t **result) {
    tg_sync_t s = {.provider = p};
    tg_err_t err = able_check(c, &p->stored);
    if (err) {
        return err;
    }
    if (atomic_flag_test_and_set(&c->m->synchronising)) {
        return tg_fault(&c->fault, TG_ERR_AGAIN, "", "another synchronisation is under way");
    }
    tg_arena_init(&s.arena, ARENA_MAX);
    err = run(c, &s, options);
    if (!err) {
        *result = result_make(c, &s, options->dry_run);
    }
    tg_arena_release(&s.arena);
    atomic_flag_clear(&c->m->synchronising);
    return err;
}

/* ---- the last one ---- */

static const tg_str_t row_name = {"synchronisation", 15};

static tg_err_t last_find(tg_call_t *c, int64_t provider_id, tg_resource_t *row) {
    return c->store->ops->resource_find(c->store, TG_RES_SETTINGS, provider_id, row_name, &c->arena, row);
}

tg_err_t tg_sync_last(tg_call_t *c, int64_t provider_id, json_t **doc) {
    tg_resource_t row;
    tg_err_t err = last_find(c, provider_id, &row);
    return err ? err : tg_doc_parse(row.doc, doc);
}

tg_err_t tg_sync_note(tg_call_t *c, int64_t provider_id, const json_t *result, const char *message) {
    tg_resource_t row;
    tg_str_t text;
    int64_t id;
    json_t *doc = result != NULL ? json_copy((json_t *)(uintptr_t)result) : json_object();
    tg_call_put_to(c, doc, "at", tg_time(c->now));
    tg_call_put_to(c, doc, "by", tg_text(c->who));
    tg_call_put_to(c, doc, "success", json_boolean(result != NULL));
    tg_call_put_to(c, doc, "message", json_string(message));
    tg_err_t err = tg_doc_text(c, doc, &text);
    if (!err) {
        err = last_find(c, provider_id, &row);
    }
    if (err == TG_ERR_NOTFOUND) {
        return c->store->ops->resource_create(c->store, TG_RES_SETTINGS, provider_id, row_name, text, c->now, &id);
    }
    return err ? err : c->store->ops->resource_replace(c->store, row.id, row.version, text, c->now, &id);
}

tg_err_t tg_sync_forget(tg_call_t *c, int64_t provider_id) {
    tg_resource_t row;
    tg_err_t err = last_find(c, provider_id, &row);
    return err == TG_ERR_NOTFOUND ? TG_OK : err ? err : c->store->ops->resource_delete(c->store, row.id);
}

/* ---- handlers ---- */

static const tg_field_t body_fields[] = {
    {.name = "dryRun", .read = tg_read_bool, .offset = offsetof(tg_sync_options_t, dry_run)},
    {.name = "allowEmpty", .read = tg_read_bool, .offset = offsetof(tg_sync_options_t, allow_empty)},
};

json_t *tg_provider_sync_schema(void) {
    return tg_fields_schema(body_fields, sizeof(body_fields) / sizeof(body_fields[0]));
}

tg_err_t tg_identity_provider_sync(tg_call_t *c) {
    tg_provider_row_t p;
    tg_sync_options_t options = {.dry_run = false};
    json_t *result = NULL;
    tg_err_t err = tg_body_read(c, c->body, body_fields, sizeof(body_fields) / sizeof(body_fields[0]), &options);
    if (!err) {
        err = tg_provider_need(c, &p);
    }
    if (!err) {
        err = tg_synchronise(c, &p, &options, &result);
    }
    if (!err && !options.dry_run) {
        err = tg_sync_note(c, p.row.id, result, "");
        c->after = json_incref(result);
    }
    if (!err) {
        tg_call_put(c, "result", json_incref(result));
    }
    json_decref(result);
    return err;
}

tg_err_t tg_identity_provider_sync_get(tg_call_t *c) {
    tg_provider_row_t p;
    json_t *doc = NULL, *result = json_object();
    tg_err_t err = tg_provider_need(c, &p);
    if (!err) {
        err = tg_sync_last(c, p.row.id, &doc);
        err = err == TG_ERR_NOTFOUND ? TG_OK : err;
    }
    tg_call_put_to(c, result, "last", doc != NULL ? doc : json_null());
    tg_call_put(c, "result", result);
    return err;
}
