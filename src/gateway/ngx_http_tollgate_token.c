
/*
 * A request to a token endpoint: from its bytes to a client, and the answers.
 * What is allowed and how it is worded is decided by the oauth room.
 */


#include "ngx_http_tollgate_endpoints.h"


#define NGX_HTTP_TOLLGATE_REALM       "Basic realm=\"tollgate\""
#define NGX_HTTP_TOLLGATE_ALLOW_POST  "POST, OPTIONS"
#define NGX_HTTP_TOLLGATE_ARENA_MORE  (16 * 1024)


static void ngx_http_tollgate_token_body(ngx_http_request_t *r);
static ngx_int_t ngx_http_tollgate_body_collect(ngx_http_request_t *r,
    tg_str_t *body);
static tg_oauth_error_t ngx_http_tollgate_token_parse(
    ngx_http_tollgate_token_t *t, const tg_oauth_input_t *in,
    const char **why);
static void ngx_http_tollgate_token_gone(void *data);
static void ngx_http_tollgate_token_release(void *data);
static ngx_int_t ngx_http_tollgate_token_origin(ngx_http_tollgate_token_t *t);
static void ngx_http_tollgate_token_finalize(ngx_http_tollgate_token_t *t,
    const ngx_http_tollgate_reply_t *reply);


static ngx_http_tollgate_token_t *
ngx_http_tollgate_token_create(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx)
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

    tg_arena_init(&t->arena, 0);
    pcln->handler = ngx_http_tollgate_token_release;

    ctx->endpoint = t;

    return t;
}


ngx_int_t
ngx_http_tollgate_token_start(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, ngx_uint_t endpoint, tg_client_kind_t kind,
    tg_str_t prefix)
{
    ngx_int_t                   rc;
    ngx_http_tollgate_token_t  *t;

    t = ngx_http_tollgate_token_create(r, ctx);
    if (t == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    t->endpoint = endpoint;
    t->kind = kind;
    t->prefix = prefix;

    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_tollgate_token_body);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    return NGX_DONE;
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

    ngx_http_tollgate_delay_forget(t);
}


static void
ngx_http_tollgate_token_release(void *data)
{
    ngx_http_tollgate_token_t  *t = data;

    tg_arena_release(&t->arena);
    tg_arena_release(&t->told.arena);
    ngx_http_tollgate_principal_release(&t->client);
    ngx_http_tollgate_principal_release(&t->user);
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
    t->arrived = ngx_http_tollgate_monotonic_ns();

    /* before the client is known, the environment's settings count */

    if (ngx_http_tollgate_client_address(r, t->ctx->snapshot,
                            &t->ctx->snapshot->snapshot.environment.forwarded,
                            t->address)
        != NGX_OK)
    {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_INVALID_REQUEST,
                                   "The forwarded address is malformed.");
        return;
    }

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

    error = ngx_http_tollgate_token_parse(t, &in, &why);

    if (error != TG_OAUTH_OK && error != TG_OAUTH_INVALID_CLIENT) {
        ngx_http_tollgate_token_refused(t, error, why);
        return;
    }

    ngx_http_tollgate_client_find(t, error);
}


static tg_oauth_error_t
ngx_http_tollgate_token_parse(ngx_http_tollgate_token_t *t,
    const tg_oauth_input_t *in, const char **why)
{
    tg_oauth_error_t  error;

    switch (t->endpoint) {

    case NGX_HTTP_TOLLGATE_EP_INTROSPECT:
    case NGX_HTTP_TOLLGATE_EP_REVOKE:
        error = tg_token_query_parse(in, &t->arena, &t->query, why);
        t->asked = t->query.asked;
        return error;

    case NGX_HTTP_TOLLGATE_EP_REGENERATE:
        error = tg_regenerate_request_parse(in, &t->arena, &t->regenerate,
                                            why);
        t->asked = t->regenerate.asked;
        return error;

    default:
        return tg_token_request_parse(in, &t->arena, &t->asked, why);
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

    t->error = error;

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

    case TG_OAUTH_SLOW_DOWN:
        reply.retry_after = t->retry_after;
        ngx_http_tollgate_count(TOKEN_REFUSED, 1);
        break;

    case TG_OAUTH_SERVER_ERROR:
        reply.retry_after = ngx_max(t->retry_after, 1);
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


/*
 * Who is known not, or not yet, gets what the settings say of unknown clients
 * if that is what the answer is about; else the client's own settings count.
 */

static ngx_int_t
ngx_http_tollgate_token_origin(ngx_http_tollgate_token_t *t)
{
    if (t->kind == TG_CLIENT_CREDENTIAL
        || t->error == TG_OAUTH_INVALID_CLIENT)
    {
        return ngx_http_tollgate_origin_headers(t->request, t->ctx->snapshot,
                                                t->kind);
    }

    return ngx_http_tollgate_cors_headers(t->request,
                              t->known ? t->application->cors : NULL);
}


static void
ngx_http_tollgate_token_finalize(ngx_http_tollgate_token_t *t,
    const ngx_http_tollgate_reply_t *reply)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r;

    r = t->request;

    rc = ngx_http_tollgate_token_origin(t) == NGX_OK
         ? ngx_http_tollgate_reply(r, reply) : NGX_HTTP_INTERNAL_SERVER_ERROR;

    t->duration = (int64_t) (ngx_http_tollgate_monotonic_ns() - t->arrived)
                  / 1000;

    ngx_http_tollgate_endpoint_note(t->endpoint, t->error, t->duration);

    ngx_http_finalize_request(r, rc);
}
