
/*
 * Making a pair of tokens and answering it: what needs a record is made
 * durable by the group commit first; JWTs are signed, here if the algorithm is
 * cheap, else in the crypto pool.
 */


#include "ngx_http_tollgate_endpoints.h"


/* tokens, and the metadata that a response shows */
#define NGX_HTTP_TOLLGATE_RESPONSE_MAX  (1024 * 1024)


/* An access JWT, and a refresh JWT if there is one. */
typedef struct {
    tg_buf_t                       claims;
    tg_str_t                       typ;
    tg_buf_t                       token;
} ngx_http_tollgate_unsigned_t;


typedef struct {
    ngx_http_tollgate_task_t       task;      /* first member */
    ngx_http_tollgate_snapshot_t  *snapshot;  /* held: owns the key */
    const tg_key_t                *key;
    tg_err_t                       err;
    ngx_uint_t                     n;
    ngx_http_tollgate_unsigned_t   tokens[2];
} ngx_http_tollgate_sign_t;


static ngx_int_t ngx_http_tollgate_issue_write(ngx_http_tollgate_token_t *t);
static void ngx_http_tollgate_issue_written(ngx_http_tollgate_token_t *t,
    const tg_write_t *writes);
static void ngx_http_tollgate_pair_remember(ngx_http_tollgate_token_t *t,
    const tg_record_t *record);
static void ngx_http_tollgate_pair_metadata(ngx_http_tollgate_token_t *t);
static void ngx_http_tollgate_pair_done(ngx_http_tollgate_token_t *t,
    tg_str_t access, tg_str_t refresh);
static const tg_key_t *ngx_http_tollgate_signer(ngx_http_tollgate_token_t *t);
static ngx_int_t ngx_http_tollgate_claims_make(ngx_http_tollgate_token_t *t,
    ngx_http_tollgate_sign_t *sign);
static tg_err_t ngx_http_tollgate_sign(ngx_http_tollgate_sign_t *sign);
static void ngx_http_tollgate_sign_run(ngx_http_tollgate_task_t *task,
    ngx_http_tollgate_thread_t *thread);
static void ngx_http_tollgate_sign_done(ngx_http_tollgate_task_t *task);
static void ngx_http_tollgate_sign_answer(ngx_http_tollgate_token_t *t,
    const ngx_http_tollgate_sign_t *sign);
static void ngx_http_tollgate_sign_release(ngx_http_tollgate_task_t *task);


static const char  ngx_http_tollgate_cannot[] =
                                    "The token cannot be made; try again.";


void
ngx_http_tollgate_issue(ngx_http_tollgate_token_t *t)
{
    uint8_t   random[64 + TG_FAMILY_LEN];
    tg_err_t  err;

    if (ngx_http_tollgate_random(random, sizeof(random)) != NGX_OK) {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR,
                                        ngx_http_tollgate_cannot);
        return;
    }

    err = tg_pair_acquire(&t->plan, t->policy,
                          t->ctx->snapshot->snapshot.environment_id, random,
                          random + 64, ngx_http_tollgate_now_ms(), &t->pair);
    tg_wipe(random, sizeof(random));

    if (err != TG_OK) {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR,
                                        ngx_http_tollgate_cannot);
        return;
    }

    if (!t->pair.has_record) {
        ngx_http_tollgate_pair_answer(t);
        return;
    }

    t->ticket = ngx_http_tollgate_cache_ticket(t->pair.record.hash);

    if (tg_record_prove(&t->pair.record, &t->cached.facts) == TG_TOKEN_OK) {
        ngx_http_tollgate_epochs_note(&t->cached);
    }

    if (ngx_http_tollgate_issue_write(t) != NGX_OK) {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR,
                                        ngx_http_tollgate_cannot);
    }
}


/* With deletePrevious the epoch is raised in the same transaction. */

static ngx_int_t
ngx_http_tollgate_issue_write(ngx_http_tollgate_token_t *t)
{
    tg_write_t          writes[2], *put;
    const tg_record_t  *record;

    ngx_memzero(writes, sizeof(writes));

    put = writes;
    record = &t->pair.record;

    if (t->policy->token.delete_previous) {
        writes[0].kind = TG_WRITE_EPOCH;
        writes[0].environment_id = record->environment_id;
        writes[0].client_kind = record->client_kind;
        writes[0].client_id = record->client_id;
        writes[0].subject = record->subject;
        writes[0].at = t->pair.issued_at;

        put = &writes[1];
        put->epoch_from = &writes[0];
    }

    put->kind = TG_WRITE_PUT;
    put->record = record;
    put->at = t->pair.issued_at;

    return ngx_http_tollgate_commit(t, writes, put - writes + 1,
                                    ngx_http_tollgate_issue_written);
}


static void
ngx_http_tollgate_issue_written(ngx_http_tollgate_token_t *t,
    const tg_write_t *writes)
{
    const tg_write_t  *put;

    put = writes && writes[0].kind == TG_WRITE_EPOCH ? writes + 1 : writes;

    if (put == NULL || put->result != TG_OK) {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR,
                                 "The token cannot be stored; try again.");
        return;
    }

    if (put == writes) {
        ngx_http_tollgate_pair_remember(t, put->record);
    }

    ngx_http_tollgate_pair_answer(t);
}


/* Its first use is soon: this spares the store a look-up. */

static void
ngx_http_tollgate_pair_remember(ngx_http_tollgate_token_t *t,
    const tg_record_t *record)
{
    if (t->pair.plan.type == TG_TOKEN_OPAQUE && t->cached.facts.client_id_len)
    {
        t->cached.epoch = record->epoch;
        t->cached.facts.epoch = record->epoch;

        ngx_http_tollgate_cache_fill(record->hash, 0, t->ticket, &t->cached);
    }
}


/*
 * Read afresh for each pair: the user's, or else the credential's own.  Behind
 * it, what a provider told of the user.
 */

static void
ngx_http_tollgate_pair_metadata(ngx_http_tollgate_token_t *t)
{
    const ngx_http_tollgate_details_t  *d;

    d = t->pair.plan.user_generation ? t->user.details : t->client.details;

    if (d) {
        t->pair.plan.metadata = d->details.metadata;
        t->pair.plan.n_metadata = d->details.n_metadata;
    }

    t->pair.plan.claims = t->claims;
    t->pair.plan.n_claims = t->n_claims;
    t->pair.plan.api_response = t->told.answer.response;
}


void
ngx_http_tollgate_pair_answer(ngx_http_tollgate_token_t *t)
{
    ngx_int_t                  rc;
    const tg_key_t            *key;
    ngx_http_tollgate_sign_t  *sign;

    ngx_http_tollgate_pair_metadata(t);

    if (t->pair.plan.type == TG_TOKEN_OPAQUE) {
        ngx_http_tollgate_pair_done(t, tg_strn(t->pair.access, TG_OPAQUE_LEN),
            t->pair.has_refresh ? tg_strn(t->pair.refresh, TG_OPAQUE_LEN)
                                : TG_STR_NONE);
        return;
    }

    key = ngx_http_tollgate_signer(t);
    if (key == NULL) {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR,
                             "There is no signing key for this algorithm.");
        return;
    }

    sign = ngx_http_tollgate_task_alloc(sizeof(ngx_http_tollgate_sign_t));
    if (sign == NULL) {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR,
                                        ngx_http_tollgate_cannot);
        return;
    }

    sign->snapshot = t->ctx->snapshot;
    ngx_http_tollgate_snapshot_hold(sign->snapshot);

    sign->key = key;
    sign->task.run = ngx_http_tollgate_sign_run;
    sign->task.done = ngx_http_tollgate_sign_done;
    sign->task.release = ngx_http_tollgate_sign_release;
    sign->task.data = t;
    sign->task.brief = 1;

    rc = ngx_http_tollgate_claims_make(t, sign);

    if (rc == NGX_OK && !tg_alg_is_cheap(tg_key_alg(key))) {
        rc = ngx_http_tollgate_task_post(NGX_HTTP_TOLLGATE_POOL_CRYPTO,
                                         &sign->task);
        if (rc == NGX_OK) {
            t->task = &sign->task;
            return;
        }

    } else if (rc == NGX_OK) {
        sign->err = ngx_http_tollgate_sign(sign);
        ngx_http_tollgate_sign_answer(t, sign);
        ngx_http_tollgate_task_free(&sign->task);
        return;
    }

    ngx_http_tollgate_task_free(&sign->task);

    if (rc == NGX_DECLINED) {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_INVALID_REQUEST,
                                        "The Host header is not valid.");
        return;
    }

    ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR,
                                    ngx_http_tollgate_cannot);
}


static void
ngx_http_tollgate_pair_done(ngx_http_tollgate_token_t *t, tg_str_t access,
    tg_str_t refresh)
{
    tg_buf_t  body;

    tg_buf_init(&body, NGX_HTTP_TOLLGATE_RESPONSE_MAX);

    /* a new pair has its whole life before it, however long it took */

    tg_pair_response_write(&t->pair,
                           &t->ctx->snapshot->snapshot.token_management,
                           t->application ? t->application->name
                                          : t->asked.client_id,
                           access, refresh,
                           t->repeat ? ngx_http_tollgate_now_ms()
                                     : t->pair.issued_at, &body);

    if (body.err) {
        tg_buf_release(&body);
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR,
                                        ngx_http_tollgate_cannot);
        return;
    }

    t->ctx->verdict = TG_STR("issued");

    if (t->pair.plan.type == TG_TOKEN_JWT) {
        ngx_http_tollgate_count(ISSUED_JWT, 1);
    } else {
        ngx_http_tollgate_count(ISSUED_OPAQUE, 1);
    }

    ngx_http_tollgate_token_answer(t, tg_buf_str(&body));
    tg_buf_release(&body);
}


static const tg_key_t *
ngx_http_tollgate_signer(ngx_http_tollgate_token_t *t)
{
    ptrdiff_t                      i;
    ngx_http_tollgate_snapshot_t  *s;

    s = t->ctx->snapshot;

    i = tg_signing_key_active(s->snapshot.keys, s->snapshot.n_keys,
                              t->pair.plan.alg, ngx_http_tollgate_now_ms());

    return i < 0 ? NULL : s->private_keys[i];
}


/* NGX_DECLINED: no issuer for this Host. */

static ngx_int_t
ngx_http_tollgate_claims_make(ngx_http_tollgate_token_t *t,
    ngx_http_tollgate_sign_t *sign)
{
    char                           issuer[1024];
    tg_buf_t                       iss;
    ngx_int_t                      rc;
    ngx_uint_t                     i;
    ngx_http_tollgate_unsigned_t  *tokens;

    tokens = sign->tokens;

    tg_buf_init_fixed(&iss, issuer, sizeof(issuer));

    rc = ngx_http_tollgate_issuer(t->request, t->ctx->snapshot, t->prefix,
                                  &iss);
    if (rc != NGX_OK) {
        return rc;
    }

    sign->n = t->pair.has_refresh && !t->pair.same_refresh ? 2 : 1;

    tokens[0].typ = TG_STR("at+jwt");
    tokens[1].typ = TG_STR("rt+jwt");

    for (i = 0; i < sign->n; i++) {
        tg_buf_init(&tokens[i].token, TG_JWS_MAX);
        tg_buf_init(&tokens[i].claims, TG_CLAIMS_MAX);
    }

    tg_pair_claims_write(&t->pair, tg_buf_str(&iss), &tokens[0].claims);

    if (sign->n == 2) {
        tg_refresh_claims_write(&t->pair, tg_buf_str(&iss),
                                &tokens[1].claims);
    }

    for (i = 0; i < sign->n; i++) {
        if (tokens[i].claims.err) {

            /* only metadata can make so many */

            t->ctx->verdict = TG_STR("claims_too_large");
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static tg_err_t
ngx_http_tollgate_sign(ngx_http_tollgate_sign_t *sign)
{
    tg_err_t                       err;
    ngx_uint_t                     i;
    ngx_http_tollgate_unsigned_t  *token;

    for (i = 0; i < sign->n; i++) {
        token = &sign->tokens[i];

        err = tg_jws_sign(sign->key, token->typ,
                          tg_buf_str(&token->claims),
                          &token->token);
        if (err != TG_OK) {
            return err;
        }
    }

    return TG_OK;
}


static void
ngx_http_tollgate_sign_run(ngx_http_tollgate_task_t *task,
    ngx_http_tollgate_thread_t *thread)
{
    ngx_http_tollgate_sign_t  *sign = (ngx_http_tollgate_sign_t *) task;

    sign->err = ngx_http_tollgate_sign(sign);
}


static void
ngx_http_tollgate_sign_done(ngx_http_tollgate_task_t *task)
{
    ngx_connection_t           *c;
    ngx_http_tollgate_token_t  *t;

    t = task->data;
    c = t->request->connection;

    t->task = NULL;
    ngx_http_set_log_request(c->log, t->request);

    if (task->expired) {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR,
                                        ngx_http_tollgate_cannot);
    } else {
        ngx_http_tollgate_sign_answer(t, (ngx_http_tollgate_sign_t *) task);
    }

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_tollgate_sign_answer(ngx_http_tollgate_token_t *t,
    const ngx_http_tollgate_sign_t *sign)
{
    tg_str_t  refresh;

    if (sign->err != TG_OK) {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR,
                                        ngx_http_tollgate_cannot);
        return;
    }

    refresh = TG_STR_NONE;

    if (sign->n == 2) {
        refresh = tg_buf_str(&sign->tokens[1].token);

    } else if (t->pair.same_refresh) {
        refresh = t->presented.token;
    }

    ngx_http_tollgate_pair_done(t, tg_buf_str(&sign->tokens[0].token),
                                refresh);
}


static void
ngx_http_tollgate_sign_release(ngx_http_tollgate_task_t *task)
{
    ngx_uint_t                 i;
    ngx_http_tollgate_sign_t  *sign = (ngx_http_tollgate_sign_t *) task;

    for (i = 0; i < sign->n; i++) {
        tg_buf_release(&sign->tokens[i].token);
        tg_buf_release(&sign->tokens[i].claims);
    }

    ngx_http_tollgate_snapshot_release(sign->snapshot);
}
