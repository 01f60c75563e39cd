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

static void counter(tg_buf_t *out, const char *name, const char *help) {
    tg_buf_putf(out, "# HELP %s %s\n# TYPE %s counter\n", name, help, name);
}

static void number(tg_buf_t *out, const char *name, const char *help, uint64_t value) {
    counter(out, name, help);
    tg_buf_putf(out, "%s %llu\n", name, (unsigned long long)value);
}

tg_err_t tg_metrics_get(tg_call_t *c) {
    const tg_metrics_t *m = &c->m->metrics;
    tg_buf_t *out = &c->text;
    counter(out, "tollgate_manager_requests_total", "Requests answered, by class of status.");
    for (int i = 1; i <= 5; i++) {
        tg_buf_putf(out, "tollgate_manager_requests_total{status=\"%dxx\"} %llu\n", i,
                    (unsigned long long)atomic_load(&m->by_class[i]));
    }
    counter(out, "tollgate_manager_request_seconds_total", "Time spent on requests.");
    tg_buf_putf(out, "tollgate_manager_request_seconds_total %.6f\n", (double)atomic_load(&m->duration_us) / 1e6);
    number(out, "tollgate_manager_logins_failed_total", "Logins with a wrong name or password.",
           atomic_load(&m->logins_failed));
    number(out, "tollgate_manager_writes_total", "Committed write transactions.", atomic_load(&m->writes));
    counter(out, "tollgate_manager_deploys_total", "Revisions, by whether every live node confirmed.");
    tg_buf_putf(out, "tollgate_manager_deploys_total{confirmed=\"true\"} %llu\n",
                (unsigned long long)atomic_load(&m->deploys_confirmed));
    tg_buf_putf(out, "tollgate_manager_deploys_total{confirmed=\"false\"} %llu\n",
                (unsigned long long)atomic_load(&m->deploys_unconfirmed));
    tg_buf_putf(out,
                "# HELP tollgate_manager_start_time_seconds Start of the process.\n"
                "# TYPE tollgate_manager_start_time_seconds gauge\ntollgate_manager_start_time_seconds %.3f\n",
                (double)c->m->started_at / 1e3);
    return out->err;
}
