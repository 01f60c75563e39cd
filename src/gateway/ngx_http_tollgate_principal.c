
/*
 * Who is named: a client or a user, as the live table and the cache of details
 * know it, or the store.
 */


#include "ngx_http_tollgate_endpoints.h"


typedef struct {
    ngx_http_tollgate_task_t        task;        /* first member */
    int64_t                         environment_id;
    tg_client_kind_t                kind;
    ngx_uint_t                      details;     /* they are wanted */
    tg_err_t                        err;
    ngx_http_tollgate_principal_t   found;
    ngx_http_tollgate_principal_t  *out;
    size_t                          id_len;
    char                            id[TG_CLIENT_ID_MAX];
} ngx_http_tollgate_principal_task_t;


static ngx_int_t ngx_http_tollgate_principal_get(
    ngx_http_tollgate_principal_t *principal, tg_client_kind_t kind,
    tg_str_t id, ngx_uint_t details);
static void ngx_http_tollgate_principal_run(ngx_http_tollgate_task_t *task,
    ngx_http_tollgate_thread_t *thread);
static void ngx_http_tollgate_principal_done(ngx_http_tollgate_task_t *task);
static void ngx_http_tollgate_principal_done_release(
    ngx_http_tollgate_task_t *task);


void
ngx_http_tollgate_principal_find(ngx_http_tollgate_token_t *t,
    ngx_http_tollgate_principal_t *principal, tg_client_kind_t kind,
    tg_str_t id, ngx_uint_t details, ngx_http_tollgate_step_pt step)
{
    ngx_http_tollgate_principal_task_t  *pt;

    /* nobody can have such a name */

    if (id.n == 0 || id.n > TG_CLIENT_ID_MAX) {
        step(t, NGX_OK);
        return;
    }

    if (ngx_http_tollgate_principal_get(principal, kind, id, details)
        == NGX_OK)
    {
        step(t, NGX_OK);
        return;
    }

    pt = ngx_http_tollgate_task_alloc(
                                 sizeof(ngx_http_tollgate_principal_task_t));
    if (pt == NULL) {
        step(t, NGX_ERROR);
        return;
    }

    pt->task.run = ngx_http_tollgate_principal_run;
    pt->task.done = ngx_http_tollgate_principal_done;
    pt->task.release = ngx_http_tollgate_principal_done_release;
    pt->task.data = t;
    pt->environment_id = t->ctx->snapshot->snapshot.environment_id;
    pt->kind = kind;
    pt->details = details;
    pt->out = principal;
    pt->id_len = id.n;
    ngx_memcpy(pt->id, id.p, id.n);

    if (ngx_http_tollgate_task_post(NGX_HTTP_TOLLGATE_POOL_STORE, &pt->task)
        != NGX_OK)
    {
        ngx_http_tollgate_task_free(&pt->task);
        step(t, NGX_ERROR);
        return;
    }

    t->task = &pt->task;
    t->step = step;
}


static ngx_int_t
ngx_http_tollgate_principal_get(ngx_http_tollgate_principal_t *principal,
    tg_client_kind_t kind, tg_str_t id, ngx_uint_t details)
{
    ngx_http_tollgate_details_t  *d;

    if (!ngx_http_tollgate_feed_is_fresh()
        || ngx_http_tollgate_live_get(kind, id, &principal->live) != NGX_OK)
    {
        ngx_http_tollgate_count(LIVE_MISS, 1);
        return NGX_DECLINED;
    }

    ngx_http_tollgate_count(LIVE_HIT, 1);

    if (!details || !principal->live.exists) {
        return NGX_OK;
    }

    d = ngx_http_tollgate_details_get(principal->live.key_id,
                                      principal->live.version);
    if (d == NULL) {
        ngx_http_tollgate_count(DETAILS_MISS, 1);
        return NGX_DECLINED;
    }

    ngx_http_tollgate_count(DETAILS_HIT, 1);

    ngx_http_tollgate_details_hold(d);
    principal->details = d;

    return NGX_OK;
}


tg_err_t
ngx_http_tollgate_principal_read(ngx_http_tollgate_thread_t *thread,
    int64_t environment_id, tg_client_kind_t kind, tg_str_t id,
    ngx_uint_t details, ngx_http_tollgate_principal_t *principal)
{
    int64_t             seq;
    tg_err_t            err;
    tg_fault_t          fault;
    tg_config_store_t  *store;

    err = ngx_http_tollgate_thread_config(thread, &store);

    if (err == TG_OK) {
        err = ngx_http_tollgate_timed(CLIENT,
                store->ops->client_live(store, environment_id, kind, id,
                    &principal->live, &seq));
    }

    if (err == TG_OK) {
        ngx_http_tollgate_live_fill(kind, id, &principal->live, seq);

        if (details && principal->live.exists) {
            err = ngx_http_tollgate_details_load(store,
                    ngx_http_tollgate_str(ngx_http_tollgate_main->environment),
                    principal->live.key_id, &principal->details, &fault);

            if (err == TG_ERR_NOTFOUND) {

                /* deleted just now */

                ngx_memzero(&principal->live, sizeof(tg_live_client_t));
                err = TG_OK;
            }
        }
    }

    if (err == TG_ERR_UNAVAILABLE) {
        ngx_http_tollgate_thread_reopen(thread);
    }

    return err;
}


static void
ngx_http_tollgate_principal_run(ngx_http_tollgate_task_t *task,
    ngx_http_tollgate_thread_t *thread)
{
    ngx_http_tollgate_principal_task_t  *pt;

    pt = (ngx_http_tollgate_principal_task_t *) task;

    pt->err = ngx_http_tollgate_principal_read(thread, pt->environment_id,
                                               pt->kind,
                                               tg_strn(pt->id, pt->id_len),
                                               pt->details, &pt->found);
}


static void
ngx_http_tollgate_principal_done(ngx_http_tollgate_task_t *task)
{
    ngx_int_t                            rc;
    ngx_connection_t                    *c;
    ngx_http_tollgate_token_t           *t;
    ngx_http_tollgate_principal_task_t  *pt;

    pt = (ngx_http_tollgate_principal_task_t *) task;
    t = task->data;
    c = t->request->connection;

    t->task = NULL;
    ngx_http_set_log_request(c->log, t->request);

    rc = task->expired || pt->err != TG_OK ? NGX_ERROR : NGX_OK;

    if (rc == NGX_OK) {
        *pt->out = pt->found;
        pt->found.details = NULL;

        if (pt->out->details) {
            ngx_http_tollgate_details_put(pt->out->details);
        }
    }

    t->step(t, rc);

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_tollgate_principal_done_release(ngx_http_tollgate_task_t *task)
{
    ngx_http_tollgate_principal_task_t  *pt;

    pt = (ngx_http_tollgate_principal_task_t *) task;

    ngx_http_tollgate_principal_release(&pt->found);
}


void
ngx_http_tollgate_principal_release(ngx_http_tollgate_principal_t *principal)
{
    if (principal->details) {
        ngx_http_tollgate_details_release(principal->details);
        principal->details = NULL;
    }

    tg_wipe(&principal->live, sizeof(tg_live_client_t));
}


ngx_uint_t
ngx_http_tollgate_principal_may_come(ngx_http_tollgate_token_t *t,
    const ngx_http_tollgate_principal_t *principal)
{
    const ngx_http_tollgate_details_t  *d;

    d = principal->details;

    return d->n_addresses == 0
           || tg_cidrs_have(d->addresses, d->n_addresses, t->address);
}
