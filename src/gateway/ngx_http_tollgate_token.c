
/*
 * The token endpoints: from the request's bytes to a client, and the answers.
 * What is allowed and how it is worded is decided by the oauth room.
 */


#include "ngx_http_tollgate_endpoints.h"


#define NGX_HTTP_TOLLGATE_REALM       "Basic realm=\"tollgate\""
#define NGX_HTTP_TOLLGATE_ALLOW_POST  "POST, OPTIONS"
#define NGX_HTTP_TOLLGATE_ARENA_MORE  (16 * 1024)


typedef ngx_int_t (*ngx_http_tollgate_public_pt)(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, tg_str_t prefix);


typedef struct {
    ngx_str_t                    path;
    tg_str_t                     prefix;
    ngx_uint_t                   endpoint;  /* without a handler */
    ngx_http_tollgate_public_pt  handler;
} ngx_http_tollgate_path_t;


static const ngx_http_tollgate_path_t *ngx_http_tollgate_path_find(
    ngx_str_t *uri);
static ngx_int_t ngx_http_tollgate_method_check(ngx_http_request_t *r,
    const ngx_http_tollgate_path_t *path, const char **allow);
static ngx_int_t ngx_http_tollgate_method_refuse(ngx_http_request_t *r,
    const char *allow);
static ngx_http_tollgate_token_t *ngx_http_tollgate_token_create(
    ngx_http_request_t *r, ngx_http_tollgate_ctx_t *ctx,
    const ngx_http_tollgate_path_t *path);
static void ngx_http_tollgate_token_body(ngx_http_request_t *r);
static ngx_int_t ngx_http_tollgate_body_collect(ngx_http_request_t *r,
    tg_str_t *body);
static void ngx_http_tollgate_token_gone(void *data);
static void ngx_http_tollgate_token_release(void *data);
static void ngx_http_tollgate_refusal_due(ngx_event_t *ev);
static void ngx_http_tollgate_token_finalize(ngx_http_tollgate_token_t *t,
    const ngx_http_tollgate_reply_t *reply);


static const ngx_http_tollgate_path_t  ngx_http_tollgate_paths[] = {

    { ngx_string("/auth/token"), { "/auth", 5 },
      NGX_HTTP_TOLLGATE_EP_TOKEN, NULL },

    { ngx_string("/auth/jwt"), { "/auth", 5 },
      NGX_HTTP_TOLLGATE_EP_JWT, NULL },

    { ngx_string("/auth/jwt/regenerate"), { "/auth", 5 },
      NGX_HTTP_TOLLGATE_EP_REGENERATE, NULL },

    { ngx_string("/auth/introspect"), { "/auth", 5 },
      NGX_HTTP_TOLLGATE_EP_INTROSPECT, NULL },

    { ngx_string("/auth/revoke"), { "/auth", 5 },
      NGX_HTTP_TOLLGATE_EP_REVOKE, NULL },

    { ngx_string("/auth/.well-known/jwks.json"), { "/auth", 5 },
      0, ngx_http_tollgate_jwks },

    { ngx_string("/auth/.well-known/oauth-authorization-server"),
      { "/auth", 5 }, 0, ngx_http_tollgate_metadata },

    { ngx_string("/.well-known/oauth-authorization-server/auth"),
      { "/auth", 5 }, 0, ngx_http_tollgate_metadata },

    { ngx_null_string, { NULL, 0 }, 0, NULL }
};


ngx_int_t
ngx_http_tollgate_token_handler(ngx_http_request_t *r)
{
    ngx_int_t                        rc;
    const char                      *allow;
    ngx_http_tollgate_ctx_t         *ctx;
    ngx_http_tollgate_token_t       *t;
    const ngx_http_tollgate_path_t  *path;

    path = ngx_http_tollgate_path_find(&r->uri);
    if (path == NULL) {
        return ngx_http_tollgate_reply_error(r, NGX_HTTP_NOT_FOUND,
                       "not_found", "There is nothing at this address.");
    }

    if (ngx_http_tollgate_method_check(r, path, &allow) != NGX_OK) {
        return ngx_http_tollgate_method_refuse(r, allow);
    }

    ctx = ngx_http_tollgate_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->snapshot = ngx_http_tollgate_snapshot_acquire(r);
    if (ctx->snapshot == NULL) {
        return ngx_http_tollgate_reply_error(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                   "server_error", "The gateway has no configuration yet.");
    }

    if (path->handler) {
        return path->handler(r, ctx, path->prefix);
    }

    t = ngx_http_tollgate_token_create(r, ctx, path);
    if (t == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_tollgate_token_body);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    return NGX_DONE;
}


static const ngx_http_tollgate_path_t *
ngx_http_tollgate_path_find(ngx_str_t *uri)
{
    const ngx_http_tollgate_path_t  *path;

    for (path = ngx_http_tollgate_paths; path->path.len; path++) {
        if (path->path.len == uri->len
            && ngx_memcmp(path->path.data, uri->data, uri->len) == 0)
        {
            return path;
        }
    }

    return NULL;
}


static ngx_int_t
ngx_http_tollgate_method_check(ngx_http_request_t *r,
    const ngx_http_tollgate_path_t *path, const char **allow)
{
    if (path->handler == NULL) {
        *allow = NGX_HTTP_TOLLGATE_ALLOW_POST;

        /* with GET, the client decides: it may be allowed to */

        return r->method == NGX_HTTP_POST
               || (r->method == NGX_HTTP_GET
                   && (path->endpoint == NGX_HTTP_TOLLGATE_EP_TOKEN
                       || path->endpoint == NGX_HTTP_TOLLGATE_EP_JWT))
               ? NGX_OK : NGX_DECLINED;
    }

    *allow = "GET, HEAD, OPTIONS";
    return r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD) ? NGX_OK : NGX_DECLINED;
}


/*
 * No proxy of this release has CORS settings, so no origin is allowed: the
 * answer to a preflight carries no CORS headers (Fetch: the browser refuses).
 */

static ngx_int_t
ngx_http_tollgate_method_refuse(ngx_http_request_t *r, const char *allow)
{
    char                       mem[512];
    tg_buf_t                   body;
    ngx_http_tollgate_reply_t  reply;

    ngx_memzero(&reply, sizeof(ngx_http_tollgate_reply_t));
    tg_buf_init_fixed(&body, mem, sizeof(mem));

    reply.allow = allow;
    reply.status = NGX_HTTP_NO_CONTENT;

    if (r->method != NGX_HTTP_OPTIONS) {
        tg_oauth_error_write(TG_OAUTH_METHOD,
                             "This method is not allowed here.", &body);
        reply.status = tg_oauth_status(TG_OAUTH_METHOD);
        reply.body = tg_buf_str(&body);
        reply.pragma = 1;
    }

    return ngx_http_tollgate_reply(r, &reply);
}


static ngx_http_tollgate_token_t *
ngx_http_tollgate_token_create(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, const ngx_http_tollgate_path_t *path)
{
    ngx_pool_cleanup_t         *pcln;
    ngx_http_cleanup_t         *cln;
    ngx_http_tollgate_token_t  *t;

    pcln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_tollgate_token_t));
    if (pcln == NULL) {
        return NULL;
    }

    t = pcln->data;
    ngx_memzero(t, sizeof(ngx_http_tollgate_token_t));

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_tollgate_token_gone;
    cln->data = t;

    t->request = r;
    t->ctx = ctx;
    t->endpoint = path->endpoint;
    t->prefix = path->prefix;

    tg_arena_init(&t->arena, 0);
    pcln->handler = ngx_http_tollgate_token_release;

    ctx->endpoint = t;

    return t;
}


static void
ngx_http_tollgate_token_gone(void *data)
{
    ngx_http_tollgate_token_t  *t = data;

    if (t->task) {
        ngx_http_tollgate_task_cancel(t->task);
        t->task = NULL;
    }

    if (t->commit) {
        ngx_http_tollgate_commit_forget(t);
    }

    if (t->timer.timer_set) {
        ngx_del_timer(&t->timer);
    }
}


static void
ngx_http_tollgate_token_release(void *data)
{
    ngx_http_tollgate_token_t  *t = data;

    tg_arena_release(&t->arena);
    tg_wipe(&t->client, sizeof(tg_live_client_t));
    tg_wipe(&t->pair, sizeof(tg_pair_t));
}


static void
ngx_http_tollgate_token_body(ngx_http_request_t *r)
{
    ngx_int_t                   rc;
    const char                 *why;
    tg_oauth_input_t            in;
    tg_oauth_error_t            error;
    ngx_http_tollgate_token_t  *t;

    t = ngx_http_tollgate_ctx(r)->endpoint;

    ngx_memzero(&in, sizeof(tg_oauth_input_t));

    rc = ngx_http_tollgate_body_collect(r, &in.body);

    if (rc != NGX_OK) {
        error = rc == NGX_DECLINED ? TG_OAUTH_TOO_LARGE : TG_OAUTH_SERVER_ERROR;
        ngx_http_tollgate_token_refused(t, error, NULL);
        return;
    }

    in.method = ngx_http_tollgate_str(r->method_name);
    in.query = ngx_http_tollgate_str(r->args);

    if (r->headers_in.content_type) {
        in.content_type = ngx_http_tollgate_str(
                                           r->headers_in.content_type->value);
    }

    in.n_authorization = ngx_http_tollgate_header_find(r,
                                 TG_STR("authorization"), &in.authorization);

    t->arena.max = 2 * (in.authorization.n + in.query.n + in.body.n)
                   + NGX_HTTP_TOLLGATE_ARENA_MORE;

    if (t->endpoint == NGX_HTTP_TOLLGATE_EP_INTROSPECT
        || t->endpoint == NGX_HTTP_TOLLGATE_EP_REVOKE)
    {
        error = tg_token_query_parse(&in, &t->arena, &t->query, &why);
        t->asked = t->query.asked;

    } else if (t->endpoint == NGX_HTTP_TOLLGATE_EP_REGENERATE) {
        error = tg_regenerate_request_parse(&in, &t->arena, &t->regenerate,
                                            &why);
        t->asked = t->regenerate.asked;

    } else {
        error = tg_token_request_parse(&in, &t->arena, &t->asked, &why);
    }

    if (error == TG_OAUTH_OK) {
        ngx_http_tollgate_client_find(t);

    } else if (error == TG_OAUTH_INVALID_CLIENT) {
        ngx_http_tollgate_client_refused(t, TG_CLIENT_NO_SECRET);

    } else {
        ngx_http_tollgate_token_refused(t, error, why);
    }
}


/* Never on disk: it has a secret.  A chunked body is in as many pieces. */

static ngx_int_t
ngx_http_tollgate_body_collect(ngx_http_request_t *r, tg_str_t *body)
{
    size_t        len;
    u_char       *p;
    ngx_chain_t  *cl, *bufs;

    if (r->request_body == NULL || r->request_body->bufs == NULL) {
        return NGX_OK;
    }

    /* client_max_body_size is not above client_body_buffer_size */

    if (r->request_body->temp_file) {
        return NGX_DECLINED;
    }

    bufs = r->request_body->bufs;

    if (bufs->next == NULL) {
        *body = tg_strn(bufs->buf->pos, bufs->buf->last - bufs->buf->pos);
        return NGX_OK;
    }

    for (cl = bufs, len = 0; cl; cl = cl->next) {
        len += cl->buf->last - cl->buf->pos;
    }

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    *body = tg_strn(p, len);

    for (cl = bufs; cl; cl = cl->next) {

        /* the one that ends the body has no memory */

        if (cl->buf->last != cl->buf->pos) {
            p = ngx_cpymem(p, cl->buf->pos, cl->buf->last - cl->buf->pos);
        }
    }

    return NGX_OK;
}


void
ngx_http_tollgate_token_answer(ngx_http_tollgate_token_t *t, tg_str_t body)
{
    ngx_http_tollgate_reply_t  reply;

    ngx_memzero(&reply, sizeof(ngx_http_tollgate_reply_t));
    reply.status = NGX_HTTP_OK;
    reply.body = body;
    reply.pragma = 1;

    ngx_http_tollgate_token_finalize(t, &reply);
}


void
ngx_http_tollgate_token_refused(ngx_http_tollgate_token_t *t,
    tg_oauth_error_t error, const char *why)
{
    char                       mem[1024];
    tg_buf_t                   body;
    ngx_http_tollgate_reply_t  reply;

    tg_buf_init_fixed(&body, mem, sizeof(mem));
    tg_oauth_error_write(error, why, &body);

    ngx_memzero(&reply, sizeof(ngx_http_tollgate_reply_t));
    reply.status = tg_oauth_status(error);
    reply.body = tg_buf_str(&body);
    reply.pragma = 1;

    if (t->ctx->verdict.n == 0) {
        t->ctx->verdict = tg_str(tg_oauth_error_name(error));
    }

    switch (error) {

    case TG_OAUTH_INVALID_CLIENT:
        reply.www_authenticate = TG_STR(NGX_HTTP_TOLLGATE_REALM);
        ngx_http_tollgate_count(TOKEN_REFUSED_CLIENT, 1);
        break;

    case TG_OAUTH_SERVER_ERROR:
        reply.retry_after = 1;
        ngx_http_tollgate_count(TOKEN_UNAVAILABLE, 1);
        break;

    case TG_OAUTH_METHOD:
        reply.allow = NGX_HTTP_TOLLGATE_ALLOW_POST;
        ngx_http_tollgate_count(TOKEN_REFUSED, 1);
        break;

    default:
        ngx_http_tollgate_count(TOKEN_REFUSED, 1);
        break;
    }

    ngx_http_tollgate_token_finalize(t, &reply);
}


void
ngx_http_tollgate_client_refused(ngx_http_tollgate_token_t *t,
    tg_client_verdict_t verdict)
{
    tg_ms_t                     started, elapsed;
    ngx_msec_t                  delay;
    ngx_http_request_t         *r;

    r = t->request;
    delay = ngx_http_tollgate_main->auth_failure_delay;

    t->ctx->verdict = tg_str(tg_client_verdict_name(verdict));

    if (delay == 0) {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_INVALID_CLIENT,
                                        "Client authentication failed.");
        return;
    }

    started = (tg_ms_t) r->start_sec * 1000 + r->start_msec;
    elapsed = ngx_http_tollgate_now_ms() - started;

    if (elapsed < 0) {
        elapsed = 0;
    }

    t->timer.handler = ngx_http_tollgate_refusal_due;
    t->timer.data = t;
    t->timer.log = r->connection->log;

    ngx_add_timer(&t->timer, delay - (ngx_msec_t) elapsed % delay);
}


static void
ngx_http_tollgate_refusal_due(ngx_event_t *ev)
{
    ngx_connection_t           *c;
    ngx_http_tollgate_token_t  *t;

    t = ev->data;
    c = t->request->connection;

    ngx_http_set_log_request(c->log, t->request);

    ngx_http_tollgate_token_refused(t, TG_OAUTH_INVALID_CLIENT,
                                    "Client authentication failed.");
    ngx_http_run_posted_requests(c);
}


static void
ngx_http_tollgate_token_finalize(ngx_http_tollgate_token_t *t,
    const ngx_http_tollgate_reply_t *reply)
{
    ngx_http_request_t  *r;

    r = t->request;

    ngx_http_finalize_request(r, ngx_http_tollgate_reply(r, reply));
}
