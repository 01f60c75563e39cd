
/*
 * Health and metrics of this node, for the private port.
 */


#include "ngx_http_tollgate_endpoints.h"


#define NGX_HTTP_TOLLGATE_STATUS_MAX  (256 * 1024)


static void ngx_http_tollgate_ready_write(const ngx_http_tollgate_node_t *node,
    tg_buf_t *out);
static void ngx_http_tollgate_metrics_write(
    const ngx_http_tollgate_node_t *node, tg_buf_t *out);
static void ngx_http_tollgate_counters_write(tg_buf_t *out);
static void ngx_http_tollgate_gauges_write(
    const ngx_http_tollgate_node_t *node, tg_buf_t *out);
static void ngx_http_tollgate_workers_write(tg_buf_t *out);
static void ngx_http_tollgate_keys_write(tg_buf_t *out);


ngx_int_t
ngx_http_tollgate_status_handler(ngx_http_request_t *r)
{
    tg_buf_t                       body;
    ngx_int_t                      rc;
    ngx_http_tollgate_node_t       node;
    ngx_http_tollgate_reply_t      reply;
    ngx_http_tollgate_loc_conf_t  *lcf;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_tollgate_module);

    ngx_memzero(&reply, sizeof(ngx_http_tollgate_reply_t));
    reply.status = NGX_HTTP_OK;

    tg_buf_init(&body, NGX_HTTP_TOLLGATE_STATUS_MAX);
    ngx_http_tollgate_node_get(&node);

    switch (lcf->status) {

    case NGX_HTTP_TOLLGATE_STATUS_LIVE:
        tg_buf_put(&body, TG_STR("{\"status\":\"live\"}\n"));
        break;

    case NGX_HTTP_TOLLGATE_STATUS_READY:
        ngx_http_tollgate_ready_write(&node, &body);

        if (node.revision == 0 || ngx_exiting || ngx_http_tollgate_draining())
        {
            reply.status = NGX_HTTP_SERVICE_UNAVAILABLE;
            reply.retry_after = 1;
        }
        break;

    default:
        ngx_http_tollgate_metrics_write(&node, &body);
        reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
        break;
    }

    reply.body = tg_buf_str(&body);

    rc = body.err ? NGX_HTTP_INTERNAL_SERVER_ERROR
                  : ngx_http_tollgate_reply(r, &reply);

    tg_buf_release(&body);

    return rc;
}


static void
ngx_http_tollgate_ready_write(const ngx_http_tollgate_node_t *node,
    tg_buf_t *out)
{
    const char  *status;

    status = ngx_exiting ? "stopping"
             : ngx_http_tollgate_draining() ? "draining"
             : node->revision ? "ready" : "no configuration";

    tg_buf_putf(out, "{\"status\":\"%s\",\"environment\":", status);
    tg_buf_put_json(out,
                 ngx_http_tollgate_str(ngx_http_tollgate_main->environment));
    tg_buf_putf(out, ",\"node\":\"%s\",\"revision\":%lld,\"feed\":\"%s\"}\n",
                node->node_id, (long long) node->revision,
                node->feed_fresh ? "fresh" : "lost");
}


static void
ngx_http_tollgate_metrics_write(const ngx_http_tollgate_node_t *node,
    tg_buf_t *out)
{
    ngx_http_tollgate_counters_write(out);
    ngx_http_tollgate_gauges_write(node, out);
    ngx_http_tollgate_providers_write(out);
    ngx_http_tollgate_workers_write(out);
    ngx_http_tollgate_keys_write(out);
}


static void
ngx_http_tollgate_counters_write(tg_buf_t *out)
{
    uint64_t                           sums[NGX_HTTP_TOLLGATE_COUNTERS_N];
    ngx_uint_t                         i;
    const ngx_http_tollgate_metric_t  *m;

    ngx_http_tollgate_metrics_sum(sums);

    for (i = 0; i < NGX_HTTP_TOLLGATE_METRICS_N; i++) {
        m = &ngx_http_tollgate_metrics[i];

        if (i == 0 || ngx_strcmp(m->name, m[-1].name) != 0) {
            tg_buf_putf(out, "# HELP %s %s.\n# TYPE %s counter\n",
                        m->name, m->help, m->name);
        }

        if (m->labels[0]) {
            tg_buf_putf(out, "%s{%s} %llu\n", m->name, m->labels,
                        (unsigned long long) sums[i]);
        } else {
            tg_buf_putf(out, "%s %llu\n", m->name,
                        (unsigned long long) sums[i]);
        }
    }

    ngx_http_tollgate_timings_write(sums, out);
}


static void
ngx_http_tollgate_gauge_write(tg_buf_t *out, const char *name,
    const char *help, double value)
{
    tg_buf_putf(out, "# HELP %s %s.\n# TYPE %s gauge\n%s %.15g\n", name, help,
                name, name, value);
}


static void
ngx_http_tollgate_gauges_write(const ngx_http_tollgate_node_t *node,
    tg_buf_t *out)
{
    ngx_http_tollgate_gauge_write(out, "tollgate_snapshot_revision",
        "Revision that the answering worker serves", node->revision);
    ngx_http_tollgate_gauge_write(out, "tollgate_snapshot_target_revision",
        "Revision that this node moves to", node->target);
    ngx_http_tollgate_gauge_write(out, "tollgate_feed_position",
        "Row of the change feed that was applied last", node->feed_position);
    ngx_http_tollgate_gauge_write(out, "tollgate_feed_age_seconds",
        "Time since the change feed was last read",
        (double) node->feed_age_ms / 1000);
    ngx_http_tollgate_gauge_write(out, "tollgate_feed_fresh",
        "1 while the change feed is read within its bound",
        node->feed_fresh);
    ngx_http_tollgate_gauge_write(out, "tollgate_live_clients",
        "Entries in the table of live clients", node->live_used);
    ngx_http_tollgate_gauge_write(out, "tollgate_live_clients_max",
        "Places in the table of live clients", node->live_size);
    ngx_http_tollgate_gauge_write(out, "tollgate_token_cache_entries",
        "Entries in the token cache", node->cache_used);
    ngx_http_tollgate_gauge_write(out, "tollgate_token_cache_entries_max",
        "Places in the token cache", node->cache_size);
    ngx_http_tollgate_gauge_write(out, "tollgate_access_entries",
        "Entries in the table of access lists", node->grant_used);
    ngx_http_tollgate_gauge_write(out, "tollgate_access_entries_max",
        "Places in the table of access lists", node->grant_size);
    ngx_http_tollgate_gauge_write(out, "tollgate_early_revocations",
        "Entries of the early revocation list", node->revocations);
    ngx_http_tollgate_gauge_write(out, "tollgate_early_revocations_max",
        "Early revocations that this node can hold", node->revocations_max);
    ngx_http_tollgate_gauge_write(out, "tollgate_live_nodes",
        "Live nodes of the environment, which share its limits", node->nodes);
    ngx_http_tollgate_gauge_write(out, "tollgate_draining",
        "1: this node tells its clients to go elsewhere",
        ngx_http_tollgate_draining());
    ngx_http_tollgate_gauge_write(out, "tollgate_requests_in_flight",
        "Requests under way, this one included",
        ngx_http_tollgate_requests_now());
    ngx_http_tollgate_gauge_write(out, "tollgate_pool_crypto_pending",
        "Tasks of the crypto pool in the answering worker",
        ngx_http_tollgate_pool_pending(NGX_HTTP_TOLLGATE_POOL_CRYPTO));
    ngx_http_tollgate_gauge_write(out, "tollgate_pool_argon_pending",
        "Tasks of the argon2id pool in the answering worker",
        ngx_http_tollgate_pool_pending(NGX_HTTP_TOLLGATE_POOL_ARGON));
    ngx_http_tollgate_gauge_write(out, "tollgate_pool_store_pending",
        "Tasks of the store pool in the answering worker",
        ngx_http_tollgate_pool_pending(NGX_HTTP_TOLLGATE_POOL_STORE));
    ngx_http_tollgate_gauge_write(out, "tollgate_pool_queue_max",
        "Tasks that may wait in each pool of a worker, but for argon2id",
        ngx_http_tollgate_main->queue);
    ngx_http_tollgate_gauge_write(out, "tollgate_request_log_waiting",
        "Rows that wait to be written in the answering worker",
        ngx_http_tollgate_request_log_waiting());
    ngx_http_tollgate_gauge_write(out, "tollgate_commit_pending",
        "Records that wait for the group commit in the answering worker",
        ngx_http_tollgate_commit_pending());

#if (NGX_STAT_STUB)
    ngx_http_tollgate_gauge_write(out, "tollgate_connections_active",
        "Client connections of this node", *ngx_stat_active);
#endif
}


static void
ngx_http_tollgate_workers_write(tg_buf_t *out)
{
    ngx_uint_t                   i, n;
    ngx_http_tollgate_worker_t  *workers;

    workers = calloc(NGX_HTTP_TOLLGATE_WORKERS_MAX,
                     sizeof(ngx_http_tollgate_worker_t));
    if (workers == NULL) {
        return;
    }

    n = ngx_http_tollgate_workers_get(workers, NGX_HTTP_TOLLGATE_WORKERS_MAX);

    tg_buf_put(out, TG_STR("# HELP tollgate_worker_revision Revision that a "
                           "worker serves.\n"
                           "# TYPE tollgate_worker_revision gauge\n"));

    for (i = 0; i < n; i++) {
        tg_buf_putf(out, "tollgate_worker_revision{pid=\"%lld\"} %lld\n",
                    (long long) workers[i].pid,
                    (long long) workers[i].revision);
    }

    free(workers);
}


/* Of the keys that sign now: how long they have done so. */

static void
ngx_http_tollgate_keys_write(tg_buf_t *out)
{
    tg_ms_t                              now;
    ngx_uint_t                           i;
    const tg_snapshot_t                 *s;
    const ngx_http_tollgate_snapshot_t  *current;

    current = ngx_http_tollgate_snapshot_current();

    tg_buf_put(out, TG_STR("# HELP tollgate_signing_key_age_seconds How long "
                           "the key of an algorithm has signed.\n"
                           "# TYPE tollgate_signing_key_age_seconds gauge\n"));

    if (current == NULL) {
        return;
    }

    s = &current->snapshot;
    now = ngx_http_tollgate_now_ms();

    for (i = 0; i < s->n_keys; i++) {
        if (tg_signing_key_state(s->keys, s->n_keys, i, now) == TG_KEY_ACTIVE)
        {
            tg_buf_putf(out, "tollgate_signing_key_age_seconds{algorithm="
                        "\"%.*s\"} %lld\n", TG_STR_ARGS(s->keys[i].alg),
                        (long long) (now - s->keys[i].activate_at) / 1000);
        }
    }
}
