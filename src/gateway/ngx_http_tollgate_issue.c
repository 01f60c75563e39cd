
/*
 * Making the token of a grant: a JWT is signed, here if the algorithm is cheap,
 * else in the crypto pool; an opaque one is made durable by the group commit.
 */


#include "ngx_http_tollgate_endpoints.h"


#define NGX_HTTP_TOLLGATE_CLAIMS_MAX  4096


typedef struct {
    ngx_http_tollgate_task_t       task;      /* first member */
    ngx_http_tollgate_snapshot_t  *snapshot;  /* held: owns the key */
    const tg_key_t                *key;
    tg_err_t                       err;
    tg_buf_t                       token;
    size_t                         claims_len;
    char                           claims[NGX_HTTP_TOLLGATE_CLAIMS_MAX];
} ngx_http_tollgate_sign_task_t;


static void ngx_http_tollgate_issue_jwt(ngx_http_tollgate_token_t *t);
static void ngx_http_tollgate_issue_opaque(ngx_http_tollgate_token_t *t);
static void ngx_http_tollgate_sign_inline(ngx_http_tollgate_token_t *t,
    const tg_key_t *key, tg_str_t claims);
static void ngx_http_tollgate_sign_post(ngx_http_tollgate_token_t *t,
    const tg_key_t *key, tg_str_t claims);
static void ngx_http_tollgate_sign_run(ngx_http_tollgate_task_t *task,
    ngx_http_tollgate_thread_t *thread);
static void ngx_http_tollgate_sign_done(ngx_http_tollgate_task_t *task);
static void ngx_http_tollgate_sign_release(ngx_http_tollgate_task_t *task);


static const char  ngx_http_tollgate_cannot[] =
                                    "The token cannot be made; try again.";


void
ngx_http_tollgate_issue(ngx_http_tollgate_token_t *t)
{
    if (t->plan.type == TG_TOKEN_JWT) {
        ngx_http_tollgate_issue_jwt(t);

    } else {
        ngx_http_tollgate_issue_opaque(t);
    }
}


static void
ngx_http_tollgate_issue_jwt(ngx_http_tollgate_token_t *t)
{
    char                           issuer[1024];
    char                           claims[NGX_HTTP_TOLLGATE_CLAIMS_MAX];
    tg_ms_t                        now;
    uint8_t                        jti[16];
    tg_buf_t                       iss, payload;
    ptrdiff_t                      i;
    ngx_int_t                      rc;
    const tg_key_t                *key;
    ngx_http_tollgate_snapshot_t  *s;

    s = t->ctx->snapshot;
    now = ngx_http_tollgate_now_ms();

    i = tg_signing_key_active(s->snapshot.keys, s->snapshot.n_keys,
                              t->plan.alg, now);
    key = i < 0 ? NULL : s->private_keys[i];

    if (key == NULL) {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR,
                             "There is no signing key for this algorithm.");
        return;
    }

    tg_buf_init_fixed(&iss, issuer, sizeof(issuer));

    rc = ngx_http_tollgate_issuer(t->request, s, t->prefix, &iss);

    if (rc == NGX_DECLINED) {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_INVALID_REQUEST,
                                        "The Host header is not valid.");
        return;
    }

    if (rc != NGX_OK
        || ngx_http_tollgate_random(jti, sizeof(jti)) != NGX_OK)
    {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR,
                                        ngx_http_tollgate_cannot);
        return;
    }

    tg_buf_init_fixed(&payload, claims, sizeof(claims));
    tg_jwt_claims_write(&t->plan, tg_buf_str(&iss), jti, now, &payload);

    if (payload.err) {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR,
                                        ngx_http_tollgate_cannot);
        return;
    }

    if (tg_alg_is_cheap(tg_key_alg(key))) {
        ngx_http_tollgate_sign_inline(t, key, tg_buf_str(&payload));

    } else {
        ngx_http_tollgate_sign_post(t, key, tg_buf_str(&payload));
    }
}


static void
ngx_http_tollgate_sign_inline(ngx_http_tollgate_token_t *t,
    const tg_key_t *key, tg_str_t claims)
{
    char      mem[TG_JWS_MAX];
    tg_buf_t  token;

    tg_buf_init_fixed(&token, mem, sizeof(mem));

    if (tg_jws_sign(key, TG_STR("at+jwt"), claims, &token) != TG_OK) {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR,
                                        ngx_http_tollgate_cannot);
        return;
    }

    ngx_http_tollgate_token_granted(t, tg_buf_str(&token));
    tg_wipe(mem, token.n);
}


static void
ngx_http_tollgate_sign_post(ngx_http_tollgate_token_t *t, const tg_key_t *key,
    tg_str_t claims)
{
    ngx_http_tollgate_sign_task_t  *st;

    st = ngx_http_tollgate_task_alloc(sizeof(ngx_http_tollgate_sign_task_t));
    if (st == NULL) {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR,
                                        ngx_http_tollgate_cannot);
        return;
    }

    st->snapshot = t->ctx->snapshot;
    ngx_http_tollgate_snapshot_hold(st->snapshot);

    st->key = key;
    st->claims_len = claims.n;
    ngx_memcpy(st->claims, claims.p, claims.n);
    tg_buf_init(&st->token, TG_JWS_MAX);

    st->task.run = ngx_http_tollgate_sign_run;
    st->task.done = ngx_http_tollgate_sign_done;
    st->task.release = ngx_http_tollgate_sign_release;
    st->task.data = t;
    st->task.brief = 1;

    if (ngx_http_tollgate_task_post(NGX_HTTP_TOLLGATE_POOL_CRYPTO, &st->task)
        != NGX_OK)
    {
        ngx_http_tollgate_task_free(&st->task);
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR,
                                        ngx_http_tollgate_cannot);
        return;
    }

    t->task = &st->task;
}


static void
ngx_http_tollgate_sign_run(ngx_http_tollgate_task_t *task,
    ngx_http_tollgate_thread_t *thread)
{
    ngx_http_tollgate_sign_task_t  *st;

    st = (ngx_http_tollgate_sign_task_t *) task;

    st->err = tg_jws_sign(st->key, TG_STR("at+jwt"),
                          tg_strn(st->claims, st->claims_len), &st->token);
}


static void
ngx_http_tollgate_sign_done(ngx_http_tollgate_task_t *task)
{
    ngx_connection_t               *c;
    ngx_http_tollgate_token_t      *t;
    ngx_http_tollgate_sign_task_t  *st;

    st = (ngx_http_tollgate_sign_task_t *) task;
    t = task->data;
    c = t->request->connection;

    t->task = NULL;
    ngx_http_set_log_request(c->log, t->request);

    if (task->expired || st->err != TG_OK) {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR,
                                        ngx_http_tollgate_cannot);
    } else {
        ngx_http_tollgate_token_granted(t, tg_buf_str(&st->token));
    }

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_tollgate_sign_release(ngx_http_tollgate_task_t *task)
{
    ngx_http_tollgate_sign_task_t  *st;

    st = (ngx_http_tollgate_sign_task_t *) task;

    tg_buf_release(&st->token);
    ngx_http_tollgate_snapshot_release(st->snapshot);
}


static void
ngx_http_tollgate_issue_opaque(ngx_http_tollgate_token_t *t)
{
    uint8_t      random[TG_OPAQUE_RANDOM + TG_FAMILY_LEN];
    tg_record_t  record;

    /* the epoch is filled in by the commit, as of its transaction */

    if (ngx_http_tollgate_random(random, sizeof(random)) != NGX_OK
        || tg_opaque_issue(&t->plan,
                           t->ctx->snapshot->snapshot.environment_id, 0,
                           random, random + TG_OPAQUE_RANDOM,
                           ngx_http_tollgate_now_ms(), t->opaque, &record)
           != TG_OK
        || ngx_http_tollgate_commit(t, &record) != NGX_OK)
    {
        ngx_http_tollgate_token_refused(t, TG_OAUTH_SERVER_ERROR,
                                        ngx_http_tollgate_cannot);
    }

    tg_wipe(random, sizeof(random));
}
