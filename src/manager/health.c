/* /health/live, /health/ready and /metrics: without login, on the private address only. */
#include "manager/handlers.h"

tg_err_t tg_health_live(tg_call_t *c) {
    tg_call_put(c, "status", json_string("UP"));
    return TG_OK;
}

static const char *tokens_state(tg_call_t *c) {
    void *handle = NULL;
    tg_node_t *nodes = NULL;
    size_t n = 0;
    tg_err_t err = tg_pool_take(&c->m->tokens, &handle);
    if (!err) {
        tg_token_store_t *store = handle;
        err = store->ops->node_list(store, 0, c->now, &c->arena, &nodes, &n);
    }
    tg_pool_give(&c->m->tokens, handle);
    return err ? "DOWN" : "UP";
}

tg_err_t tg_health_ready(tg_call_t *c) {
    int64_t head = 0;
    const char *config = c->store->ops->change_head(c->store, &head) ? "DOWN" : "UP";
    const char *tokens = tokens_state(c);
    bool up = config[0] == 'U' && tokens[0] == 'U' && !atomic_load(&c->m->stopping);
    tg_call_put(c, "status", json_string(up ? "UP" : "DOWN"));
    tg_call_put(c, "configStore", json_string(config));
    tg_call_put(c, "tokenStore", json_string(tokens));
    c->status = up ? 200 : 503;
    return TG_OK;
}

static void kind(tg_buf_t *out, const char *name, const char *type, const char *help) {
    tg_buf_putf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void number(tg_buf_t *out, const char *name, const char *help, uint64_t value) {
    kind(out, name, "counter", help);
    tg_buf_putf(out, "%s %llu\n", name, (unsigned long long)value);
}

static void labelled(tg_buf_t *out, const char *name, const char *label, const char *value, uint64_t n) {
    tg_buf_putf(out, "%s{%s=\"%s\"} %llu\n", name, label, value, (unsigned long long)n);
}

static void requests_write(const tg_metrics_t *m, tg_buf_t *out) {
    static const char *const classes[] = {"", "1xx", "2xx", "3xx", "4xx", "5xx"};
    kind(out, "tollgate_manager_requests_total", "counter", "Requests answered, by class of status.");
    for (int i = 1; i <= 5; i++) {
        labelled(out, "tollgate_manager_requests_total", "status", classes[i], atomic_load(&m->by_class[i]));
    }
    tg_histogram_write(&m->requests, "tollgate_manager_request_seconds", "Time spent on requests.", out);
}

static void logins_write(const tg_metrics_t *m, tg_buf_t *out) {
    kind(out, "tollgate_manager_logins_total", "counter", "Logins for a session, by what became of them.");
    labelled(out, "tollgate_manager_logins_total", "result", "ok", atomic_load(&m->logins));
    labelled(out, "tollgate_manager_logins_total", "result", "failed", atomic_load(&m->logins_failed));
    labelled(out, "tollgate_manager_logins_total", "result", "throttled", atomic_load(&m->logins_throttled));
    number(out, "tollgate_manager_audit_omitted_total", "Refusals that stand in the audit log as a number alone.",
           atomic_load(&m->refusals_omitted));
}

static void writes_write(const tg_metrics_t *m, tg_buf_t *out) {
    number(out, "tollgate_manager_writes_total", "Committed write transactions.", atomic_load(&m->writes));
    number(out, "tollgate_manager_commit_failures_total", "Write transactions that could not be committed.",
           atomic_load(&m->commits_failed));
    number(out, "tollgate_manager_store_errors_total", "Calls that failed because the store cannot be used.",
           atomic_load(&m->store_errors));
    tg_histogram_write(&m->commits, "tollgate_manager_commit_seconds", "Time that commits took.", out);
    tg_histogram_write(&m->writer_waits, "tollgate_manager_writer_wait_seconds",
                       "Time that write transactions waited for each other.", out);
    kind(out, "tollgate_manager_deploys_total", "counter", "Revisions, by whether every live node confirmed.");
    labelled(out, "tollgate_manager_deploys_total", "confirmed", "true", atomic_load(&m->deploys_confirmed));
    labelled(out, "tollgate_manager_deploys_total", "confirmed", "false", atomic_load(&m->deploys_unconfirmed));
}

static void pools_write(tg_manager_t *m, tg_buf_t *out) {
    const tg_pool_state_t pools[] = {tg_pool_look(&m->configs), tg_pool_look(&m->tokens)};
    static const char *const names[] = {"config", "tokens"};
    kind(out, "tollgate_manager_store_handles", "gauge", "Handles of the stores that calls have.");
    for (size_t i = 0; i < 2; i++) {
        labelled(out, "tollgate_manager_store_handles", "store", names[i], pools[i].out);
    }
    kind(out, "tollgate_manager_store_handles_max", "gauge", "Handles that there may be of each store.");
    tg_buf_putf(out, "tollgate_manager_store_handles_max %d\n", TG_POOL_MAX);
    kind(out, "tollgate_manager_store_waiting", "gauge", "Calls that wait for a handle.");
    for (size_t i = 0; i < 2; i++) {
        labelled(out, "tollgate_manager_store_waiting", "store", names[i], pools[i].waiting);
    }
    kind(out, "tollgate_manager_store_waits_total", "counter", "Calls that had to wait for a handle.");
    for (size_t i = 0; i < 2; i++) {
        labelled(out, "tollgate_manager_store_waits_total", "store", names[i], pools[i].waits);
    }
    kind(out, "tollgate_manager_store_open_failures_total", "counter", "Stores that did not open.");
    for (size_t i = 0; i < 2; i++) {
        labelled(out, "tollgate_manager_store_open_failures_total", "store", names[i], pools[i].failures);
    }
}

tg_err_t tg_metrics_get(tg_call_t *c) {
    tg_buf_t *out = &c->text;
    requests_write(&c->m->metrics, out);
    logins_write(&c->m->metrics, out);
    writes_write(&c->m->metrics, out);
    pools_write(c->m, out);
    kind(out, "tollgate_manager_start_time_seconds", "gauge", "Start of the process.");
    tg_buf_putf(out, "tollgate_manager_start_time_seconds %.3f\n", (double)c->m->started_at / 1e3);
    return out->err;
}
