
/*
 * The endpoints half's own: a request at a token endpoint on its way from its
 * bytes to its answer, and what the files of this half call in one another.
 */


#ifndef _NGX_HTTP_TOLLGATE_ENDPOINTS_H_INCLUDED_
#define _NGX_HTTP_TOLLGATE_ENDPOINTS_H_INCLUDED_


#include "ngx_http_tollgate.h"
#include "oauth/introspect.h"
#include "oauth/issue.h"
#include "oauth/metadata.h"
#include "oauth/refresh.h"
#include "oauth/regenerate.h"
#include "oauth/scope.h"
#include "oauth/token_request.h"
#include "policy/cors.h"


typedef struct ngx_http_tollgate_token_s   ngx_http_tollgate_token_t;
typedef struct ngx_http_tollgate_commit_s  ngx_http_tollgate_commit_t;
typedef struct ngx_http_tollgate_found_s   ngx_http_tollgate_found_t;


#define NGX_HTTP_TOLLGATE_EP_TOKEN       0
#define NGX_HTTP_TOLLGATE_EP_JWT         1
#define NGX_HTTP_TOLLGATE_EP_INTROSPECT  2
#define NGX_HTTP_TOLLGATE_EP_REVOKE      3
#define NGX_HTTP_TOLLGATE_EP_REGENERATE  4


/* A client or a user: a live client, and its details if they were wanted. */
typedef struct {
    tg_live_client_t                 live;
    ngx_http_tollgate_details_t     *details;     /* held, or NULL */
} ngx_http_tollgate_principal_t;


/* A refusal that waits for its time (_delay.c). */
typedef struct {
    ngx_rbtree_node_t                node;        /* key: when, in ns */
    ngx_uint_t                       waits;
    tg_oauth_error_t                 error;
    const char                      *why;
} ngx_http_tollgate_delay_t;


typedef void (*ngx_http_tollgate_step_pt)(ngx_http_tollgate_token_t *t,
    ngx_int_t rc);
typedef void (*ngx_http_tollgate_verdict_pt)(ngx_http_tollgate_token_t *t,
    tg_token_verdict_t verdict);


/*
 * In r's pool.  While something is awaited (task, commit or the time of a
 * refusal) the request is held by the count that reading its body took; when
 * it goes away before, the cleanup lets go of what is awaited.
 */
struct ngx_http_tollgate_token_s {
    ngx_http_request_t              *request;
    ngx_http_tollgate_ctx_t         *ctx;
    ngx_uint_t                       endpoint;    /* _EP_ */
    tg_str_t                         prefix;      /* "/auth", "/credential" */
    tg_client_kind_t                 kind;        /* that the prefix is for */
    uint64_t                         arrived;     /* all of it; ns */
    u_char                           address[16]; /* of the client */
    tg_arena_t                       arena;

    tg_token_request_t               asked;
    tg_token_query_t                 query;       /* introspect, revoke */
    tg_regenerate_request_t          regenerate;
    ngx_http_tollgate_principal_t    client;
    ngx_http_tollgate_principal_t    user;        /* of a password grant */
    ngx_http_tollgate_told_t         told;        /* by an identity provider */
    tg_metadata_entry_t             *claims;      /* ... or carried */
    size_t                           n_claims;
    ngx_uint_t                       looked;      /* refresh: asked, is there */
    ngx_uint_t                       gone;        /* ... is not there */
    ngx_uint_t                       known;       /* the client is who it says */
    const tg_application_t          *application; /* policy mode, else NULL */
    const tg_policy_t               *policy;      /* what is issued by */
    tg_grant_plan_t                  plan;

    tg_refresh_token_t               presented;   /* refresh grant */
    ngx_uint_t                       attempts;
    ngx_uint_t                       repeat;      /* pair: answered before */
    u_char                           ended[TG_HASH_LEN];  /* by a commit */
    ngx_uint_t                       has_ended;
    ngx_http_tollgate_ticket_t       ticket;      /* of a first pair */
    ngx_http_tollgate_cached_t       cached;      /* of the token at hand */
    tg_str_t                         scope;       /* of the same, if resolved */
    ngx_uint_t                       is_refresh;  /* ... is a refresh token */
    tg_pair_t                        pair;        /* to be answered */

    ngx_http_tollgate_task_t        *task;        /* awaited, or NULL */
    ngx_http_tollgate_commit_t      *commit;      /* awaited, or NULL */
    ngx_http_tollgate_step_pt        step;        /* what is next after it */
    ngx_http_tollgate_verdict_pt     decided;
    ngx_http_tollgate_delay_t        delay;

    tg_oauth_error_t                 error;       /* that was answered */
    ngx_uint_t                       retry_after; /* seconds, with a refusal */
    int64_t                          duration;    /* us, once answered */
};


/* -- the way of a request ---------------------------------------------------- */

/*
 * Each of these goes on with the next one, now or later, and in the end
 * answers through one of _answer(), _refused() and _delayed().
 */

/* _token.c: the result is the content handler's */
ngx_int_t ngx_http_tollgate_token_start(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, ngx_uint_t endpoint, tg_client_kind_t kind,
    tg_str_t prefix);
/* _client.c: who asks; then _issue(), _refresh(), _query() or _regenerate().
   INVALID_CLIENT: the request names no client that could be looked for. */
void ngx_http_tollgate_client_find(ngx_http_tollgate_token_t *t,
    tg_oauth_error_t error);
/* The settings that tokens of this type are issued by. */
const tg_policy_t *ngx_http_tollgate_policy_of(ngx_http_tollgate_token_t *t,
    tg_token_type_t type);
/* The user of a password grant: _user.c, one that is a credential;
   _identity.c, one that a provider keeps; then _grant_scope() */
void ngx_http_tollgate_user_find(ngx_http_tollgate_token_t *t);
void ngx_http_tollgate_identity_find(ngx_http_tollgate_token_t *t);
/* _client.c: the scope of t->plan by the principal's roles, which travel in
   the token with `carried`; then _issue() */
void ngx_http_tollgate_grant_scope(ngx_http_tollgate_token_t *t,
    const tg_str_t *roles, size_t n, ngx_uint_t carried);
/* _issue.c: a first pair, and what is answered of t->pair */
void ngx_http_tollgate_issue(ngx_http_tollgate_token_t *t);
void ngx_http_tollgate_pair_answer(ngx_http_tollgate_token_t *t);
/* _refresh.c: the refresh grant */
void ngx_http_tollgate_refresh(ngx_http_tollgate_token_t *t);
/* _query.c: introspection and revocation */
void ngx_http_tollgate_query(ngx_http_tollgate_token_t *t);
/* _regenerate.c: a new JWT for one that is still good */
void ngx_http_tollgate_regenerate(ngx_http_tollgate_token_t *t);

/* 200 with a body (JSON), or without. */
void ngx_http_tollgate_token_answer(ngx_http_tollgate_token_t *t,
    tg_str_t body);
void ngx_http_tollgate_token_refused(ngx_http_tollgate_token_t *t,
    tg_oauth_error_t error, const char *why);


/* -- addresses (_paths.c) -------------------------------------------------------- */

/* "/auth/token" if the request is to a token endpoint, else "". */
tg_str_t ngx_http_tollgate_token_path(ngx_http_request_t *r);
/*
 * Adds what an answer says to other origins, by the settings that count while
 * no client is known.
 */
ngx_int_t ngx_http_tollgate_origin_headers(ngx_http_request_t *r,
    const ngx_http_tollgate_snapshot_t *s, tg_client_kind_t kind);


/* -- the fixed time (_delay.c) -------------------------------------------------- */

ngx_int_t ngx_http_tollgate_delay_init(ngx_cycle_t *cycle);
void ngx_http_tollgate_delay_exit(void);
/*
 * Refuses at the fixed time after the request's arrival, or at a multiple of
 * it, so that the time tells nothing of the reason.
 */
void ngx_http_tollgate_token_delayed(ngx_http_tollgate_token_t *t,
    tg_oauth_error_t error, const char *why);
void ngx_http_tollgate_delay_forget(ngx_http_tollgate_token_t *t);


/* -- principals (_principal.c) ------------------------------------------------ */

/*
 * Finds who has this id: in the memory of this node if that may be trusted,
 * else in the store.  The step is taken with NGX_OK (also of one that does not
 * exist), now or later, or with NGX_ERROR: it cannot be told (503).
 */
void ngx_http_tollgate_principal_find(ngx_http_tollgate_token_t *t,
    ngx_http_tollgate_principal_t *principal, tg_client_kind_t kind,
    tg_str_t id, ngx_uint_t details, ngx_http_tollgate_step_pt step);
/* Event loop. */
void ngx_http_tollgate_principal_release(
    ngx_http_tollgate_principal_t *principal);
/* In a thread: asks the store; of one that exists, with its details. */
tg_err_t ngx_http_tollgate_principal_read(ngx_http_tollgate_thread_t *thread,
    int64_t environment_id, tg_client_kind_t kind, tg_str_t id,
    ngx_uint_t details, ngx_http_tollgate_principal_t *principal);
/* Whether its list of addresses, if it has one, has the request's. */
ngx_uint_t ngx_http_tollgate_principal_may_come(ngx_http_tollgate_token_t *t,
    const ngx_http_tollgate_principal_t *principal);
/* The same of t->user, whose details are there, where its list counts at all. */
ngx_uint_t ngx_http_tollgate_user_may_come(ngx_http_tollgate_token_t *t);


/* -- identity providers (_identity.c) ------------------------------------------ */

/* The one of this name in the client's project, or NULL. */
const tg_snapshot_provider_t *ngx_http_tollgate_identity_provider(
    ngx_http_tollgate_token_t *t, tg_str_t name);
/*
 * Asks it for a user: for the request's password, or with look_up without one.
 * The step is taken with NGX_OK: t->told is what it says, t->claims in the
 * shape of metadata; NGX_DECLINED: the user is wrong; NGX_ERROR: it cannot be
 * told.  With the last two $tg_verdict is why.
 */
void ngx_http_tollgate_identity_ask(ngx_http_tollgate_token_t *t,
    tg_str_t name, tg_str_t username, ngx_uint_t look_up,
    ngx_http_tollgate_step_pt step);
/* 503, after NGX_ERROR. */
void ngx_http_tollgate_identity_down(ngx_http_tollgate_token_t *t);


/* -- chosen secrets (_argon.c) -------------------------------------------------- */

/*
 * Whether argon2id accepts a secret: paid for once, then remembered.  The step
 * is taken with NGX_OK, NGX_DECLINED, or NGX_ERROR: it cannot be told (503).
 */
void ngx_http_tollgate_argon(ngx_http_tollgate_token_t *t,
    const tg_live_client_t *live, tg_str_t id, tg_str_t secret,
    ngx_http_tollgate_step_pt step);


/* -- failed authentications (_failures.c) ----------------------------------------- */

/*
 * NGX_OK: this client or user may be tried from this address; NGX_DECLINED: it
 * failed too often, t->retry_after is set.
 */
ngx_int_t ngx_http_tollgate_failures_check(ngx_http_tollgate_token_t *t,
    tg_client_kind_t kind, tg_str_t id);
void ngx_http_tollgate_failures_add(ngx_http_tollgate_token_t *t,
    tg_client_kind_t kind, tg_str_t id);


/* -- tokens that a client has (_facts.c) -------------------------------------------- */

/* What a JWT says, as t->cached; from the cache if it is there. */
tg_token_verdict_t ngx_http_tollgate_jwt_prove(ngx_http_tollgate_token_t *t,
    tg_str_t token);
/* Whether t->cached is of the client that asks. */
ngx_uint_t ngx_http_tollgate_facts_are_own(ngx_http_tollgate_token_t *t);
/*
 * Whether the gateway would accept t->cached now, from its own client; asks
 * who the user is if there is one.
 */
void ngx_http_tollgate_facts_check(ngx_http_tollgate_token_t *t,
    ngx_http_tollgate_verdict_pt decided);


/* -- token request log (_request_row.c) ---------------------------------------------- */

/* A row for each request to a token endpoint, however it was answered. */
ngx_int_t ngx_http_tollgate_request_row_handler(ngx_http_request_t *r);


/* -- records in the store (_record.c) ----------------------------------------- */

/* What a look-up found; its strings live as long as the call of the handler. */
struct ngx_http_tollgate_found_s {
    tg_err_t                         err;       /* TG_OK, NOTFOUND, ... */
    tg_record_t                      record;
    int64_t                          epoch;     /* the current one */
    ngx_uint_t                       proven;    /* `cached` is filled in */
    ngx_http_tollgate_cached_t       cached;
    tg_err_t                         successor_err;
    tg_record_t                      successor; /* of a tombstone */
    u_char                           newest[TG_HASH_LEN];  /* of its line */
    ngx_uint_t                       over;   /* and that one ended: none of
                                              * the line can live */
    ngx_http_tollgate_principal_t    user;      /* refresh grant: if it has one */
    ngx_http_tollgate_ticket_t       ticket;
};

typedef void (*ngx_http_tollgate_found_pt)(ngx_http_tollgate_token_t *t,
    const ngx_http_tollgate_found_t *found);

/*
 * Finds a record by the hash of its access token or of its refresh token, in
 * the store itself; the handler is called in the event loop.  NGX_OK, or not:
 * the caller answers 503.
 */
ngx_int_t ngx_http_tollgate_record_find(ngx_http_tollgate_token_t *t,
    const u_char hash[TG_HASH_LEN], tg_bucket_t bucket, ngx_uint_t refresh,
    ngx_http_tollgate_found_pt handler);


/* -- group commit (_commit.c) ----------------------------------------------- */

#define NGX_HTTP_TOLLGATE_COMMIT_WRITES  2

/* writes: with their results, durable; NULL: nothing was written. */
typedef void (*ngx_http_tollgate_commit_pt)(ngx_http_tollgate_token_t *t,
    const tg_write_t *writes);

ngx_int_t ngx_http_tollgate_commit_init(ngx_cycle_t *cycle);
/*
 * Queues up to two writes, copied.  NGX_OK: t->commit is set and the handler is
 * called later; NGX_BUSY: the queue is full; NGX_ERROR.  The epoch of a
 * TG_WRITE_PUT that stands first is filled in as of the commit; `epoch_from` is
 * set for the write before.  t may be NULL: nobody waits.
 */
ngx_int_t ngx_http_tollgate_commit(ngx_http_tollgate_token_t *t,
    const tg_write_t *writes, ngx_uint_t n,
    ngx_http_tollgate_commit_pt handler);
/* The request went away; what it queued is written all the same. */
void ngx_http_tollgate_commit_forget(ngx_http_tollgate_token_t *t);
/* Items that wait to be written, or are being written. */
ngx_uint_t ngx_http_tollgate_commit_pending(void);


/* -- ending a family (_family.c) ---------------------------------------------- */

/*
 * The writes that end a family: its records, and with `jwt` its access JWTs by
 * an early revocation of the family's id.  Returns how many.
 */
ngx_uint_t ngx_http_tollgate_family_writes(ngx_http_tollgate_token_t *t,
    const tg_record_t *record, ngx_uint_t jwt,
    tg_write_t writes[NGX_HTTP_TOLLGATE_COMMIT_WRITES]);
/*
 * Makes early revocations of durable writes hold on this node at once.
 * NGX_DECLINED: the list is full (503).
 */
ngx_int_t ngx_http_tollgate_revocations_apply(const tg_write_t *writes,
    ngx_uint_t n);
/* A write of an early revocation by this client. */
void ngx_http_tollgate_revocation_write(ngx_http_tollgate_token_t *t,
    const uint8_t id[TG_REVOCATION_LEN], tg_ms_t until, tg_write_t *write);


/* -- public documents (_public.c) -------------------------------------------- */

ngx_int_t ngx_http_tollgate_jwks(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, tg_client_kind_t kind, tg_str_t prefix);
ngx_int_t ngx_http_tollgate_metadata(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, tg_client_kind_t kind, tg_str_t prefix);
/*
 * The issuer: access URL, or scheme and host of the request (of the forwarded
 * headers if the peer is a trusted proxy), with the prefix behind it.
 * NGX_DECLINED: no valid Host (400).
 */
ngx_int_t ngx_http_tollgate_issuer(ngx_http_request_t *r,
    const ngx_http_tollgate_snapshot_t *s, tg_str_t prefix, tg_buf_t *out);


#endif /* _NGX_HTTP_TOLLGATE_ENDPOINTS_H_INCLUDED_ */
