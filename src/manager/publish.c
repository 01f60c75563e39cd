#include "manager/publish.h"

#include <stdio.h>

#include "manager/bodies.h"
#include "manager/deploy.h"
#include "manager/identity_providers.h"
#include "manager/resources.h"
#include "manager/signing_keys.h"
#include "manager/token_management.h"

/* How many rows of the change feed are kept for gateways that come back after a while. */
#define FEED_KEPT   100000
#define PRUNE_EVERY 1024

tg_err_t tg_publish_number(tg_call_t *c, int64_t environment_id, int64_t *revision) {
    for (size_t i = 0; c->publish_later && i < c->n_targets; i++) {
        if (c->targets[i].environment_id == environment_id) {
            *revision = c->targets[i].revision;
            return TG_OK;
        }
    }
    return c->store->ops->revision_next(c->store, environment_id, revision);
}

/* The document without its proxies and groups, whose texts were frozen at their own deploys and are put in as they are:
 * 1,000 of them are joined, not parsed. */
static tg_err_t frame_write(tg_call_t *c, const tg_resource_t *row, int64_t revision, tg_buf_t *out) {
    tg_snapshot_t s = {.environment_id = row->id, .revision = revision, .made_at = c->now};
    json_t *doc = NULL;
    tg_signing_key_t *keys = NULL;
    tg_err_t err = tg_doc_parse(row->doc, &doc);
    if (!err) {
        err = tg_environment_parse(doc, &c->arena, &s.environment, &c->fault);
    }
    if (!err) {
        err = tg_token_management_load(c, &s.token_management);
    }
    if (!err) {
        err = tg_signing_keys_load(c, row->id, &keys, &s.n_keys);
    }
    if (!err) {
        err = tg_providers_load(c, &s.providers, &s.n_providers);
    }
    if (!err) {
        s.keys = keys;
        s.n_keys = tg_signing_keys_usable(keys, s.n_keys, c->now);
        err = tg_snapshot_write(&s, out);
    }
    json_decref(doc);
    return err;
}

/* The texts of all groups, or of all proxies. */
static void rows_join(const tg_deployment_t *rows, size_t n, bool groups, tg_buf_t *out) {
    bool first = true;
    for (size_t i = 0; i < n; i++) {
        if (tg_deployment_is_group(&rows[i]) == groups) {
            tg_buf_put(out, first ? TG_STR_NONE : TG_STR(","));
            tg_buf_put(out, rows[i].doc);
            first = false;
        }
    }
}

/* Copies the frame up to the empty list of that name, and the rows into it. Quotes inside strings are escaped, so the
 * text of the member is the member and nothing else. */
static tg_err_t list_fill(tg_str_t *frame, tg_str_t empty, const tg_deployment_t *rows, size_t n, bool groups,
                          tg_buf_t *out) {
    const char *at = memmem(frame->p, frame->n, empty.p, empty.n);
    if (at == NULL) {
        return TG_ERR_BUG;
    }
    size_t head = (size_t)(at - frame->p) + empty.n - 1;
    tg_buf_put(out, tg_strn(frame->p, head));
    rows_join(rows, n, groups, out);
    *frame = tg_strn(frame->p + head, frame->n - head);
    return out->err;
}

static tg_err_t document_write(tg_call_t *c, const tg_resource_t *row, int64_t revision, tg_buf_t *out) {
    tg_buf_t frame;
    tg_arena_t docs;
    tg_deployment_t *rows = NULL;
    size_t n = 0;
    tg_buf_init(&frame, TG_SNAPSHOT_MAX);
    tg_arena_init(&docs, 2 * (size_t)TG_SNAPSHOT_MAX);
    tg_err_t err = frame_write(c, row, revision, &frame);
    tg_str_t rest = tg_buf_str(&frame);
    if (!err) {
        err = c->store->ops->deployment_list(c->store, row->id, &docs, &rows, &n);
    }
    if (!err) { /* in the order of tg_snapshot_write */
        err = list_fill(&rest, TG_STR("\"proxies\":[]"), rows, n, false, out);
    }
    if (!err) {
        err = list_fill(&rest, TG_STR("\"groups\":[]"), rows, n, true, out);
    }
    if (!err) {
        tg_buf_put(out, rest);
        err = out->err;
    }
    tg_arena_release(&docs);
    tg_buf_release(&frame);
    return err == TG_ERR_LIMIT ? tg_fault(&c->fault, err, "", "the snapshot of the environment would be too large")
                               : err;
}

static tg_err_t target_note(tg_call_t *c, const tg_resource_t *row, int64_t revision) {
    for (size_t i = 0; i < c->n_targets; i++) {
        if (c->targets[i].environment_id == row->id) {
            c->targets[i].revision = revision;
            return TG_OK;
        }
    }
    if (c->n_targets == TG_TARGETS_MAX) {
        return tg_fault(&c->fault, TG_ERR_LIMIT, "", "more than %d environments in one call", TG_TARGETS_MAX);
    }
    c->targets[c->n_targets++] =
        (tg_target_t){.environment_id = row->id, .environment = row->name, .revision = revision};
    return TG_OK;
}

static tg_err_t feed_prune(tg_call_t *c, int64_t revision) {
    int64_t head = 0;
    if (revision % PRUNE_EVERY != 0) {
        return TG_OK;
    }
    tg_err_t err = c->store->ops->change_head(c->store, &head);
    return err || head <= FEED_KEPT ? err : c->store->ops->change_prune(c->store, head - FEED_KEPT);
}

static tg_err_t snapshot_write(tg_call_t *c, const tg_resource_t *environment, int64_t revision) {
    char ref[32];
    snprintf(ref, sizeof(ref), "%lld", (long long)revision);
    tg_buf_t document;
    tg_buf_init(&document, TG_SNAPSHOT_MAX);
    tg_err_t err = document_write(c, environment, revision, &document);
    if (!err) {
        err = c->store->ops->snapshot_put(c->store, environment->id, revision, tg_buf_str(&document));
    }
    if (!err) {
        err = c->store->ops->change_append(c->store, TG_CHANGE_SNAPSHOT, environment->id, tg_str(ref));
    }
    if (!err) {
        err = feed_prune(c, revision);
    }
    tg_buf_release(&document);
    return err;
}

tg_err_t tg_publish(tg_call_t *c, const tg_resource_t *environment, int64_t revision) {
    tg_err_t err = c->publish_later ? TG_OK : snapshot_write(c, environment, revision);
    return err ? err : target_note(c, environment, revision);
}

tg_err_t tg_publish_all(tg_call_t *c) {
    tg_err_t err = TG_OK;
    for (size_t i = 0; !err && i < c->n_targets; i++) {
        tg_resource_t environment;
        err = c->store->ops->resource_get(c->store, c->targets[i].environment_id, &c->arena, &environment);
        if (!err) {
            err = snapshot_write(c, &environment, c->targets[i].revision);
        }
    }
    return err;
}

tg_err_t tg_publish_next(tg_call_t *c, const tg_resource_t *environment) {
    int64_t revision;
    tg_err_t err = tg_publish_number(c, environment->id, &revision);
    return err ? err : tg_publish(c, environment, revision);
}

tg_err_t tg_publish_everywhere(tg_call_t *c) {
    tg_resource_t *rows = NULL;
    size_t n = 0;
    tg_err_t err = tg_resource_all(c, TG_RES_ENVIRONMENT, 0, &rows, &n);
    for (size_t i = 0; !err && i < n; i++) {
        err = tg_publish_next(c, &rows[i]);
    }
    return err;
}

tg_err_t tg_publish_client(tg_call_t *c, int64_t environment_id, tg_client_kind_t kind, tg_str_t client_id) {
    char mem[TG_CLIENT_ID_MAX + 32];
    tg_buf_t ref;
    tg_buf_init_fixed(&ref, mem, sizeof(mem));
    tg_buf_putf(&ref, "%d:", (int)kind);
    tg_buf_put(&ref, client_id);
    return ref.err ? ref.err
                   : c->store->ops->change_append(c->store, TG_CHANGE_CLIENT, environment_id, tg_buf_str(&ref));
}

tg_err_t tg_publish_clients(tg_call_t *c) {
    return c->store->ops->change_append(c->store, TG_CHANGE_CLIENTS, 0, TG_STR_NONE);
}
