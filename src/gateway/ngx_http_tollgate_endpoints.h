
/*
 * The endpoints half's own: a request at a token endpoint on its way from its
 * bytes to its answer, and what the files of this half call in one another.
 */


#ifndef _NGX_HTTP_TOLLGATE_ENDPOINTS_H_INCLUDED_
#define _NGX_HTTP_TOLLGATE_ENDPOINTS_H_INCLUDED_


#include "ngx_http_tollgate.h"
#include "oauth/issue.h"
#include "oauth/metadata.h"
#include "oauth/token_request.h"


typedef struct ngx_http_tollgate_token_s   ngx_http_tollgate_token_t;
typedef struct ngx_http_tollgate_commit_s  ngx_http_tollgate_commit_t;


/*
 * In r's pool.  While something is awaited (task, commit or timer) the request
 * is held by the count that reading its body took; when it goes away before,
 * the cleanup lets go of what is awaited.
 */
struct ngx_http_tollgate_token_s {
    ngx_http_request_t              *request;
    ngx_http_tollgate_ctx_t         *ctx;
    tg_token_endpoint_t              endpoint;
    tg_str_t                         prefix;      /* "/auth" */
    tg_arena_t                       arena;

    tg_token_request_t               asked;
    tg_live_client_t                 client;
    const tg_deployed_proxy_t       *owner;
    tg_grant_plan_t                  plan;
    char                             opaque[TG_OPAQUE_LEN];

    ngx_http_tollgate_task_t        *task;        /* awaited, or NULL */
    ngx_http_tollgate_commit_t      *commit;      /* awaited, or NULL */
    ngx_event_t                      timer;       /* of a refusal */
};


/* -- the way of a request (_token.c, _client.c, _issue.c) ------------------- */

/*
 * Each of these goes on with the next one, now or later, and in the end
 * answers through one of the last two.
 */
void ngx_http_tollgate_client_find(ngx_http_tollgate_token_t *t);
void ngx_http_tollgate_issue(ngx_http_tollgate_token_t *t);
/* Wants t->plan; the opaque token is in t->opaque. */
void ngx_http_tollgate_token_granted(ngx_http_tollgate_token_t *t,
    tg_str_t token);
void ngx_http_tollgate_token_refused(ngx_http_tollgate_token_t *t,
    tg_oauth_error_t error, const char *why);
/*
 * Every failed client authentication is answered at the same time after its
 * arrival, whatever the reason; `verdict` is for the log alone.
 */
void ngx_http_tollgate_client_refused(ngx_http_tollgate_token_t *t,
    tg_client_verdict_t verdict);


/* -- group commit (_commit.c) ----------------------------------------------- */

ngx_int_t ngx_http_tollgate_commit_init(ngx_cycle_t *cycle);
/*
 * Queues a record (copied).  NGX_OK: t->commit is set, and one of
 * ngx_http_tollgate_token_granted() and _refused() is called later, the first
 * only once the record is durable.  NGX_BUSY: the queue is full; NGX_ERROR.
 */
ngx_int_t ngx_http_tollgate_commit(ngx_http_tollgate_token_t *t,
    const tg_record_t *record);
/* The request went away; the record is written all the same. */
void ngx_http_tollgate_commit_forget(ngx_http_tollgate_token_t *t);
/* Records that wait to be written, or are being written. */
ngx_uint_t ngx_http_tollgate_commit_pending(void);


/* -- public documents (_public.c) -------------------------------------------- */

ngx_int_t ngx_http_tollgate_jwks(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, tg_str_t prefix);
ngx_int_t ngx_http_tollgate_metadata(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, tg_str_t prefix);
/*
 * The issuer: access URL, or scheme and host of the request (of the forwarded
 * headers if the peer is a trusted proxy), with the prefix behind it.
 * NGX_DECLINED: no valid Host (400).
 */
ngx_int_t ngx_http_tollgate_issuer(ngx_http_request_t *r,
    const ngx_http_tollgate_snapshot_t *s, tg_str_t prefix, tg_buf_t *out);


#endif /* _NGX_HTTP_TOLLGATE_ENDPOINTS_H_INCLUDED_ */
