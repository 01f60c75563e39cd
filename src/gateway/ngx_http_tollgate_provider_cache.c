
/* Successful checks of a moment ago: bounded, of one worker, off by default. */


#include "ngx_http_tollgate_state.h"


/* Places for all providers together; an answer takes at most so much. */
#define NGX_HTTP_TOLLGATE_REMEMBERED_MAX   4096
#define NGX_HTTP_TOLLGATE_REMEMBERED_SIZE  8192


typedef struct {
    u_char                   key[TG_HASH_LEN];
    uint64_t                 until;    /* monotonic ms; 0: empty */
    int64_t                  id;
    tg_identity_answer_t     answer;
    tg_arena_t               arena;
} ngx_http_tollgate_remembered_user_t;


static ngx_int_t ngx_http_tollgate_answer_copy(
    const tg_identity_answer_t *from, tg_arena_t *arena,
    tg_identity_answer_t *to);


static ngx_http_tollgate_remembered_user_t  *ngx_http_tollgate_users[
                                           NGX_HTTP_TOLLGATE_REMEMBERED_MAX];
static tg_keyring_t                          ngx_http_tollgate_users_keyring;
static ngx_uint_t                            ngx_http_tollgate_users_keyed;


static ngx_http_tollgate_remembered_user_t **
ngx_http_tollgate_users_at(const u_char key[TG_HASH_LEN])
{
    uint32_t  i;

    ngx_memcpy(&i, key, sizeof(uint32_t));

    return &ngx_http_tollgate_users[i % NGX_HTTP_TOLLGATE_REMEMBERED_MAX];
}


/*
 * tg_secret_hash() is an HMAC over two texts, the first with its length; so
 * are the parts of the first.
 */

ngx_int_t
ngx_http_tollgate_provider_cache_key(const tg_snapshot_provider_t *p,
    const tg_identity_question_t *q, u_char key[TG_HASH_LEN])
{
    tg_err_t  err;
    tg_buf_t  who;

    if (!ngx_http_tollgate_users_keyed) {

        if (ngx_http_tollgate_random(ngx_http_tollgate_users_keyring.secret,
                                     TG_KEY_LEN)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_http_tollgate_users_keyed = 1;
    }

    tg_buf_init(&who, TG_IDENTITY_USERNAME_MAX + TG_CLIENT_ID_MAX + 256);
    tg_buf_putf(&who, "%lld:%lld:%zu:", (long long) p->id,
                (long long) p->version, q->username.n);
    tg_buf_put(&who, q->username);

    /* templates of an HTTP API may tell of these, too */

    if (p->provider.type == TG_PROVIDER_API) {
        tg_buf_putf(&who, ":%zu:", q->client_id.n);
        tg_buf_put(&who, q->client_id);
        tg_buf_put(&who, q->address);
    }

    err = who.err;

    if (err == TG_OK) {
        err = tg_secret_hash(&ngx_http_tollgate_users_keyring,
                             tg_buf_str(&who), q->password, key);
    }

    tg_buf_release(&who);

    return err == TG_OK ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_tollgate_user_forget(ngx_http_tollgate_remembered_user_t **place)
{
    if (*place) {
        tg_arena_release(&(*place)->arena);
        ngx_free(*place);
        *place = NULL;
    }
}


ngx_int_t
ngx_http_tollgate_provider_cache_get(const u_char key[TG_HASH_LEN],
    tg_arena_t *arena, tg_identity_answer_t *answer)
{
    ngx_http_tollgate_remembered_user_t  *u, **place;

    place = ngx_http_tollgate_users_at(key);
    u = *place;

    if (u == NULL) {
        return NGX_DECLINED;
    }

    if (u->until <= ngx_http_tollgate_monotonic_ms()) {
        ngx_http_tollgate_user_forget(place);
        return NGX_DECLINED;
    }

    if (!tg_secret_eq(u->key, key, TG_HASH_LEN)) {
        return NGX_DECLINED;
    }

    return ngx_http_tollgate_answer_copy(&u->answer, arena, answer) == NGX_OK
           ? NGX_OK : NGX_DECLINED;
}


void
ngx_http_tollgate_provider_cache_put(const u_char key[TG_HASH_LEN], int64_t id,
    int64_t seconds, const tg_identity_answer_t *answer)
{
    ngx_http_tollgate_remembered_user_t  *u, **place;

    place = ngx_http_tollgate_users_at(key);
    ngx_http_tollgate_user_forget(place);

    u = ngx_calloc(sizeof(ngx_http_tollgate_remembered_user_t),
                   ngx_cycle->log);
    if (u == NULL) {
        return;
    }

    tg_arena_init(&u->arena, NGX_HTTP_TOLLGATE_REMEMBERED_SIZE);
    *place = u;

    if (ngx_http_tollgate_answer_copy(answer, &u->arena, &u->answer)
        != NGX_OK)
    {
        ngx_http_tollgate_user_forget(place);
        return;
    }

    ngx_memcpy(u->key, key, TG_HASH_LEN);
    u->id = id;
    u->until = ngx_http_tollgate_monotonic_ms() + (uint64_t) seconds * 1000;
}


void
ngx_http_tollgate_provider_cache_drop(int64_t id)
{
    ngx_uint_t                             i;
    ngx_http_tollgate_remembered_user_t  **place;

    for (i = 0; i < NGX_HTTP_TOLLGATE_REMEMBERED_MAX; i++) {
        place = &ngx_http_tollgate_users[i];

        if (*place && (*place)->id == id) {
            ngx_http_tollgate_user_forget(place);
        }
    }
}


static ngx_int_t
ngx_http_tollgate_answer_copy(const tg_identity_answer_t *from,
    tg_arena_t *arena, tg_identity_answer_t *to)
{
    bool    ok;
    size_t  i;

    *to = *from;
    to->roles = tg_arena_array(arena, from->n_roles + 1, sizeof(tg_str_t));
    to->claims = tg_arena_array(arena, from->n_claims + 1,
                                sizeof(tg_identity_claim_t));

    if (to->roles == NULL || to->claims == NULL) {
        return NGX_ERROR;
    }

    ok = tg_arena_str(arena, from->subject, &to->subject)
         && tg_arena_str(arena, from->full_name, &to->full_name)
         && tg_arena_str(arena, from->email, &to->email)
         && tg_arena_str(arena, from->response, &to->response);

    for (i = 0; ok && i < from->n_roles; i++) {
        ok = tg_arena_str(arena, from->roles[i], &to->roles[i]);
    }

    for (i = 0; ok && i < from->n_claims; i++) {
        to->claims[i] = from->claims[i];
        ok = tg_arena_str(arena, from->claims[i].claim, &to->claims[i].claim)
             && tg_arena_str(arena, from->claims[i].value,
                             &to->claims[i].value);
    }

    return ok ? NGX_OK : NGX_ERROR;
}
