
/*
 * $tg_host, $tg_connection, $tg_upgrade, $tg_request_id: for proxy_set_header.
 * $tg_proxy, $tg_client, $tg_user, $tg_verdict, $tg_trace, $tg_log_request: for
 * the access log.
 * $tg_scheme, $tg_target: what the backend is asked, for debugging.
 */


#include "ngx_http_tollgate_request.h"

#include "policy/trace.h"


static ngx_int_t ngx_http_tollgate_variable_host(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_tollgate_variable_connection(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_tollgate_variable_upgrade(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_tollgate_variable_scheme(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_tollgate_variable_target(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_tollgate_variable_noted(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_tollgate_variable_trace(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_tollgate_variable_log_request(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_tollgate_variable_request_id(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


/* What depends on the chosen address may change when another one is tried. */

static ngx_http_variable_t  ngx_http_tollgate_variable_list[] = {

    { ngx_string("tg_host"), NULL, ngx_http_tollgate_variable_host, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("tg_connection"), NULL,
      ngx_http_tollgate_variable_connection, 0, 0, 0 },

    { ngx_string("tg_upgrade"), NULL, ngx_http_tollgate_variable_upgrade,
      0, 0, 0 },

    { ngx_string("tg_request_id"), NULL,
      ngx_http_tollgate_variable_request_id, 0, 0, 0 },

    { ngx_string("tg_scheme"), NULL, ngx_http_tollgate_variable_scheme, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("tg_target"), NULL, ngx_http_tollgate_variable_target, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("tg_proxy"), NULL, ngx_http_tollgate_variable_noted,
      offsetof(ngx_http_tollgate_ctx_t, proxy),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("tg_client"), NULL, ngx_http_tollgate_variable_noted,
      offsetof(ngx_http_tollgate_ctx_t, client),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("tg_user"), NULL, ngx_http_tollgate_variable_noted,
      offsetof(ngx_http_tollgate_ctx_t, user),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("tg_verdict"), NULL, ngx_http_tollgate_variable_noted,
      offsetof(ngx_http_tollgate_ctx_t, verdict),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("tg_trace"), NULL, ngx_http_tollgate_variable_trace, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("tg_log_request"), NULL,
      ngx_http_tollgate_variable_log_request, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_tollgate_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_tollgate_variable_list; v->name.len; v++) {

        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_tollgate_variable_set(ngx_http_variable_value_t *v, u_char *data,
    size_t len)
{
    v->data = data;
    v->len = len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = (len == 0);

    return NGX_OK;
}


static ngx_int_t
ngx_http_tollgate_variable_host(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_tollgate_proxied_t  *rq;

    rq = ngx_http_tollgate_proxied(r);

    if (rq == NULL || rq->peer == NULL) {
        return ngx_http_tollgate_variable_set(v, NULL, 0);
    }

    return ngx_http_tollgate_variable_set(v, rq->peer->host.data,
                                          rq->peer->host.len);
}


static ngx_int_t
ngx_http_tollgate_variable_connection(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_tollgate_proxied_t  *rq;

    rq = ngx_http_tollgate_proxied(r);

    if (rq == NULL || !rq->websocket) {
        return ngx_http_tollgate_variable_set(v, NULL, 0);
    }

    return ngx_http_tollgate_variable_set(v, (u_char *) "upgrade", 7);
}


static ngx_int_t
ngx_http_tollgate_variable_upgrade(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_tollgate_proxied_t  *rq;

    rq = ngx_http_tollgate_proxied(r);

    if (rq == NULL || !rq->websocket) {
        return ngx_http_tollgate_variable_set(v, NULL, 0);
    }

    return ngx_http_tollgate_variable_set(v, (u_char *) "websocket", 9);
}


static ngx_int_t
ngx_http_tollgate_variable_scheme(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_tollgate_proxied_t  *rq;

    rq = ngx_http_tollgate_proxied(r);

    if (rq == NULL || rq->peer == NULL) {
        return ngx_http_tollgate_variable_set(v, NULL, 0);
    }

    return rq->peer->endpoint->tls
           ? ngx_http_tollgate_variable_set(v, (u_char *) "https", 5)
           : ngx_http_tollgate_variable_set(v, (u_char *) "http", 4);
}


static ngx_int_t
ngx_http_tollgate_variable_target(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_tollgate_proxied_t  *rq;

    rq = ngx_http_tollgate_proxied(r);

    if (rq == NULL) {
        return ngx_http_tollgate_variable_set(v, NULL, 0);
    }

    return ngx_http_tollgate_variable_set(v, rq->target.data, rq->target.len);
}


static ngx_int_t
ngx_http_tollgate_variable_noted(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    tg_str_t                     *s;
    ngx_http_tollgate_proxied_t  *rq;

    rq = ngx_http_tollgate_proxied(r);

    if (rq == NULL) {
        return ngx_http_tollgate_variable_set(v, NULL, 0);
    }

    s = (tg_str_t *) ((u_char *) &rq->ctx + data);

    return ngx_http_tollgate_variable_set(v, (u_char *) s->p, s->n);
}


/* The trace that the request is part of. */

static ngx_int_t
ngx_http_tollgate_variable_trace(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    tg_str_t                      id;
    ngx_http_tollgate_proxied_t  *rq;

    rq = ngx_http_tollgate_proxied(r);

    if (rq == NULL || rq->trace.n == 0) {
        return ngx_http_tollgate_variable_set(v, NULL, 0);
    }

    id = tg_traceparent_trace_id(rq->trace);

    return ngx_http_tollgate_variable_set(v, (u_char *) id.p, id.n);
}


static ngx_int_t
ngx_http_tollgate_variable_log_request(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    size_t     size;
    u_char    *p;
    tg_buf_t   b;

    /* an escaped byte takes three, a value that is struck out at most as many
       as "***" */

    size = 3 * (r->method_name.len + 1 + r->unparsed_uri.len
                + r->request_line.len) + 64;

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    tg_buf_init_fixed(&b, p, size);
    ngx_http_tollgate_redacted_write(r, &b);

    return ngx_http_tollgate_variable_set(v, p, b.n);
}


/*
 * 32 hex digits: unique, not secret.  A counter behind random seeds of the
 * worker, mixed (splitmix64, a bijection) so that neighbours do not look
 * alike: RAND_bytes for each request, as $request_id does it, costs as much as
 * our routing.
 */

static uint64_t  ngx_http_tollgate_id_seed[3];
static uint64_t  ngx_http_tollgate_id_count;


ngx_int_t
ngx_http_tollgate_variables_init_process(void)
{
    return ngx_http_tollgate_random(ngx_http_tollgate_id_seed,
                                    sizeof(ngx_http_tollgate_id_seed));
}


static uint64_t
ngx_http_tollgate_id_mix(uint64_t seed)
{
    uint64_t  z;

    z = seed + ngx_http_tollgate_id_count * 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;

    return z ^ (z >> 31);
}


void
ngx_http_tollgate_unique(uint64_t *id, ngx_uint_t n)
{
    ngx_uint_t  i;

    ngx_http_tollgate_id_count++;

    for (i = 0; i < n; i++) {
        id[i] = ngx_http_tollgate_id_mix(ngx_http_tollgate_id_seed[i]);
    }
}


/* What a trusted proxy in front calls the request. */

static ngx_uint_t
ngx_http_tollgate_request_id_given(ngx_http_request_t *r, tg_str_t *id)
{
    tg_str_t                       given;
    ngx_http_tollgate_snapshot_t  *s;

    s = ngx_http_tollgate_snapshot_current();

    if (s == NULL
        || !ngx_http_tollgate_peer_is_trusted(r, s)
        || ngx_http_tollgate_header_find(r, TG_STR("x-request-id"), &given)
           != 1
        || !tg_request_id_is_sane(given))
    {
        return 0;
    }

    *id = given;

    return 1;
}


ngx_int_t
ngx_http_tollgate_request_id(ngx_http_request_t *r, tg_str_t *id)
{
    u_char                       *p;
    uint64_t                      made[2];
    ngx_http_tollgate_proxied_t  *rq;

    rq = (ngx_http_tollgate_proxied_t *) ngx_http_tollgate_ctx(r);
    if (rq == NULL) {
        return NGX_ERROR;
    }

    if (rq->request_id.n == 0
        && !ngx_http_tollgate_request_id_given(r, &rq->request_id))
    {
        p = ngx_pnalloc(r->pool, 32);
        if (p == NULL) {
            return NGX_ERROR;
        }

        ngx_http_tollgate_unique(made, 2);
        ngx_hex_dump(p, (u_char *) made, 16);

        rq->request_id = tg_strn(p, 32);
    }

    *id = rq->request_id;

    return NGX_OK;
}


static ngx_int_t
ngx_http_tollgate_variable_request_id(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    tg_str_t  id;

    if (ngx_http_tollgate_request_id(r, &id) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_tollgate_variable_set(v, (u_char *) id.p, id.n);
}
