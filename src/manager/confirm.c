/* Waiting for the gateways: a revision is live once every worker of every live node serves it. */
#include <unistd.h>

#include "manager/deploy.h"

#define POLL_US 10000
#define WAIT_MS 5000
/* After this long, workers that all report why they do not serve it will not come round. */
#define ERRORS_SETTLE_MS 1000
#define NAMED_MAX        8 /* nodes that the message names */

/* A node that does not serve it yet, by its first worker that says why, or else by its first one. */
typedef struct {
    tg_str_t node_id;
    int pid; /* 0: the node has no worker */
    tg_str_t error;
} tg_lagging_t;

typedef struct {
    size_t nodes;
    size_t pending;        /* workers that do not serve it yet; a node without workers counts as one */
    size_t pending_errors; /* of these, how many say why, about this revision or a later one */
    size_t n_lagging;      /* nodes */
    tg_lagging_t lagging[NAMED_MAX];
} tg_confirmation_t;

static void lagging_note(tg_confirmation_t *o, const tg_node_t *node, const tg_node_worker_t *w, bool first) {
    o->n_lagging += first;
    if (o->n_lagging > NAMED_MAX) {
        return;
    }
    tg_lagging_t *l = &o->lagging[o->n_lagging - 1];
    tg_str_t error = w != NULL ? w->error : TG_STR_NONE;
    if (first || (l->error.n == 0 && error.n > 0)) {
        *l = (tg_lagging_t){node->node_id, w != NULL ? w->pid : 0, error};
    }
}

static void node_look(tg_confirmation_t *o, const tg_node_t *node, int64_t revision) {
    size_t before = o->pending;
    if (node->n_workers == 0) {
        o->pending++;
        lagging_note(o, node, NULL, true);
    }
    for (size_t i = 0; i < node->n_workers; i++) {
        const tg_node_worker_t *w = &node->workers[i];
        if (w->revision >= revision) {
            continue;
        }
        lagging_note(o, node, w, o->pending == before);
        o->pending++;
        o->pending_errors += w->error.n > 0 && node->wanted >= revision;
    }
}

static tg_err_t look(tg_token_store_t *store, const tg_target_t *t, tg_ms_t now, tg_arena_t *a,
                     tg_confirmation_t *out) {
    tg_node_t *nodes = NULL;
    size_t n = 0;
    *out = (tg_confirmation_t){0};
    tg_err_t err = store->ops->node_list(store, t->environment_id, now - TG_NODE_ALIVE_MS, a, &nodes, &n);
    if (err) {
        return err;
    }
    out->nodes = n;
    for (size_t i = 0; i < n; i++) {
        node_look(out, &nodes[i], t->revision);
    }
    return TG_OK;
}

static void lagging_write(const tg_lagging_t *l, int64_t revision, tg_buf_t *out) {
    if (l->pid == 0) {
        tg_buf_putf(out, "node %.*s has no worker that serves revision %lld", TG_STR_ARGS(l->node_id),
                    (long long)revision);
        return;
    }
    tg_buf_putf(out, "node %.*s: worker %d does not serve revision %lld", TG_STR_ARGS(l->node_id), l->pid,
                (long long)revision);
    if (l->error.n > 0) {
        tg_buf_putf(out, ": %.*s", TG_STR_ARGS(l->error));
    }
}

static void all_lagging_write(const tg_confirmation_t *o, int64_t revision, tg_buf_t *out) {
    for (size_t i = 0; i < o->n_lagging && i < NAMED_MAX; i++) {
        tg_buf_put(out, i > 0 ? TG_STR("; ") : TG_STR_NONE);
        lagging_write(&o->lagging[i], revision, out);
    }
    if (o->n_lagging > NAMED_MAX) {
        tg_buf_putf(out, "; and %zu more", o->n_lagging - NAMED_MAX);
    }
}

static void message_write(const tg_confirmation_t *o, tg_err_t err, int64_t revision, tg_buf_t *out) {
    if (err) {
        tg_buf_putf(out, "revision %lld is stored; the list of nodes cannot be read (%s)", (long long)revision,
                    tg_err_name(err));
    } else if (o->nodes == 0) {
        tg_buf_putf(out,
                    "no live gateway node confirmed it yet: revision %lld is stored and will be served by nodes that "
                    "start",
                    (long long)revision);
    } else if (o->pending == 0) {
        tg_buf_putf(out, "revision %lld is served by every worker of %zu node%s", (long long)revision, o->nodes,
                    o->nodes == 1 ? "" : "s");
    } else {
        all_lagging_write(o, revision, out);
    }
}

/* Polls until it is served, or time is up. *ok tells which. The arena holds the views of *out. */
static tg_err_t wait_for(tg_token_store_t *store, const tg_target_t *t, tg_ms_t deadline, tg_arena_t *a,
                         tg_confirmation_t *out, bool *ok) {
    tg_ms_t settled = tg_now() + ERRORS_SETTLE_MS;
    for (;;) {
        tg_ms_t now = tg_now();
        tg_err_t err = look(store, t, now, a, out);
        *ok = !err && out->nodes > 0 && out->pending == 0;
        bool hopeless = !err && (out->nodes == 0 || (out->pending == out->pending_errors && now >= settled));
        if (err || *ok || hopeless || now >= deadline) {
            return err;
        }
        tg_arena_release(a);
        tg_arena_init(a, 16 << 20);
        usleep(POLL_US);
    }
}

static json_t *target_confirm(tg_call_t *c, tg_token_store_t *store, const tg_target_t *t, tg_ms_t deadline, bool *ok) {
    tg_arena_t a;
    tg_buf_t message;
    tg_confirmation_t state = {0};
    tg_arena_init(&a, 16 << 20);
    tg_buf_init(&message, 4096);
    *ok = false;
    tg_err_t err = store == NULL ? TG_ERR_UNAVAILABLE : wait_for(store, t, deadline, &a, &state, ok);
    message_write(&state, err, t->revision, &message);
    json_t *o = json_object();
    tg_call_put_to(c, o, "environmentName", tg_text(t->environment));
    tg_call_put_to(c, o, "success", json_boolean(*ok));
    tg_call_put_to(c, o, "message", tg_text(tg_buf_str(&message)));
    tg_call_put_to(c, o, "revision", json_integer(t->revision));
    tg_buf_release(&message);
    tg_arena_release(&a);
    return o;
}

void tg_deploy_confirm(tg_call_t *c) {
    if (c->n_targets == 0) {
        return;
    }
    void *handle = NULL;
    tg_err_t err = tg_pool_take(&c->m->tokens, &handle);
    tg_ms_t deadline = tg_now() + WAIT_MS;
    bool all = true;
    json_t *list = json_array();
    for (size_t i = 0; i < c->n_targets; i++) {
        bool ok;
        tg_call_append_to(c, list, target_confirm(c, err ? NULL : handle, &c->targets[i], deadline, &ok));
        all = all && ok;
    }
    tg_pool_give(&c->m->tokens, handle);
    json_t *result = json_object();
    tg_call_put_to(c, result, "success", json_boolean(all));
    tg_call_put_to(c, result, "deploymentResults", list);
    tg_call_put(c, "deploymentResult", result);
    atomic_fetch_add(all ? &c->m->metrics.deploys_confirmed : &c->m->metrics.deploys_unconfirmed, 1);
}
